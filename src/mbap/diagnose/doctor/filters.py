"""Rules of the packet filter, as far as they can be followed: would a client that comes in be let through?

Read is what `nft -j list ruleset` and `iptables -S` print. A condition that depends on who comes, from where
and by which interface is uncertain; so is what is not understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mbap.diagnose.doctor.iptables import chains_of_iptables
from mbap.diagnose.doctor.rules import Chain, Rule, Way, follow


def through_iptables(text: str, port: int, protocol: str = "tcp") -> Way:
    """What becomes of a new connection to *port*, by what `iptables -S` prints."""
    return follow("INPUT", chains_of_iptables(text, port, protocol))


def through_nftables(text: str, port: int, protocol: str = "tcp") -> Way:
    """The same by what `nft -j list ruleset` prints: every chain for what comes in has to let it pass.

    Raises:
        ValueError: it is no such text.
    """
    tables = _Tables.of(json.loads(text)["nftables"], port, protocol)
    ways = [follow(name, chains) for name, chains in tables.inputs()]
    worst = next((way for way in ways if way.verdict == "drop"), None)
    if worst is not None:
        return worst
    return Way("accept", tuple(doubt for way in ways for doubt in way.doubts))


@dataclass(slots=True)
class _Tables:
    """The chains of each table, and which of them are hooked where packets come in."""

    chains: dict[tuple[str, str], dict[str, Chain]] = field(default_factory=dict)
    hooked: list[tuple[tuple[str, str], str]] = field(default_factory=list)
    sets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]], port: int, protocol: str) -> _Tables:
        made = cls()
        for entry in entries:
            made._add(entry, port, protocol)
        return made

    def _add(self, entry: Mapping[str, Any], port: int, protocol: str) -> None:
        if chain := entry.get("chain"):
            key = (chain["family"], chain["table"])
            self.chains.setdefault(key, {})[chain["name"]] = Chain(chain.get("policy", ""))
            if chain.get("hook") == "input" and chain.get("type") == "filter":
                self.hooked.append((key, chain["name"]))
        elif named := entry.get("set"):
            self.sets.setdefault((named["family"], named["table"]), {})[named["name"]] = named.get("elem", [])
        elif rule := entry.get("rule"):
            key = (rule["family"], rule["table"])
            made = _rule(rule["expr"], port, protocol, self.sets.get(key, {}))
            self.chains[key][rule["chain"]].rules.append(made)

    def inputs(self) -> Iterator[tuple[str, Mapping[str, Chain]]]:
        for key, name in self.hooked:
            yield name, self.chains[key]


def _rule(parts: Sequence[Mapping[str, Any]], port: int, protocol: str, sets: Mapping[str, Any]) -> Rule:
    applies: bool | None = True
    for part in parts:
        if "match" in part:
            applies = _both(applies, _match(part["match"], port, protocol, sets))
        elif "vmap" in part:
            return _by_map(part["vmap"], applies, port)
        elif "xt" in part or "limit" in part:
            applies = _both(applies, None)
    return _with_verdict(parts, applies)


def _with_verdict(parts: Sequence[Mapping[str, Any]], applies: bool | None) -> Rule:
    text = json.dumps(list(parts))
    for part in parts:
        for verdict in ("accept", "drop", "reject", "return"):
            if verdict in part:
                return Rule(applies, "drop" if verdict == "reject" else verdict, "", text)
        for verdict in ("jump", "goto"):
            if verdict in part:
                return Rule(applies, verdict, part[verdict]["target"], text)
    return Rule(applies, "", "", text)


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _match(match: Mapping[str, Any], port: int, protocol: str, sets: Mapping[str, Any]) -> bool | None:
    wanted = match["right"]
    if isinstance(wanted, str) and wanted.startswith("@"):
        wanted = {"set": sets.get(wanted[1:], [])}
    found = _equal(match["left"], wanted, port, protocol)
    if found is None:
        return None
    return found is not (match["op"] == "!=")


def _equal(left: Mapping[str, Any], wanted: Any, port: int, protocol: str) -> bool | None:
    payload, meta = left.get("payload", {}), left.get("meta", {})
    if payload.get("field") == "dport":
        return payload.get("protocol") in (protocol, "th") and _holds(wanted, port)
    if payload.get("field") in ("protocol", "nexthdr") or meta.get("key") == "l4proto":
        return _holds(wanted, protocol)
    if payload.get("protocol") in ("icmp", "icmpv6", "tcp", "udp"):
        return False if payload["protocol"] != protocol else None
    if left.get("ct", {}).get("key") == "state":
        return _holds(wanted, "new")
    if meta.get("key") in ("iif", "iifname") and wanted == "lo":
        return False
    return None


def _holds(wanted: Any, value: int | str) -> bool:
    """Whether *value* is what is wanted: itself, in a set, in a range."""
    if isinstance(wanted, Mapping):
        if "range" in wanted:
            first, last = wanted["range"]
            return isinstance(value, int) and first <= value <= last
        return _holds(wanted.get("set", wanted.get("elem", {})), value)
    if isinstance(wanted, list):
        return any(_holds(one, value) for one in wanted)
    return bool(wanted == value)


def _by_map(vmap: Mapping[str, Any], applies: bool | None, port: int) -> Rule:
    """A table of verdicts, by the state of the connection or by port."""
    key = vmap["key"]
    value: int | str = port if key.get("payload", {}).get("field") == "dport" else "new"
    known = "ct" in key or isinstance(value, int)
    for wanted, verdict in vmap["data"].get("set", []) if isinstance(vmap["data"], Mapping) else []:
        if known and _holds(wanted, value):
            return _with_verdict([verdict], applies)
    return Rule(False if known else None, "", "", json.dumps(vmap))
