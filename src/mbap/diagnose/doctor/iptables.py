"""What `iptables -S` prints, as rules that can be followed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from mbap.diagnose.doctor.rules import Chain, Rule

_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_HARMLESS = {"-m", "--match", "--comment", "--reject-with", "--tcp-flags"}
"""Options that take a word and decide nothing here."""


def chains_of_iptables(text: str, port: int, protocol: str) -> dict[str, Chain]:
    """The chains in *text*, for a new connection to *port*."""
    chains: dict[str, Chain] = {}
    for line in text.splitlines():
        words = shlex.split(line)
        if words[:1] in (["-P"], ["-N"]) and len(words) > 1:
            chains[words[1]] = Chain(words[2] if len(words) > 2 else "")
        elif words[:1] == ["-A"] and len(words) > 1:
            chains.setdefault(words[1], Chain("")).rules.append(_rule(words[2:], port, protocol, line))
    return chains


def _rule(words: Sequence[str], port: int, protocol: str, line: str) -> Rule:
    applies: bool | None = True
    verdict = target = ""
    for option, value, turned in _options(words):
        if option in ("-j", "-g"):
            verdict = _VERDICTS.get(value, "jump" if option == "-j" else "goto")
            target = value
            continue
        found = _matches(option, value, port, protocol)
        if found is not None and turned:
            found = not found
        if found is False or applies is False:
            applies = False
        elif found is None:
            applies = None
    return Rule(applies, verdict, target, line)


def _options(words: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Option, its word, and whether a `!` stands before it."""
    turned = False
    option = ""
    for word in words:
        if word == "!":
            turned = True
        elif word.startswith("-"):
            if option:
                yield option, "", turned
                turned = False
            option = word
        elif option:
            yield option, word, turned
            option, turned = "", False
    if option:
        yield option, "", turned


def _matches(option: str, value: str, port: int, protocol: str) -> bool | None:
    if option in _HARMLESS:
        return True
    if option == "-p":
        return value in (protocol, "all")
    if option in ("--dport", "--dports"):
        return any(_in_span(part, port) for part in value.split(","))
    if option in ("--state", "--ctstate"):
        return "NEW" in value.split(",")
    if option == "-i" and value == "lo":
        return False
    return None


def _in_span(text: str, port: int) -> bool:
    first, _, last = text.partition(":")
    if not first.isdecimal() or (last and not last.isdecimal()):
        return False
    return int(first) <= port <= int(last or first)
