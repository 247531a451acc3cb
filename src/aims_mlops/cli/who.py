"""`--as`: who acts, where somebody else is logged in than the person at the keyboard."""

from __future__ import annotations

import click

AS = click.option("--as", "person", help="Who you are; else AIMS_ACTOR, git or the system's user.")
