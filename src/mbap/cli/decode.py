"""`mbap decode`: a frame explained, byte by byte."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import click

from mbap.cli.tables import console_width, paragraph, wrapped
from mbap.errors import ProtocolError
from mbap.protocol.hextext import parse_pasted

if TYPE_CHECKING:
    from mbap.protocol.explain import Explanation, Reading
    from mbap.protocol.explain_serial import Framed
    from mbap.protocol.fields import Field

BYTES_A_LINE = 8
_LEAST = 20
"""A meaning has so much room, however narrow the console is."""
MOST_TEXT = 16 * 1024 * 1024
_OF_TEXT: Final = b"\t\n\v\f\r\x1b"
_CONTROLS: Final = bytes(range(0x20))
_CAPTURES: Final = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\n\r\r\n",
    b"\x1f\x8b",
)
"""How pcap and pcapng files begin, and those that gzip compressed."""


@click.command()
@click.argument("frame", metavar="HEX|-", nargs=-1, required=True)
@click.option("--request", "role", flag_value="request", help="It is a request, where it could be both.")
@click.option("--response", "role", flag_value="response", help="It is a response, where it could be both.")
@click.option(
    "--framing",
    type=click.Choice(("tcp", "rtu", "ascii")),
    help="What the frames are packed in; found out when not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with one object a frame.")
def command(frame: tuple[str, ...], role: str | None, framing: str | None, as_json: bool) -> None:
    """Explain Modbus frames, TCP, RTU or ASCII: every field with its bytes, its name and its meaning.

    HEX is one frame or several one after the other, written as programs print it: with or without spaces,
    colons, commas, 0x or \\x; an ASCII frame as it is, from its colon on; a log, a dump with offsets, source
    code, base64. A single - reads it from standard input, where frames may come as they are sent, too. A
    response that comes after its request is explained with the addresses of the request.

    \b
    Examples:
      mbap decode 00 01 00 00 00 06 01 03 00 6b 00 03
      mbap decode 000100000006010300 6b0003 00010000000901030602 2b00000064
      mbap decode 11 03 00 6B 00 03 76 87
      mbap decode :1103006B00037E
      mbap decode --response \\
          0x00,0x01,0x00,0x00,0x00,0x06,0x01,0x06,0x00,0x01,0x00,0x03
      mbap encode read 40108 3 | mbap decode - --json
      tcpdump -X -c 4 port 502 | mbap decode -

    The exit code is 6 when a frame is malformed; what is wrong is said with the field it is in.
    """
    from mbap.protocol.explain import Role
    from mbap.protocol.explain_serial import Framed, explain_framed, framing_of
    from mbap.protocol.explaindata import as_data

    data = _standard_input() if frame == ("-",) else parse_pasted(" ".join(frame))
    found, why = framing_of(data)
    framed = Framed(framing) if framing else found
    explanations = explain_framed(data, framed, Role(role) if role else None)
    if as_json:
        described = [{"framing": framed.value, **as_data(one)} for one in explanations]
        click.echo(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        if not framing and framed is not Framed.TCP:
            click.echo(paragraph(f"Modbus {framed.name}: {why}") + "\n")
        texts = [_as_text(one, index, _word(framed)) for index, one in enumerate(explanations, 1)]
        click.echo("\n\n".join(texts))
    _raise_faults(explanations, _word(framed), _hint(data, framed, found, why))


def _word(framed: Framed) -> str:
    return "ADU" if framed.value == "tcp" else "frame"


def _hint(data: bytes, framed: Framed, found: Framed, why: str) -> str:
    """What *data* may be, if it is not what it was explained as."""
    from mbap.protocol.explain import hint

    if framed.value == "tcp":
        return hint(data)
    return "" if framed is found or not why else f"--framing {found.value} may be right: {why}"


def _standard_input() -> bytes:
    given = sys.stdin.buffer.read(MOST_TEXT + 1)
    if len(given) > MOST_TEXT:
        raise ValueError(
            f"standard input is longer than {MOST_TEXT // 1024**2} MiB: give fewer frames at once"
        )
    if given.startswith(_CAPTURES):
        raise ValueError("standard input is a capture: mbap capture - reads those")
    return given if (text := _text(given)) is None else parse_pasted(text)


def _text(given: bytes) -> str | None:
    """*given* as text, in UTF-16 where PowerShell wrote it; None where it is frames as they are sent."""
    if given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and len(given) % 2 == 0:
        return given.decode("utf-16", "replace")
    if given.translate(None, _OF_TEXT) != given.translate(None, _OF_TEXT + _CONTROLS):
        return None
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError:
        return given.decode("latin-1")


def _raise_faults(explanations: Sequence[Explanation], word: str, hint: str) -> None:
    wrong = [(index, one.every_fault) for index, one in enumerate(explanations, 1) if one.every_fault]
    if not wrong:
        return
    index, faults = wrong[0]
    which = (
        f"{len(wrong)} of {len(explanations)} {word}s {'is' if len(wrong) == 1 else 'are'} malformed,"
        f" {'' if len(wrong) == 1 else 'first '}{word} {index}"
    )
    error = ProtocolError(f"{f'the {word} is malformed' if len(explanations) == 1 else which}: {faults[0]}")
    error.advice = hint
    raise error


def _as_text(one: Explanation, index: int, word: str) -> str:
    return "\n".join(_lines(one, index, word))


def _lines(one: Explanation, index: int, word: str) -> Iterator[str]:
    size = len(one.data)
    yield paragraph(f"{word} {index}, {size} byte{'s' * (size != 1)}{_at(one.offset)}: {_title(one, word)}")
    yield from _field_lines(one.header)
    shown = _alike(one.readings)
    for number, reading in enumerate(shown, 1):
        if len(shown) > 1:
            yield paragraph(f"  {'either' if number == 1 else 'or'}: {reading.summary}")
        yield from _field_lines(reading.fields)
    yield from _field_lines(one.trailer)
    yield from (paragraph(f"  wrong: {fault}") for fault in one.every_fault)


def _at(offset: int) -> str:
    return f" from byte {offset} on" if offset else ""


def _title(one: Explanation, word: str) -> str:
    if not one.readings:
        return "malformed"
    if len(one.readings) > 1:
        _, response = one.readings
        return f"request or {response.summary}; --request or --response says which"
    answers = "" if one.answers is None else f", the answer to {word} {one.answers + 1}"
    return one.readings[0].summary + answers


def _alike(readings: Sequence[Reading]) -> Sequence[Reading]:
    """*readings*, of which one is enough where they have the same fields, as the echo of a write has."""
    return readings[:1] if len({reading.fields for reading in readings}) == 1 else readings


def _field_lines(fields: Sequence[Field]) -> Iterator[str]:
    for field in fields:
        first, *more = _in_lines(field.data)
        begin = f"  {first:{BYTES_A_LINE * 3}}{field.name:16}{_shown(field.value)}"
        column = max(BYTES_A_LINE * 3 + 28, len(begin))
        meaning, *further = wrapped(field.meaning, max(console_width() - column, _LEAST)) or [""]
        yield f"{begin:{column}}{meaning}".rstrip()
        for data, goes_on in zip_longest(more, further, fillvalue=""):
            yield f"  {data:{column - 2}}{goes_on}".rstrip()


def _in_lines(data: bytes) -> list[str]:
    return [data[at : at + BYTES_A_LINE].hex(" ") for at in range(0, len(data), BYTES_A_LINE)]


def _shown(value: int | str) -> str:
    return f"{value} "
