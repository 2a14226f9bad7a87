"""What probing found, written down: a draft of a profile, and the words that `mbap read` takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mbap.addresses import Location, Table
from mbap.diagnose.probefound import Found, Guess
from mbap.tomltext import toml_text

LEFT_OUT = ("empty",)
"""Kinds that are no value."""


def item_text(table: Table, guess: Guess) -> str:
    """*guess* as an item for `mbap read`: `hr100:float32`, `hr107:uint16,scale=0.1`."""
    encoding = guess.encoding
    length = f"/{encoding.length}" if encoding.length else ""
    plain = encoding.order in ("AB", "ABCD", "ABCDEFGH")
    order = "" if plain else f",{encoding.order}"
    scale = "" if encoding.scale == 1 else f",scale={encoding.scale:g}"
    return f"{Location(table, guess.address)}:{encoding.type}{length}{order}{scale}"


def items(found: Sequence[tuple[Table, Found]]) -> list[str]:
    """The best guesses as items for `mbap read`, what holds no value left out."""
    return [
        item_text(table, place.guess)
        for table, one in found
        for place in one.places
        if place.guess.kind not in LEFT_OUT
    ]


def draft(found: Sequence[tuple[Table, Found]], source: str) -> str:
    """A profile in TOML with the best guesses; names, units and limits are left to the reader."""
    lines = [
        f"# Guessed by mbap probe from {source}: compare every point with the device before you trust it.",
        "",
        "[profile]",
        f"name = {toml_text(f'Draft of {source}')}",
        'sources = ["mbap probe"]',
        f'word_order = "{found[0][1].order if found else "ABCD"}"',
    ]
    for table, one in found:
        for place in one.places:
            if place.guess.kind not in LEFT_OUT:
                lines += ["", *_point(table, place.guess, place.sure, one.order != found[0][1].order)]
    return "\n".join(lines) + "\n"


def _point(table: Table, guess: Guess, sure: str, other_order: bool) -> Iterator[str]:
    encoding = guess.encoding
    yield f"[points.{Location(table, guess.address)}]"
    yield f"# {sure}: {guess.reason or 'nothing fits better'}"
    yield f'table = "{table.value}"'
    yield f"address = {guess.address}"
    if encoding.type != "uint16":
        yield f'type = "{encoding.type}"'
    if encoding.length:
        yield f"length = {encoding.length}"
    if other_order:
        yield f'word_order = "{encoding.order}"'
    if encoding.scale != 1:
        yield f"scale = {encoding.scale:g}"
