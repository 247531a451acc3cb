"""Data quality: the library's own answers, in counts, without values of rows."""

import json
import math
import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.errors import InputError
from aims_mlops.measures.quality.measure import infer_suite, measure_quality
from aims_mlops.measures.quality.suite import read_suite

ADULT = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture(scope="module")
def library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations

        return great_expectations


def people(rows=400, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": random.integers(18, 90, rows),
            "income": np.where(random.random(rows) < 0.05, np.nan, random.lognormal(10, 1, rows)),
            "sex": random.choice(["F", "M"], rows),
            "town": random.choice(["Ulm", "Köln", None], rows, p=[0.5, 0.45, 0.05]),
            "member": random.random(rows) < 0.5,
            "since": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(random.integers(0, 99, rows), "D"),
        }
    )


def suite(*expectations):
    return {
        "name": "hand",
        "expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in expectations],
    }


class TestFigures:
    def test_missing_values_are_a_share_of_all_rows(self):
        data = pd.DataFrame({"x": [1.0, np.nan, 3.0, np.nan]})
        found = measure_quality(
            data, suite(("expect_column_values_to_not_be_null", {"column": "x"}))
        )
        figure = found.figure("expect_column_values_to_not_be_null", {"column": "x"})
        assert (figure.value, figure.numerator, figure.denominator, figure.n) == (0.5, 2, 4, 4)
        assert not found.success

    def test_rule_on_values_is_held_against_those_that_are_there(self):
        data = pd.DataFrame({"x": [1.0, 5.0, 99.0, np.nan]})
        limits = {"column": "x", "min_value": 0, "max_value": 10}
        found = measure_quality(data, suite(("expect_column_values_to_be_between", limits)))
        figure = found.figures[0]
        assert (figure.numerator, figure.denominator, figure.n) == (1, 3, 4)
        assert figure.source.startswith("great_expectations ")

    def test_repeated_rows_are_counted_each_time_they_occur(self):
        data = pd.DataFrame({"x": [1, 1, 2, 3], "y": ["a", "a", "b", "b"]})
        found = measure_quality(data, {"duplicates": {}})
        assert (found.figures[0].numerator, found.figures[0].denominator) == (2, 4)

    def test_aggregate_is_a_figure_where_many_rows_make_it(self):
        mean = suite(("expect_column_mean_to_be_between", {"column": "x", "min_value": 0}))
        assert measure_quality(pd.DataFrame({"x": range(10)}), mean).figures[0].value == 4.5
        assert measure_quality(pd.DataFrame({"x": [7, 7]}), mean).figures == ()

    def test_body_has_the_fields_of_its_kind(self):
        body = measure_quality(people(), name="people").to_body()
        assert {"dataset", "suite", "success", "expectations", "figures"} <= set(body)
        assert body["dataset"]["rows"] == 400
        assert body["suite"]["origin"] == "default"
        json.dumps(body, allow_nan=False)

    def test_figures_are_the_same_through_pandas_polars_arrow_and_parquet(self, tmp_path):
        frame = people()
        frame.to_parquet(tmp_path / "people.parquet")
        rules = infer_suite(frame)
        expected = measure_quality(frame, rules)
        assert expected.success
        for other in (
            pl.from_pandas(frame),
            pa.Table.from_pandas(frame),
            pa.Table.from_pandas(frame).to_reader(),
            tmp_path / "people.parquet",
        ):
            assert measure_quality(other, rules).to_dict() == expected.to_dict()

    @pytest.mark.parametrize("seed", range(3))
    def test_permuting_rows_changes_no_figure(self, seed):
        frame = people()
        shuffled = frame.sample(frac=1, random_state=seed)
        assert measure_quality(shuffled).figures == measure_quality(frame).figures

    def test_missing_values_are_drawn_by_column(self):
        svg = measure_quality(people()).plot().svg
        assert "expect_column_values_to_not_be_null" in svg
        assert "income" in svg

    def test_csv_and_arrow_files_are_read(self, tmp_path):
        frame = people().drop(columns=["since", "income"])
        frame.to_csv(tmp_path / "people.csv", index=False)
        with pa.ipc.new_file(tmp_path / "p.arrow", pa.Table.from_pandas(frame).schema) as writer:
            writer.write_table(pa.Table.from_pandas(frame))
        for name in ("people.csv", "p.arrow"):
            assert measure_quality(tmp_path / name).figures == measure_quality(frame).figures

    def test_expectation_over_two_columns_and_a_condition_are_evaluated(self):
        data = pd.DataFrame({"a": [1, 2, 3], "b": [2, 1, 4], "c": ["x", "x", "y"]})
        larger = {"column_A": "b", "column_B": "a", "or_equal": True}
        condition = {"row_condition": 'col("c") == "y"', "condition_parser": "great_expectations"}
        found = measure_quality(
            data,
            suite(
                ("expect_column_pair_values_a_to_be_greater_than_b", larger),
                (
                    "expect_column_values_to_be_between",
                    {"column": "b", "min_value": 3, **condition},
                ),
                ("expect_column_pair_values_to_be_equal", {"column_A": "a", "column_B": "z"}),
            ),
        )
        assert [(o.status, o.unexpected) for o in found.outcomes] == [
            ("fail", 1),
            ("pass", 0),
            ("fail", None),
        ]

    def test_data_are_left_as_they_were(self):
        frame = people()
        before = frame.copy(deep=True)
        measure_quality(frame, infer_suite(frame))
        pd.testing.assert_frame_equal(frame, before)


