"""One table says everything of a kind of evidence; no other module keeps a list of kinds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from aims_mlops.evidence import kinds
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.kind_spec import Bears, KindSpec, Mark, Reopens, Scope, Theme, Writer
from aims_mlops.evidence.kinds import KINDS

SOURCE = Path(__file__).parents[3] / "src"

# Mappings from a kind to what one module alone makes of it, and the reason why it stays there.
ALLOWED = {
    "report.card.decisions": "the word for each answer on a card",
    "report.card.card": "the three sections of figures on a card",
    "report.coverage.abridged": "the fields that coverage reads of two kinds of body",
    "gates.decision.evidence": "how a person gets each kind that a policy may require",
    "measures.plugin": "the measure that gives each kind; imported when it is called",
    "exports.bom.spdx": "the four records that a reader of the BOM is sent to",
    "management.readiness.picture": "what readiness reads of three kinds of body",
    "management.readiness.by_log": "the kinds that each requirement asks for",
    "operations.webhooks.event": "the events that each kind becomes",
    "server.observed.figures": "the kinds that each figure counts",
    "aims_verify.verify": "the offline verifier imports nothing of ours (ADR 0803)",
    "aims_verify.record": "the offline verifier imports nothing of ours (ADR 0803)",
}


def test_every_published_kind_has_a_row_with_its_versions() -> None:
    published: dict[str, list[int]] = {}
    for path in files("aims_mlops.evidence.schemas").iterdir():
        kind, _, version = path.name.removesuffix(".json").rpartition("-v")
        if path.name.endswith(".json"):
            published.setdefault(kind, []).append(int(version))
    assert {spec.name: list(spec.versions) for spec in KINDS.values()} == {
        kind: sorted(versions) for kind, versions in published.items()
    }


@pytest.mark.parametrize("spec", KINDS.values(), ids=lambda spec: spec.name)
def test_row_of_a_kind_is_filled(spec: KindSpec) -> None:
    assert spec.line.strip(" .") == spec.line != ""
    assert set() < set(spec.controls) <= set(CONTROLS)
    assert (spec.theme is Theme.LOG) == (spec.scope is Scope.LOG) == (spec.writer is Writer.LOG)
    assert (spec.push is None) == (spec.writer is Writer.LOG)
    # Who approves is shown what re-opens the assessment, unless it came after.
    if Reopens.ASSESSMENT in spec.reopens and not spec.shown:
        assert spec.theme is Theme.OPERATION
    # A decision may not be made past what takes consent back, whoever's system it is of.
    if spec.writer is Writer.PERSON:
        assert spec.personal
    if spec.writer is Writer.PERSON and spec.theme is not Theme.MANAGEMENT:
        assert spec.bears is Bears.EVERY_SYSTEM


def test_every_question_is_asked_of_some_kind() -> None:
    for mark in Mark:
        assert any(mark in spec.marks for spec in KINDS.values())
    for name in (name for name in vars(kinds) if name.endswith("_KINDS")):
        assert set(getattr(kinds, name)) <= set(KINDS)
        assert len(getattr(kinds, name)) >= 2


def test_no_other_module_keeps_a_list_of_kinds() -> None:
    found = {
        f"{path.relative_to(SOURCE)}:{line}": names
        for path in sorted(SOURCE.rglob("*.py"))
        if not str(path.relative_to(SOURCE).with_suffix(""))
        .replace("/", ".")
        .endswith(tuple(ALLOWED))
        and path.parts[-2:] != ("evidence", "kind_table.py")
        for line, names in lists_of_kinds(path.read_text())
    }
    assert found == {}


@pytest.mark.parametrize("name", ALLOWED)
def test_module_that_may_map_kinds_still_does(name: str) -> None:
    paths = [SOURCE / "aims_mlops", SOURCE]
    (path,) = [f for p in paths if (f := p / (name.replace(".", "/") + ".py")).is_file()]
    assert list(lists_of_kinds(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        'X = ("approval", "rejection")',
        'X = frozenset(["bias", "performance"])',
        'X = {"drift", "bias"}',
        'X = (*OTHERS, "incident", "impact-assessment")',
        'X = {"drift": 1, "bias": 2}',
        'for kind in ("code", "run"): ...',
    ],
)
def test_list_of_kinds_is_found(text: str) -> None:
    assert list(lists_of_kinds(text))


@pytest.mark.parametrize(
    "text", ['body = {"model": m, "policy": p, "target": t}', 'X = ("drift", "quality", "bias")']
)
def test_fields_of_a_body_are_no_list_of_kinds(text: str) -> None:
    assert not list(lists_of_kinds(text))


def lists_of_kinds(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and names of literal collections that name kinds, two at least and nothing else."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            items = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            items = node.elts
        else:
            continue
        words = [n.value for n in items if isinstance(n, ast.Constant)]
        names = [word for word in words if word in KINDS]
        if len(set(names)) >= 2 and len(names) == len(words):
            yield node.lineno, names
