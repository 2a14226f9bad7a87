"""The table of quirks in a profile or a site file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.durations import parse_duration
from mbap.filefaults import shown
from mbap.filemodel import DURATION_PATTERN, FileModel


def _or_false(schema: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"const": False}]})


def _unit(value: object) -> object:
    if value is False or value == "any":
        return value
    if type(value) is int and 0 <= value <= 255:
        return value
    raise ValueError(f'is 0 to 255, "any", or false; not {shown(value)}')


def _count(most: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """A whole number from 1 to *most*, or false."""

    def check(value: object) -> object:
        if value is False or (type(value) is int and 1 <= value <= most):
            return value
        raise ValueError(f"is 1 to {most}, or false; not {shown(value)}")

    return BeforeValidator(check), _or_false({"type": "integer", "minimum": 1, "maximum": most})


def _duration(value: object) -> object:
    if value is False:
        return value
    if not isinstance(value, str):
        raise ValueError(f'is a duration such as "30s", or false; not {shown(value)}')
    seconds = parse_duration(value)
    if not seconds:
        raise ValueError("is more than no time")
    return seconds


# Any, because pydantic would describe a union by the faults of each of its parts.
_Unit = Annotated[
    Any,
    BeforeValidator(_unit),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"enum": ["any", False]}]}),
]
_Registers = Annotated[Any, *_count(125)]
_Bits = Annotated[Any, *_count(2000)]
_Idle = Annotated[Any, BeforeValidator(_duration), _or_false({"type": "string", "pattern": DURATION_PATTERN})]


class QuirksModel(FileModel):
    """How the device breaks the rules; what is false is off."""

    transaction: Literal["zero", "own", False] = False
    """Its answers do not repeat the transaction identifier: it is always 0, or counts for itself."""
    answer_unit: _Unit = False
    """The unit that its answers name, whichever was asked; "any" for all."""
    exception_length: bool = False
    """Its exception responses say a length of 4 and have 3 bytes."""
    long_length: bool = False
    """The length of its answers is one more than they have."""
    short_answers: bool = False
    """It gives fewer registers than were asked for, and that is right."""
    only_fc6: bool = False
    """It writes registers one by one only."""
    only_fc16: bool = False
    """It has no function code 6."""
    largest_read: _Registers = False
    """Registers that it gives at once; longer reads are divided."""
    largest_bits: _Bits = False
    """Coils or discrete inputs that it gives at once."""
    no_gaps: bool = False
    """It refuses a read that touches an undefined register: no read goes over one that is no point."""
    reconnect_idle: _Idle = False
    """A connection that was idle for so long is made anew before it is used."""
    silence_is_illegal_address: bool = False
    """It is silent where it should answer exception 02."""
    echo: bool = False
    """What is sent comes back first, as on a two-wire line (RTU and ASCII only)."""

    def applied_to(self, before: Quirks = NO_QUIRKS) -> Quirks:
        """*before*, changed as this says: what is not mentioned stays, what is false is off.

        Raises:
            ValueError: they do not go together.
        """
        said = before.said() | {name: getattr(self, name) for name in self.model_fields_set}
        given: dict[str, Any] = {name: value for name, value in said.items() if value is not False}
        return Quirks(**given)
