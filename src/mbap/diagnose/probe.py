"""What registers of an unknown device probably hold: type, order and scale of each place, with the reasons.

Every kind at every place gets points (`probeevidence`, `probehints`); for each order of bytes the best laying
of values over the block is found (`probetiling`); the order with the most points is the device's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from mbap.diagnose.probeevidence import alike, evidence
from mbap.diagnose.probefound import Block, Found, Guess, Place, Sample
from mbap.diagnose.probehints import Hints, manner, scaled
from mbap.diagnose.probetiling import MIXED, NEVER, PLAIN, Changes, Laid, Scores, lay
from mbap.diagnose.probeword import BY_NAME, KINDS, ORDER_NAMES, Kind, Part, joined, number
from mbap.values import Encoding

MOST_OTHERS: Final = 12
"""Other guesses that are kept of a place."""
COMPARED: Final = frozenset(kind.name for kind in KINDS) - {"bits", "empty", "text"}
ORDER_POINTS: Final = (0.0, -1.0, -3.0, -2.5)
"""How rare each order is in devices."""
PARITY_POINTS: Final = {0: -1.0, 1: -1.5, None: -2.5}
"""How rare it is that a device's wide values begin at even addresses, at odd ones, at both."""
MIXED_COST: Final = 1.5
"""How rare it is that a device mixes numbers of one and two registers as they come."""


def probe(samples: Sequence[Sample], address: int = 0, hints: Hints | None = None) -> Found:
    """What the registers from *address* on hold, by *samples* of them.

    Raises:
        ValueError: there is no sample, or they are of different lengths.
    """
    return probe_device([Block(samples, address, hints or Hints())])[0]


def probe_device(blocks: Sequence[Block]) -> list[Found]:
    """What each of several blocks of one device holds; they have one order of bytes.

    Raises:
        ValueError: a block has no sample, or samples of different lengths.
    """
    scored = [_Block(block) for block in blocks]
    orders = [order for order in range(4) if all(order in one.orders for one in scored)]
    layings = {order: _best_aligned(scored, order) for order in orders}
    totals = {order: ORDER_POINTS[order] + total for order, (total, _) in layings.items()}
    best = max(totals, key=lambda order: totals[order])
    behind = {order: total - totals[best] for order, total in totals.items()}
    named = {ORDER_NAMES[order]: round(less, 1) for order, less in behind.items()}
    return [
        Found(
            ORDER_NAMES[best],
            named,
            tuple(one.places(best, behind, {order: laid[number] for order, (_, laid) in layings.items()})),
        )
        for number, one in enumerate(scored)
    ]


def _best_aligned(blocks: Sequence[_Block], order: int) -> tuple[float, list[list[Laid]]]:
    """The points of the best layings of *blocks* in *order*, and these: aligned alike in all of them."""
    ways = []
    for parity, changes in product(PARITY_POINTS, (PLAIN, MIXED)):
        laid = [one.laid(order, parity, changes) for one in blocks]
        points = PARITY_POINTS[parity] - (MIXED_COST if changes is MIXED else 0.0)
        ways.append((points + sum(run.total for runs in laid for run in runs), laid))
    return max(ways, key=lambda way: way[0])


@dataclass(frozen=True, slots=True)
class _Scored:
    """A kind at a place in an order, with its points."""

    kind: Kind
    pattern: int
    scale: float
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)


