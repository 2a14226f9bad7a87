"""Which of many rules can be about a request: a few whole numbers with a bit for each rule, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from mbap.security.accesses import Access
from mbap.security.addressindex import AddressIndex, Rules
from mbap.security.functions import READS, WRITES, Function
from mbap.security.rules import TABLES, Device, Rule, to_fits
from mbap.security.sources import FACTS, listener_names
from mbap.server.handler import Peer
from mbap.server.networks import address_of

_MOST_KEPT: Final = 1024
"""Clients, and requests' targets, of which it is kept what can be about them."""

K = TypeVar("K")


class Index:
    """Of a policy's rules, those that are enabled, by each thing they ask for.

    `candidates` are the rules that are worth a look: all that are about a request are among them.
    """

    def __init__(self, rules: Sequence[Rule], devices: Mapping[str, Device]) -> None:
        numbered = [(1 << number, rule) for number, rule in enumerate(rules) if rule.enabled]
        self._devices = devices
        self._denying = _bits(numbered, lambda rule: rule.denies)
        self._units = [0] * 256
        for ranges, rules_of in _grouped(numbered, lambda rule: rule.all_units).items():
            for unit in (unit for low, high in ranges for unit in range(low, high + 1)):
                self._units[unit] |= rules_of
        self._functions = _by_function(numbered)
        self._addresses = {
            (table, side): AddressIndex((bit, rule.ranges(table, side)) for bit, rule in numbered)
            for table in TABLES
            for side in (READS, WRITES)
        }
        self._sources = _Sources(numbered)
        self._by_target: dict[tuple[int, str], Rules] = {}
        self._by_device = _grouped(numbered, lambda rule: (rule.to, rule.denies))

    def common(self, peer: Peer, unit: int, target: str) -> Rules:
        """The rules that can be about a request of *peer* for *unit*, whatever it asks."""
        rules = self._sources.of(peer) & self._units[unit]
        key = unit, target
        if key not in self._by_target:
            if len(self._by_target) >= _MOST_KEPT:
                self._by_target.clear()
            self._by_target[key] = self._may_go(self.devices(unit, target))
        return rules & self._by_target[key]

    def _may_go(self, devices: frozenset[str]) -> Rules:
        rules = 0
        for (to, denies), rules_of in self._by_device.items():
            if to_fits(to, devices, denies=denies):
                rules |= rules_of
        return rules

    def devices(self, unit: int, target: str) -> frozenset[str]:
        """The devices to which a request for *unit* behind *target* may go."""
        named = self._devices.items()
        return frozenset(name for name, device in named if device.may_be(name, unit, target))

    def letting_in(self, peer: Peer) -> Rules:
        """The rules that can allow anything to whoever comes from there, whatever its certificate says."""
        return self._sources.by_place(peer) & ~self._denying

    def meeting(self, rule: Rule) -> Rules:
        """The rules that can be about a function, a unit and an address that *rule* is about, too."""
        units = functions = 0
        for low, high in rule.all_units:
            for unit in range(low, high + 1):
                units |= self._units[unit]
        for one in rule.functions:
            for key in _keys(one):
                functions |= self._functions.get(key, 0)
        addresses = 0
        for (table, side), index in self._addresses.items():
            ranges = rule.ranges(table, side)
            addresses |= index.anywhere
            for low, high in ((0, 0xFFFF),) if ranges is None else ranges:
                addresses |= index.about(low, high, ~0)
        return units & functions & addresses

    def candidates(self, common: Rules, access: Access) -> Rules:
        """Those of *common* that can be about *access*."""
        rules = common & self._functions.get((access.code, slot(access.code, access.sub), access.side), 0)
        if access.table is None:
            return rules & self._addresses[TABLES[0], access.side].anywhere
        addresses = self._addresses[access.table, access.side]
        return rules & addresses.about(access.first, access.last, rules & self._denying)


def numbers(rules: Rules) -> Iterator[int]:
    """The numbers of *rules*, in order."""
    while rules:
        lowest = rules & -rules
        yield lowest.bit_length() - 1
        rules ^= lowest


