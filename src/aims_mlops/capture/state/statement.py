"""What is known of a run as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aims_mlops.capture.state.gaps import guarded, note
from aims_mlops.capture.state.run_state import RunState
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.secrets import cleaned


def statement(run: RunState, kind: str, body: Mapping[str, Any], *subjects: Subject) -> Evidence:
    """Evidence about a run: its own subjects first, then the run and the models it captured.

    With the models among the subjects, everything that is known of a model is found by the
    digest of its content.
    """
    every = (*subjects, run.subject, *(model.reference.subject for model in run.models))
    unique = tuple({(s.name, s.sha256): s for s in every}.values())
    return Evidence(
        kind=kind,
        subjects=unique,
        body=cleaned(body),
        actor=run.actor,
        claimed_at=run.ended_at or now(),
        system=run.system,
        run=run.id,
    )


def checked(run: RunState, found: Iterable[Any]) -> list[Evidence]:
    """What a plugin returned, without what is not evidence or cannot be written."""
    from aims_mlops.evidence.admission import payload_of_evidence

    kept: dict[bytes, Evidence] = {}  # by content: a batch cannot hold the same statement twice
    for item in found:
        if not isinstance(item, Evidence):
            wrong = TypeError(f"not evidence but {type(item).__name__}")
            note(run, "collect_run_evidence", wrong)
            continue
        with guarded(run, item.kind):
            item = replace(item, body=cleaned(item.body))  # a plugin may have made it itself
            kept[payload_of_evidence(item)] = item
    return list(kept.values())
