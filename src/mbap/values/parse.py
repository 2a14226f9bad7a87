"""An encoding written in one line: `float32,CDAB`."""

from __future__ import annotations

from dataclasses import dataclass, field

from mbap.values.encoding import Encoding


def parse_type(text: str, order: str = "") -> Encoding:
    """The encoding that *text* names: `float32`, `string/16`, `int16,scale=0.1,none=0x8000`, `float32,CDAB`.

    After the type, in any order and separated by commas: an order, `scale=`, `offset=`, `bit=`, `none=` (a
    sentinel, may be repeated), `padding=`. *order* holds where *text* names none.

    Raises:
        ValueError: it cannot be read, or its parts do not go together.
    """
    first, *options = (part.strip() for part in text.split(","))
    name, slash, length = first.partition("/")
    found = _Options(length=_whole("length", length) if slash else None, order=order)
    for option in options:
        found.take(option)
    return Encoding(
        name,
        found.order,
        found.scale,
        found.offset,
        found.length,
        found.bit,
        tuple(found.sentinels),
        found.padding,
    )


@dataclass(slots=True)
class _Options:
    """What follows a type, as it is found."""

    length: int | None
    order: str
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None
    sentinels: list[str] = field(default_factory=list)
    padding: str = "nul"

    def take(self, option: str) -> None:
        name, sign, value = option.partition("=")
        match name:
            case _ if not sign:
                self.order = option
            case "scale" | "offset":
                setattr(self, name, _number(name, value))
            case "bit":
                self.bit = _whole(name, value)
            case "none":
                self.sentinels.append(value)
            case "padding":
                self.padding = value
            case _:
                raise ValueError(f"{name!r} is no option of a type: scale, offset, bit, none, padding are")


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} takes a number, not {text!r}") from None


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{name} takes a whole number, not {text!r}")
    return int(text)
