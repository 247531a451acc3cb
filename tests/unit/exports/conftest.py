"""The world that exports are made of, and readers of each format."""

from support.gate import world as world
