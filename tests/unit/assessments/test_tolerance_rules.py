"""What is beyond a tolerance: every comparison alone, on records in memory."""

import pytest

from aims_mlops.assessments.tolerance import beyond_tolerance
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.policy.grammar import Tolerance

OLD, NEW = "a" * 64, "b" * 64
COLUMNS = [{"name": "x", "type": "double"}]
SAME = Tolerance(figures_within=0.1)


def figure(value, measure="recall_score", group=None):
    return {"measure": measure, "group": group, "value": value}


class Case:
    """An assessed model and a retrained one, alike until a test says otherwise."""

    def __init__(self, log):
        self.log = log
        self.parts = {}
        for model in (OLD, NEW):
            self.parts[model] = {
                "model": {"class": "Tree"},
                "dataset": {"name": "d", "sha256": "d" * 64, "columns": COLUMNS},
                "environment": {"python": "3.12"},
                "performance": [{"figures": [figure(0.8)]}],
                "bias": [],
            }

    def beyond(self, tolerance=SAME):
        kept = list(self.log.records)
        try:
            return self._beyond(tolerance)
        finally:
            self.log.records[:] = kept

    def _beyond(self, tolerance):
        for model, parts in self.parts.items():
            data = parts["dataset"]
            names = [{"name": "d", "sha256": data["sha256"]}] if data else []
            if parts["model"] is not None:
                body = {"sha256": model, "datasets": names, **parts["model"]}
                self.log.write("model", body, model, run=model)
            if data and "name" in data:
                self.log.write("dataset", data, data["sha256"], run=model)
            if parts["environment"] is not None:
                self.log.write("environment", parts["environment"], "1" * 64, run=model)
            for kind in ("performance", "bias"):
                for body in parts[kind]:
                    self.log.write(kind, body, model)
        old, new = (Dossier.of(model, None, self.log.records) for model in (OLD, NEW))
        return beyond_tolerance(old, new, None, tolerance)


@pytest.fixture
def case(log):
    return Case(log)


def test_model_that_is_alike_is_within(case):
    assert case.beyond(Tolerance(figures_within=0)) == []


@pytest.mark.parametrize("which", [(OLD,), (NEW,), (OLD, NEW)])
def test_what_is_not_on_record_is_beyond(case, which):
    for model in which:
        case.parts[model]["environment"] = None
    assert case.beyond() == ["the environment of the run is not on record"]


def test_environment_that_may_change_need_not_be_on_record(case):
    case.parts[NEW]["environment"] = None
    assert case.beyond(Tolerance(figures_within=0, environment="any")) == []


@pytest.mark.parametrize("which", [OLD, NEW])
def test_model_without_a_record_is_beyond(case, which):
    case.parts[which]["model"] = None
    assert "no record says what kind of model it is" in case.beyond()


@pytest.mark.parametrize("field", ["class", "framework", "signature", "parameters_of_model"])
def test_other_kind_of_model_is_beyond(case, field):
    case.parts[NEW]["model"][field] = "other"
    assert case.beyond() == [f"another {field.replace('_', ' ')}"]
    free = Tolerance(figures_within=0, parameters="any")
    assert (case.beyond(free) == []) == (field == "parameters_of_model")


def test_data_set_without_a_description_is_beyond(case):
    case.parts[NEW]["dataset"] = {"sha256": "e" * 64}
    found = case.beyond(Tolerance(figures_within=0, dataset_content="any"))
    assert "no record describes the dataset eeeeeeeeeeee…" in found


def test_models_without_any_data_set_are_beyond(case):
    for model in (OLD, NEW):
        case.parts[model]["dataset"] = None
    assert case.beyond() == ["no dataset is on record"]


def test_schema_that_is_not_on_record_matters_for_new_data_alone(case):
    for model in (OLD, NEW):
        case.parts[model]["dataset"].pop("columns")
    assert case.beyond() == []
    case.parts[NEW]["dataset"]["sha256"] = "e" * 64
    free = Tolerance(figures_within=0, dataset_content="any")
    assert case.beyond(free) == ["the schema of dataset d is not on record"]


def test_other_content_is_beyond_unless_it_may_change(case):
    case.parts[NEW]["dataset"] = {**case.parts[NEW]["dataset"], "sha256": "e" * 64}
    assert case.beyond() == ["dataset d has other content"]
    assert case.beyond(Tolerance(figures_within=0, dataset_content="any")) == []