class _Block:
    """A block with the points of every kind at every place, in every order."""

    def __init__(self, block: Block) -> None:
        samples, hints = block.samples, block.hints
        if not samples or not samples[0] or len({len(sample) for sample in samples}) > 1:
            raise ValueError("probing takes one sample or more, all with the same number of registers")
        self._samples, self._address, self._hints = samples, block.address, hints
        self.orders = range(4) if hints.order is None else (hints.order,)
        self._runs = list(_runs(samples))
        self._summed: dict[int, list[tuple[list[dict[str, float]], list[dict[str, float]]]]] = {}
        self._scored = {order: [self._run(run, order) for run in self._runs] for order in self.orders}

    def _run(self, run: range, order: int) -> list[dict[str, _Scored]]:
        return [self._kinds(place, run.stop, order) for place in run]

    def _kinds(self, place: int, end: int, order: int) -> dict[str, _Scored]:
        return {kind.name: self._score(kind, place, order) for kind in KINDS if place + kind.width <= end}

    def _score(self, kind: Kind, place: int, order: int) -> _Scored:
        patterns = self._patterns(kind, place, order)
        address = self._address + place
        values = [number(kind, pattern) for pattern in patterns]
        scale, parts = scaled(kind, values, self._hints, self._hints.known.get(address))
        hidden = any(address < known < address + kind.width for known in self._hints.known)
        parts += [Part(-30.0, "a known value begins within it")] if hidden else []
        return _Scored(
            kind, patterns[0], scale, (*evidence(kind, patterns), *parts, *manner(values, self._hints))
        )

    def _patterns(self, kind: Kind, place: int, order: int) -> list[int]:
        return [joined(words[place : place + kind.width], order) for words in self._samples]  # type: ignore[arg-type]

    def laid(self, order: int, parity: int | None, changes: Changes) -> list[Laid]:
        """The layings of each run in *order*, wide values beginning at addresses of *parity*."""
        return [
            lay(Scores(points, alike, _within(parity, self._address + run.start), changes))
            for run, (points, alike) in zip(self._runs, self._points(order), strict=True)
        ]

    def _points(self, order: int) -> list[tuple[list[dict[str, float]], list[dict[str, float]]]]:
        """For each run the points of every kind at every place, and those for being like the value before."""
        if order not in self._summed:
            self._summed[order] = [
                ([{name: one.points for name, one in kinds.items()} for kinds in run], _neighbours(run))
                for run in self._scored[order]
            ]
        return self._summed[order]

    def places(self, best: int, behind: dict[int, float], layings: dict[int, list[Laid]]) -> Iterator[Place]:
        """The best laying in the order *best*; each value with all others that could begin there."""
        ways = {order: [laid.through() for laid in runs] for order, runs in layings.items()}
        most = {
            (order, index): max((max(kinds.values()) for kinds in run), default=0.0)
            for order, runs in ways.items()
            for index, run in enumerate(runs)
        }
        for index, laid in enumerate(layings[best]):
            for place, kind, count in _with_texts(laid.tiles()):
                at = self._runs[index].start + place
                scored = self._scored[best][index][place][kind.name]
                guess = self._guess(at, scored, best, count, laid.total, 0.0)
                lost = {order: most[order, index] - behind[order] for order in behind}
                others = self._others(index, place, at, ways, lost)
                yield Place(
                    guess,
                    tuple(one for one in others if not _alike(one, guess)),
                    min(_astride(ways[order][index], place, lost[order]) for order in behind),
                )

    def _others(
        self,
        index: int,
        place: int,
        at: int,
        ways: dict[int, list[list[dict[str, float]]]],
        lost: Mapping[int, float],
    ) -> list[Guess]:
        """What else could begin there, the likeliest first; *lost* has the points of the best by order."""
        candidates = sorted(
            (lost[order] - points, order, name)
            for order in lost
            for name, points in ways[order][index][place].items()
            if points > NEVER
        )
        found: dict[object, Guess] = {}
        for less, order, name in candidates:
            if len(found) >= MOST_OTHERS:
                break
            scored = self._scored[order][index][place][name]
            one = self._guess(at, scored, order, 1, lost[order] - less, less)
            found.setdefault(_reading(one), one)
        return list(found.values())

    def _guess(self, at: int, scored: _Scored, order: int, count: int, points: float, behind: float) -> Guess:
        encoding = _encoding(scored, order, count)
        words = [sample[at : at + encoding.count] for sample in self._samples]
        values = tuple(encoding.decode(part) for part in words)  # type: ignore[arg-type]
        return Guess(
            self._address + at,
            scored.kind.name,
            encoding,
            values,
            round(points, 1),
            round(max(behind, 0.0), 1),
            scored.parts,
        )


def _within(parity: int | None, start: int) -> int | None:
    """*parity* of addresses as that of places in a run from *start* on."""
    return None if parity is None else (parity - start) % 2


def _neighbours(run: Sequence[Mapping[str, _Scored]]) -> list[dict[str, float]]:
    """At each place and for each kind the points for being like the one before, where it says something."""
    found: list[dict[str, float]] = [{} for _ in run]
    for place, kinds in enumerate(run):
        for name, one in kinds.items():
            if name in COMPARED and (start := place - one.kind.width) >= 0:
                points = alike(one.kind, run[start][name].pattern, one.pattern)
                if points:
                    found[place][name] = points
    return found


def _astride(run: Sequence[Mapping[str, float]], place: int, best: float) -> float:
    """How far behind *best* the best laying of *run* is that has a value across the beginning of *place*."""
    across = (
        points
        for start in range(max(place - 3, 0), place)
        for name, points in run[start].items()
        if BY_NAME[name].width > place - start
    )
    return round(max(best - max(across, default=NEVER), 0.0), 1)


def _alike(one: Guess, guess: Guess) -> bool:
    """Whether *one* says the same as *guess*, or is only its first register where that is text."""
    if one.kind == guess.kind == "text":
        return one.encoding.order == guess.encoding.order
    return _reading(one) == _reading(guess)


def _reading(guess: Guess) -> tuple[str, Encoding]:
    return guess.kind, replace(guess.encoding, scale=1.0) if guess.encoding.scale != 1 else guess.encoding


def _encoding(scored: _Scored, order: int, count: int) -> Encoding:
    if scored.kind.name == "text":
        return Encoding("string", ORDER_NAMES[order], length=count)
    return Encoding(scored.kind.type, ORDER_NAMES[order], scale=scored.scale)


def _with_texts(tiles: Sequence[tuple[int, Kind]]) -> Iterator[tuple[int, Kind, int]]:
    """The values, the registers of a text as one: place, kind, how many values of the kind."""
    index = 0
    while index < len(tiles):
        place, kind = tiles[index]
        count = 1
        while kind.name == "text" and index + count < len(tiles) and tiles[index + count][1] is kind:
            count += 1
        yield place, kind, count
        index += count


def _runs(samples: Sequence[Sample]) -> Iterator[range]:
    """The stretches of registers that every sample has."""
    start = None
    for place, words in enumerate((*zip(*samples, strict=True), (None,))):
        if None in words:
            if start is not None:
                yield range(start, place)
            start = None
        elif start is None:
            start = place
