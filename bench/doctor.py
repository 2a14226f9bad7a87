"""How often `mbap doctor` names the right addresses and the right order of words, over the built-in profiles.

python3 dev bench doctor            near and far, three seeds
python3 dev bench doctor --quick    one seed
python3 dev bench doctor --still    with values that do not move
python3 dev bench doctor --misses   also which devices were not named exactly, and what was said

A device is simulated from each profile of a real device that has numbers of several registers: values such as
it shows, moving a little whenever the doctor rests, in each order of words, at addresses that are off by a
shift. Three layouts are tried:

bare      only the registers of points answer; text and single registers among them
filled    from the first point to the last all answer, with 0 where no point is
open      every address answers

right     the fault names this shift and this order, and no other possibility
both      the right shift and order are named beside another, or as another
doubt     nothing is called wrong: it is said that it may be chance, or that nothing can be told
other     it is said that nothing that was tried makes the values right
wrong     another shift or order is named alone: this must not be

What is right as it is (no shift, the profile's order) has to be found so: then `right` means that no fault
was said.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.probe import real_profiles
from bench.probeworlds import worlds

from mbap.addresses import Table
from mbap.cli.tables import table
from mbap.collect.profiles import load_profile
from mbap.collect.registermap import Profile
from mbap.diagnose.doctor.asking import Asking, Outcome
from mbap.diagnose.doctor.case import Case, Wishes
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.likely import ORDERS, turned_by
from mbap.diagnose.doctor.offsets import FAR
from mbap.diagnose.doctor.reading import chosen, order_of, reading
from mbap.errors import IllegalDataAddress
from mbap.protocol.pdu import READS
from mbap.protocol.wire import Registers
from mbap.transport.endpoint import parse_endpoint
from mbap.values.orders import order_kind

LAYOUTS = ("bare", "filled", "open")
TURNS = ("the profile's", "words exchanged", "bytes exchanged", "both exchanged")
SHIFTS: dict[str, Sequence[int]] = {"as it is": (0,), "near": (-1, 1), "far": FAR}
VERDICTS = ("right", "both", "doubt", "other", "wrong")
SAMPLES = 8
Memory = dict[tuple[Table, int], int]


@dataclass(frozen=True, slots=True)
class Trial:
    """One device: *name* in the order that is *turn* away from the profile's, off by *shift*."""

    name: str
    turn: int
    shift: int
    layout: str
    seed: int


class Living(Asking):
    """A device without a network, whose values move on whenever it is left alone for a moment."""

    def __init__(self, moments: Sequence[Memory], *, everywhere: bool) -> None:
        super().__init__("tcp://127.0.0.1", timeout=1.0, pause=0.0, sleep=lambda _: None)
        self.moments, self.everywhere, self.now = moments, everywhere, 0

    def move_on(self, _seconds: float) -> None:
        """Time passes."""
        self.now = min(self.now + 1, len(self.moments) - 1)

    def ask(self, request: Any, unit: int, *, timeout: float | None = None) -> Outcome:
        """What is there; exception 02 where something is not."""
        self.requests += 1
        read = next(one for one, kind in READS.items() if isinstance(request, kind))
        memory = self.moments[self.now]
        words = [memory.get((read, request.address + at)) for at in range(request.count)]
        if None in words and not self.everywhere:
            return Outcome(0.001, error=IllegalDataAddress())
        return Outcome(0.001, Registers.of([word or 0 for word in words]))


def profile_for(name: str, shift: int) -> Profile | None:
    """The profile of *name*, raised where the device would lie below 0; None where there is no room."""
    profile = load_profile(name)
    points = [point for point in profile.points if point.encoding is not None]
    first, last = min(one.address for one in points), max(one.last for one in points)
    by = max(0, -shift - first + (10 if shift in (-1, 1) else 0))
    if last + by > 0xFFFF or last + by + shift > 0xFFFF:
        return None
    return replace(profile, points=tuple(replace(one, address=one.address + by) for one in points))


def moments(profile: Profile, trial: Trial) -> list[Memory]:
    """What the device holds, moment by moment."""
    source = random.Random(f"{trial.name} {trial.turn} {trial.shift} {trial.seed}")
    seen = worlds(profile, source, SAMPLES)
    return [_memory(profile, world, trial) for world in seen]


