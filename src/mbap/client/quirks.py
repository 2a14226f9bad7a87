"""Quirks: how a device breaks the rules, as data. Each is off until somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Final, Literal

from mbap.records import Record

OF_CONNECTION: Final = ("transaction", "exception_length", "long_length", "reconnect_idle", "echo")
"""Quirks of whatever ends the connection: they hold for all units behind it. The others are of one unit."""
_WITHOUT_EFFECT: Final = {
    "tcp": ("echo",),
    "udp": ("exception_length", "long_length", "echo"),
    "rtu+tcp": ("transaction", "exception_length", "long_length"),
    "ascii+tcp": ("transaction", "exception_length", "long_length"),
}


class Quirks(Record):
    """What to forgive a device, and what not to ask of it.

    Attributes:
        transaction: its answers do not repeat the transaction identifier: "zero" always have 0, "own" count
            for themselves. Only their order then tells them apart, so one request is on its way, and after
            one that was given up a fresh connection may be needed.
        answer_unit: the unit that its answers name, whichever was asked; "any" for all.
        exception_length: its exception responses say a length of 4 and have 3 bytes.
        long_length: the length of its answers is one more than they have.
        short_answers: fewer registers than were asked for are a right answer, and are given as they are.
        only_fc6: it writes registers one by one: several are written by several requests.
        only_fc16: it has no function code 6: one register is written by function code 16.
        largest_read, largest_bits: registers, or bits, that it gives at once; longer reads are divided.
        no_gaps: it refuses a read that touches an undefined register: a typed read of several values that
            was refused is divided until the undefined ones are found, which are then None.
        reconnect_idle: a connection that was idle for so many seconds is made anew before it is used.
        silence_is_illegal_address: it is silent where it should answer exception 02. Only the first silence
            after an answer is taken for that.
        echo: what is sent comes back first, as on a two-wire line (RTU and ASCII only).

    `OF_CONNECTION` are of the connection, the others of a unit; a `Link` may have others for each unit.
    """

    transaction: Literal["", "zero", "own"] = ""
    answer_unit: int | Literal["any"] | None = None
    exception_length: bool = False
    long_length: bool = False
    short_answers: bool = False
    only_fc6: bool = False
    only_fc16: bool = False
    largest_read: int | None = None
    largest_bits: int | None = None
    no_gaps: bool = False
    reconnect_idle: float | None = None
    silence_is_illegal_address: bool = False
    echo: bool = False

    def __post_init__(self) -> None:
        if self.transaction not in ("", "zero", "own"):
            raise ValueError(f"transaction is zero or own, not {self.transaction!r}")
        if self.answer_unit not in (None, "any", *range(256)):
            raise ValueError(f"answer_unit is 0 to 255 or any, not {self.answer_unit!r}")
        _check_limit("largest_read", self.largest_read, 125)
        _check_limit("largest_bits", self.largest_bits, 2000)
        if self.reconnect_idle is not None and not 0 < self.reconnect_idle < inf:
            raise ValueError(f"reconnect_idle is more than 0 seconds, not {self.reconnect_idle:g}")
        if self.only_fc6 and self.only_fc16:
            raise ValueError("only_fc6 and only_fc16 leave no function code to write with")

    @property
    def rewrites(self) -> bool:
        """Whether some requests are carried out as others."""
        return self.only_fc6 or self.only_fc16 or bool(self.largest_read or self.largest_bits)

    @property
    def forgives(self) -> bool:
        """Whether some answers are taken that would be wrong otherwise."""
        return bool(self.transaction or self.short_answers or self.silence_is_illegal_address) or (
            self.answer_unit is not None
        )

    def of_connection(self) -> Quirks:
        """Those that hold for all units of a connection."""
        return Quirks(**{name: value for name, value in self._said().items() if name in OF_CONNECTION})

    def of_unit(self) -> Quirks:
        """Those of a single unit."""
        return Quirks(**{name: value for name, value in self._said().items() if name not in OF_CONNECTION})

    def without_effect(self, scheme: str) -> tuple[str, ...]:
        """Those that are on, and change nothing on an endpoint of *scheme*: "tcp", "rtu+tcp", ..."""
        return tuple(name for name in _WITHOUT_EFFECT.get(scheme, ()) if name in self.said())

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Quirks:
        """The quirks of `NAME` or `NAME=VALUE`: "transaction=zero", "short-answers", "reconnect-idle=30s".

        Raises:
            ValueError: a name or a value cannot be; the sentence says which can.
        """
        given: dict[str, Any] = {}
        for text in texts:
            name, equals, value = text.partition("=")
            key = known_name(name.strip().replace("-", "_"))
            if key in given:
                raise ValueError(f"the quirk {name!r} is given twice")
            given[key] = _READERS[key](text, value.strip() if equals else None)
        return cls(**given)

    @classmethod
    def of(cls, table: Mapping[str, object]) -> Quirks:
        """The quirks of a table in a file: `{transaction = "zero", short_answers = true}`.

        Raises:
            ValueError: a name or a value cannot be.
        """
        texts = []
        for name, value in table.items():
            known_name(name)
            if value is True:
                texts.append(name)
            elif value is not False:
                texts.append(f"{name}={value}")
        return cls.parse(texts)

    def said(self) -> dict[str, object]:
        """Those that are on, with their values."""
        return self._said()

    def _said(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in _KINDS}
        return {name: value for name, value in values.items() if value != getattr(NO_QUIRKS, name)}

    def __repr__(self) -> str:
        return f"Quirks({', '.join(f'{name}={value!r}' for name, value in self.said().items())})"

    def __str__(self) -> str:
        """As `parse` takes them, with commas."""
        names = [(name.replace("_", "-"), value) for name, value in self.said().items()]
        return ", ".join(name if value is True else f"{name}={value}" for name, value in names)


def known_name(name: str) -> str:
    """*name*, which is one of a quirk.

    Raises:
        ValueError: it is not; the sentence names the nearest, or all.
    """
    if name in _READERS:
        return name
    from difflib import get_close_matches

    near = get_close_matches(name, _READERS, 1)
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(_READERS)}"
    raise ValueError(f"{name!r} is not a quirk: {known}")


def _check_limit(name: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise ValueError(f"{name} is 1 to {most}, not {value}")


def _flag(text: str, value: str | None) -> bool:
    if value is not None:
        raise ValueError(f"the quirk {text!r} takes no value: it is there, or it is not")
    return True


def _choice(text: str, value: str | None) -> str:
    if value is None:
        raise ValueError(f"the quirk {text!r} needs a value: {text}=zero or {text}=own")
    return value


def _number(text: str, value: str | None) -> int:
    if value is None or not value.isascii() or not value.isdigit():
        raise ValueError(f"the quirk {text!r} needs a number: {text.partition('=')[0]}=10")
    return int(value)


def _unit(text: str, value: str | None) -> int | str:
    return "any" if value == "any" else _number(text, value)


def _duration(text: str, value: str | None) -> float:
    if value is None:
        raise ValueError(f"the quirk {text!r} needs a duration: {text}=30s")
    try:
        return float(value)
    except ValueError:
        from mbap.durations import parse_duration

        return parse_duration(value)


_KINDS: Final[dict[str, str]] = Quirks.__annotations__
_READERS: Final[dict[str, Callable[[str, str | None], object]]] = {
    **{name: _flag for name, kind in _KINDS.items() if kind == "bool"},
    "transaction": _choice,
    "answer_unit": _unit,
    "largest_read": _number,
    "largest_bits": _number,
    "reconnect_idle": _duration,
}

NO_QUIRKS: Final = Quirks()
