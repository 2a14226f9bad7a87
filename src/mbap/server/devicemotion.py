"""How a value of a device file moves: waves, counters, noise, steps, formulas, and what a trace recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mbap.durations import parse_duration
from mbap.server.fileproblems import Problems, shown
from mbap.server.formula import Formula
from mbap.server.waves import FARTHEST, SHAPES, Counter, Motion, Noise, Steps, Wave
from mbap.values import TYPES, Encoding

TEXTS = ("string", "ascii", "latin1")
MOTIONS: dict[str, tuple[str, ...]] = {
    "wave": ("low", "high", "period", "phase", "duty"),
    "counter": ("per_second", "wraps_at"),
    "noise": ("spread", "period"),
    "steps": ("period", "written"),
    "formula": (),
}
"""What moves a value, each with the keys that go with it."""
WRITTEN = ("stays", "passes")
"""What becomes of what a client writes there: it stays for good, or until the next step."""


class Wrong(Exception):
    """What is wrong is among the problems already."""


class Fields:
    """The keys of one entry; `end` raises when one of those read was wrong."""

    def __init__(self, given: Mapping[str, Any], path: str, problems: Problems) -> None:
        self.given = given
        self._path, self._problems = path, problems
        self._before = len(problems.found)

    def text(self, key: str, default: str) -> str:
        return self._problems.text(self.given, key, self._path, default)

    def number(self, key: str, default: float) -> float:
        return self._problems.number(self.given, key, self._path, default)

    def whole(self, key: str, default: int) -> int:
        return self._problems.whole(self.given, key, self._path, default)

    def seconds(self, key: str, default: float) -> float:
        return self._problems.duration(self.given, key, self._path, default)

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        return self._problems.choice(self.given, key, self._path, known, known[0])

    def seed(self) -> int:
        """A number that differs from entry to entry and is the same in every run."""
        return sum(position * byte for position, byte in enumerate(self._path.encode(), start=1))

    def end(self) -> None:
        if len(self._problems.found) > self._before:
            raise Wrong


def read_motion(kind: str, encoding: Encoding | None, fields: Fields) -> Motion | Formula:
    """The motion of an entry; *kind* is one of `MOTIONS`.

    Raises:
        ValueError: it does not go together; a sentence for the entry.
    """
    _check_moves(kind, encoding)
    if kind == "wave":
        return _wave(encoding, fields)
    if kind == "counter":
        assert encoding is not None
        wraps_at = fields.number("wraps_at", 0.0) or _room(encoding)
        return Counter(fields.number("counter", 0.0), fields.number("per_second", 1.0), wraps_at)
    if kind == "noise":
        around, spread = fields.number("noise", 0.0), fields.number("spread", 1.0)
        return Noise(around, spread, fields.seconds("period", 1.0), fields.seed())
    if kind == "steps":
        return _steps(fields)
    return Formula(fields.text("formula", ""))


def ends(motion: Motion | Formula) -> tuple[float, ...]:
    """Values between which all others are, for checking that they fit; none where nobody can tell."""
    if isinstance(motion, Wave):
        return motion.low, motion.high
    if isinstance(motion, Noise):
        return motion.around - FARTHEST * motion.spread, motion.around + FARTHEST * motion.spread
    return motion.values if isinstance(motion, Steps) else ()


_VERBS = {"counter": "count", "noise": "be noisy", "steps": "take steps", "formula": "be computed"}


def _check_moves(kind: str, encoding: Encoding | None) -> None:
    if encoding is None and kind in ("counter", "noise"):
        raise ValueError(f"a coil or discrete input cannot {_VERBS[kind]}; use a wave")
    if encoding is not None and encoding.type in (*TEXTS, "bool") and kind in _VERBS:
        names = ", ".join(name for name in TYPES if name not in (*TEXTS, "bool"))
        raise ValueError(f"{encoding.type} cannot {_VERBS[kind]}; the types that can are {names}")


def _wave(encoding: Encoding | None, fields: Fields) -> Wave:
    shape = fields.choice("wave", SHAPES)
    return Wave(
        next(known for known in SHAPES if known == shape),
        fields.number("low", 0.0),
        fields.number("high", 1.0 if encoding is None else 100.0),
        fields.seconds("period", 60.0),
        fields.number("phase", 0.0),
        fields.number("duty", 0.5),
        fields.seed(),
    )


def _steps(fields: Fields) -> Steps:
    given = fields.given["steps"]
    if not isinstance(given, list):
        raise ValueError(f'steps is a list such as [["0s", 5], ["10s", 8]], not {shown(given)}')
    times, values = [], []
    for step in given:
        if not isinstance(step, list) or len(step) != 2 or not isinstance(step[0], str):
            raise ValueError(f'a step is a time and a value, ["10s", 8], not {shown(step)}')
        if not isinstance(step[1], (int, float)):
            raise ValueError(f"a step leads to a number, not to {shown(step[1])}")
        times.append(parse_duration(step[0]))
        values.append(float(step[1]))
    passes = fields.choice("written", WRITTEN) == "passes"
    return Steps(tuple(times), tuple(values), fields.seconds("period", 0.0) or None, passes)


def _room(encoding: Encoding) -> float | None:
    """Where a counter of this encoding is full; None for floats, which only get coarser."""
    if encoding.type.startswith("float"):
        return None
    bits = 16 * encoding.count
    if encoding.type.startswith("bcd"):
        return 10.0 ** (bits // 4) * encoding.scale
    return 2.0 ** (bits - encoding.type.startswith("int")) * encoding.scale