VALUES = st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=30)
KINDS = {
    "expect_column_values_to_not_be_null": {},
    "expect_column_values_to_be_between": {"min_value": -2, "max_value": 3},
    "expect_column_values_to_be_in_set": {"value_set": [0, 1, 2]},
    "expect_column_values_to_be_unique": {},
    "expect_column_unique_value_count_to_be_between": {"min_value": 2, "max_value": 4},
    "expect_column_mean_to_be_between": {"min_value": -1, "max_value": 1},
    "expect_column_max_to_be_between": {"max_value": 4},
    "expect_column_median_to_be_between": {"min_value": 0},
}


@settings(max_examples=120, deadline=None)
@given(
    VALUES,
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6),
    st.sampled_from([1.0, 0.9, 0.5]),
)
def test_outcomes_are_those_of_the_library_run_bare(library, values, kinds, mostly):
    frame = pd.DataFrame({"a": values, "b": values[::-1]}, dtype="float64")
    asked = []
    for place, kind in enumerate(kinds):
        kwargs = {"column": "ab"[place % 2], **KINDS[kind]}
        if "_values_" in kind:
            kwargs["mostly"] = mostly
        asked.append((kind, kwargs))
    ours = measure_quality(frame, suite(*asked)).outcomes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )

        context = library.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("d").add_dataframe_asset("d")
        batch = asset.add_batch_definition_whole_dataframe("d").get_batch({"dataframe": frame})
        for (kind, kwargs), outcome in zip(asked, ours, strict=True):
            configured = ExpectationConfiguration(type=kind, kwargs=kwargs).to_domain_obj()
            bare = batch.validate(configured, result_format="BASIC")
            assert outcome.expectation.type == kind
            raised = any(
                isinstance(entry, dict) and entry.get("raised_exception")
                for entry in bare.exception_info.values()
            )
            if raised:
                assert outcome.status == "error"
                continue
            assert (outcome.status == "pass") == bool(bare.success)
            assert outcome.unexpected == (
                bare.result.get("unexpected_count") if "element_count" in bare.result else None
            )
            assert outcome.missing == bare.result.get("missing_count")


