"""The `mbap` command: a table of commands, each loaded when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from mbap.cli.exits import ExitCode, report

COMMANDS = {
    "demo": "see a simulated plant, with nothing to set up",
    "up": "run a site: poll its devices, keep history, show the page",
    "read": "read values from a device",
    "write": "write values to a device and read them back",
    "probe": "find out what registers hold: type, order of bytes, scale",
    "poll": "read and write with the options of mbpoll",
    "watch": "see values move, as a table that fills the console",
    "shell": "talk to a device, command by command",
    "serve": "simulate a device from a file",
    "clone": "read a device through and make a simulated one of it",
    "bench": "measure how many reads a second a device takes",
    "doctor": "find out why a device does not answer, or not rightly",
    "scan": "find hosts, units, registers and functions that answer",
    "gateway": "let TCP clients reach devices on serial lines and behind other hosts",
    "proxy": "let many clients share one connection to one device",
    "guard": "let through to a device only what a policy allows",
    "record": "write down what a device and its clients say",
    "sniff": "listen to a serial line on which others talk",
    "capture": "list and count what is in a network capture, or live",
    "decode": "explain a frame, byte by byte",
    "encode": "build a frame",
    "profile": "work with register maps of devices",
    "certs": "make, show and check certificates for Modbus/TCP Security",
    "site": "write and check site files",
    "alerts": "see what was unusual, and accept it",
    "audit": "verify and read the trail of who did what",
    "policy": "check, explain and test the rules of a firewall",
    "history": "list, export and measure what was stored",
    "firewall": "print rules for the packet filter: who may reach Modbus",
}


WIDEST_HELP = 100
"""Columns; in a wider console sentences would be too long to read."""
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST_HELP}


class Commands(click.Group):
    """A group whose commands are imported one at a time: starting must stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"mbap.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(package_name="mbap", message="mbap %(version)s")
def mbap() -> None:
    """Modbus TCP: read and write devices, collect and keep values, simulate, explain.

    What older texts call master and slave is client and server here, and a slave's address is the unit.

    \b
    Examples:
      mbap demo
      mbap read 192.168.1.100 40108:float32 hr0..9
      mbap read --help
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of `ExitCode`."""
    try:
        code = mbap.main(args=arguments, prog_name="mbap", standalone_mode=False)
    except click.ClickException as problem:
        _show(problem)
        code = problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = 130
    except Exception as error:  # noqa: BLE001 - the outermost frame: every known error becomes one sentence
        code = report(error)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _show(problem: click.ClickException) -> None:
    """Print what is wrong with how a command was called, and where help is."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if isinstance(problem, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since click 8.2
        problem.show()
        return
    if context is not None:
        click.echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    click.echo(f"error: {problem.format_message()}", err=True)
