"""Nothing that hides, reorders or steers reaches a reader, by any command or page.

Every text of every kind of evidence is hostile here, and so is every argument. The commands are
those that there are: a new one is run as well, without being named.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app, main
from aims_mlops.errors import AimsError
from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.store.disk.spool import spool_batch

FIXTURES = Path(__file__).parents[2] / "fixtures" / "evidence"
HOSTILE = "a\u202eb\x1b[2J\u2028FORGED\nFORGED\r\nFORGED\rFORGED\u200b\U000e0041\x07"
AIMS = """
systems:
  - id: loans
    title: Loans
    owner: ana@example.org
    risk_tier: high
"""
_DIGEST = re.compile(r"[0-9a-f]{32,}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")


def hostile(value: Any) -> Any:
    """Every text of it hostile but digests and times, by which records are found and ordered."""
    if isinstance(value, str):
        return value if _DIGEST.match(value) or _TIME.match(value) else value + HOSTILE
    if isinstance(value, dict):
        return {name: hostile(item) for name, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return value


def bodies(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body with everything hostile, and with one field at a time."""
    yield hostile(body)
    for name in body:
        yield {**body, name: hostile(body[name])}


@pytest.fixture(scope="module")
def hostile_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose log holds every kind of evidence with hostile texts."""
    folder = tmp_path_factory.mktemp("hostile")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setenv("AIMS_ACTOR", "tester")
    (folder / "aims.yaml").write_text(AIMS)
    store = find_project().open_store()
    number = 0
    for path in sorted(FIXTURES.glob("*.json")):
        envelope = json.loads(json.loads(path.read_text())["envelope"])
        statement = json.loads(base64.b64decode(envelope["payload"]))
        given = Evidence.from_statement(statement)
        for body in bodies(dict(given.body)):
            number += 1
            name = f"{given.kind}:{number} {HOSTILE}"
            evidence = Evidence(
                kind=given.kind,
                version=given.version,
                subjects=(Subject.of_name(name), *given.subjects),
                body=body,
                actor=f"actor{HOSTILE}",
                claimed_at=clock.now(),
                system="loans" if number % 2 else f"loans{HOSTILE}",
                run=f"run-{number}{HOSTILE}",
            )
            try:
                store.append(evidence)
            except AimsError:
                continue  # kinds about the log itself are made by the log alone
    spool_batch(folder, [given]).write_text(f"{HOSTILE}")
    yield folder
    patch.undo()
    forget_stores()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(hostile_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(hostile_project)
    monkeypatch.setenv("AIMS_ACTOR", "tester")
    return hostile_project


def check(text: str, *, where: object, lines: bool = True) -> None:
    """Fails if the text holds a character that hides, or a line that evidence wrote as its own.

    lines : whether a line end means anything to the reader; in HTML it does not.
    """
    for line in text.split("\n"):
        found = {
            hex(ord(c)) for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")
        }
        assert not found - {"0x9"}, (where, line[:200])
        assert not (lines and line.startswith("FORGED")), (where, line[:200])


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(app)

    def below(
        command: click.Command | None, path: list[str]
    ) -> Iterator[tuple[str, click.Command]]:
        assert command is not None
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from below(command.get_command(context, name), [*path, name])
        else:
            yield " ".join(path), command

    yield from below(app, [])


def arguments_of(command: click.Command, value: Callable[[click.Parameter], str]) -> list[str]:
    """What the command asks for at least."""
    given: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            given.append(value(parameter))
        elif parameter.required:
            given += [parameter.opts[0], value(parameter)]
    return given


ALL = dict(commands())
# Without an argument these would serve or wait for ever.
BLOCKING = {"serve": ["--host", HOSTILE], "monitor start": ["--workers", HOSTILE]}


def run(arguments: list[str]) -> str:
    """What the command writes to standard output and standard error, errors of ours included."""
    with CliRunner().isolation(env={"COLUMNS": "200"}) as streams:
        with pytest.raises(SystemExit):
            main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return streams[2].getvalue().decode().replace("\r\n", "\n")


@pytest.mark.parametrize("name", ALL)
def test_hostile_arguments_of_any_command_come_back_harmless(project: Path, name: str) -> None:
    given = BLOCKING.get(name, arguments_of(ALL[name], lambda _: HOSTILE))
    check(run([*name.split(), *given]), where=name)
    check(run([*name.split(), f"--{HOSTILE}"]), where=name)


READING = [
    *(
        [*name.split(), *more]
        for name, command in ALL.items()
        if name not in BLOCKING and not arguments_of(command, lambda _: "")
        for more in ([], ["--json"], ["--all"], ["--html", "page.html"])
        if not more or any(more[0] in p.opts for p in command.params)
    ),
    ["evidence", "list", "--limit", "2000"],
    ["report", "history", "loans"],
    ["report", "history", "loans", "--html", "history.html"],
    ["history", "loans", "--json"],
    ["report", "card", "sha256:{model}"],
    ["report", "card", "sha256:{model}", "--html", "card.html"],
    ["report", "card", "sha256:{model}", "--markdown", "card.md"],
    ["assess", "show", "--model", "sha256:{model}"],
    ["gate", "sha256:{model}", "--for", "production"],
    ["gate", "sha256:{model}", "--for", "production", "--json"],
    ["check-model", "sha256:{model}", "--for", "production"],
    ["inference", "status", "loans"],
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_hostile_evidence_reaches_no_reader_of_any_command(
    project: Path, arguments: list[str]
) -> None:
    store = find_project().open_store()
    model = next(iter(store.find(kind="model"))).evidence.body["sha256"]
    text = run([argument.replace("{model}", str(model)) for argument in arguments])
    assert text.strip(), arguments
    check(text, where=arguments)
    for name in arguments:
        # One that was asked for too little writes none.
        if name.endswith((".html", ".md")) and (project / name).exists():
            content = (project / name).read_text(encoding="utf-8")
            check(content, where=name, lines=name.endswith(".md"))


@pytest.mark.parametrize(
    "kind", sorted(path.name.rpartition("-v")[0] for path in FIXTURES.glob("*"))
)
def test_hostile_record_of_any_kind_is_shown_harmless(project: Path, kind: str) -> None:
    shows = {"incident": "incident", "nonconformity": "nonconformity"}
    for record in find_project().open_store().find(kind=kind, limit=4):
        check(run(["evidence", "show", record.id]), where=record.id)
        shown = run(["evidence", "show", record.id, "--json"])
        check(shown, where=record.id)
        assert json.loads(shown)["statement"] == record.evidence.to_statement()
        if kind in shows:
            check(run([shows[kind], "show", record.id]), where=record.id)
            check(run([shows[kind], "show", record.id, "--json"]), where=record.id)
