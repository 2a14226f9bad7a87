"""How the bytes go over a serial line: speed, parity, and the silences that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final, Literal

_FAST: Final = 19200
"""Above this speed the silences do not shrink any further (Serial Line V1.02, 2.5.1.1)."""
_FAST_GAP, _FAST_SILENCE = 0.00075, 0.00175
_WORDS: Final = {
    **dict.fromkeys(("on", "yes", "true", "1"), True),
    **dict.fromkeys(("off", "no", "false", "0"), False),
}
BY_NUMBER: Final = "usb:"
"""Begins the name of a port that is told by the serial number of its adapter."""
_EXAMPLE: Final = "rtu:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1"


@dataclass(frozen=True, slots=True)
class LineSettings:
    """The settings of a serial line; those of the standard unless told otherwise (Serial Line V1.02, 3.3).

    Attributes:
        baudrate: bits a second.
        parity: E even, O odd, N none.
        stopbits: 1 or 2.
        bytesize: bits of a character: 8, or 7 for ASCII.
        rs485: whether the driver is asked to switch the direction of an RS-485 transceiver: by RTS on while
            it sends, or "inverted" by RTS off.
        echo: whether what is sent is heard too; None finds out.

    Raises:
        ValueError: there is no such setting.
    """

    baudrate: int = 19200
    parity: str = "E"
    stopbits: int = 1
    bytesize: int = 8
    rs485: bool | Literal["inverted"] = False
    echo: bool | None = None

    def __post_init__(self) -> None:
        if not 50 <= self.baudrate <= 4_000_000:
            raise ValueError(f"baudrate is 50 to 4000000 bits a second, not {self.baudrate}")
        if self.parity not in ("N", "E", "O"):
            raise ValueError(f"parity is N (none), E (even) or O (odd), not {self.parity!r}")
        if self.stopbits not in (1, 2):
            raise ValueError(f"stopbits is 1 or 2, not {self.stopbits}")
        if self.bytesize not in (7, 8):
            raise ValueError(f"bytesize is 8 or 7, not {self.bytesize}")

    @property
    def character(self) -> float:
        """How many seconds a character takes."""
        return (1 + self.bytesize + (self.parity != "N") + self.stopbits) / self.baudrate

    @property
    def gap(self) -> float:
        """The longest silence inside a frame, in seconds: 1.5 characters."""
        return _FAST_GAP if self.baudrate > _FAST else 1.5 * self.character

    @property
    def silence(self) -> float:
        """The shortest silence between frames, in seconds: 3.5 characters."""
        return _FAST_SILENCE if self.baudrate > _FAST else 3.5 * self.character

    def time_of(self, size: int) -> float:
        """How many seconds *size* bytes take."""
        return size * self.character

    def query(self, scheme: str) -> str:
        """As it is written in a URL of *scheme*: what is always said, then what is not plain there."""
        said = f"baudrate={self.baudrate}&parity={self.parity}&stopbits={self.stopbits}"
        said += f"&bytesize={self.bytesize}" if self.bytesize != 8 or scheme == "ascii" else ""
        said += f"&rs485={'on' if self.rs485 is True else self.rs485}" if self.rs485 else ""
        return said + ("" if self.echo is None else f"&echo={'on' if self.echo else 'off'}")

    def __str__(self) -> str:
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"


def parse_line(scheme: str, place: str, query: str, text: str) -> tuple[str, LineSettings]:
    """The device's name and the settings of the line that *text* names.

    Raises:
        ValueError: it names no device, or a setting is wrong; one sentence.
    """
    name = _name(place, text)
    settings: dict[str, object] = {"bytesize": 7} if scheme == "ascii" else {}
    for part in filter(None, query.split("&")):
        key, value = _setting(part, text)
        settings[key] = value
    try:
        return name, LineSettings(**settings)  # type: ignore[arg-type]
    except ValueError as problem:
        raise ValueError(f"{problem}, in {text!r}") from None


def _name(place: str, text: str) -> str:
    windows = re.fullmatch(r"/?(COM[0-9]+)/?", place, re.IGNORECASE)
    if windows:
        return windows[1].upper()
    if place.startswith(BY_NUMBER) and len(place) > len(BY_NUMBER):
        return place
    if place.startswith("/") and place.strip("/"):
        return place
    slashes = f"; did you mean {text.replace('://', ':///', 1)}" if place.startswith("dev/") else ""
    raise ValueError(
        f"{text!r} names no serial port: write it like {_EXAMPLE}, rtu:///COM3 or rtu://usb:SERIALNUMBER{slashes}"
    )


def _setting(part: str, text: str) -> tuple[str, object]:
    key, equals, value = part.partition("=")
    known = [field.name for field in fields(LineSettings)]
    if key not in known or not equals:
        raise ValueError(f"{text!r}: after the ? can be {', '.join(known)}, each with =, not {part!r}")
    if key == "parity":
        return key, value.upper()[:1] if value.upper() in ("N", "E", "O", "NONE", "EVEN", "ODD") else value
    if key == "rs485" and value.lower() == "inverted":
        return key, "inverted"
    if key in ("rs485", "echo"):
        if value.lower() not in _WORDS:
            other = ", inverted" if key == "rs485" else ""
            raise ValueError(f"{key} in {text!r} is on or off{other}, not {value!r}")
        return key, _WORDS[value.lower()]
    if not re.fullmatch(r"[0-9]{1,7}", value):
        raise ValueError(f"{key} in {text!r} is a whole number, not {value!r}")
    return key, int(value)