def _memory(profile: Profile, world: dict[str, Any], trial: Trial) -> Memory:
    memory: Memory = {}
    for point in profile.points:
        assert point.encoding is not None
        encoding = replace(turned_by(point.encoding, trial.turn), sentinels=(), bit=None)
        for at, word in enumerate(encoding.encode(world[point.name])):
            memory[point.table, point.address + trial.shift + at] = word
    if trial.layout == "filled":
        for one in {one for one, _ in memory}:
            every = [address for each, address in memory if each is one]
            memory = {(one, at): 0 for at in range(min(every), max(every) + 1)} | memory
    return memory


def examined(trial: Trial, *, still: bool = False) -> tuple[Finding, int] | None:
    """What the doctor says of the values, and after how many reads; None: no such device."""
    profile = profile_for(trial.name, trial.shift)
    if profile is None:
        return None
    seen = moments(profile, trial)[: 1 if still else SAMPLES]
    device = Living(seen, everywhere=trial.layout == "open")
    case = Case(parse_endpoint("tcp://127.0.0.1"), Wishes(profile=profile), sleep=device.move_on)
    case.asking, case.known.unit = device, 1
    (finding,) = reading(case)
    return finding, device.requests


def verdict(trial: Trial, found: Finding, order: str) -> str:
    """What the finding is worth."""
    if not trial.shift and not trial.turn:
        return "right" if found.severity is not Severity.FAULT else "wrong"
    if "shift" not in found.data:
        return "other" if found.severity is Severity.FAULT else "doubt"
    if found.severity is not Severity.FAULT:
        return "doubt"
    exact = (found.data["shift"], found.data["word_order"]) == (trial.shift, order)
    if "tells which" in found.means:
        return "both"
    return "right" if exact else "wrong"


def order_after(profile: Profile, turn: int) -> str:
    """The order of the profile's numbers, after *turn*."""
    return ORDERS[order_kind(order_of(chosen(profile))) ^ turn]


def trials(seeds: int, shifts: Sequence[int], turn: int, layout: str) -> Iterator[Trial]:
    """Every device once for each seed."""
    for name in real_profiles():
        if any(one.count > 1 for one in load_profile(name).points):
            for shift, seed in itertools.product(shifts, range(seeds)):
                yield Trial(name, turn, shift, layout, seed)


@dataclass(slots=True)
class Tally:
    """How many of each verdict, the most reads that one took, and what was not named exactly."""

    counts: Counter[str] = field(default_factory=Counter)
    most: int = 0
    misses: list[str] = field(default_factory=list)


def tally(kind: str, turn: int, layout: str, seeds: int, *, still: bool = False) -> Tally:
    """What became of the devices of one row: *kind* is one of `SHIFTS`."""
    found = Tally()
    for trial in trials(seeds, SHIFTS[kind], turn, layout):
        result = examined(trial, still=still)
        if result is not None:
            finding, requests = result
            said = verdict(trial, finding, order_after(load_profile(trial.name), turn))
            found.counts[said] += 1
            found.most = max(found.most, requests)
            if said != "right":
                found.misses.append(f"{trial}: {said}: {finding.seen} | {finding.means}")
    return found


def main() -> int:
    """Print how often it is right."""
    parser = argparse.ArgumentParser(description="how often mbap doctor names shift and order")
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--still", action="store_true", help="devices whose values do not move")
    parser.add_argument("--misses", action="store_true", help="print what was not named exactly")
    options = parser.parse_args()
    seeds = 1 if options.quick else 3
    rows, misses = [], []
    for kind, (turn, turned), layout in itertools.product(SHIFTS, enumerate(TURNS), LAYOUTS):
        found = tally(kind, turn, layout, seeds, still=options.still)
        counts = [str(found.counts[one]) for one in VERDICTS]
        rows.append((kind, turned, layout, str(found.counts.total()), *counts, str(found.most)))
        misses += found.misses
    print(table(("device", "order", "layout", "all", *VERDICTS, "most reads"), rows, range(3, 10)))
    if options.misses:
        print("\n".join(misses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
