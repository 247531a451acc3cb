"""`aims init` and `aims lint`: the files that an organisation writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from aims_mlops.cli.plain import plain
from aims_mlops.errors import DocumentError, InputError
from aims_mlops.report.render.one_line import plural


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--system", help="Id of the AI system; the folder's name without it.")
@click.option(
    "--tier",
    type=click.Choice(["minimal", "limited", "high"]),
    default="high",
    show_default=True,
    help="Risk tier of the AI system.",
)
@click.option("--pack", help="Policy pack to copy; without it, the one for the risk tier.")
def command(folder: Path, system: str | None, tier: str, pack: str | None) -> None:
    """Write aims.yaml, a policy and an impact assessment to edit. Never overwrites a file."""
    from aims_mlops.assessments.template import assessment_text
    from aims_mlops.inventory.template import settings_text
    from aims_mlops.policy.packs import pack_for, pack_names
    from aims_mlops.policy.template import policy_text

    name = system or re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.casefold()).strip("-")
    name = name or "system"
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise InputError(
            "not an id for an AI system", got=repr(name), expected="a-z, 0-9, '.', '_' and '-'"
        )
    pack = pack or pack_for(tier)
    if pack not in pack_names():
        raise InputError(f"no pack {pack!r}", expected="one of " + ", ".join(pack_names()))
    policy = "policies/production.yaml"
    files: dict[str, Callable[[], str]] = {
        "aims.yaml": lambda: settings_text(name, risk_tier=tier),
        policy: lambda: policy_text(pack=pack, target="production", file=policy),
        f"assessments/{name}.yaml": lambda: assessment_text(system=name, author="", title=name),
    }
    for relative, text in files.items():
        path = folder / relative
        if _write_new(path, text()):
            click.echo(plain(f"✓ wrote {path}"))
        else:
            click.echo(plain(f"  kept  {path}, which was there"))
    click.echo(f"  the policy copies the pack {pack}, for risk tier {tier}")
    click.echo(plain(f"Next: fill in what `aims lint {folder}` lists"))


@click.command("lint")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.pass_context
def lint_command(ctx: click.Context, path: Path) -> None:
    """Check aims.yaml with its policies and assessments, or a single file.

    Exit 0: nothing to fill in or put right. 1: every problem, with its file and line.
    """
    from aims_mlops.inventory.project import FILE_NAME

    path = path / FILE_NAME if path.is_dir() else path
    problems: list[str] = []
    checked: list[str] = []
    for file, check in _checks(path):
        checked.append(str(file))
        try:
            problems += check(file)
        except DocumentError as error:
            problems += str(error).splitlines()
    for problem in problems:
        click.echo(plain(f"✗ {problem}"))
    if problems:
        click.echo(f"{len(problems)} to fill in or put right in {plural(len(checked), 'file')}")
        ctx.exit(1)
    click.echo(plain(f"✓ nothing to put right in {', '.join(checked)}"))


def _checks(path: Path) -> Iterable[tuple[Path, Callable[[Path], list[str]]]]:
    """The files to check; what aims.yaml names is checked with it."""
    from aims_mlops.inventory.completeness import unfilled
    from aims_mlops.inventory.project import FILE_NAME

    if path.name != FILE_NAME:
        yield path, _lint_other
        return
    yield path, _lint_settings
    try:
        settings, _, _ = unfilled(path)
    except DocumentError:
        return
    if settings is None:
        return
    for target in settings.targets.values():
        file = path.parent / target.policy
        if "/" in target.policy or file.is_file():
            yield file, _lint_policy
    for system in settings.systems:
        if system.assessment is not None:
            yield path.parent / system.assessment, _assessment_check(system.risk_tier)


def _lint_settings(path: Path) -> list[str]:
    from aims_mlops.inventory.completeness import unfilled

    _, document, problems = unfilled(path)
    problems.sort(key=lambda problem: document.line(problem.place))
    return [f"{path}:{document.line(p.place)}: {p.text()}" for p in problems]


def _lint_policy(path: Path) -> list[str]:
    from aims_mlops.policy.loading import load_policy

    load_policy(path)
    return []


def _assessment_check(risk_tier: str) -> Callable[[Path], list[str]]:
    from aims_mlops.assessments.lint import lint_file

    def check(path: Path) -> list[str]:
        _, document, problems = lint_file(path, risk_tier=risk_tier)  # type: ignore[arg-type]
        problems.sort(key=lambda problem: document.line(problem.place))
        return [f"{path}:{document.line(p.place)}: {p.text()}" for p in problems]

    return check


def _lint_other(path: Path) -> list[str]:
    """A single file: an assessment says which system it is about, a policy does not."""
    from aims_mlops.documents.reading import read_document

    data = read_document(path).data
    if isinstance(data, dict) and "system" in data:
        return _assessment_check("high")(path)
    return _lint_policy(path)


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
