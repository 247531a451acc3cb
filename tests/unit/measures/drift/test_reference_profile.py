"""Reference profiles: the same answers without the data, and nothing of a row in them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.errors import InputError, VerificationError
from aims_mlops.evidence.encoding.canonical import canonical, parse
from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.methods.catalogue import wasserstein
from aims_mlops.measures.drift.reference import ReferenceProfile, build_reference_profile
from aims_mlops.measures.drift.samples.sample import NumericSample


def table(rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "number": random.normal(shift, 1, rows),
            "single": pa.array(random.normal(size=rows).astype(np.float32)),
            "label": random.choice(["north", "south", "west"], rows),
            "text": [f"person {i} of {seed}" for i in range(rows)],
            "vector": list(random.normal(size=(rows, 3))),
            "time": pa.array(random.integers(0, 10**9, rows), pa.timestamp("s")),
        }
    )


def stored(profile: ReferenceProfile) -> ReferenceProfile:
    """The profile as it comes back from the canonical JSON of the log."""
    return ReferenceProfile.from_body(parse(canonical(profile.to_body())), profile.blob)


def test_exact_profile_gives_the_figures_of_the_data() -> None:
    before, after = table(800, 1), table(600, 2, shift=0.4)
    profile = stored(build_reference_profile(before))
    kept, live = measure_drift(profile, after), measure_drift(before, after)
    assert [f.value for f in kept.figures] == pytest.approx(
        [f.value for f in live.figures], rel=1e-12
    )
    assert kept.extra["reference"]["sha256"] == profile.sha256
    assert kept.columns["number"]["verdict"] == "drift"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 2), st.sampled_from(["normal", "lognormal", "spike"]))
def test_compact_profile_is_off_by_no_more_than_it_says(
    seed: int, shift: float, shape: str
) -> None:
    random = np.random.default_rng(seed)
    make = {
        "normal": lambda n: random.normal(size=n),
        "lognormal": lambda n: random.lognormal(0, 1, n),
        "spike": lambda n: np.where(random.random(n) < 0.5, 0.0, random.normal(size=n)),
    }[shape]
    before, after = make(5000), make(4000) + shift
    profile = stored(build_reference_profile(pa.table({"x": before}), variant="compact"))
    found = measure_drift(profile, pa.table({"x": after})).columns["x"]["effect"]
    exact = wasserstein(NumericSample(values=before), NumericSample(values=after))
    allowed = profile.body["columns"]["x"]["wasserstein_error"]
    assert abs(found - exact) <= allowed + 1e-9
    assert allowed < 0.02


def test_profile_holds_no_label_and_no_text() -> None:
    for variant in ("exact", "compact"):
        profile = build_reference_profile(table(300, 1), variant=variant)
        everything = json.dumps(profile.body).encode() + (profile.blob or b"")
        assert b"north" not in everything
        assert b"person" not in everything


def test_compact_profile_has_no_blob_and_few_points() -> None:
    profile = build_reference_profile(table(20_000, 1), variant="compact")
    assert profile.blob is None
    assert len(profile.body["columns"]["number"]["values"]) < 600


def test_many_columns_share_the_space_of_a_record() -> None:
    random = np.random.default_rng(0)
    wide = pa.table({f"x{i}": random.normal(size=1000) for i in range(400)})
    profile = build_reference_profile(wide, variant="compact")
    canonical(profile.to_body())  # within the limits of a record
    assert measure_drift(profile, wide).verdict == "no drift"


def test_changed_body_or_blob_is_found_out() -> None:
    profile = build_reference_profile(table(300, 1))
    assert profile.blob is not None
    with pytest.raises(VerificationError, match="body does not have its digest"):
        ReferenceProfile.from_body({**profile.body, "rows": 301}, profile.blob)
    with pytest.raises(VerificationError, match="blob does not have its digest"):
        ReferenceProfile.from_body(profile.body, profile.blob[:-1] + b"\0")
    with pytest.raises(InputError, match="needs its blob"):
        ReferenceProfile.from_body(profile.body)


def test_profile_of_a_newer_version_is_refused() -> None:
    body = {**build_reference_profile(table(300, 1)).body, "version": 2}
    with pytest.raises(InputError, match="not a reference profile that this version reads"):
        ReferenceProfile.from_body(body)


def test_labels_too_many_for_the_body_go_to_the_blob() -> None:
    random = np.random.default_rng(0)

    def many(seed: int) -> pa.Table:
        labels = random.integers(0, 3000, 12_000)
        return pa.table({"x": [f"label {i}" for i in labels]})

    before, after = many(1), many(2)
    kept = measure_drift(stored(build_reference_profile(before)), after)
    live = measure_drift(before, after)
    assert kept.columns["x"]["effect"] == pytest.approx(live.columns["x"]["effect"], rel=1e-12)
    compact = build_reference_profile(before, variant="compact")
    assert [f["finding"] for f in measure_drift(compact, after).findings] == ["not measured"]


def test_methods_pinned_in_the_profile_are_used_and_recorded() -> None:
    before, after = table(800, 1), table(600, 2)
    profile = build_reference_profile(before, methods={"numeric": "psi", "label": "chisquare"})
    result = measure_drift(stored(profile), after)
    assert result.extra["methods"]["number"] == "psi"
    assert result.extra["methods"]["label"] == "chisquare"
    assert result.settings["methods"] == {"numeric": "psi", "label": "chisquare"}


def test_kind_is_pinned_by_the_reference() -> None:
    before = pa.table({"x": np.arange(200) % 5})
    after = pa.table({"x": np.arange(200) % 50})
    profile = build_reference_profile(before)
    assert measure_drift(profile, after).columns["x"]["kind"] == "categorical"
    with pytest.raises(InputError, match="pinned by the reference profile"):
        measure_drift(profile, after, kinds={"x": "numeric"})


def test_columns_whose_names_look_like_places_in_the_blob_stay_apart() -> None:
    random = np.random.default_rng(0)
    data = pa.table({"v": list(random.normal(size=(200, 2))), "v/0": random.normal(9, 1, 200)})
    data = data.append_column("0.0", pa.array(random.normal(-9, 1, 200)))
    profile = stored(build_reference_profile(data))
    result = measure_drift(profile, data)
    assert all(entry["effect"] == 0.0 for entry in result.columns.values())


def test_some_columns_of_a_profile_with_pinned_methods_can_be_measured() -> None:
    profile = build_reference_profile(table(800, 1), methods={"number": "psi", "label": "psi"})
    assert measure_drift(profile, table(600, 2), columns=["label"]).extra["methods"] == {
        "label": "psi"
    }