def slot(code: int, sub: int) -> int:
    """Sub-functions that are looked up together: of function 8 those from 21 on, of 43 all but 13 and 14."""
    if code == 8:
        return min(sub, 21)
    return sub if code == 43 and sub in (13, 14) else 0


_Numbered = Sequence[tuple[Rules, Rule]]


def _bits(numbered: _Numbered, wanted: Callable[[Rule], bool]) -> Rules:
    rules = 0
    for bit, rule in numbered:
        if wanted(rule):
            rules |= bit
    return rules


def _grouped(numbered: _Numbered, key: Callable[[Rule], K]) -> dict[K, Rules]:
    """The rules by what *key* gives: policies have few different functions, units and devices."""
    found: dict[K, Rules] = {}
    for bit, rule in numbered:
        of = key(rule)
        found[of] = found.get(of, 0) | bit
    return found


def _by_function(numbered: _Numbered) -> dict[tuple[int, int, int], Rules]:
    found: dict[tuple[int, int, int], Rules] = {}
    for functions, rules in _grouped(numbered, lambda rule: rule.functions).items():
        for key in (key for one in functions for key in _keys(one)):
            found[key] = found.get(key, 0) | rules
    return found


def _keys(one: Function) -> list[tuple[int, int, int]]:
    """Function code, slot and side of all that *one* is."""
    sides = [side for side in (READS, WRITES) if one.side & side]
    return [(one.code, at, side) for at in _slots(one) for side in sides]


def _slots(one: Function) -> set[int]:
    if one.code not in (8, 43):
        return {0}
    most = 21 if one.code == 8 else 0xFF
    return {slot(one.code, sub) for sub in range(min(one.first, most), min(one.last, most) + 1)}


class _Sources:
    """The rules by where a request comes from."""

    def __init__(self, numbered: _Numbered) -> None:
        self.known: dict[tuple[object, ...], Rules] = {}
        self._anywhere = _bits(numbered, lambda rule: not rule.source.networks)
        self._nets: dict[tuple[int, int], dict[int, Rules]] = {}
        for bit, rule in numbered:
            for net in rule.source.nets:
                shift = net.max_prefixlen - net.prefixlen
                by_prefix = self._nets.setdefault((net.version, shift), {})
                prefix = int(net.network_address) >> shift
                by_prefix[prefix] = by_prefix.get(prefix, 0) | bit
        self._facts = {
            kind: _by_text((bit, rule.source.facts(kind)) for bit, rule in numbered) for kind in FACTS
        }
        self._listeners = _by_text((bit, rule.source.listeners) for bit, rule in numbered)

    def of(self, peer: Peer) -> Rules:
        identity = peer.identity
        key = (
            peer.address,
            peer.listener,
            peer.role,
            identity and identity.fingerprint,
            identity
            and (
                identity.subject,
                identity.issuer,
            ),
        )
        rules = self.known.get(key)
        if rules is None:
            if len(self.known) >= _MOST_KEPT:
                self.known.clear()
            rules = self.known[key] = self._found(peer)
        return rules

    def _found(self, peer: Peer) -> Rules:
        rules = self.by_place(peer)
        for kind, fact in FACTS.items():
            by_text = self._facts[kind]
            rules &= by_text.get(fact(peer), 0) | by_text[None]
        return rules

    def by_place(self, peer: Peer) -> Rules:
        """By address and listener alone."""
        by_listener = self._listeners
        url, scheme = listener_names(peer.listener)
        comes_in = by_listener.get(url, 0) | by_listener.get(scheme, 0) | by_listener[None]
        return comes_in & (self._anywhere | self._from(peer.address))

    def _from(self, text: str) -> Rules:
        address = address_of(text)
        if address is None:
            return 0
        rules, number = 0, int(address)
        for (version, shift), by_prefix in self._nets.items():
            if version == address.version:
                rules |= by_prefix.get(number >> shift, 0)
        return rules


def _by_text(wanted: Iterable[tuple[Rules, Sequence[str]]]) -> dict[str | None, Rules]:
    """The rules by each text they want; under None those that want none."""
    found: dict[str | None, Rules] = {None: 0}
    for bit, texts in wanted:
        for text in texts or (None,):
            found[text] = found.get(text, 0) | bit
    return found
