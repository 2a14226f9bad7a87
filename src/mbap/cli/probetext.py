"""What `mbap probe` prints: a table of guesses, all readings of each place, JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbap.addresses import Location, Table, reference
from mbap.cli.tables import many, table

if TYPE_CHECKING:
    from mbap.diagnose.probefound import Found, Guess, Place, Sample
    from mbap.values import Encoding, Value

MOST_OTHERS = 6


@dataclass(frozen=True, slots=True)
class Probed:
    """One span of registers: its samples, and what was found in them."""

    table: Table
    address: int
    samples: Sequence[Sample]
    found: Found

    def words(self, guess: Guess) -> list[int]:
        """The registers of *guess* in the last sample."""
        at = guess.address - self.address
        return [word for word in self.samples[-1][at : at + guess.encoding.count] if word is not None]


def text(probed: Sequence[Probed], every: bool) -> str:
    """The table of best guesses; with *every* also all readings of each place."""
    from mbap.cli.probeall import everything

    width = shutil.get_terminal_size((80, 24)).columns
    return "\n\n".join([_summary(probed), *([everything(one, width) for one in probed] if every else [])])


def _summary(probed: Sequence[Probed]) -> str:
    heads = ("place", "type", "value", "sure", "why")
    rows = [row for one in probed for row in _rows(one)]
    room = shutil.get_terminal_size((80, 24)).columns
    used = sum(max(len(row[column]) for row in [heads, *rows]) + 2 for column in range(4))
    cut = [(*row[:4], _cut(row[4], max(room - used, 24))) for row in rows]
    orders = [_order_text(one, len(probed) > 1) for one in probed]
    return "\n\n".join([table(heads, cut), "\n".join(orders)])


def _rows(one: Probed) -> Iterator[tuple[str, str, str, str, str]]:
    places = one.found.places
    index = 0
    while index < len(places):
        place = places[index]
        same = index
        while (
            place.guess.kind == "empty"
            and same + 1 < len(places)
            and _follows(places[same], places[same + 1])
        ):
            same += 1
        yield _row(one, place, places[same].guess.address)
        index = same + 1


def _follows(before: Place, after: Place) -> bool:
    return after.guess.kind == "empty" and after.guess.address == before.guess.address + 1


def _row(one: Probed, place: Place, last: int) -> tuple[str, str, str, str, str]:
    guess = place.guess
    spot = str(Location(one.table, guess.address)) + (f"..{last}" if last > guess.address else "")
    name = "-" if guess.kind == "empty" else type_text(guess.encoding)
    value = _value_text(guess, one.words(guess))
    return spot, name, value, place.sure, guess.reason or "nothing fits better"


def _value_text(guess: Guess, words: Sequence[int]) -> str:
    if guess.kind == "bits":
        return f"0x{words[0]:04X}"
    value = guess.values[-1]
    return repr(value) if isinstance(value, str) else number_text(guess.encoding, value)


def type_text(encoding: Encoding) -> str:
    """A type as it is written after a colon; the plain order is left out."""
    length = f"/{encoding.length}" if encoding.length else ""
    order = "" if encoding.order.startswith("AB") else f",{encoding.order}"
    scale = "" if encoding.scale == 1 else f",scale={encoding.scale:g}"
    return f"{encoding.type}{length}{order}{scale}"


def number_text(encoding: Encoding, value: Value | None) -> str:
    """*value* with no more digits than help: seven for a float."""
    return f"{value:.7g}" if isinstance(value, float) else encoding.text(value)


def _order_text(one: Probed, several: bool) -> str:
    behind = sorted((-points, name) for name, points in one.found.orders.items() if name != one.found.order)
    where = (
        f"{Location(one.table, one.address)}..{one.address + len(one.samples[0]) - 1}: " if several else ""
    )
    said = f"{where}order {one.found.order}, by {many(len(one.samples), 'sample')}"
    if not behind:
        return f"{said}, as you said"
    points, name = behind[0]
    unsure = ": nothing here tells them apart" if points < 3 else ""
    return f"{said}; {name} is {points:g} point{'' if points == 1 else 's'} behind{unsure}"


def as_json(probed: Probed) -> dict[str, object]:
    """One span as JSON objects."""
    return {
        "table": probed.table.value,
        "address": probed.address,
        "count": len(probed.samples[0]),
        "samples": len(probed.samples),
        "order": probed.found.order,
        "orders": probed.found.orders,
        "places": [
            {
                **_guess_json(probed, place.guess),
                "sure": place.sure,
                "others": [_guess_json(probed, one) for one in place.others[:MOST_OTHERS]],
            }
            for place in probed.found.places
        ],
    }


def _guess_json(probed: Probed, guess: Guess) -> dict[str, object]:
    from mbap.diagnose.probedraft import item_text

    return {
        "place": str(Location(probed.table, guess.address)),
        "reference": reference(probed.table, guess.address),
        "kind": guess.kind,
        "item": item_text(probed.table, guess),
        "type": guess.encoding.type,
        "order": guess.encoding.order,
        "scale": guess.encoding.scale,
        "registers": probed.words(guess),
        "values": list(guess.values),
        "behind": guess.behind,
        "reasons": [{"points": round(part.points, 1), "reason": part.reason} for part in guess.parts],
    }


def _cut(line: str, room: int) -> str:
    """*line* in *room* characters; whole reasons as far as they fit."""
    if len(line) <= room:
        return line
    parts = line.split(", ")
    while len(parts) > 1 and len(", ".join(parts)) > room:
        parts.pop()
    short = ", ".join(parts)
    return short if len(short) <= room else f"{short[: room - 3]}..."
