"""A decision as Markdown for the summary of a build step."""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.exports.gate_decision.outcome import Outcome, Why
from aims_mlops.report.render.page import escaped_markdown, markdown_code

_MARKS = {"allowed": "✅", "refused": "❌", "undecided": "❔"}


def step_summary(outcome: Outcome) -> str:
    """The answer, a table of what is not held, and where it all comes from."""
    return "\n".join(_lines(outcome)) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"### {_MARKS.get(outcome.verdict, '❔')} {escaped_markdown(outcome.title)}"
    shown = [why for why in outcome.reasons if not why.passes]
    if shown:
        yield from ("", "| rule | came out | observed | limit | next |", "|---|---|---|---|---|")
        yield from map(_row, sorted(shown, key=lambda why: not why.refuses))
    held = len(outcome.reasons) - len(shown)
    yield ""
    yield f"{held} rules held, {sum(why.refuses for why in shown)} refuse."
    for note in outcome.notes:
        yield f"- {escaped_markdown(note)}"
    yield ""
    for name, value in outcome.source.items():
        words = name.replace("_", " ")
        said = markdown_code(value) if value is not None else "not recorded"
        yield f"- {words}: {said}"


def _row(why: Why) -> str:
    came_out = why.outcome if why.refuses else f"{why.outcome}, {why.not_refusing}"
    cells = (why.rule, came_out, why.observed, why.limit, why.next_step)
    return f"| {' | '.join(map(escaped_markdown, cells))} |"
