"""The command line, from click's commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Sequence

import click

from aims_mlops.cli.main import app
from generated.page import Page, cell

TITLE = "Command line"


@functools.cache
def pages() -> Sequence[Page]:
    """One page for each command of `aims` with its subcommands, and the list of them."""
    context = click.Context(app, info_name="aims")
    rows, found = [], []
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        rows.append(f"| [`aims {name}`]({name}.md) | {cell(command.get_short_help_str(200))} |")
        text = "\n".join(_command(command, name, context, level=1))
        found.append(Page(f"reference/cli/{name}.md", f"aims {name}", text))
    head = (
        "# Command line\n\nExit codes, variables and the fields of `--json`: "
        "[command line](../../cli.md).\n\n| command | what it does |\n|---|---|\n"
    )
    return [Page("reference/cli/index.md", TITLE, head + "\n".join(rows) + "\n"), *found]


def _command(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * min(level, 4)} `{context.command_path}`\n"
    yield _escaped(inspect.cleandoc(command.help or "")) + "\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    rows = [row for parameter in command.params if (row := _parameter(parameter, context))]
    if rows:
        yield "\n".join(["| parameter | meaning |", "|---|---|", *rows]) + "\n"
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            assert child is not None
            if not child.hidden:
                yield from _command(child, sub, context, level + 1)


def _parameter(parameter: click.Parameter, context: click.Context) -> str:
    if isinstance(parameter, click.Option):
        record = parameter.get_help_record(context)
        return "" if record is None else f"| `{_plain(record[0])}` | {cell(record[1])} |"
    about = "required" if parameter.required else "optional"
    if parameter.nargs != 1:
        about += ", several"
    return f"| `{_plain(parameter.make_metavar(context))}` | {about} |"


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _escaped(text: str) -> str:
    """Help as Markdown: paragraphs that click must not rewrap become blocks of text."""
    blocks = []
    for block in text.split("\n\n"):
        if block.startswith("\b"):
            blocks.append("```text\n" + block.removeprefix("\b").strip("\n") + "\n```")
        else:
            blocks.append(block.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_"))
    return "\n\n".join(blocks)
