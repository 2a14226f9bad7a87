"""What all commands that build frames share: their options, and how the frames are printed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mbap.protocol.framing import Framing
    from mbap.protocol.pdu import Request

F = TypeVar("F", bound=Callable[..., Any])


def word(text: str | int) -> int:
    """A 16-bit number, decimal or 0x hexadecimal."""
    try:
        number = int(str(text), 0)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number: write 37 or 0x0025") from None
    if not 0 <= number <= 0xFFFF:
        raise click.BadParameter(f"{text} is not 0 to 65535")
    return number


@dataclass(frozen=True, slots=True)
class Output:
    """Where frames go to, and how they are printed."""

    unit: int
    transaction: int
    framing: str
    as_json: bool

    def print(self, requests: Sequence[Request[Any]]) -> None:
        """Print *requests* as frames, one a line."""
        from mbap.protocol.adu import Adu

        framing = _framing(self.framing)
        numbers = [self.transaction + index & 0xFFFF for index in range(len(requests))]
        frames = [
            framing.pack(Adu(self.unit, request.encode(), number))
            for request, number in zip(requests, numbers, strict=True)
        ]
        if not self.as_json:
            click.echo("\n".join(self._shown(frame) for frame in frames))
            return
        described = [
            {
                "bytes": frame.hex(),
                "transaction": number if framing.numbered else None,
                "unit": self.unit,
                "function_code": request.function_code,
            }
            for frame, number, request in zip(frames, numbers, requests, strict=True)
        ]
        click.echo(json.dumps(described, indent=2))

    def _shown(self, frame: bytes) -> str:
        return frame.decode("ascii").rstrip() if self.framing == "ascii" else frame.hex(" ")


def _framing(name: str) -> Framing:
    if name == "rtu":
        from mbap.protocol.rtu import RtuFraming

        return RtuFraming()
    if name == "ascii":
        from mbap.protocol.ascii import AsciiFraming

        return AsciiFraming()
    from mbap.protocol.tcp import TcpFraming

    return TcpFraming()


def frame_options(command: F) -> F:
    """The options of whatever builds frames, which gets them as *output*."""

    @functools.wraps(command)
    def called(*, unit: int, transaction: int, framing: str, as_json: bool, **rest: Any) -> None:
        command(**rest, output=Output(unit, transaction, framing, as_json))

    with_options = called
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with one object a frame."),
        click.option(
            "--framing",
            type=click.Choice(("tcp", "rtu", "ascii")),
            default="tcp",
            show_default=True,
            help="What the frames are packed in.",
        ),
        click.option(
            "--transaction",
            type=word,
            default=1,
            show_default=True,
            help="The first frame's; each further frame counts up.",
        ),
        click.option(
            "-u", "--unit", type=click.IntRange(0, 255), default=1, show_default=True, help="The unit."
        ),
    ):
        with_options = option(with_options)
    return with_options  # type: ignore[return-value]