class TestBatch:
    @pytest.fixture
    def batch(self, library):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context = library.get_context(mode="ephemeral")
            context.variables.progress_bars = {"globally": False}
            asset = context.data_sources.add_pandas("d").add_dataframe_asset("d")
            definition = asset.add_batch_definition_whole_dataframe("d")
            return definition.get_batch({"dataframe": pd.DataFrame({"x": [1.0, None]})})

    def test_batch_of_the_library_is_measured_in_counts(self, batch):
        asked = suite(("expect_column_values_to_not_be_null", {"column": "x"}))
        found = measure_quality(batch, asked, name="orders")
        assert (found.figures[0].numerator, found.figures[0].denominator) == (1, 2)
        assert found.dataset == {"name": "orders", "sha256": None, "rows": None}

    def test_batch_without_a_suite_is_refused(self, batch):
        with pytest.raises(InputError, match="needs a suite"):
            measure_quality(batch)

    def test_check_of_ours_on_a_batch_is_refused(self, batch):
        with pytest.raises(InputError, match="aims_label_balance"):
            measure_quality(batch, {"label": {"column": "x", "min_share": 0.1}})


class TestPrivacy:
    def test_no_value_of_a_row_is_in_the_result(self):
        frame = people()
        frame.loc[3, "town"] = "Hintertupfingen"
        frame.loc[4, "income"] = 123456789.25
        frame.loc[5, "since"] = pd.Timestamp("1931-02-03")
        rules = suite(
            ("expect_column_values_to_be_in_set", {"column": "town", "value_set": ["Ulm"]}),
            (
                "expect_column_distinct_values_to_be_in_set",
                {"column": "town", "value_set": ["Ulm"]},
            ),
            ("expect_column_most_common_value_to_be_in_set", {"column": "sex", "value_set": ["F"]}),
            ("expect_column_max_to_be_between", {"column": "income", "max_value": 5}),
            ("expect_column_min_to_be_between", {"column": "since", "min_value": "2024-01-01"}),
            ("expect_column_values_to_be_between", {"column": "income", "max_value": 1}),
            ("expect_column_values_to_match_regex", {"column": "town", "regex": "^U"}),
            ("expect_column_values_to_be_between", {"column": "town", "max_value": 1}),
            (
                "expect_column_quantile_values_to_be_between",
                {
                    "column": "income",
                    "quantile_ranges": {"quantiles": [1.0], "value_ranges": [[0, 1]]},
                },
            ),
        )
        found = measure_quality(frame, rules)
        written = json.dumps(found.to_body()) + repr(found) + found._repr_html_()
        for value in ("Hintertupfingen", "Köln", "Ulm", "123456789", "1931"):
            assert value not in written

    def test_failure_inside_an_expectation_is_an_error_without_its_message(self):
        data = pd.DataFrame({"x": ["secret", "1"]})
        limits = {"column": "x", "min_value": 0, "max_value": 1}
        found = measure_quality(data, suite(("expect_column_values_to_be_between", limits)))
        assert found.outcomes[0].status == "error"
        assert found.outcomes[0].problem == "TypeError"
        assert not found.success
        assert "secret" not in json.dumps(found.to_dict())

    def test_inferred_suite_names_no_rare_category_and_no_extreme(self):
        frame = people(2_000)
        frame.loc[:4, "town"] = "Hintertupfingen"  # five rows of 2,000
        frame.loc[7, "income"] = 123456789.25
        written = infer_suite(frame).to_json()
        assert "Köln" in written
        assert "Hintertupfingen" not in written
        assert "123456789" not in written

    def test_nothing_is_written_and_nothing_is_sent(self, tmp_path):
        code = (
            "import socket, warnings\n"
            "def refuse(*a, **k): raise SystemExit('network')\n"
            "socket.socket.connect = socket.getaddrinfo = refuse\n"
            "import pandas as pd\n"
            "from aims_mlops.measures.quality.measure import measure_quality\n"
            "print(measure_quality(pd.DataFrame({'x': [1, 2, 3]})).success)\n"
        )
        home = tmp_path / "alone"
        home.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=home,
            env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
        assert done.stderr == ""
        assert list(home.iterdir()) == []


