"""`mbap shell`: a prompt on one connection; from a pipe the same, line by line."""

from __future__ import annotations

import click

from mbap.cli.connecting import Asking, client_options


@click.command()
@click.argument("endpoint")
@client_options
@click.option("--yes", is_flag=True, help="Do not ask before a write; needed to write from a pipe.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object for each line that gives data.")
def command(
    asking: Asking,
    order: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Talk to a device, command by command.

    ENDPOINT is as for `mbap read`. The commands are read, write, unit, units, order, types, decode, help and
    quit. Tab completes, the arrows bring earlier lines back; Ctrl-C cancels a request, Ctrl-D ends. Every
    write is shown in both notations and asked about first, then read back.

    From a pipe each line is carried out, and the exit code is that of the last error.

    \b
    Examples:
      mbap shell 192.168.1.100
      mbap shell plc --unit 5 --order CDAB
      echo "read hr0..9" | mbap shell plc
      mbap shell plc --yes < start-up.txt
      mbap shell plc --json < questions.txt > answers.jsonl
    """
    from mbap.cli.shelllines import Plain, lines_for_console
    from mbap.cli.shellsaid import Said, SaidAsJson
    from mbap.cli.shellsession import Session
    from mbap.values.orders import order_kind

    order_kind(order)
    lines = lines_for_console()
    device = asking.client()
    if isinstance(lines, Plain):
        click.echo("for completion and history: pip install 'mbap[tui]'", err=True)
    try:
        said = SaidAsJson(asking.endpoint) if as_json else Said(asking.endpoint)
        return Session(
            asking.endpoint, device, lines, order=order, deadline=asking.deadline, may_write=yes, said=said
        ).run()
    finally:
        device.close()
