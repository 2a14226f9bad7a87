"""Rules for the packet filters of operating systems: who may reach Modbus ports at all.

They say only what such a filter can see: addresses and ports. What a client may ask is the policy's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from mbap.records import Record

Network = IPv4Network | IPv6Network

PORTS: Final = (502, 802)
"""Modbus TCP, and Modbus/TCP Security."""
_FAMILIES: Final = {4: "ip", 6: "ip6"}


class Opening(Record):
    """Who may reach Modbus, and where; nobody else may.

    Attributes:
        sources: the clients.
        targets: the devices behind this machine, where it passes packets on; without any, only this machine's
            own ports are meant.
        ports: those of servers.
    """

    sources: tuple[Network, ...]
    targets: tuple[Network, ...] = ()
    ports: tuple[int, ...] = PORTS

    def pairs(self) -> Iterator[tuple[Network, Network]]:
        """Each source with each target of the same version of IP."""
        return (
            (source, target)
            for source in self.sources
            for target in self.targets
            if source.version == target.version
        )


def opening(sources: Iterable[str], targets: Iterable[str] = (), ports: Iterable[int] = PORTS) -> Opening:
    """An `Opening` from addresses and networks as they are written.

    Raises:
        ValueError: one is no address, there is no source, or a source that means everybody; a port is none.
    """
    of = tuple(_network(text) for text in sources)
    to = tuple(_network(text) for text in targets)
    numbers = tuple(sorted(set(ports)))
    if not of:
        raise ValueError("name at least one source: rules that open Modbus to everybody are not made")
    for source in of:
        if source.prefixlen == 0:
            raise ValueError(f"{source} is everybody: name the clients, or their network")
    for port in numbers:
        if not 1 <= port <= 0xFFFF:
            raise ValueError(f"a port is 1 to 65535, not {port}")
    versions = {source.version for source in of}
    for target in to:
        if target.version not in versions:
            raise ValueError(f"no source can reach {target}: all of them are of the other version of IP")
    return Opening(of, to, numbers)


def nftables(rules: Opening) -> str:
    """A file for `nft -f`: a table of its own, replaced as a whole each time."""
    ports = _set(map(str, rules.ports))
    lines = [
        "#!/usr/sbin/nft -f",
        "# Who may reach Modbus. Other tables still decide, too: what they drop stays dropped.",
        "table inet mbap",
        "delete table inet mbap",
        "table inet mbap {",
        *_nft_chain("input", ports, _nft_sources(rules, ports)),
        *(_nft_chain("forward", ports, _nft_pairs(rules, ports)) if rules.targets else ()),
        "}",
    ]
    return _text(lines)


def _nft_chain(hook: str, ports: str, accepted: Iterable[str]) -> list[str]:
    return [
        f"\tchain {hook} {{",
        f"\t\ttype filter hook {hook} priority filter - 10; policy accept;",
        f"\t\ttcp sport {ports} ct state established,related accept",
        f"\t\ttcp dport {ports} ct state established,related accept",
        *(["\t\tiif lo accept"] if hook == "input" else []),
        *(f"\t\t{line}" for line in accepted),
        f"\t\ttcp dport {ports} counter drop",
        "\t}",
    ]


def _nft_sources(rules: Opening, ports: str) -> Iterator[str]:
    for version, family in _FAMILIES.items():
        sources = [str(source) for source in rules.sources if source.version == version]
        if sources:
            yield f"{family} saddr {_set(sources)} tcp dport {ports} accept"


def _nft_pairs(rules: Opening, ports: str) -> Iterator[str]:
    for version, family in _FAMILIES.items():
        sources = [str(source) for source in rules.sources if source.version == version]
        targets = [str(target) for target in rules.targets if target.version == version]
        if sources and targets:
            yield f"{family} saddr {_set(sources)} {family} daddr {_set(targets)} tcp dport {ports} accept"


def _set(items: Iterable[str]) -> str:
    return "{ " + ", ".join(items) + " }"


def iptables(rules: Opening) -> str:
    """A shell script for iptables and ip6tables; it may be run again."""
    lines = [
        "#!/bin/sh",
        "# Who may reach Modbus. Run it as root; running it again replaces what it made before.",
        "set -e",
    ]
    for program, version in (("iptables", 4), ("ip6tables", 6)):
        lines += ["", *_ip_chain(program, "MBAP-INPUT", rules.ports, _ip_sources(rules, version))]
        lines += _ip_jump(program, "INPUT", "MBAP-INPUT", rules.ports)
        if rules.targets:
            lines += _ip_chain(program, "MBAP-FORWARD", rules.ports, _ip_pairs(rules, version))
            lines += _ip_jump(program, "FORWARD", "MBAP-FORWARD", rules.ports)
    return _text(lines)


def _ip_chain(program: str, chain: str, ports: Iterable[int], accepted: Iterable[str]) -> list[str]:
    dports = f"-p tcp -m multiport --dports {_commas(ports)}"
    return [
        f"{program} -N {chain} 2>/dev/null || {program} -F {chain}",
        f"{program} -A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        *([f"{program} -A {chain} -i lo -j ACCEPT"] if chain.endswith("INPUT") else []),
        *(f"{program} -A {chain} {one} {dports} -j ACCEPT" for one in accepted),
        f"{program} -A {chain} {dports} -j DROP",
    ]


def _ip_jump(program: str, chain: str, to: str, ports: Iterable[int]) -> list[str]:
    """Both ways lead through the chain: what servers answer, too, whatever rules follow."""
    ways = [f"-p tcp -m multiport --{way} {_commas(ports)} -j {to}" for way in ("sports", "dports")]
    return [f"{program} -C {chain} {one} 2>/dev/null || {program} -I {chain} {one}" for one in ways]


def _ip_sources(rules: Opening, version: int) -> Iterator[str]:
    return (f"-s {source}" for source in rules.sources if source.version == version)


def _ip_pairs(rules: Opening, version: int) -> Iterator[str]:
    return (f"-s {source} -d {target}" for source, target in rules.pairs() if source.version == version)


def firewalld(rules: Opening) -> str:
    """A shell script for firewall-cmd; it may be run again. FIREWALL_CMD names another program to use."""
    lines = [
        "#!/bin/sh",
        "# Who may reach Modbus. firewalld lets answers pass by itself. Run it as root, once.",
        "set -e",
        'cmd="${FIREWALL_CMD:-firewall-cmd --permanent}"',
        'zone="${ZONE:-public}"  # the one that the network card is in: firewall-cmd --get-active-zones',
        *_rich("--zone $zone", rules, [(source, None) for source in rules.sources]),
    ]
    if rules.targets:
        policy = "--policy mbap-forward"
        lines += [
            "$cmd --info-policy mbap-forward >/dev/null 2>&1 || $cmd --new-policy mbap-forward",
            f"$cmd {policy} --query-ingress-zone ANY || $cmd {policy} --add-ingress-zone ANY",
            f"$cmd {policy} --query-egress-zone ANY || $cmd {policy} --add-egress-zone ANY",
            *_rich(policy, rules, list(rules.pairs())),
        ]
    return _text([*lines, '[ -n "$FIREWALL_CMD" ] || firewall-cmd --reload'])


def _rich(where: str, rules: Opening, accepted: list[tuple[Network, Network | None]]) -> Iterator[str]:
    for port in rules.ports:
        modbus = f'port port="{port}" protocol="tcp"'
        for source, target in accepted:
            to = "" if target is None else f' destination address="{target}"'
            of = f'priority="-20" family="ipv{source.version}" source address="{source}"{to}'
            yield f"$cmd {where} --add-rich-rule='rule {of} {modbus} accept'"
        for version in _FAMILIES:
            yield f'$cmd {where} --add-rich-rule=\'rule priority="-10" family="ipv{version}" {modbus} drop\''


def windows(rules: Opening) -> str:
    """A PowerShell script for the Windows firewall."""
    sources = ", ".join(f'"{source}"' for source in rules.sources)
    lines = [
        "# Who may reach Modbus on this machine. Run it in PowerShell as administrator.",
        "# Windows lets answers pass by itself, and drops what no rule allows, as long as no other rule",
        "# allows these ports: look for one with Get-NetFirewallPortFilter | Where-Object LocalPort -In "
        + _commas(rules.ports),
    ]
    if rules.targets:
        lines.append(
            "# It does not filter what Windows passes on: to the devices, use a router of their own."
        )
    lines += [
        'Remove-NetFirewallRule -Group "mbap" -ErrorAction SilentlyContinue',
        'New-NetFirewallRule -Group "mbap" -DisplayName "Modbus, from the clients named" `',
        f"    -Direction Inbound -Action Allow -Protocol TCP -LocalPort {_commas(rules.ports)} `",
        f"    -RemoteAddress {sources}",
        "Set-NetFirewallProfile -All -DefaultInboundAction Block",
    ]
    return _text(lines)


FORMS: Final[Mapping[str, Callable[[Opening], str]]] = {
    "nftables": nftables,
    "iptables": iptables,
    "firewalld": firewalld,
    "windows": windows,
}
"""The filters that rules can be written for, by name."""


def _network(text: str) -> Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is no address: write it like 192.168.1.20, 192.168.1.0/24 or fd00::/64"
        ) from None


def _commas(ports: Iterable[int]) -> str:
    return ",".join(map(str, ports))


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
