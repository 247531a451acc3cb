"""A policy's tolerance for retrained models: read, explained, and part of the digest."""

import pytest

from aims_mlops.errors import DocumentError
from aims_mlops.policy.explain import explain
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.policy import policy_from_content


def policy(tmp_path, tolerance, rest="approvals: {count: 1}\n"):
    path = tmp_path / "p.yaml"
    path.write_text(f"id: p\nassessment: {{required: true{tolerance}}}\n{rest}")
    return load_policy(path)


def test_tolerance_is_explained_in_words(tmp_path):
    found = policy(
        tmp_path,
        ", tolerance: {figures_within: 0.02, measures: {mean_absolute_error: 1.5}, "
        "dataset_content: any, environment: any}",
    )
    text = explain(found)
    assert "each figure stays within ±0.02, mean_absolute_error within ±1.5" in text
    assert "what may change with that: dataset content, environment" in text
    assert "it needs approvals of its own" in text
    assert "an identical retraining" not in text


def test_policy_without_a_tolerance_says_that_a_retrained_model_is_assessed_anew(tmp_path):
    assert "a retrained model needs a new one" in explain(policy(tmp_path, ""))
    text = explain(policy(tmp_path, ", tolerance: {figures_within: 0}"))
    assert "what may change with that: nothing else" in text
    assert "an identical retraining (canonical digest) may run in another environment" in text


def test_policy_that_was_recorded_before_there_were_tolerances_keeps_its_digest(tmp_path):
    found = policy(tmp_path, "")
    assert "tolerance" not in found.content()["assessment"]
    assert policy_from_content(found.content()).digest == found.digest
    tolerant = policy(tmp_path, ", tolerance: {figures_within: 0.02}")
    assert tolerant.digest != found.digest
    assert policy_from_content(tolerant.content()).digest == tolerant.digest


@pytest.mark.parametrize(
    ("tolerance", "rest", "words"),
    [
        (", tolerance: {figures_within: 0.1}", "", "nothing that could be kept is approved"),
        (", tolerance: {figures_within: -1}", "approvals: {count: 1}\n", "greater than or equal"),
        (", tolerance: {figures_within: .inf}", "approvals: {count: 1}\n", "finite"),
        (", tolerance: {}", "approvals: {count: 1}\n", "figures_within"),
        (
            ", tolerance: {figures_within: 0, measures: {recal_score: 1}}",
            "approvals: {count: 1}\n",
            "did you mean 'recall_score'",
        ),
    ],
)
def test_tolerance_that_means_nothing_is_refused_with_its_line(tmp_path, tolerance, rest, words):
    with pytest.raises(DocumentError, match=words) as refused:
        policy(tmp_path, tolerance, rest)
    assert refused.value.line == 2


def test_inherited_approvals_make_a_tolerance_meaningful(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("id: p\nextends: [baseline]\nassessment: {tolerance: {figures_within: 0.01}}\n")
    assert load_policy(path).assessment.tolerance.distance("recall_score") == 0.01
