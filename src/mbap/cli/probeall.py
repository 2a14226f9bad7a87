"""What `mbap probe --all` prints of each place: every reading, one row a type and one column an order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from mbap.addresses import Location, reference
from mbap.cli.probetext import MOST_OTHERS, Probed, number_text, type_text
from mbap.cli.tables import table
from mbap.cli.watchview import cut
from mbap.diagnose.probemovement import UNCHANGED
from mbap.diagnose.probereadings import BY_WIDTH, bits_text, hex_text
from mbap.diagnose.probeword import ORDER_NAMES
from mbap.values import Encoding

if TYPE_CHECKING:
    from mbap.diagnose.probefound import Guess, Place

MOST_CHARACTERS: Final = 13
"""Of a value in its column, so that four orders fit 80: longer numbers are given with six digits."""
MOST_WORDS: Final = 8
MOST_TEXT: Final = 4
TEXT_ORDERS: Final = ("AB", "AB", "BA", "BA")
"""The orders of text in a device of each of `ORDER_NAMES`."""


def everything(one: Probed, width: int) -> str:
    """Every place of *one* that is not empty, in lines of *width* characters."""
    return "\n\n".join(_place(one, place, width) for place in one.found.places if place.guess.kind != "empty")


def _place(one: Probed, place: Place, width: int) -> str:
    spot = place.guess.address
    words = _following(one, spot - one.address)
    return "\n".join(
        [
            f"{Location(one.table, spot)} (reference {reference(one.table, spot)})",
            f"  hex {hex_text(words[:4])}   bits {bits_text(words[0])}",
            "  likely, with the points for and against:",
            *_ranking(place, width),
            "  every reading:",
            *(f"    {line}" for line in readings_table(words).splitlines()),
        ]
    )


def _following(one: Probed, at: int) -> list[int]:
    """The registers from there on in the last sample, as far as the device has them."""
    following = list(one.samples[-1][at : at + MOST_WORDS])
    whole = following[: following.index(None)] if None in following else following
    return [word for word in whole if word is not None]


def _ranking(place: Place, width: int) -> Iterator[str]:
    """The guesses with their points; that nothing changes is left out where it is so of all."""
    guesses = (place.guess, *place.others[:MOST_OTHERS])
    still = all(any(part.reason == UNCHANGED for part in one.parts) for one in guesses)
    for one in guesses:
        behind = "best" if one is place.guess else f"{one.behind:g} behind"
        told = [part for part in one.parts if not (still and part.reason == UNCHANGED)]
        parts = ", ".join(f"{part.points:+.1f} {part.reason}" for part in told)
        said = f"{_name(one)} = {_value(one)} ({behind})" + (f": {parts}" if parts else "")
        yield from wrap(said, width, initial_indent="    ", subsequent_indent="      ")
    if still:
        yield "    (nothing changed, which is in favour of all of them)"


def _name(guess: Guess) -> str:
    return guess.kind if guess.kind in ("bits", "empty") else type_text(guess.encoding)


def _value(guess: Guess) -> str:
    value = guess.values[-1]
    return ascii(value) if isinstance(value, str) else number_text(guess.encoding, value)


def readings_table(words: Sequence[int]) -> str:
    """Every reading that begins with the first of *words*: a row a type, a column an order."""
    rows = [
        (name, *(_short(Encoding(name, order), words[:width]) for order in ORDER_NAMES))
        for width, names in BY_WIDTH.items()
        if len(words) >= width
        for name in names
    ]
    texts = [Encoding("latin1", order, length=len(words[:MOST_TEXT])) for order in TEXT_ORDERS]
    rows.append(("text", *(cut(ascii(one.decode(words[:MOST_TEXT])), MOST_CHARACTERS) for one in texts)))
    return table(("type", *ORDER_NAMES), rows)


def _short(encoding: Encoding, words: Sequence[int]) -> str:
    """The value in few characters; `-` where that means no value."""
    value = encoding.decode(words)
    text = encoding.text(value)
    if value is None or isinstance(value, str) or len(text) <= MOST_CHARACTERS:
        return text
    return f"{value:.6g}"
