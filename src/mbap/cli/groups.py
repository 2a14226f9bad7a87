"""A command that has commands: its help lists each with its whole first sentence."""

from __future__ import annotations

import sys

import click


class Listing(click.Group):
    """A group whose help cuts no sentence short."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and what each is for."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(limit=sys.maxsize)) for name, one in found if one]
            )
