"""How often the first guess of `mbap probe` is right, over the profiles of real devices in all four orders.

python3 dev bench probe            as it is; with one known value a block; with one sample; maps of the tests
python3 dev bench probe --quick    as it is, only
python3 dev bench probe --misses   also which points were missed, and what was guessed

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
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mbap.cli.tables import table
from mbap.collect.profiles import load_profile, profile_names
from mbap.collect.registermap import Point, Profile
from mbap.diagnose.probe import Block, Found, Guess, Place, probe_device
from mbap.diagnose.probehints import TYPICAL, Hints
from mbap.values import ORDERS, Encoding, Value

ORDER_NAMES = ORDERS[2]
BRIDGED = 16
LARGEST = 125
MAPS = Path(__file__).parents[1] / "tests" / "diagnose" / "registermaps"
SAMPLES = 5


@dataclass(slots=True)
class Score:
    """What became of points: counts of right, same, wrong, nothing, and of scales."""

    points: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def __iadd__(self, other: Score) -> Score:
        self.points += other.points
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
    """The maps of the tests, each of one source only, with which nothing was tuned."""
    return [str(path) for path in sorted(MAPS.glob("*.toml"))]


def score(name: str, order: str, samples: int = SAMPLES, known: bool = False, seed: int = 1) -> Score:
    """How the first guesses for the device *name* are, when it has the order *order*."""
    total = Score()
    profile = load_profile(name)
    source = random.Random(f"{profile.name} {seed}")
    worlds = _worlds(profile, source, samples)
    blocks = [_Simulated.of(block, order, worlds, known) for block in _blocks(profile)]
    found = probe_device([Block(block.samples, block.start, block.hints) for block in blocks])
    for block, one in zip(blocks, found, strict=True):
        total += block.score(f"{name} {order}", one)
    return total


def _worlds(profile: Profile, source: random.Random, samples: int) -> list[dict[str, Value]]:
    """The values of all points in each sample."""
    starts = {point.name: _start(point, source) for point in profile.points if point.encoding is not None}
    points = [point for point in profile.points if point.name in starts]
    worlds = [starts]
    for _ in range(samples):
        before = worlds[-1]
        worlds.append({one.name: _moved(one, starts[one.name], before[one.name], source) for one in points})
    return worlds[1:]


VOLTS = (
    ("battery", 52.4),
    ("pv", 385.0),
    ("_l1_l2", 400.0),
    ("_l2_l3", 400.0),
    ("_l3_l1", 400.0),
    ("line", 400.0),
)
STARTS = {"Hz": (49.97, 50.03), "A": (0.3, 16.0), "°C": (18.0, 46.0), "°": (3.0, 40.0), "%": (2.0, 98.0)}
POWERS = {"W": 1.0, "VA": 1.0, "var": 0.2, "kW": 0.001, "kVA": 0.001, "kvar": 0.0002}
ENERGIES = {"kWh": 1.0, "Wh": 1000.0, "kvarh": 0.1, "kVAh": 1.0, "Ah": 4.0}


def _start(point: Point, source: random.Random) -> Value:
    """A value such as a device in a house shows."""
    unit = point.unit
    assert point.encoding is not None
    if point.encoding.length:
        return "SUN2000-10KTL-M1" if "model" in point.name else "HV2140123456"
    if unit == "V":
        return next((volts for word, volts in VOLTS if word in point.name), 230.0) + source.gauss(0, 2.0)
    if unit in POWERS:
        return source.uniform(60.0, 6000.0) * POWERS[unit]
    if unit in ENERGIES:
        most = 40.0 if "today" in point.name else 42_000.0
        return (
            0.0
            if "export" in point.name and source.random() < 0.3
            else source.uniform(1.0, most) * ENERGIES[unit]
        )
    if unit in STARTS:
        return source.uniform(*STARTS[unit])
    if "power_factor" in point.name:
        return source.uniform(0.75, 0.999)
    return float(source.randint(1, 6))


def _moved(point: Point, start: Value, before: Value, source: random.Random) -> Value:
    """What follows *before*, a second later, in a value that is about *start*; what counts never falls."""
    if isinstance(start, str) or isinstance(before, str):
        return start
    unit = point.unit
    if unit in ENERGIES:
        return before + source.uniform(0.0008, 0.0012) * ENERGIES[unit] * (start > 0)
    if unit == "V":
        return start + source.gauss(0, 0.2)
    if unit in POWERS or unit == "A":
        return start * (1 + source.gauss(0, 0.01))
    if unit == "Hz":
        return start + source.gauss(0, 0.005)
    if "power_factor" in point.name:
        return min(start + source.gauss(0, 0.002), 1.0)
    return start


def _blocks(profile: Profile) -> Iterator[list[Point]]:
    """Points of one table that lie close together."""
    ordered = sorted(
        (point for point in profile.points if point.encoding is not None and point.encoding.bit is None),
        key=lambda point: (point.table.value, point.address),
    )
    block: list[Point] = []
    for point in ordered:
        if block and not _fits(block, point):
            yield block
            block = []
        block.append(point)
    if block:
        yield block


def _fits(block: Sequence[Point], point: Point) -> bool:
    first, last = block[0], block[-1]
    assert last.encoding is not None
    assert point.encoding is not None
    near = point.address - last.address - last.encoding.count <= BRIDGED
    room = point.address + point.encoding.count - first.address <= LARGEST
    return point.table is last.table and near and room


def _in_order(point: Point, order: str) -> Encoding:
    """How the point lies in a device of that order, without what means no value."""
    assert point.encoding is not None
    plain = point.encoding
    return Encoding(plain.type, order, plain.scale, plain.offset, plain.length)


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
        cls, points: Sequence[Point], order: str, worlds: Sequence[dict[str, Value]], known: bool
    ) -> _Simulated:
        start = points[0].address
        encodings = {point.name: _in_order(point, order) for point in points}
        samples = [_registers(points, encodings, world, start) for world in worlds]
        hints = Hints(known=_known(points, encodings, samples[-1], start)) if known else Hints()
        return cls(points, encodings, samples, start, hints)

    def score(self, what: str, found: Found) -> Score:
        """What became of its points."""
        places = {place.guess.address: place for place in found.places}
        total = Score()
        for point in self.points:
            encoding = self.encodings[point.name]
            at = point.address - self.start
            values = [encoding.decode(sample[at : at + encoding.count]) for sample in self.samples]
            known = point.address in self.hints.known
            total += _judge(f"{what} {point.name}", encoding, values, places.get(point.address), known)
        return total


def _registers(
    block: Sequence[Point], encodings: dict[str, Encoding], world: dict[str, Value], start: int
) -> list[int]:
    last = max(point.address + encodings[point.name].count for point in block)
    words = [0] * (last - start)
    for point in block:
        at = point.address - start
        encoded = encodings[point.name].encode(world[point.name])
        words[at : at + len(encoded)] = encoded
    return words


def _known(
    block: Sequence[Point], encodings: dict[str, Encoding], words: Sequence[int], start: int
) -> dict[int, float]:
    """What a person can read from the device's display: the first number of the block that is not 0."""
    for point in block:
        encoding = encodings[point.name]
        value = encoding.decode(words[point.address - start : point.address - start + encoding.count])
        if isinstance(value, (int, float)) and value:
            return {point.address: float(value)}
    return {}


