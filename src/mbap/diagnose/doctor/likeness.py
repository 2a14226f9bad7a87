"""Without a profile: what a few registers look like, and the order of words that follows from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mbap.addresses import Location, Table
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, note, skipped
from mbap.diagnose.doctor.items import item, shown
from mbap.diagnose.doctor.prescription import in_full
from mbap.diagnose.probe import probe_device
from mbap.diagnose.probefound import Block, Found, Guess, Place, Sample
from mbap.values import Encoding

SAMPLES, APART = 3, 0.4
"""How often the registers are read, and how many seconds apart."""
MOST = 48
"""Registers of each table that are looked at."""
FEW = 6
"""Reads to find out how many can be read, where that is not known."""
SURE, LIKELY = 15.0, 3.0
"""So many points an order has to be ahead of the next. In no simulated device was one wrong from 12 on."""
SHOWN = 3
USUAL_ORDER = "ABCD"
_REGISTERS = (Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS)
_NO_NUMBERS = ("empty", "text", "bits")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Registers of one table from *address* on, and some *samples* of them."""

    table: Table
    address: int
    samples: Sequence[Sample]

    def __str__(self) -> str:
        first = Location(self.table, self.address)
        return (
            f"{first}..{self.address + len(self.samples[0]) - 1}" if len(self.samples[0]) > 1 else f"{first}"
        )


@dataclass(frozen=True, slots=True)
class Looks:
    """What stretches look like.

    Attributes:
        order: of words and bytes, the likeliest. sure: "sure", "likely", or "open", where it cannot be told.
        rival, lead: the next likely order, and how many points it is behind.
        places: all of them, each with its table.
    """

    order: str
    sure: str
    rival: str
    lead: float
    places: Sequence[tuple[Table, Place]]

    @property
    def numbers(self) -> list[tuple[Table, Guess]]:
        """The numbers of several registers, which alone tell the order of words; zeros do not."""
        return [(table, place.guess) for table, place in self.places if _tells(place.guess)]

    @property
    def worth(self) -> list[tuple[Table, Place]]:
        """A few places to show: numbers of several registers first; nothing plain, nothing that is open."""
        worth = [(table, place) for table, place in self.places if self._believed(place)]
        worth.sort(key=lambda one: (not _tells(one[1].guess), one[1].sure != "sure"))
        return worth[:SHOWN]

    @property
    def items(self) -> list[str]:
        """What is read at the end: a scale that is only likely is left to whoever sees the display."""
        found = [
            (table, place.guess) for table, place in self.worth if place.sure == "sure" or _tells(place.guess)
        ]
        return [item(table, one.address, one.encoding) for table, one in found]

    def _believed(self, place: Place) -> bool:
        plain = place.guess.kind in ("empty", "bits") or place.guess.encoding == Encoding()
        if plain or place.sure == "open" or not place.guess.values[-1]:
            return False
        return self.sure != "open" or place.guess.encoding.order in ("AB", "A")


def guess(case: Case) -> Finding:
    """Read a little of each table of registers a few times, and say what it looks like."""
    stretches = read_some(case)
    if not stretches:
        return skipped("values", "no registers can be read, and bits have no order")
    full = [one for one in stretches if any(word for sample in one.samples for word in sample)]
    if not full:
        return all_zero(case, stretches)
    looks = look(full)
    case.known.items = looks.items
    if looks.sure != "open" and looks.order != USUAL_ORDER:
        case.known.order, case.known.order_sure = looks.order, looks.sure
    return judge(case, full, looks)


def read_some(case: Case) -> list[Stretch]:
    """The first registers of each table, as many as can be read, a few times."""
    starts = {table: _first(case, table) for table in _REGISTERS if table in case.known.first}
    samples: dict[Table, list[list[int]]] = {table: [words] for table, words in starts.items() if words}
    for number in range(1, SAMPLES):
        case.progress(number / SAMPLES)
        case.sleep(APART)
        for table, known in samples.items():
            words = _words(case, table, len(known[0]))
            known += [words] if words else []
    return [Stretch(table, case.known.first[table], known) for table, known in samples.items()]


