"""The rule model said a second time, as plainly as it can be: every rule in turn, every field by itself."""

from __future__ import annotations

import ipaddress
from typing import Any

from mbap.addresses import Table
from mbap.protocol.pdu.base import Request
from mbap.security.policy import Policy, Rule
from mbap.server.handler import Call

GROUPS = {
    "read": {1, 2, 3, 4, 24},
    "write": {5, 6, 15, 16, 22},
    "file": {20, 21},
    "vendor": {*range(65, 73), *range(100, 111)},
    "all": set(range(1, 128)),
}
SAFE_DIAGNOSTICS = {0, 2, *range(11, 19)}


def parts(request: Request[Any]) -> list[tuple[bool, Table | None, set[int]]]:
    """Whether it writes, the table, the addresses: of each side of *request*."""
    spans = request.spans()
    if not spans:
        return [(request.writes, None, set())]
    return [(writes, table, set(range(address, address + count))) for table, address, count, writes in spans]


def decides(policy: Policy, call: Call[Any]) -> tuple[str, ...] | None:
    """The rules that allow *call*, one for each side; None where it is refused."""
    ids = []
    for writes, table, addresses in parts(call.request):
        rule = first_rule(policy, call, writes, table, addresses)
        if rule is None or rule.action == "deny":
            return None
        ids.append(rule.id)
    return tuple(dict.fromkeys(ids))


def first_rule(
    policy: Policy, call: Call[Any], writes: bool, table: Table | None, addresses: set[int]
) -> Rule | None:
    for rule in policy.rules:
        if (
            rule.enabled
            and from_there(rule, call)
            and for_unit(rule, call.unit)
            and any(function_fits(word, call.request, writes) for word in rule.functions.written)
            and addresses_fit(rule, table, addresses)
        ):
            return rule
    return None


def from_there(rule: Rule, call: Call[Any]) -> bool:
    source, peer = rule.source, call.peer
    nets = [ipaddress.ip_network(text) for text in source.networks]
    if nets and not any(ipaddress.ip_address(peer.address) in net for net in nets):
        return False
    return not source.roles or (peer.role or "") in source.roles


def for_unit(rule: Rule, unit: int) -> bool:
    if rule.units is None:
        return unit != 0 or rule.action == "deny"
    return any(unit in range(low, high + 1) for low, high in rule.units)


def function_fits(word: str, request: Request[Any], writes: bool) -> bool:
    code = request.function_code
    if word in ("read", "write") and code == 23:
        return writes == (word == "write")
    if word == "diag-safe":
        sub = getattr(request, "sub_function", None)
        return code in (7, 11, 12) or (code == 8 and sub in SAFE_DIAGNOSTICS)
    if word.startswith("8/"):
        return code == 8 and getattr(request, "sub_function", None) == int(word[2:])
    return code in GROUPS[word] if word in GROUPS else code == int(word)


def addresses_fit(rule: Rule, table: Table | None, addresses: set[int]) -> bool:
    if rule.addresses is None:
        return True
    if table is None:
        return False
    meant = [range(low, high + 1) for low, high in rule.addresses.get(table, ())]
    inside = [any(one in some for some in meant) for one in addresses]
    return any(inside) if rule.action == "deny" else all(inside)
