"""`aims`: the command groups, each imported only when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.plain import visible_output
from aims_mlops.errors import AimsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# name -> (module, attribute, one line for `aims --help`)
_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "init": ("init", "command", "Write aims.yaml, a policy and an impact assessment to edit."),
    "lint": ("init", "lint_command", "Check aims.yaml, its policies and assessments."),
    "status": ("status", "command", "Show the store, the log, gaps and promoted versions."),
    "evidence": ("evidence", "group", "List, show, verify, export and anchor evidence."),
    "assess": ("assess", "group", "Write, submit and approve impact assessments."),
    "record": ("record", "group", "Keep documents and registers: risks, audits, suppliers."),
    "readiness": ("readiness", "group", "Hold clauses 4 to 10 against the log; find the gaps."),
    "inventory": (
        "inventory",
        "group",
        "List AI systems with tier and state; find unclaimed ones.",
    ),
    "people": ("people", "group", "Enrol and confirm the keys that people sign with."),
    "gate": ("gate", "command", "Decide whether a model may be promoted."),
    "promote": ("promote", "command", "Decide, then set the alias in the MLflow registry."),
    "check-model": ("check_model", "command", "Tell whether a model may be used right now."),
    "serve-model": ("serve_model", "command", "Serve a model that may be used; log what it does."),
    "reconcile": ("reconcile", "command", "Compare the registry with what the log allowed."),
    "mlflow": ("mlflow", "group", "Protect the database of an MLflow registry."),
    "policy": ("policy", "group", "Check and explain policies."),
    "monitor": ("monitor", "group", "Measure systems in operation on schedule."),
    "drift": ("drift", "group", "Measure drift of a batch and record it."),
    "system": ("system", "group", "Record that an AI system has another id."),
    "deployment": ("deployment", "group", "Record what runs where, under which decision."),
    "inference": ("inference", "group", "Look at a system's log of predictions; add labels."),
    "nonconformity": ("nonconformity", "group", "List what was found wrong and what is done."),
    "incident": ("incident", "group", "Record incidents and who was told of them."),
    "report": ("report", "group", "Write model cards, control coverage and histories."),
    "crosswalk": ("crosswalk", "command", "Hold the rows of other frameworks against the log."),
    "audit-pack": ("audit_pack", "command", "Write everything an auditor takes away."),
    "export": ("exports", "command", "Write what the log knows in other formats."),
    "history": ("report", "history", "Show the timeline of an AI system."),
    "hooks": ("hooks", "group", "List and copy files for pipelines and schedulers."),
    "plugins": ("plugins", "command", "List the loaded plugins with name and version."),
    "push": ("push", "command", "Deliver evidence that is still in the spool."),
    "serve": ("serve", "command", "Serve the evidence store over HTTP."),
    "token": ("token", "group", "Create, list and revoke tokens of the server."),
    "key": ("key", "group", "Create, list, rotate and revoke signing keys."),
}


class LazyGroup(click.Group):
    """A group whose help costs no import of its commands."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, with nothing printed that could steer a terminal."""
        with visible_output():
            return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now; None if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"aims_mlops.cli.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"aims_mlops.cli.{module}.{attribute} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was asked for; an unknown name is told its nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = _nearest(args[0])
            if near is None:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near!r}?", ctx) from error


def _nearest(name: str) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(name, _COMMANDS, n=1)), None)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"aims-mlops {version('aims-mlops')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
def app() -> None:
    """Evidence, impact-assessment gates and drift monitoring for ML pipelines.

    Supports an AI management system under ISO/IEC 42001.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of ours end with one clear message and exit code 2."""
    with visible_output():
        _main(arguments)


def _main(arguments: list[str] | None) -> None:
    try:
        outcome: Any = app.main(args=arguments, prog_name="aims", standalone_mode=False)
    except AimsError as error:
        click.echo(f"aims: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("aims: stopped", err=True)
        sys.exit(130)
    sys.exit(outcome if isinstance(outcome, int) else 0)


if __name__ == "__main__":
    main()