def _judge(
    what: str, true: Encoding, values: Sequence[Value | None], place: Place | None, known: bool
) -> Score:
    """What became of one point."""
    result = Score()
    if not any(values):
        result.points["nothing"] += 1
        return result
    guess = None if place is None else place.guess
    verdict = "wrong" if guess is None else _verdict(true, values, guess)
    result.points[verdict] += 1
    if verdict == "wrong":
        found = "what begins elsewhere" if guess is None else f"{guess.encoding.type},{guess.encoding.order}"
        result.misses.append(f"{what}: {true.type},{true.order} {values[-1]} guessed {found}")
    elif guess is not None and not true.type.startswith(("float", "string")):
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
    samples: int = SAMPLES, known: bool = False, names: Sequence[str] | None = None
) -> dict[str, dict[str, Score]]:
    """The scores of every profile in every order."""
    return {
        name: {order: score(name, order, samples, known) for order in ORDER_NAMES}
        for name in names or real_profiles()
    }


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


def main() -> int:
    """Print the scores."""
    parser = argparse.ArgumentParser(description="how often the first guess of mbap probe is right")
    parser.add_argument("--quick", action="store_true", help="without hints and with five samples only")
    parser.add_argument("--misses", action="store_true", help="print what was missed")
    options = parser.parse_args()
    began = time.process_time()
    plain = total()
    _show(f"{SAMPLES} samples, no hint", plain)
    _show(f"{SAMPLES} samples, no hint, maps with which nothing was tuned", total(names=held_out()))
    if not options.quick:
        _show(f"{SAMPLES} samples, one known value a block", total(known=True))
        _show("1 sample, no hint", total(samples=1))
    if options.misses:
        print("\n".join(summed(plain).misses))
    print(f"{len(plain)} profiles, {time.process_time() - began:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
