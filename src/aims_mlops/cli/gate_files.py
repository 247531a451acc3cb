"""The files of a decision that a build server shows: `aims gate --sarif --junit --summary`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.cli.output_file import write_text
from aims_mlops.errors import AimsError, InputError

if TYPE_CHECKING:
    from aims_mlops.exports.gate_decision.sarif import PolicyFile
    from aims_mlops.gates.decision.decision import Decision


def write_decision_files(
    decision: Decision,
    *,
    sarif: Path | None,
    junit: Path | None,
    summary: Path | None,
    policy: str | None,
) -> None:
    """Write the files that were asked for; a summary is added to what its file has already."""
    from aims_mlops.evidence.bodies.decision import DecisionBody
    from aims_mlops.exports.basis.identity import json_text
    from aims_mlops.exports.gate_decision import junit as as_junit
    from aims_mlops.exports.gate_decision import sarif as as_sarif
    from aims_mlops.exports.gate_decision import step_summary as as_summary
    from aims_mlops.exports.gate_decision.outcome import outcome_of

    outcome = outcome_of(DecisionBody.read(decision.to_body()), decision.record)
    if sarif is not None:
        found = as_sarif.sarif(outcome, _policy_file(policy, decision.target))
        write_text(sarif, json_text(found))
    if junit is not None:
        write_text(junit, as_junit.junit(outcome))
    if summary is not None:
        _add(summary, as_summary.step_summary(outcome))


def _policy_file(policy: str | None, target: str) -> PolicyFile:
    """The policy that decided, with the line of each of its rules; aims.yaml for a shipped one."""
    from aims_mlops.documents.reading import read_yaml
    from aims_mlops.exports.gate_decision.sarif import PolicyFile
    from aims_mlops.inventory.project import find_project

    project = find_project()
    path = Path(policy or project.policy_source(target) or "")
    if not path.is_file():
        return PolicyFile()
    try:
        document = read_yaml(path)
        inside = path.resolve().relative_to(project.root.resolve()).as_posix()
    except (AimsError, ValueError):
        return PolicyFile()  # the decision says what is wrong with it
    lines = []
    data = document.data if isinstance(document.data, dict) else {}
    for part, entries in data.items():
        for place, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                lines.append((entry["id"], document.line((part, place))))
    return PolicyFile(inside, tuple(lines))


def _add(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or type(error).__name__}",
            next_step="give another file",
        ) from error