class TestBugsOfTheLibrary:
    def test_quantile_expectation_can_be_written_as_json(self):
        ranges = {"quantiles": [0.5], "value_ranges": [[0, 10]]}
        rules = suite(
            (
                "expect_column_quantile_values_to_be_between",
                {"column": "x", "quantile_ranges": ranges},
            )
        )
        found = measure_quality(pd.DataFrame({"x": range(9)}), rules)
        assert found.success is True
        json.dumps(found.to_body())

    @pytest.mark.parametrize(
        ("values", "dtype", "word", "status"),
        [
            (["a", None], "str", "text", "pass"),
            (["a", None], object, "text", "pass"),
            (["a", None], "category", "text", "pass"),
            ([1, None], "Int64", "integer", "pass"),
            ([1, 2], "int8", "integer", "pass"),
            ([1, 2], "int64", "number", "pass"),
            ([1.5, None], "float64", "number", "pass"),
            ([True, None], "boolean", "boolean", "pass"),
            (["2024-01-01"], "datetime64[us]", "time", "pass"),
            (["2024-01-01"], "datetime64[ns, UTC]", "time", "pass"),
            ([1, 2], "int64", "text", "fail"),
            (["a"], "str", "integer", "fail"),
            ([1.5], "float64", "integer", "fail"),
            (["a", 1], object, "text", "fail"),
            ([1], "category", "text", "fail"),
            ([True], "bool", "integer", "fail"),
        ],
    )
    def test_types_are_recognised_whatever_pandas_calls_them(self, values, dtype, word, status):
        data = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
        if values == ["a", 1]:  # a column that the fingerprint refuses
            with pytest.raises(InputError, match="'x'"):
                measure_quality(data, {"columns": {"x": {"type": word}}})
            return
        found = measure_quality(data, {"columns": {"x": {"type": word}}})
        assert found.outcomes[0].status == status

    def test_time_written_as_text_is_a_limit(self):
        data = pd.DataFrame({"t": pd.to_datetime(["2024-01-10", "2024-02-01"]).tz_localize("UTC")})
        rules = suite(
            ("expect_column_min_to_be_between", {"column": "t", "min_value": "2024-01-05"})
        )
        assert measure_quality(data, rules).success
        rules = suite(
            ("expect_column_min_to_be_between", {"column": "t", "min_value": "2024-01-15"})
        )
        assert not measure_quality(data, rules).success


class TestOwnChecks:
    def test_rarest_class_is_held_against_its_least_share(self):
        data = pd.DataFrame({"y": ["no"] * 90 + ["yes"] * 10 + [None] * 100})
        found = measure_quality(data, {"label": {"column": "y", "min_share": 0.1}})
        assert (found.success, found.figures[0].value, found.figures[0].n) == (True, 0.1, 100)
        assert not measure_quality(data, {"label": {"column": "y", "min_share": 0.2}}).success

    def test_label_of_one_class_is_not_balanced(self):
        data = pd.DataFrame({"y": [1, 1, 1]})
        found = measure_quality(data, {"label": {"column": "y", "min_share": 0.01}})
        assert (found.success, found.figures[0].value) == (False, 0.0)

    @pytest.mark.parametrize(
        ("newest", "status", "days"),
        [("2026-01-08", "pass", 2.0), ("2026-01-01", "fail", 9.0), ("2026-01-11", "fail", None)],
    )
    @pytest.mark.parametrize("kind", ["naive", "zoned", "text"])
    def test_age_of_the_newest_row_is_held_against_its_limit(self, newest, status, days, kind):
        times = pd.Series(pd.to_datetime(["2025-01-01", newest, None]))
        if kind == "zoned":
            times = times.dt.tz_localize("UTC").dt.tz_convert("America/New_York")
        elif kind == "text":
            times = times.dt.strftime("%Y-%m-%d")
        found = measure_quality(
            pd.DataFrame({"t": times}),
            {"columns": {"t": {"max_age_days": 7}}},
            at=datetime(2026, 1, 10, 12, tzinfo=UTC),
        )
        outcome = found.outcomes[0]
        assert (outcome.status, outcome.observed, outcome.missing) == (status, days, 1)

    def test_column_without_times_is_an_error(self):
        found = measure_quality({"t": ["soon"]}, {"columns": {"t": {"max_age_days": 7}}})
        assert (found.outcomes[0].status, found.outcomes[0].problem) == (
            "error",
            "not a column of times",
        )

    def test_rows_shared_with_training_data_fail(self):
        frame = people()
        found = measure_quality(frame.iloc[300:], disjoint_from=frame.iloc[:310])
        figure = found.figure("rows_shared")
        assert (figure.numerator, figure.denominator) == (10, 100)
        assert found.failed()[-1].expectation.type == "aims_rows_shared"
        assert measure_quality(frame.iloc[310:], disjoint_from=frame.iloc[:310]).success


