from __future__ import annotations

import re
import subprocess
import sys

import pytest

from aims_mlops.cli.main import _COMMANDS, app

HEAVY = ("mlflow", "great_expectations", "evidently", "fairlearn", "sklearn", "sqlalchemy")


def aims(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aims_mlops", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from aims_mlops.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    for name in _COMMANDS:
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_has_help(name: str) -> None:
    done = aims(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"aims {name}" in done.stdout


def test_misspelt_command_gets_a_suggestion_and_exit_2() -> None:
    done = aims("evidnce")
    assert done.returncode == 2
    assert "Did you mean 'evidence'?" in done.stderr


def test_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert aims("--version").stdout == f"aims-mlops {version('aims-mlops')}\n"


def test_commands_listed_are_the_commands_found() -> None:
    import click

    context = click.Context(app)
    assert app.list_commands(context) == list(_COMMANDS)