def _first(case: Case, table: Table) -> list[int]:
    """As many as can be read, found by halves and with few reads."""
    most = case.known.reach.get(table, case.known.largest or MOST)
    good, bad = 0, min(MOST, most, 0x10000 - case.known.first[table]) + 1
    count, words = bad - 1, list[int]()
    for _ in range(FEW):
        if more := _words(case, table, count):
            good, words = count, more
        else:
            bad = count
        count = (good + bad) // 2
        if count <= good:
            break
    return words


def _words(case: Case, table: Table, count: int) -> list[int]:
    """Nothing where that cannot be read."""
    outcome = case.asking.ask(read_of(table, case.known.first[table], count), case.unit)
    return list(map(int, outcome.result)) if outcome.good and len(outcome.result) == count else []


def look(stretches: Sequence[Stretch]) -> Looks:
    """Let the probe rank the ways to read *stretches*, which have one order."""
    found = probe_device([Block(one.samples, one.address) for one in stretches])
    order, orders = found[0].order, found[0].orders
    rival = max((one for one in orders if one != order), key=lambda one: orders[one])
    places = [
        (one.table, place) for one, result in zip(stretches, found, strict=True) for place in result.places
    ]
    return Looks(order, _sure(found, -orders[rival]), rival, -orders[rival], places)


def _sure(found: Sequence[Found], lead: float) -> str:
    """How sure the order is; without two numbers that are at least likely it is open."""
    telling = [place for one in found for place in one.places if _tells(place.guess) and place.sure != "open"]
    if len(telling) < 2 or lead < LIKELY:
        return "open"
    return "sure" if lead >= SURE else "likely"


def _tells(guess: Guess) -> bool:
    return guess.encoding.count > 1 and guess.kind not in _NO_NUMBERS and bool(guess.values[-1])


def all_zero(case: Case, stretches: Sequence[Stretch]) -> Finding:
    """There is nothing in them."""
    where = " and ".join(map(str, stretches))
    seen = f"{where} are all 0: neither types nor the order of words can be told from that"
    means = "nothing is measured now, or the values are at other addresses"
    return note("values", seen, means, f"mbap scan registers {case.endpoint.url} shows where something is")


def judge(case: Case, stretches: Sequence[Stretch], looks: Looks) -> Finding:
    """What it means, and how to make sure."""
    spans = [str(one) for one in stretches]
    examples = [_example(table, place) for table, place in looks.worth]
    such = f"; {', '.join(examples)}" if examples else ""
    told = looks.sure != "open"
    data = {
        "order": looks.order if told else None,
        "sure": looks.sure,
        "lead": round(looks.lead, 1),
        "rival": looks.rival,
        "registers": spans,
        "items": case.known.items,
    }
    if told:
        seen = f"the order of words looks like {looks.order} ({looks.sure}): {_kinds(looks)} in it"
        means = f"{looks.rival} is the next, {looks.lead:.0f} points behind ({SURE:.0f} are sure){such}"
    else:
        seen = f"the order of words cannot be told: {_why_not(looks)}"
        means = f"single registers read the same in every order of words{such}"
    return note("values", seen, means, _advice(case, spans, told=told), **data)


def _example(table: Table, place: Place) -> str:
    one = place.guess
    perhaps = "" if place.sure == "sure" else "perhaps "
    return perhaps + shown(table, one.address, one.encoding, one.values[-1])


def _advice(case: Case, spans: Sequence[str], *, told: bool) -> str:
    """The command that tells more."""
    probing = in_full(case, "probe", *spans)
    if told:
        return f"compare one with its display; all of them: {probing}"
    return f"with one value off its display: {probing} --known PLACE=VALUE"


def _why_not(looks: Looks) -> str:
    if len(looks.numbers) < 2:
        return "no numbers of several registers are among those that were read"
    return f"{looks.order} and {looks.rival} fit nearly as well as one another"


def _kinds(looks: Looks) -> str:
    """`4 places look like float32, 1 place looks like uint32`."""
    counts = Counter(guess.kind for _, guess in looks.numbers)
    return ", ".join(
        f"{count} {'place looks' if count == 1 else 'places look'} like {kind}"
        for kind, count in counts.most_common()
    )
