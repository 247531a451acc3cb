"""Policies as files: inheritance, digests, and every mistake by its line."""

import pytest

from aims_mlops.errors import DocumentError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.policy.explain import explain
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.packs import pack_names
from aims_mlops.policy.policy import policy_from_content


def write(tmp_path, text, name="p.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_every_pack_loads_and_explains_itself():
    assert {"baseline", "fairness", "drift", "iso-42001"} <= set(pack_names())
    for name in pack_names():
        policy = load_policy(name)
        assert policy.id == name
        assert policy.document.date, f"{name} is not dated"
        for row in (*policy.requires, *policy.rules):
            assert row.id in explain(policy)


def test_machine_and_partly_controls_of_a4_to_a10_have_rows_in_the_iso_pack():
    policy = load_policy("iso-42001")
    covered = {c for row in (*policy.requires, *policy.rules) for c in row.controls}
    covered |= set(policy.assessment.controls) | set(policy.approvals.controls)
    # Produced at or after the decision itself, so no rule before it can ask for them.
    later = {"A.6.2.5", "A.6.2.6", "A.8.4", "A.8.5"}
    wanted = {
        control.id
        for control in CONTROLS.values()
        if control.klass != "organisational" and control.id.split(".")[1] not in ("2", "3")
    }
    assert wanted - later <= covered


def test_entry_of_the_same_id_replaces_the_inherited_one(tmp_path):
    write(tmp_path, "id: base\nrequires: [{id: e.run, kind: run}, {id: e.code, kind: code}]\n")
    child = write(
        tmp_path,
        "id: child\nextends: [p.yaml]\nrequires: [{id: e.run, kind: run, max_age_days: 3}]\n"
        "without: [{id: e.code, reason: built elsewhere}]\n",
        "c.yaml",
    )
    policy = load_policy(child)
    assert [(r.id, r.max_age_days) for r in policy.requires] == [("e.run", 3)]
    assert policy.bases == ("base",)
    assert "built elsewhere" in explain(policy)


def test_digest_covers_what_is_inherited_and_no_comment(tmp_path):
    base = write(tmp_path, "id: base\nrequires: [{id: e.run, kind: run}]\n")
    child = write(tmp_path, "id: child\nextends: [p.yaml]\npinned: true\n", "c.yaml")
    first = load_policy(child).digest
    child.write_text("# a comment\nid: child\npinned: true\nextends:\n  - p.yaml\n")
    assert load_policy(child).digest == first
    base.write_text("id: base\nrequires: [{id: e.run, kind: run, max_age_days: 9}]\n")
    assert load_policy(child).digest != first


def test_content_of_a_record_gives_the_same_policy_back():
    policy = load_policy("iso-42001")
    assert policy_from_content(policy.content()).digest == policy.digest


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("id: p\nrequirs: []\n", 2, "did you mean 'requires'"),
        ("id: p\nrequires:\n  - {id: e.run, kind: rnu}\n", 3, "did you mean 'run'"),
        ("id: p\nrules:\n  - id: r.a\n    measure: recal_score\n    min: 1\n", 4,
         "did you mean 'recall_score'"),
        ("id: p\nrules:\n  - {id: r.a, measure: recall_score}\n", 3, "needs a limit"),
        ("id: p\nrequires:\n  - {id: e.run, kind: run}\n  - {id: e.run, kind: code}\n", 4,
         "used twice"),
        ("id: p\nrequires:\n  - {id: e.run, kind: run, controls: [A.6.2.9]}\n", 3,
         "unknown control 'A.6.2.9'"),
        ("id: p\nextends: [basline]\n", 2, "did you mean 'baseline'"),
        ("id: p\nextends: [p.yaml]\n", 2, "circle"),
        ("id: p\nextends: [baseline]\nwithout: [{id: evidence.rum, reason: x}]\n", 3,
         "did you mean 'evidence.run'"),
        ("id: p\nextends: [baseline]\nwithout: [{id: evidence.run}]\n", 3, "reason is missing"),
        ("id: p\napprovals:\n  count: 0\n", 3, "greater than or equal to 1"),
        ("id: p\napprovals:\n  count: '1'\n", 3, "valid integer"),
        ("id: p\nversion: 2\n", 2, "expected one of 1"),
        ("id: p\nrequires: [{id: e.run, kind: run, severity: hihg}]\n", 2, "one of minor"),
    ],
)  # fmt: skip
def test_mistake_is_refused_with_its_line(tmp_path, text, line, words):
    path = write(tmp_path, text)
    with pytest.raises(DocumentError) as caught:
        load_policy(path)
    assert words in str(caught.value)
    assert caught.value.line == line
    assert f"Next: aims policy lint {path}" in str(caught.value)


def test_policy_that_asks_for_nothing_is_refused(tmp_path):
    for text in ("id: p\n", "id: p\nrequires: [{id: e.run, kind: run, blocking: false}]\n"):
        with pytest.raises(DocumentError, match="would allow everything"):
            load_policy(write(tmp_path, text))


def test_name_that_is_neither_pack_nor_file_suggests_a_pack():
    with pytest.raises(DocumentError, match="did you mean the pack 'baseline'"):
        load_policy("baselin")


def test_plugin_measures_and_kinds_need_no_list(tmp_path):
    path = write(
        tmp_path,
        "id: p\nrequires: [{id: e.x, kind: x-robustness}]\n"
        "rules: [{id: r.x, measure: acme.robustness, min: 1}]\n",
    )
    assert load_policy(path).rules[0].measure == "acme.robustness"


def test_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path, monkeypatch):
    import aims_mlops.policy.loading as loading

    read = []
    monkeypatch.setattr(
        loading, "read_yaml", lambda path, real=loading.read_yaml: read.append(path) or real(path)
    )
    path = write(tmp_path, "id: p\nrequires: [{id: e.run, kind: run}]\n")
    for _ in range(3):
        load_policy(path)
    assert len(read) == 1
    write(tmp_path, "id: p\nrequires: [{id: e.run, kind: code}]\n")
    assert load_policy(path).requires[0].kind == "code"
