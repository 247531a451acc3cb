"""The kinds of evidence and the Annex A controls that each supports."""

from __future__ import annotations

from collections.abc import Iterable

from aims_mlops.errors import EvidenceFormatError

# kind -> (one line for people, controls)
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "system": ("an AI system as the inventory declares it", ("A.3.2", "A.6.2.2", "A.9.4")),
    "supplier": ("a base model or vendor of an AI system", ("A.10.3",)),
    "policy": ("the policy in force, by digest", ("A.6.1.2", "A.6.1.3")),
    "run": ("a training, evaluation or deployment run", ("A.6.2.3", "A.6.2.8")),
    "environment": ("packages, platform and hardware of a run", ("A.4.2", "A.4.4", "A.4.5")),
    "code": ("commit, dirty flag and source digest of a run", ("A.6.2.3", "A.7.6")),
    "parameters": ("parameters of a run, secrets scrubbed", ("A.6.2.3", "A.7.6")),
    "dataset": (
        "a data set: digest, schema, profile, origin",
        ("A.4.3", "A.7.2", "A.7.3", "A.7.5"),
    ),
    "data-quality": ("quality expectations and their results", ("A.7.4",)),
    "model": ("a model: digest, signature, framework, size", ("A.6.2.3",)),
    "performance": ("performance figures, overall and by group", ("A.6.2.4",)),
    "bias": ("bias figures between groups", ("A.5.4", "A.6.2.4")),
    "model-card": ("the technical documentation of a model", ("A.6.2.7", "A.8.2")),
    "reference-profile": ("the reference that drift is measured against", ("A.6.2.6",)),
    "drift": ("drift of a batch against a reference", ("A.6.2.6",)),
    "impact-assessment": (
        "an AI system impact assessment",
        ("A.5.2", "A.5.3", "A.5.4", "A.5.5"),
    ),
    "approval": ("a second person's signed consent", ("A.5.3", "A.6.2.4")),
    "rejection": ("a second person's refusal, with the reason", ("A.5.3",)),
    "revocation": ("an approval taken back, with the reason", ("A.5.3",)),
    "delegation": ("a role handed to another person for a time", ("A.3.2",)),
    "enrolment": ("a person's key, confirmed by another person, or ended", ("A.3.2",)),
    "waiver": ("a rule set aside for one model, with an expiry", ("A.6.1.3", "A.6.2.4")),
    "nonconformity": ("something found wrong, open until it is closed", ("A.6.2.6", "A.8.4")),
    "incident": ("something that happened, who was told, how it ended", ("A.6.2.6", "A.8.4")),
    "decision": ("what the gate decided, with every reason", ("A.6.1.3", "A.6.2.4", "A.6.2.5")),
    "promotion": ("what came of an allowed promotion", ("A.6.2.5",)),
    "deployment": ("what runs where, and how it ended", ("A.6.2.5", "A.6.2.8")),
    "monitoring-run": ("a scheduled look at a system in operation", ("A.6.2.6", "A.6.2.8")),
    "monitoring-schedule": (
        "a schedule of monitoring begun, changed or ended, with the reason",
        ("A.6.2.6",),
    ),
    "system-rename": ("an AI system that has another id, with the reason", ("A.6.2.6", "A.6.2.8")),
    "notice": ("who was told of what was found wrong", ("A.6.2.6", "A.8.4")),
    "inference-log": (
        "what was logged of predictions in operation, what was dropped or lost",
        ("A.6.2.6", "A.6.2.8"),
    ),
    "override": ("a person decided otherwise than the model", ("A.6.2.6", "A.6.2.8")),
    "gap": ("something that could not be captured", ("A.6.2.8",)),
    "anchor": ("a checkpoint of the log that was given to an outsider", ("A.6.2.8",)),
    "key-rotation": ("the log's key handing over to the next", ("A.6.2.8",)),
    "key-revocation": ("a log key that is in doubt from a record on", ("A.6.2.8",)),
    "clock-change": ("the log's clock was set back, with the reason", ("A.6.2.8",)),
    "erasure": ("content that was erased, its commitment kept", ("A.6.2.8",)),
    "retention": ("content that was pruned at the end of its time", ("A.6.2.8",)),
    "hold": ("content that must not be erased", ("A.6.2.8",)),
    "hold-release": ("the end of a hold", ("A.6.2.8",)),
}

CLOCK_CHANGE = "clock-change"

# Records about the log itself are made by the log, and taken from nobody.
LOG_KINDS = frozenset(
    (
        "anchor",
        CLOCK_CHANGE,
        "erasure",
        "hold",
        "hold-release",
        "key-revocation",
        "key-rotation",
        "retention",
    )
)


def check_from_outside(kinds: Iterable[str]) -> None:
    """EvidenceFormatError if one of the kinds is of those that only the log itself makes."""
    for kind in LOG_KINDS.intersection(kinds):
        raise EvidenceFormatError(
            f"evidence of kind {kind} is only made by the log itself",
            expected="what somebody says about systems, data, models and runs",
            next_step="aims key, or aims evidence anchor, erase, hold, prune, clock-change",
        )


def controls_of(kind: str) -> tuple[str, ...]:
    """Annex A controls that evidence of this kind supports; empty for an unknown kind."""
    return KINDS[kind][1] if kind in KINDS else ()
