"""What is probed, and what probing finds: blocks of registers, guesses, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mbap.diagnose.probehints import Hints
from mbap.diagnose.probemovement import UNCHANGED
from mbap.diagnose.probeword import Part
from mbap.values import Encoding, Value

SURE: Final = 8.0
LIKELY: Final = 3.0
"""The points that a sure guess, and a likely one, is ahead at least: over the profiles and maps of
`bench/probe.py`, more than 98 and more than 85 of 100 of these are right."""
AGAINST: Final = -30.0
"""What has so many points against it is never more than open: it does not show the known value."""
MOST_LEAD: Final = 99.0

Sample = Sequence[int | None]
"""The registers of a block at one time; None where the device has none."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One way to read a place.

    Attributes:
        address: of its first register.
        kind: "float32", "bits", "empty", "text" ...
        encoding: how it lies in registers.
        values: what each sample gives.
        points: of the best reading of the whole block that has this guess in it.
        behind: how many points that is less than the best.
        parts: the points that this place alone has, with the reason for each.
    """

    address: int
    kind: str
    encoding: Encoding
    values: tuple[Value | None, ...]
    points: float
    behind: float
    parts: tuple[Part, ...]

    @property
    def reason(self) -> str:
        """What speaks for it most, in one line."""
        speaking = [part for part in self.parts if part.points > 0 and part.reason != UNCHANGED]
        return ", ".join(part.reason for part in sorted(speaking, key=lambda part: -part.points)[:3])


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a block: the best guess and the others, the likeliest first.

    Attributes:
        astride: how far behind the best reading of the block is that has no value beginning here.
        sure: "sure", "likely" or "open", by the points to the next guess that says something else.
    """

    guess: Guess
    others: tuple[Guess, ...]
    astride: float

    @property
    def lead(self) -> float:
        """The points between the best guess and the next one that shows other values, or lies otherwise."""
        rivals = (one.behind for one in self.others if _differs(one, self.guess))
        return min(next(rivals, MOST_LEAD), self.astride)

    @property
    def sure(self) -> str:
        if any(part.points <= AGAINST for part in self.guess.parts):
            return "open"
        return "sure" if self.lead >= SURE else "likely" if self.lead >= LIKELY else "open"


def _differs(one: Guess, guess: Guess) -> bool:
    """Whether *one* shows other values than *guess*, or the same in another number of registers."""
    return one.values != guess.values or one.encoding.count != guess.encoding.count


@dataclass(frozen=True, slots=True)
class Found:
    """What a block seems to hold.

    Attributes:
        order: the order of bytes that explains most: ABCD, CDAB, BADC, DCBA.
        orders: the points of every order, less than the best.
        places: without gap or overlap.
    """

    order: str
    orders: dict[str, float]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that are probed: several samples of them from *address* on, and what is known of them."""

    samples: Sequence[Sample]
    address: int = 0
    hints: Hints = field(default_factory=Hints)
