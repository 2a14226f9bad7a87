"""The words of `mbap shell`: its commands, what each takes, and how a line may go on. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from mbap.values.orders import ORDERS
from mbap.values.types import TYPES

COMMANDS: Final = {
    "read": ("ITEM...", "read values: read hr0..9 40108:float32 co3"),
    "write": ("ITEM=VALUE...", "write values, after a question, and read them back: write hr10=42 co3=on"),
    "unit": ("[N]", "talk to another unit from now on; alone: say which"),
    "units": ("[FIRST..LAST]", "ask which units answer: 1 to 10 unless told otherwise"),
    "order": ("[ORDER]", "order of bytes where an item names none: ABCD CDAB BADC DCBA; alone: say which"),
    "types": ("", "list the types of values"),
    "decode": ("HEX...", "explain a frame, byte by byte"),
    "help": ("[COMMAND]", "list the commands, or explain one"),
    "quit": ("", "end; so does Ctrl-D"),
}
ALIASES: Final = {"r": "read", "w": "write", "exit": "quit", "?": "help"}
MOST_UNITS: Final = range(256)
_TABLES: Final = ("hr", "ir", "co", "di")
_WORDS: Final = {"on", "off"}
_OPTIONS: Final = ("scale=", "offset=", "none=", "padding=")


class Line(NamedTuple):
    """A line as it was understood: a command and its words; no command where the line is empty."""

    command: str
    words: tuple[str, ...] = ()


def parse(text: str) -> Line:
    """The command in *text*; what follows a # between words is a comment.

    Raises:
        ValueError: there is no such command, or a quote is not closed.
    """
    try:
        words = shlex.split(text, comments=False)
    except ValueError as wrong:
        raise ValueError(f"{text!r}: {str(wrong).lower()}") from None
    words = words[: next((at for at, word in enumerate(words) if word.startswith("#")), len(words))]
    if not words:
        return Line("")
    name = ALIASES.get(words[0].lower(), words[0].lower())
    if name not in COMMANDS:
        raise ValueError(_unknown(words[0]))
    return Line(name, tuple(words[1:]))


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), COMMANDS, 1)
    hint = f"did you mean {near[0]}?" if near else _meant(word)
    return f"there is no command {word!r}: {hint}"


def _meant(word: str) -> str:
    """What *word* may stand for, where a command should."""
    from mbap.addresses import parse_item

    item, equals, _ = word.partition("=")
    try:
        parse_item(item)
    except ValueError:
        return "help lists the commands"
    return f"did you mean {'write' if equals else 'read'} {word}?"


def parse_units(words: Sequence[str]) -> range:
    """The units of `1..10`, or of one number.

    Raises:
        ValueError: it is none, or beyond 255.
    """
    if not words:
        return range(1, 11)
    first, dots, last = words[0].partition("..")
    last = last if dots else first
    ends = [int(one) if one.isascii() and one.isdigit() else -1 for one in (first, last)]
    if len(words) > 1 or not all(one in MOST_UNITS for one in ends) or ends[1] < ends[0]:
        raise ValueError(f"{' '.join(words)}: units are 0 to 255, such as 1..10")
    return range(ends[0], ends[1] + 1)


def explained(name: str = "") -> str:
    """What one command takes and does, or all of them.

    Raises:
        ValueError: there is no such command.
    """
    if name:
        known = parse(name).command
        return f"{known} {COMMANDS[known][0]}".rstrip() + f"\n  {COMMANDS[known][1]}"
    usages = {f"{one} {takes}".rstrip(): does for one, (takes, does) in COMMANDS.items()}
    wide = max(map(len, usages))
    return "\n".join(f"{usage:{wide}}  {does}" for usage, does in usages.items())


def completions(text: str) -> tuple[int, list[str]]:
    """How *text*, up to the cursor, may go on: with which words, each for so many of its last characters."""
    before, _, last = text.rpartition(" ")
    if not before.strip():
        return len(last), [one for one in COMMANDS if one.startswith(last.lower())]
    command = ALIASES.get(before.split()[0].lower(), before.split()[0].lower())
    choices, part = _choices(command, last)
    return len(part), [one for one in choices if one.lower().startswith(part.lower())]


def _choices(command: str, last: str) -> tuple[Sequence[str], str]:
    """What may stand at the end of *last*, and the part of it that is there already."""
    if command in ("read", "write"):
        return _of_item(last, with_value=command == "write")
    if command == "order":
        return ORDERS[2], last
    return (list(COMMANDS) if command == "help" else []), last


def _of_item(last: str, *, with_value: bool) -> tuple[Sequence[str], str]:
    place, colon, kind = last.partition(":")
    if with_value and "=" in last.rpartition(",")[2]:
        bits = place.lower().startswith(("co", "0"))
        return (sorted(_WORDS, reverse=True) if bits else []), last.rpartition("=")[2]
    if not colon:
        return ([] if any(one.isdigit() for one in place) else _TABLES), place
    if "," in kind:
        return (*ORDERS[2], *_OPTIONS), kind.rpartition(",")[2]
    return [f"{one}/" if not TYPES[one].registers else one for one in TYPES], kind
