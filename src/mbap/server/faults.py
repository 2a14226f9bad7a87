"""Faults on the wire, made on purpose: a stage between a server's session and its socket.

A device that misbehaves does so whatever it is asked, so this is no handler: the server asks about every
request and every answer, and carries out what it is told. What is decided is here; `faultstage` does it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from mbap.errors import ExceptionResponse
from mbap.server.admission import Admission

RequestFault = Literal["late", "silent", "exception", "busy", "reboot"]
AnswerFault = Literal[
    "split",
    "trickle",
    "duplicate",
    "reorder",
    "wrong_transaction",
    "wrong_protocol",
    "wrong_length",
    "wrong_unit",
    "wrong_function",
    "wrong_byte_count",
    "rubbish_before",
    "rubbish_after",
]
ConnectionFault = Literal["close", "reset"]
FaultKind = RequestFault | ConnectionFault | AnswerFault
When = Literal["before", "during", "after"]

REQUEST_FAULTS: tuple[RequestFault, ...] = get_args(RequestFault)
CONNECTION_FAULTS: tuple[ConnectionFault, ...] = get_args(ConnectionFault)
ANSWER_FAULTS: tuple[AnswerFault, ...] = get_args(AnswerFault)
KINDS: tuple[FaultKind, ...] = (*REQUEST_FAULTS, *CONNECTION_FAULTS, *ANSWER_FAULTS)
WHENS: tuple[When, ...] = get_args(When)


class Fault(NamedTuple):
    """What happens to one request, or to its answer.

    Attributes:
        kind: of the request: `late`: carried out, and answered after *delay* seconds. `silent`: neither
            carried out nor answered. `exception`: not carried out, answered with *code*; `busy`: with 06.
            `reboot`: not carried out; all connections are reset, and new ones too for *delay* seconds.
            `close` and `reset`: the connection ends, by FIN or by RST: *when* `before`, and the request is
            not carried out, in the middle of the answer, or behind it.
            Of the answer: `split` and `trickle`: it goes out byte by byte, one every *delay* seconds;
            `duplicate`: twice, the second time *delay* seconds later; `reorder`: behind the next answer, or
            after *delay* seconds. `wrong_...`: that field is *value*, or one too large where that is None;
            `rubbish_...`: *octets* before or behind it.
    """

    kind: FaultKind
    delay: float = 0.0
    code: int = 0
    when: When = "before"
    value: int | None = None
    octets: bytes = b""

    @property
    def of_the_answer(self) -> bool:
        """Whether the request is carried out as usual, and something happens to the answer."""
        return self.kind in ANSWER_FAULTS or (self.kind in CONNECTION_FAULTS and self.when != "before")


SILENCE = Fault("silent")


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fault happens: by chance, in recurring spells, so many times, or all of that together.

    Attributes:
        probability: the share of the requests that it hits, 0 to 1.
        every, lasting: with *every*, only within spells of *lasting* seconds that begin every so many.
        first: when the first spell begins, in seconds after the start.
        units: the units it hits; empty: all.
        times: it hits at most so often; with *of*, only the first so many of every *of* requests.

    Raises:
        ValueError: a number is out of its range.
    """

    fault: Fault
    probability: float = 1.0
    every: float | None = None
    lasting: float = 0.0
    first: float = 0.0
    units: frozenset[int] = frozenset()
    times: int | None = None
    of: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"a probability is 0 to 1, not {self.probability:g}")
        if self.every is not None and not 0.0 < self.lasting <= self.every:
            raise ValueError(f"a spell every {self.every:g} s cannot last {self.lasting:g} s")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is 1 or more, not {self.times}")
        if self.of is not None and not (self.times is not None and self.times <= self.of):
            raise ValueError(f"of {self.of} needs times, as many or fewer: times = 2, of = 3")
        if self.fault.kind == "exception":
            ExceptionResponse(self.fault.code)

    def applies(self, unit: int, age: float) -> bool:
        """Whether it can hit a request to *unit*, *age* seconds after the start."""
        if self.units and unit not in self.units:
            return False
        return self.every is None or (age >= self.first and (age - self.first) % self.every < self.lasting)


class _Watched:
    """A rule, and how often it could have hit and did."""

    __slots__ = ("hits", "rule", "seen")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.seen = self.hits = 0

    def hit(self, unit: int, age: float, chance: Callable[[], float]) -> bool:
        """Whether it hits this request."""
        rule = self.rule
        if not rule.applies(unit, age):
            return False
        place = self.seen if rule.of is None else self.seen % rule.of
        self.seen += 1
        used = self.hits if rule.of is None else place
        hits = chance() < rule.probability and (rule.times is None or used < rule.times)
        self.hits += hits
        return hits


class Faults:
    """Judges requests and answers by rules, in their order; the first that hits decides.

    A request may be hit by a rule for requests, and its answer by one for answers. The same seed and the
    same requests at the same times meet the same faults. It also knows how many connections the device
    takes, where *admission* says so, and when it is rebooting.

    Attributes:
        besides: what else was made on purpose, and how often: connections that were `refused` or `dropped`
            by *admission*, or are `mute`; values that were `torn`; answers that `overflowed`, because too
            many were waiting to go out slowly, and were left out.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        seed: int = 1,
        clock: Callable[[], float] = time.monotonic,
        admission: Admission | None = None,
    ) -> None:
        self.admission = admission
        self.besides: Counter[str] = Counter()
        self._of_requests = [_Watched(rule) for rule in rules if not rule.fault.of_the_answer]
        self._of_answers = [_Watched(rule) for rule in rules if rule.fault.of_the_answer]
        self._clock = clock
        self._began = clock()
        self._down_until = self._began
        self._random = random.Random(seed)  # nosec B311 # noqa: S311 - not a secret
        self._counts: dict[FaultKind, int] = dict.fromkeys(KINDS, 0)

    @property
    def counts(self) -> Mapping[FaultKind, int]:
        """How many requests each kind of fault has hit."""
        return self._counts

    @property
    def happened(self) -> Mapping[str, int]:
        """How often whatever was made on purpose has happened; without what has not."""
        return {kind: count for kind, count in (*self._counts.items(), *self.besides.items()) if count}

    @property
    def rebooting(self) -> bool:
        """Whether the device is away because of a `reboot`."""
        return self._clock() < self._down_until

    def judge(self, unit: int) -> Fault | None:
        """The fault for a request to *unit* that came now; None for most."""
        fault = self._judged(self._of_requests, unit)
        if fault is not None and fault.kind == "reboot":
            self._down_until = self._clock() + fault.delay
        return fault

    def judge_answer(self, unit: int) -> Fault | None:
        """The fault for an answer of *unit* that goes out now; None for most."""
        return self._judged(self._of_answers, unit)

    def _judged(self, watched: Sequence[_Watched], unit: int) -> Fault | None:
        age = self._clock() - self._began
        for one in watched:
            if one.hit(unit, age, self._random.random):
                self._counts[one.rule.fault.kind] += 1
                return one.rule.fault
        return None
