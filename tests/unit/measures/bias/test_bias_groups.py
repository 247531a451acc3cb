"""Small groups: not compared, still shown, and never stored."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.bias.mitigation import record_mitigation
from aims_mlops.measures.performance.measure import measure_performance
from aims_mlops.measures.result.grouped import GroupedResult, hidden_groups


def decided(**sizes: int) -> GroupedResult:
    generator = np.random.default_rng(0)
    group = np.repeat(list(sizes), list(sizes.values()))
    return measure_bias(
        y_true=generator.integers(0, 2, len(group)),
        y_pred=generator.integers(0, 2, len(group)),
        sensitive={"area": group},
    )


def test_a_small_group_is_shown_not_compared_and_said_so() -> None:
    result = decided(north=200, south=150, islet=7)
    assert result.figure("selection_rate", {"area": "islet"}).n == 7
    assert result.figure("demographic_parity_difference").n == 150
    entry = next(e for e in result.left_out if e.what == "comparison with area=islet")
    assert (entry.why, entry.n) == ("fewer than 30 rows", 7)
    share = result.figure("compared_share")
    assert (share.numerator, share.denominator) == (350, 357)


def test_too_few_large_groups_leave_the_comparison_unknown() -> None:
    result = decided(north=200, islet=7)
    figure = result.figure("demographic_parity_difference")
    assert (figure.value, figure.low, figure.high, figure.n) == (None, None, None, None)
    what = [e.what for e in result.left_out]
    assert "demographic_parity_difference" in what


def test_a_group_without_positives_has_no_true_positive_rate_and_makes_no_gap() -> None:
    # Fairlearn gives such a group a rate of 0 and so an equalized-odds difference of 1.
    result = measure_bias(
        y_true=[1, 0] * 50 + [0] * 60,
        y_pred=[1, 0] * 50 + [0] * 60,
        sensitive=["a"] * 50 + ["b"] * 50 + ["c"] * 60,
    )
    assert result.figure("true_positive_rate", {"sensitive": "c"}).value is None
    assert result.figure("equal_opportunity_difference").value == 0
    assert result.figure("equalized_odds_difference").value == 0


def test_the_stored_body_has_no_figure_of_a_handful_of_people() -> None:
    result = decided(north=200, south=150, islet=3)
    body = result.to_body()
    stored = {
        (f["measure"], json.dumps(f["group"])): f for f in body["figures"] if f["group"] is not None
    }
    for (_, group), figure in stored.items():
        if "islet" in group:
            assert figure["value"] is None
            assert figure["numerator"] is None
            assert figure["n"] is None
    # The next smallest is blank too: 353 - 200 - 150 would give the 3 away.
    assert stored["selection_rate", '{"area": "south"}']["n"] is None
    assert stored["selection_rate", '{"area": "north"}']["n"] == 200
    assert not [e for e in body["left_out"] if "islet" in e["what"] and e["n"] is not None]
    share = next(f for f in body["figures"] if f["measure"] == "compared_share")
    assert share["value"] is None  # 350 of 353 would give it away as well
    assert any("suppressed" in e["why"] for e in body["left_out"])
    # What the notebook sees is complete.
    assert result.figure("selection_rate", {"area": "islet"}).n == 3


def test_performance_by_group_is_suppressed_the_same_way() -> None:
    result = measure_performance(
        y_true=[0, 1] * 30, y_pred=[0, 1] * 30, groups=["a"] * 29 + ["b"] * 29 + ["c"] * 2
    )
    stored = [f for f in result.to_body()["figures"] if f["group"] == {"sensitive": "c"}]
    assert stored
    assert all(f["value"] is None and f["n"] is None for f in stored)


def test_hidden_groups_leave_no_line_with_one_unknown() -> None:
    rows = {"sex=F": 100, "sex=M": 100, "age=o": 96, "age=y": 104}
    crossed = {"F-o": 4, "F-y": 96, "M-o": 92, "M-y": 8}
    groups = [{"sex": "F"}, {"sex": "M"}, {"age": "o"}, {"age": "y"}]
    for name, n in crossed.items():
        sex, age = name.split("-")
        groups.append({"sex": sex, "age": age})
        rows[f"sex={sex} & age={age}"] = n
    hidden = hidden_groups(groups, rows, 5)
    # One small cell of a 2 x 2 table drags in its row, its column and so the fourth cell.
    assert hidden == {f"sex={s} & age={a}" for s in "FM" for a in "oy"}
    assert hidden_groups(groups, rows, 4) == frozenset()


@pytest.mark.parametrize("seed", range(20))
def test_no_stored_line_lets_a_small_group_be_subtracted(seed) -> None:
    generator = np.random.default_rng(seed)
    n = 120
    frame = pd.DataFrame(
        {
            "sex": generator.choice(["F", "M"], n),
            "area": generator.choice(list("abcd"), n, p=[0.5, 0.4, 0.07, 0.03]),
        }
    )
    body = measure_bias(y_pred=generator.integers(0, 2, n), sensitive=frame).to_body()
    stored = [f for f in body["figures"] if f["measure"] == "selection_rate" and f["group"]]
    shown = {json.dumps(f["group"]): f["n"] for f in stored}
    assert all(size is None or size >= 5 for size in shown.values())
    for column in frame:
        labels = [n for g, n in shown.items() if list(json.loads(g)) == [column]]
        assert sum(size is None for size in labels) != 1
        for label in set(frame[column]):
            line = [
                size
                for g, size in shown.items()
                if len(json.loads(g)) == 2 and json.loads(g)[column] == label
            ]
            assert sum(size is None for size in line) != 1 or len(line) == 1


def test_nothing_by_row_is_in_the_result() -> None:
    n = 5000
    generator = np.random.default_rng(0)
    score = generator.random(n)
    result = measure_bias(
        y_true=(generator.random(n) < score).astype(int),
        y_score=score,
        threshold=0.5,
        sensitive=generator.choice(["a", "b"], n),
    )

    def longest(value: object) -> int:
        if isinstance(value, dict):
            return max([len(value), *map(longest, value.values())])
        if isinstance(value, list):
            return max([len(value), *map(longest, value)], default=0)
        return 0

    assert longest(result.to_dict()) < 200


def test_split_and_merged_batches_count_the_same(tmp_path) -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "y": generator.integers(0, 2, 300),
            "p": generator.integers(0, 2, 300),
            "g": generator.choice(["a", "b"], 300),
        }
    )
    folder = tmp_path / "parts"
    folder.mkdir()
    for i in range(3):
        frame[i * 100 : (i + 1) * 100].to_parquet(folder / f"{i}.parquet")
    whole = measure_bias(frame, y_true="y", y_pred="p", sensitive="g")
    parts = measure_bias(folder, y_true="y", y_pred="p", sensitive="g")
    assert [f.to_dict() for f in parts.figures] == [f.to_dict() for f in whole.figures]


def test_too_many_crossed_groups_are_left_out_and_said_so() -> None:
    generator = np.random.default_rng(0)
    sensitive = {"a": generator.integers(0, 40, 9000), "b": generator.integers(0, 40, 9000)}
    truth, flags = generator.integers(0, 2, (2, 9000))
    result = measure_bias(y_true=truth, y_pred=flags, sensitive=sensitive)
    assert result.figure("demographic_parity_difference", {"a": "*"}).value is not None
    with pytest.raises(InputError, match="for the whole"):
        result.figure("demographic_parity_difference")
    entry = next(e for e in result.left_out if e.what == "a & b crossed")
    assert entry.why.endswith("more than 500: cross fewer columns or wider bands")
    by_group = measure_performance(y_true=truth, y_pred=flags, groups=sensitive)
    assert any(e.what == "a & b crossed" for e in by_group.left_out)


def test_a_group_without_weight_has_no_rate() -> None:
    result = measure_bias(
        y_true=[1, 0] * 60,
        y_pred=[1, 1] * 60,
        sensitive=["a", "a", "b", "b", "c", "c"] * 20,
        sample_weight=[1, 1, 2, 2, 0, 0] * 20,
    )
    for name in ("selection_rate", "impact_ratio"):
        assert result.figure(name, {"sensitive": "c"}).value is None
    assert result.figure("demographic_parity_difference").value == 0
    assert any(e.what == "impact_ratio of sensitive=c" for e in result.left_out)


def mitigated() -> tuple[GroupedResult, GroupedResult]:
    sensitive = ["a"] * 100 + ["b"] * 100
    before = measure_bias(y_pred=[1] * 60 + [0] * 40 + [1] * 30 + [0] * 70, sensitive=sensitive)
    after = measure_bias(y_pred=[1] * 50 + [0] * 50 + [1] * 45 + [0] * 55, sensitive=sensitive)
    return before, after


def test_mitigation_records_both_sides_and_the_method() -> None:
    before, after = mitigated()
    record = record_mitigation(before, after, method="fairlearn: ThresholdOptimizer")
    mitigation = json.loads(json.dumps(record.to_body()))["mitigation"]
    assert mitigation["method"] == "fairlearn: ThresholdOptimizer"
    change = next(
        c for c in mitigation["changes"] if c["measure"] == "demographic_parity_difference"
    )
    assert change["before"]["value"] == pytest.approx(0.3)
    assert change["after"]["value"] == pytest.approx(0.05)
    assert record.figure("demographic_parity_difference").value == pytest.approx(0.05)


def test_mitigation_of_unlike_measurements_is_refused() -> None:
    before, _ = mitigated()
    other = measure_bias(y_pred=[1, 0], sensitive={"age": ["a", "b"]})
    with pytest.raises(InputError, match="not measured alike; got different sensitive"):
        record_mitigation(before, other, method="x")
    with pytest.raises(InputError, match="needs a method"):
        record_mitigation(before, before, method=" ")