class TestBadInput:
    def test_column_that_is_gone_fails_by_name(self):
        found = measure_quality({"x": [1]}, {"columns": {"z": {"max_missing": 0}}})
        assert (found.outcomes[0].status, found.outcomes[0].problem) == ("fail", "no such column")
        assert "z: no such column" in repr(found)

    def test_default_suite_finds_repeated_missing_constant_and_empty(self):
        data = pd.DataFrame(
            {
                "same": [1] * 10,
                "empty": [None] * 10,
                "gaps": [1.0, 2.0, *[np.nan] * 8],
                "good": range(10),
            }
        )
        failed = {
            (o.expectation.type, o.expectation.column) for o in measure_quality(data).failed()
        }
        assert failed == {
            ("expect_column_unique_value_count_to_be_between", "same"),
            ("expect_column_unique_value_count_to_be_between", "empty"),
            ("expect_column_values_to_not_be_null", "empty"),
            ("expect_column_values_to_not_be_null", "gaps"),
        }
        twice = measure_quality(pd.DataFrame({"x": [1, 1, 2], "y": [3, 3, 4]}))
        assert [o.expectation.type for o in twice.failed()] == [
            "expect_compound_columns_to_be_unique"
        ]

    def test_table_without_rows_fails(self):
        assert not measure_quality(pd.DataFrame({"x": []})).success

    def test_table_without_columns_is_refused(self):
        with pytest.raises(InputError, match="without columns"):
            measure_quality(pd.DataFrame(index=range(3)))

    def test_lists_are_left_out_of_the_comparison_of_rows_and_said_so(self):
        data = pd.DataFrame({"v": [[1], [1]], "x": [1, 2]})
        found = measure_quality(data)
        assert found.success
        assert "'v'" in found.left_out[0].what

    def test_infinities_are_values_and_break_a_range(self):
        data = pd.DataFrame({"x": [1.0, math.inf, -math.inf]})
        found = measure_quality(data, {"columns": {"x": {"min": 0, "max": 5, "max_missing": 0}}})
        assert [(o.status, o.unexpected) for o in found.outcomes] == [("pass", 0), ("fail", 2)]

    def test_unknown_expectation_is_refused_by_name(self):
        with pytest.raises(InputError, match="expect_the_best"):
            measure_quality({"x": [1]}, suite(("expect_the_best", {})))

    def test_wrong_arguments_are_refused(self):
        with pytest.raises(InputError, match="does not take"):
            measure_quality(
                {"x": [1]},
                suite(("expect_column_values_to_be_between", {"column": "x", "min_value": []})),
            )

    def test_suite_and_reference_together_are_refused(self):
        with pytest.raises(InputError, match="both a suite and a reference"):
            measure_quality({"x": [1]}, {"rows": {"min": 1}}, reference={"x": [1]})

    def test_missing_library_names_the_extra(self, tmp_path):
        (tmp_path / "great_expectations.py").write_text("raise ImportError('not there')\n")
        code = (
            "from aims_mlops.errors import MissingExtraError\n"
            "from aims_mlops.measures.quality.measure import measure_quality\n"
            "try: measure_quality({'x': [1]})\n"
            "except MissingExtraError as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "pip install 'aims-mlops[quality]'" in done.stdout, done.stderr


class TestInferred:
    def test_later_batches_of_the_same_source_pass(self):
        rules = infer_suite(people(2_000, seed=1), label="sex")
        passed = [
            measure_quality(people(2_000, seed=s).assign(id=range(2_000)), rules).success
            for s in range(2, 12)
        ]
        assert passed == [True] * 10

    @pytest.mark.parametrize(
        ("spoil", "kind"),
        [
            (lambda f: f.drop(columns="age"), "expect_table_columns_to_match_set"),
            (lambda f: f.assign(new=1), "expect_table_columns_to_match_set"),
            (lambda f: f.assign(age=f["age"].astype(str)),
             "expect_column_values_to_be_in_type_list"),
            (lambda f: f.assign(age=f["age"] * 30), "expect_column_values_to_be_between"),
            (lambda f: f.assign(town="Bonn"), "expect_column_values_to_be_in_set"),
            (lambda f: f.assign(town=f["town"].mask(f["age"] > 50)),
             "expect_column_values_to_not_be_null"),
            (lambda f: f.assign(id=0), "expect_column_values_to_be_unique"),
            (lambda f: pd.concat([f, f]), "expect_compound_columns_to_be_unique"),
            (lambda f: f.assign(sex="F"), "aims_label_balance"),
            (lambda f: f.assign(income=1.0), "expect_column_unique_value_count_to_be_between"),
        ],
    )  # fmt: skip
    def test_spoiled_batches_fail_where_they_were_spoiled(self, spoil, kind):
        rules = infer_suite(people(2_000, seed=1), label="sex")
        failed = {
            o.expectation.type for o in measure_quality(spoil(people(2_000, 2)), rules).failed()
        }
        assert kind in failed

    def test_inferred_suite_is_read_back_by_the_library_and_by_us(self, library, tmp_path):
        rules = infer_suite(people())
        path = tmp_path / "suite.json"
        path.write_text(rules.to_json(), encoding="utf-8")
        assert read_suite(path).to_dict() == rules.to_dict()
        theirs = library.ExpectationSuite(
            name="theirs", expectations=rules.to_dict()["expectations"]
        )
        assert len(read_suite(theirs).expectations) == len(rules.expectations)
        assert measure_quality(people(), theirs).success

    def test_reference_without_rows_is_refused(self):
        with pytest.raises(InputError, match="without rows"):
            infer_suite(pd.DataFrame({"x": []}))

    def test_label_of_one_class_is_refused(self):
        with pytest.raises(InputError, match="one class"):
            infer_suite({"y": [1, 1]}, label="y")

    @pytest.mark.skipif(not ADULT.exists(), reason="the Adult data do not stand beside the project")
    def test_adult_test_data_keep_to_what_the_training_data_promise(self):
        names = ["age", "workclass", "fnlwgt", "education", "education-num", "marital-status",
                 "occupation", "relationship", "race", "sex", "capital-gain", "capital-loss",
                 "hours-per-week", "native-country", "income"]  # fmt: skip
        train, test = (
            pd.read_csv(
                ADULT / f"adult-{part}.csv.gz",
                header=None,
                names=names,
                skipinitialspace=True,
                na_values="?",
            )
            for part in ("train", "test")
        )
        found = measure_quality(test, infer_suite(train))
        # The labels of the test file end in a full stop; everything else is alike.
        assert {o.expectation.column for o in found.failed()} == {"income"}
        test["income"] = test["income"].str.removesuffix(".")
        clean = measure_quality(test, infer_suite(train, label="income"), disjoint_from=train)
        assert [o.expectation.type for o in clean.failed()] == ["aims_rows_shared"]
