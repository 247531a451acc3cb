"""`aims hooks`: files to copy into the place where a pipeline runs."""

from __future__ import annotations

from pathlib import Path

import click

from aims_mlops.cli.plain import plain
from aims_mlops.errors import InputError


@click.group("hooks")
def group() -> None:
    """List and copy the files for pipelines and schedulers that come with the package."""


@group.command("list")
def list_hooks() -> None:
    """List what there is, with the files of each."""
    from aims_mlops.cli.table import table

    rows = []
    for name in _names():
        files = sorted(p.relative_to(_folder() / name).as_posix() for p in _files(name))
        rows.append((name, ", ".join(files)))
    click.echo(table(("NAME", "FILES"), rows))
    click.echo("Next: aims hooks copy NAME [FOLDER]")


@group.command("copy")
@click.argument("name")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def copy_hook(name: str, folder: Path) -> None:
    """Copy the files of NAME into FOLDER. Never overwrites a file."""
    if name not in _names():
        raise InputError(
            "no such hook", got=repr(name)[:60], expected="one of " + ", ".join(_names())
        )
    source = _folder() / name
    for file in sorted(_files(name)):
        target = folder / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as opened:
                opened.write(file.read_bytes())
        except FileExistsError:
            click.echo(plain(f"  kept  {target}, which was there"))
            continue
        target.chmod(0o755 if file.read_bytes().startswith(b"#!") else 0o644)
        click.echo(plain(f"✓ wrote {target}"))


def _folder() -> Path:
    """Inside the installed package, else the repository's `hooks/`."""
    import aims_mlops

    package = Path(aims_mlops.__file__).parent
    shipped = package / "hooks"
    return shipped if shipped.is_dir() else package.parent.parent / "hooks"


def _names() -> list[str]:
    found = _folder()
    return sorted(p.name for p in found.iterdir() if p.is_dir()) if found.is_dir() else []


def _files(name: str) -> list[Path]:
    return [path for path in (_folder() / name).rglob("*") if path.is_file()]
