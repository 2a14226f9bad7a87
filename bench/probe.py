"""How often the first guess of `mbap probe` is right, over the profiles of real devices in all four orders.

python3 dev bench probe            with five samples, with one, and with one known value a block
python3 dev bench probe --quick    with five samples only
python3 dev bench probe --misses   also which points of built-in profiles were missed, and what was guessed
python3 dev bench probe --seeds 3  with other values, three times

The built-in profiles are those that the points of the scoring were set with. The maps of
tests/diagnose/registermaps, each of one source only, are held out: nothing is set by what is missed in them.
Both are shown side by side.

A device is simulated from its profile: values such as such a device shows, moving a little from sample to
sample, encoded in the order in question, gaps of the map 0. Each stretch without a gap of more than 16
registers is one block; the blocks of a device are probed together, and the best guess at each point's address
is compared with the profile:

right     type, order and place are those of the profile
same      another type that shows the same numbers in every sample: uint16 or int16 of a small positive value.
          Registers cannot tell; counted as right, and said
wrong     anything else
nothing   every sample is 0, which any type shows: not counted

The scale of a whole number is only decidable where the value is one that people know at sight, a mains
voltage or frequency; it is counted there, and elsewhere with the known value that was given for it. Whole
numbers of which registers do not say the scale are counted as open.

How sure a guess was said to be is compared with how often it was right: of the value that lies over the
point's first register.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.probeworlds import blocks, in_order, known_value, registers, worlds

from mbap.cli.tables import table
from mbap.collect.profiles import load_profile, profile_names
from mbap.collect.registermap import Point
from mbap.diagnose.probe import probe_device
from mbap.diagnose.probefound import Block, Found, Guess, Place
from mbap.diagnose.probehints import TYPICAL, Hints
from mbap.values import ORDERS, Encoding, Value

ORDER_NAMES = ORDERS[2]
MAPS = Path(__file__).parents[1] / "tests" / "diagnose" / "registermaps"
SAMPLES = 5


@dataclass(slots=True)
class Score:
    """What became of points: counts of right, same, wrong, nothing, and of scales.

    Attributes:
        types: by the type that the profile has, how many points are counted, and how many are right.
        said: by how sure the guess was said to be, the same.
    """

    points: Counter[str] = field(default_factory=Counter)
    types: Counter[tuple[str, bool]] = field(default_factory=Counter)
    said: Counter[tuple[str, bool]] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def __iadd__(self, other: Score) -> Score:
        self.points += other.points
        self.types += other.types
        self.said += other.said
        self.misses += other.misses
        return self

    @property
    def counted(self) -> int:
        """Points of which registers say something."""
        return self.points["right"] + self.points["same"] + self.points["wrong"]

    @property
    def share(self) -> float:
        """How many of these were right, of 1."""
        return (self.points["right"] + self.points["same"]) / max(self.counted, 1)

    @property
    def scale_share(self) -> float:
        """How many of the decidable scales were right, of 1."""
        return self.points["scale right"] / max(self.points["scale"], 1)


def real_profiles() -> list[str]:
    """The names of the built-in profiles of devices that exist."""
    return [name for name in profile_names() if not name.startswith("demo_")]


def held_out() -> list[str]:
    """The maps of the tests, each of one source only, with which nothing was set."""
    return [str(path) for path in sorted(MAPS.glob("*.toml"))]


def score(name: str, order: str, samples: int = SAMPLES, known: bool = False, seed: int = 1) -> Score:
    """How the first guesses for the device *name* are, when it has the order *order*."""
    total = Score()
    profile = load_profile(name)
    source = random.Random(f"{profile.name} {seed}")
    seen = worlds(profile, source, samples)
    simulated = [_Simulated.of(block, order, seen, known) for block in blocks(profile)]
    found = probe_device([Block(block.samples, block.start, block.hints) for block in simulated])
    for block, one in zip(simulated, found, strict=True):
        total += block.score(f"{name} {order}", one)
    return total


@dataclass(frozen=True, slots=True)
class _Simulated:
    """A block of the simulated device."""

    points: Sequence[Point]
    encodings: dict[str, Encoding]
    samples: Sequence[list[int]]
    start: int
    hints: Hints

    @classmethod
    def of(
        cls, points: Sequence[Point], order: str, seen: Sequence[dict[str, Value]], known: bool
    ) -> _Simulated:
        start = points[0].address
        encodings = {point.name: in_order(point, order) for point in points}
        samples = [registers(points, encodings, world, start) for world in seen]
        hints = Hints(known=known_value(points, encodings, samples[-1], start)) if known else Hints()
        return cls(points, encodings, samples, start, hints)

    def score(self, what: str, found: Found) -> Score:
        """What became of its points."""
        over = {
            place.guess.address + number: place
            for place in found.places
            for number in range(place.guess.encoding.count)
        }
        total = Score()
        for point in self.points:
            encoding = self.encodings[point.name]
            at = point.address - self.start
            values = [encoding.decode(sample[at : at + encoding.count]) for sample in self.samples]
            known, place = point.address in self.hints.known, over[point.address]
            total += _judge(f"{what} {point.name}", encoding, values, place, point.address, known)
        return total


def _judge(
    what: str, true: Encoding, values: Sequence[Value | None], place: Place, address: int, known: bool
) -> Score:
    """What became of the point at *address*, over whose first register *place* lies."""
    result = Score()
    if not any(values):
        result.points["nothing"] += 1
        return result
    guess = place.guess
    verdict = "wrong" if guess.address != address else _verdict(true, values, guess)
    right = verdict != "wrong"
    result.points[verdict] += 1
    result.types[true.type, right] += 1
    result.said[place.sure, right] += 1
    if not right:
        found = f"{guess.encoding.type},{guess.encoding.order} from {guess.address - address:+d} on"
        result.misses.append(f"{what}: {true.type},{true.order} {values[-1]} guessed {found}, {place.sure}")
    elif not true.type.startswith(("float", "string")):
        decidable = known or _known_at_sight(values)
        result.points["scale" if decidable else "open"] += 1
        result.points["scale right"] += decidable and guess.encoding.scale == true.scale
    return result


def _verdict(true: Encoding, values: Sequence[Value | None], guess: Guess) -> str:
    found = guess.encoding
    if found.type == true.type and found.order == true.order:
        # Text ends where it ends: what follows it is padding.
        return "right" if found.length is None or guess.values[-1] == values[-1] else "wrong"
    if found.count != true.count or found.length is not None:
        return "wrong"
    raws = [
        None if value is None else round(float(value) / true.scale, 6)
        for value in values
        if not isinstance(value, str)
    ]
    shown = [
        round(float(value) / found.scale, 6) for value in guess.values if isinstance(value, (int, float))
    ]
    return "same" if raws == shown else "wrong"


def _known_at_sight(values: Sequence[Value | None]) -> bool:
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    return any(all(low <= number <= high for number in numbers) for low, high, *_ in TYPICAL)


def total(
    samples: int = SAMPLES, known: bool = False, names: Sequence[str] | None = None, seeds: int = 1
) -> dict[str, dict[str, Score]]:
    """The scores of every profile in every order."""
    return {
        name: {order: _seeded(name, order, samples, known, seeds) for order in ORDER_NAMES}
        for name in names or real_profiles()
    }


def _seeded(name: str, order: str, samples: int, known: bool, seeds: int) -> Score:
    result = Score()
    for seed in range(1, seeds + 1):
        result += score(name, order, samples, known, seed)
    return result


def summed(scores: dict[str, dict[str, Score]], order: str | None = None) -> Score:
    """All *scores* together, or those of one order."""
    result = Score()
    for by_order in scores.values():
        for name, one in by_order.items():
            if order in (None, name):
                result += one
    return result


HEADS = ("profile", "points", "right", "same", "wrong", "nothing", "type, order", "scale", "open")


def _row(name: str, one: Score) -> tuple[str, ...]:
    counts = [str(one.points[word]) for word in ("right", "same", "wrong", "nothing")]
    scale = f"{one.points['scale right']}/{one.points['scale']}" if one.points["scale"] else "-"
    return (
        name,
        str(one.counted + one.points["nothing"]),
        *counts,
        f"{one.share:.1%}",
        scale,
        str(one.points["open"]),
    )


def _show(title: str, scores: dict[str, dict[str, Score]]) -> None:
    rows = [_row(Path(name).stem, summed({name: by_order})) for name, by_order in scores.items()]
    rows += [_row(f"all, {order}", summed(scores, order)) for order in ORDER_NAMES]
    rows.append(_row("all", summed(scores)))
    print(f"{title}\n\n{table(HEADS, rows, range(1, len(HEADS)))}\n", flush=True)


SAID = ("sure", "likely", "open")
"""How sure a guess is said to be."""


def said_share(one: Score, sure: str) -> float:
    """How many of the guesses that were said to be *sure* are right, of 1."""
    right, wrong = one.said[sure, True], one.said[sure, False]
    return right / max(right + wrong, 1)


def _counted(counts: Counter[tuple[str, bool]], word: str) -> str:
    right, every = counts[word, True], counts[word, True] + counts[word, False]
    return f"{right}/{every} {right / every:.1%}" if every else "-"


def _compare(scores: dict[str, dict[str, dict[str, Score]]]) -> None:
    """The scores side by side: by type, and by how sure the guesses were said to be."""
    sums = {title: summed(one) for title, one in scores.items()}
    types = sorted({name for one in sums.values() for name, _ in one.types})
    for title, words, pick in (("type", types, "types"), ("said to be", SAID, "said")):
        rows = [(word, *(_counted(getattr(one, pick), word) for one in sums.values())) for word in words]
        print(f"{table((title, *sums), rows, range(1, len(sums) + 1))}\n", flush=True)
    rows = [("all", *(f"{one.share:.1%}" for one in sums.values()))]
    rows += [
        (order, *(f"{summed(one, order).share:.1%}" for one in scores.values())) for order in ORDER_NAMES
    ]
    print(f"{table(('order', *sums), rows, range(1, len(sums) + 1))}\n", flush=True)


def _measured(quick: bool, seeds: int) -> dict[str, dict[str, dict[str, Score]]]:
    """The scores by samples and maps."""
    amounts = (SAMPLES,) if quick else (1, SAMPLES)
    found = {}
    for maps, names in (("built-in", real_profiles()), ("held out", held_out())):
        for samples in amounts:
            found[f"{maps}, {samples}"] = total(samples, names=names, seeds=seeds)
    return found


def main() -> int:
    """Print the scores."""
    parser = argparse.ArgumentParser(description="how often the first guess of mbap probe is right")
    parser.add_argument("--quick", action="store_true", help="without hints and with five samples only")
    parser.add_argument("--misses", action="store_true", help="print what was missed")
    parser.add_argument("--seeds", type=int, default=1, help="how often, each time with other values")
    options = parser.parse_args()
    began = time.process_time()
    scores = _measured(options.quick, options.seeds)
    for title, one in scores.items():
        _show(f"{title} samples, no hint", one)
    print("beside each other, by maps and number of samples\n")
    _compare(scores)
    if not options.quick:
        _show(f"built-in, {SAMPLES}, one known value a block", total(known=True, seeds=options.seeds))
    if options.misses:
        print("\n".join(summed(scores[f"built-in, {SAMPLES}"]).misses))
    spent = time.process_time() - began
    print(f"{spent:.0f} s of processor time; a block of 125 registers takes {one_block():.2f} s")
    return 0


def one_block(turns: int = 3) -> float:
    """Seconds of processor time for 125 registers of all kinds in five samples; the least of some turns."""
    source = random.Random(1)
    ranges = (1, 65536, 3000, 30)
    first = [source.randrange(source.choice(ranges)) for _ in range(125)]
    samples = [
        [word + source.randrange(3) & 0xFFFF if place % 3 == 0 else word for place, word in enumerate(first)]
        for _ in range(SAMPLES)
    ]
    spent = []
    for _ in range(turns):
        began = time.process_time()
        probe_device([Block(samples)])
        spent.append(time.process_time() - began)
    return min(spent)


if __name__ == "__main__":
    sys.exit(main())
