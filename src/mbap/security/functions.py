"""Function codes as rules name them: numbers, sub-functions, names, groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from mbap.filefaults import suggestion
from mbap.protocol.pdu.base import Request

LAST: Final = 0xFFFF
"""The last sub-function."""
READS, WRITES, BOTH = 1, 2, 3
"""Which sides of a request are meant: function 23 has both."""


class Function(NamedTuple):
    """A function code, or some sub-functions of one.

    Attributes:
        first, last: the sub-functions of function 8, the types of function 43; all of them for any other.
        side: of function 23: its reading, its writing, or both.
    """

    code: int
    first: int = 0
    last: int = LAST
    side: int = BOTH


def _codes(*codes: int) -> tuple[Function, ...]:
    return tuple(Function(code) for code in codes)


def _subs(code: int, *spans: tuple[int, int]) -> tuple[Function, ...]:
    return tuple(Function(code, first, last) for first, last in spans)


GROUPS: Final[dict[str, tuple[Function, ...]]] = {
    "read": (*_codes(1, 2, 3, 4, 24), Function(23, side=READS)),
    "write": (*_codes(5, 6, 15, 16, 22), Function(23, side=WRITES)),
    "file": _codes(20, 21),
    "ident": (*_codes(17), *_subs(43, (14, 14))),
    "diag-safe": (*_codes(7, 11, 12), *_subs(8, (0, 0), (2, 2), (11, 18))),
    "diag-danger": _subs(8, (1, 1), (3, 4), (10, 10), (20, 20)),
    "vendor": _codes(*range(65, 73), *range(100, 111)),
    "program": _codes(40, 42, 90, 125, 126),
    "reserved": (
        *_codes(9, 10, 13, 14, 41, 42, 90, 91, 125, 126, 127),
        *_subs(8, (5, 9), (19, 19), (21, LAST)),
        *_subs(43, (0, 12), (15, LAST)),
    ),
    "all": _codes(*range(1, 128)),
}
"""The groups. `read` and `write` are each one side of function 23, which needs both."""

NAMES: Final = {
    "read_coils": "1",
    "read_discrete_inputs": "2",
    "read_holding_registers": "3",
    "read_input_registers": "4",
    "write_single_coil": "5",
    "write_single_register": "6",
    "read_exception_status": "7",
    "diagnostics": "8",
    "get_comm_event_counter": "11",
    "get_comm_event_log": "12",
    "write_multiple_coils": "15",
    "write_multiple_registers": "16",
    "report_server_id": "17",
    "read_file_record": "20",
    "write_file_record": "21",
    "mask_write_register": "22",
    "read_write_multiple_registers": "23",
    "read_fifo_queue": "24",
    "read_device_identification": "43/14",
}
"""What the client's operations are called, and the numbers that they are kept as."""

_NUMBER: Final = re.compile(r"(\d+)(?:-(\d+))?(?:/(\d+)(?:-(\d+))?)?", re.ASCII)


class Functions:
    """Some functions: `Functions(["read", "16", "8/0"])`; equal to one that is written the same.

    Attributes:
        written: what it is made of, in the shortest notation: groups by name, all else by number.
        each: the single functions.

    Raises:
        ValueError: one is not known.
    """

    __slots__ = ("_by_code", "each", "written")

    def __init__(self, written: Iterable[str]) -> None:
        self.written = tuple(dict.fromkeys(_canonical(text) for text in written))
        self.each = tuple(dict.fromkeys(one for text in self.written for one in _expanded(text)))
        self._by_code: dict[int, list[Function]] = {}
        for one in self.each:
            self._by_code.setdefault(one.code, []).append(one)

    def has(self, code: int, sub: int, side: int) -> bool:
        """Whether *side* of function *code*, with this sub-function, is one of them."""
        return any(one.first <= sub <= one.last and one.side & side for one in self._by_code.get(code, ()))

    def codes(self) -> frozenset[int]:
        """The function codes, whichever sub-functions and sides of them are meant."""
        return frozenset(self._by_code)

    def __iter__(self) -> Iterator[Function]:
        return iter(self.each)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Functions) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.written)

    def __str__(self) -> str:
        return ", ".join(self.written)

    def __repr__(self) -> str:
        return f"Functions({list(self.written)})"


def _canonical(text: str) -> str:
    word = text.strip().lower()
    if word == "*":
        return "all"
    if word.replace("_", "-") in GROUPS:
        return word.replace("_", "-")
    if named := NAMES.get(word.replace("-", "_").replace(" ", "_")):
        return named
    found = _NUMBER.fullmatch(word)
    if found is None:
        raise ValueError(f'"{text}" is no function{suggestion(word, [*GROUPS, *NAMES])}')
    return _checked(text, *(int(part) if part else None for part in found.groups()))


def _checked(text: str, code: int | None, last: int | None, sub: int | None, last_sub: int | None) -> str:
    code = code or 0
    if not 1 <= code <= (last or code) <= 127:
        raise ValueError(f'"{text}": a function code is 1 to 127, and a range of them rises')
    if sub is None:
        return f"{code}" if last in (None, code) else f"{code}-{last}"
    if code not in (8, 43) or last is not None:
        raise ValueError(f'"{text}": only the functions 8 and 43 have sub-functions: 8/0, 43/14')
    most = LAST if code == 8 else 0xFF
    if not sub <= (sub if last_sub is None else last_sub) <= most:
        raise ValueError(f'"{text}": what comes after {code}/ is 0 to {most}, and a range of them rises')
    return f"{code}/{sub}" if last_sub in (None, sub) else f"{code}/{sub}-{last_sub}"


def _expanded(written: str) -> tuple[Function, ...]:
    if written in GROUPS:
        return GROUPS[written]
    codes, _, subs = written.partition("/")
    first, _, last = codes.partition("-")
    if not subs:
        return _codes(*range(int(first), int(last or first) + 1))
    first_sub, _, last_sub = subs.partition("-")
    return _subs(int(first), (int(first_sub), int(last_sub or first_sub)))


def sub_function(request: Request[Any]) -> int:
    """The sub-function of a function 8, the type of a function 43, 0 for any other."""
    if request.function_code == 8:
        return int(getattr(request, "sub_function", 0))
    return int(getattr(request, "mei_type", 14)) if request.function_code == 43 else 0
