"""docs/evidence.md has the table of kinds as the code has it."""

from __future__ import annotations

from pathlib import Path

from aims_mlops.evidence.kind_spec import KindSpec, Reopens
from aims_mlops.evidence.kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


def test_table_of_kinds_is_that_of_the_code() -> None:
    told = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert told == [row(spec) for spec in KINDS.values()]


def row(spec: KindSpec) -> str:
    """One line of the page; after a change of the table, print these and put them there."""
    cells = [
        f"`{spec.name}`",
        spec.line,
        ", ".join(map(str, spec.versions)),
        " ".join(spec.controls),
        spec.scope.name.lower().replace("_", " "),
        spec.writer.value,
        "yes" if spec.shown else "",
        "yes" if Reopens.ASSESSMENT in spec.reopens else "",
        spec.bears.value,
        "yes" if spec.personal else "",
        spec.retention.value,
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print("\n".join(row(spec) for spec in KINDS.values()))
