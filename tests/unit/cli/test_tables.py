from __future__ import annotations

from aims_mlops.cli.table import table


def test_table_aligns_columns_under_the_head() -> None:
    assert table(("A", "LONGER"), [("one", "x"), ("2", "y")]) == "A    LONGER\none  x\n2    y"


def test_control_characters_of_evidence_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in table(("NAME",), [("\x1b[2Jgone\r",)])
