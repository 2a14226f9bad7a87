"""Which hints the registers contradict, in a sentence each: a hint that is not met is never passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mbap.addresses import Location, Table, reference
from mbap.diagnose.probefound import Found, Guess, Place
from mbap.diagnose.probehints import FALLS, JUMPS, KNOWN, NEAR, Hints

MOST_NAMED: Final = 4
"""Places that are named in a sentence; the others are counted."""

Probed = Sequence[tuple[Table, Found, Hints]]
"""Each block, what was found in it, and what was known of it."""


def contradicted(probed: Probed) -> list[str]:
    """A sentence for each hint that no reading of the registers agrees with."""
    return [
        *(said for table, found, hints in probed for said in _known(table, found, hints)),
        *_near(probed),
        *_manner(probed, JUMPS, "--slow", "changes by more than a fiftieth from sample to sample"),
        *_manner(probed, FALLS, "--counter", "falls"),
    ]


def _known(table: Table, found: Found, hints: Hints) -> Iterator[str]:
    for address, value in hints.known.items():
        place = _over(found, address)
        if place is not None and not (place.guess.address == address and shows(place.guess, value, KNOWN)):
            spot = f"{Location(table, address)} (reference {reference(table, address)})"
            yield (
                f"--known {Location(table, address)}={value:g}: no reading of {spot} shows that now. "
                "Is the address counted from 0, and the value read at the same time?"
            )


def _over(found: Found, address: int) -> Place | None:
    return next(
        (one for one in found.places if 0 <= address - one.guess.address < one.guess.encoding.count), None
    )


def _near(probed: Probed) -> Iterator[str]:
    guesses = [place.guess for _, found, _ in probed for place in found.places]
    for value in dict.fromkeys(near for _, _, hints in probed for near in hints.near):
        if not any(shows(guess, value, NEAR) for guess in guesses):
            yield f"--near {value:g}: no place shows about that at any usual scale; a wider range may"


def _manner(probed: Probed, reason: str, option: str, does: str) -> Iterator[str]:
    """What is said where the best guess of some places goes against *option*."""
    places = [
        str(Location(table, place.guess.address))
        for table, found, _ in probed
        for place in found.places
        if any(part.reason == reason for part in place.guess.parts)
    ]
    if places:
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        yield f"{option}: {', '.join(places[:MOST_NAMED])}{more} {does} in every likely reading"


def shows(guess: Guess, wanted: float, share: float) -> bool:
    """Whether *guess* shows about *wanted* in the last sample, within that share of it."""
    value = guess.values[-1]
    if value is None or isinstance(value, str):
        return False
    return abs(float(value) - wanted) <= max(abs(wanted) * share, abs(guess.encoding.scale) * 0.51)