@pytest.mark.parametrize("field", ["source", "licence", "purpose"])
def test_other_origin_is_beyond_even_where_the_content_may_change(case, field):
    new = {**case.parts[NEW]["dataset"], "sha256": "e" * 64, field: "other"}
    case.parts[NEW]["dataset"] = new
    found = case.beyond(Tolerance(figures_within=0, dataset_content="any"))
    assert found == [f"dataset d has another {field}"]


def test_second_data_set_hidden_under_a_name_that_was_assessed_is_beyond(case):
    evil = {"name": "d", "sha256": "e" * 64, "columns": [{"name": "z", "type": "str"}]}
    case.log.write("dataset", evil, "e" * 64, run=NEW)
    found = case.beyond(Tolerance(figures_within=0, dataset_content="any"))
    assert found == ["other datasets under the same names"]


@pytest.mark.parametrize(
    ("value", "beyond"),
    [(0.9, False), (0.7, False), (0.9001, True), (0.6999, True), (float("nan"), True)],
)
def test_figure_may_move_as_far_as_the_tolerance_and_no_further(case, value, beyond):
    case.parts[NEW]["performance"] = [{"figures": [figure(value)]}]
    assert bool(case.beyond()) is beyond


def test_figure_that_moves_exactly_as_far_is_within_whatever_the_last_digit(case):
    case.parts[OLD]["performance"] = [{"figures": [figure(0.70)]}]
    case.parts[NEW]["performance"] = [{"figures": [figure(0.72)]}]
    assert case.beyond(Tolerance(figures_within=0.02)) == []
    case.parts[NEW]["performance"] = [{"figures": [figure(0.75)]}]
    assert case.beyond(Tolerance(figures_within=0.05)) == []


def test_measure_may_have_a_distance_of_its_own(case):
    for model, value in ((OLD, 10.0), (NEW, 11.0)):
        case.parts[model]["performance"] = [{"figures": [figure(value, "mae"), figure(0.8)]}]
    assert case.beyond() == ["mae, overall 10 -> 11, beyond ±0.1"]
    assert case.beyond(Tolerance(figures_within=0, measures={"mae": 1})) == []


def test_figure_that_appears_or_disappears_is_beyond(case):
    case.parts[OLD]["bias"] = [{"figures": [figure(0.1, "gap", {"sex": "*"})], "dataset": "test"}]
    case.parts[NEW]["bias"] = [{"figures": [figure(0.1, "gap", {"age": "*"})],
                                "dataset": {"name": "test"}}]  # fmt: skip
    (words,) = case.beyond()
    assert words.split("; ") == [
        "gap, sex compared on test is not measured any more",
        "gap, age compared on test was not assessed",
    ]


def test_figure_that_is_unknown_in_both_is_within_and_in_one_beyond(case):
    for model in (OLD, NEW):
        case.parts[model]["bias"] = [{"figures": [figure(None, "gap"), figure(0.8)]}]
    assert case.beyond() == []
    case.parts[NEW]["bias"] = [{"figures": [figure(0.1, "gap"), figure(0.8)]}]
    assert case.beyond() == ["gap, overall unknown -> 0.1, beyond ±0.1"]
    case.parts[OLD]["bias"], case.parts[NEW]["bias"] = (
        [{"figures": [figure(0.1, "gap")]}],
        [{"figures": [figure("high", "gap")]}],
    )
    assert "gap, overall 0.1 -> unknown, beyond ±0.1" in case.beyond()[0]


def test_nothing_assessed_is_nothing_to_keep(case):
    for model in (OLD, NEW):
        case.parts[model]["performance"] = [{"figures": [figure(None)]}]
    assert case.beyond() == ["no figure was assessed"]


def test_every_evaluation_of_the_new_model_counts_and_the_last_of_the_old(case):
    case.parts[OLD]["performance"] = [{"figures": [figure(0.1)]}, {"figures": [figure(0.8)]}]
    case.parts[NEW]["performance"] = [{"figures": [figure(0.1)]}, {"figures": [figure(0.8)]}]
    assert case.beyond() == ["recall_score, overall 0.8 -> 0.1, beyond ±0.1"]


def test_many_figures_are_counted_after_the_first_eight(case):
    many = [figure(0.0, f"m{n}") for n in range(9)]
    moved = [figure(0.5, f"m{n}") for n in range(9)]
    case.parts[OLD]["performance"] = [{"figures": many}]
    case.parts[NEW]["performance"] = [{"figures": moved[:8] + many[8:]}]
    (words,) = case.beyond()
    assert words.count("beyond") == 8
    assert "more" not in words
    case.parts[NEW]["performance"] = [{"figures": moved}]
    (words,) = case.beyond()
    assert words.count("beyond") == 8
    assert words.endswith(" and 1 more")
