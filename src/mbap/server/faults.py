"""Faults on the wire, made on purpose: a stage between a server's session and its socket.

A device that misbehaves does so whatever it is asked, so this is no handler: the server asks about every
request, and carries out what it is told.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from mbap.errors import ExceptionResponse

FaultKind = Literal["late", "silent", "exception", "close", "reset"]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


class Fault(NamedTuple):
    """What happens to one request.

    Attributes:
        kind: `late`: carried out, and answered after *delay* seconds. `silent`: neither carried out nor
            answered. `exception`: not carried out, answered with *code*. `close` and `reset`: not carried
            out, and the connection ends, by FIN or by RST.
    """

    kind: FaultKind
    delay: float = 0.0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fault happens: by chance, in recurring spells, or by chance within them.

    Attributes:
        probability: the share of the requests that it hits, 0 to 1.
        every, lasting: with *every*, only within spells of *lasting* seconds that begin every so many.
        first: when the first spell begins, in seconds after the start.
        units: the units it hits; empty: all.

    Raises:
        ValueError: a number is out of its range.
    """

    fault: Fault
    probability: float = 1.0
    every: float | None = None
    lasting: float = 0.0
    first: float = 0.0
    units: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"a probability is 0 to 1, not {self.probability:g}")
        if self.every is not None and not 0.0 < self.lasting <= self.every:
            raise ValueError(f"a spell every {self.every:g} s cannot last {self.lasting:g} s")
        if self.fault.kind == "exception":
            ExceptionResponse(self.fault.code)

    def hits(self, unit: int, age: float, chance: float) -> bool:
        """Whether it hits a request to *unit*, *age* seconds after the start; *chance* is 0 to below 1."""
        if self.units and unit not in self.units:
            return False
        return self._in_a_spell(age) and chance < self.probability

    def _in_a_spell(self, age: float) -> bool:
        if self.every is None:
            return True
        return age >= self.first and (age - self.first) % self.every < self.lasting


class Faults:
    """Judges requests by rules, in their order; the first that hits decides.

    The same seed and the same requests at the same times meet the same faults.
    """

    def __init__(
        self, rules: Sequence[Rule], *, seed: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rules = tuple(rules)
        self._clock = clock
        self._began = clock()
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        self._counts: dict[FaultKind, int] = dict.fromkeys(KINDS, 0)

    @property
    def counts(self) -> Mapping[FaultKind, int]:
        """How many requests each kind of fault has hit."""
        return self._counts

    def judge(self, unit: int) -> Fault | None:
        """The fault for a request to *unit* that came now; None for most."""
        age = self._clock() - self._began
        for rule in self._rules:
            if rule.hits(unit, age, self._random.random()):
                self._counts[rule.fault.kind] += 1
                return rule.fault
        return None
