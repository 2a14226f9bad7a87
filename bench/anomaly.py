"""How much of what is unusual is found, and how often usual traffic is taken for it, on recorded traffic.

MBAP_CAPTURES=folder python3 dev bench anomaly
"""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.tables import markdown

from mbap.diagnose.capture import Captured, exchanges
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import (
    Diagnostics,
    EncapsulatedInterface,
    ReadHoldingRegisters,
    Request,
    WriteSingleRegister,
    decode_request,
)
from mbap.security.alerts import Alerts
from mbap.security.anomaly import AnomalyOptions
from mbap.security.rehearsal import verdicts

SECOND = 1_000_000
HOUR = 3_600 * SECOND
PLANT = "iti_ModbusTCP_plant1.pcap"
SCANNER = "203.0.113.66"
EACH = 200

Attack = tuple[Exchange, bool]
"""An exchange, and whether it belongs to an attack."""


@dataclass(frozen=True)
class Row:
    """What came of one experiment."""

    title: str
    attacks: int
    found: int
    normal: int
    wrong: int
    alerts: int
    missed: str = ""

    def cells(self) -> list[str]:
        """Its line of the table."""
        told = self.found + self.wrong
        return [
            self.title,
            str(self.attacks) if self.attacks else "-",
            f"{self.found / self.attacks:.3f}" if self.attacks else "-",
            f"{self.found / told:.3f}" if self.attacks and told else "-",
            f"{1_000 * self.wrong / self.normal:.1f}" if self.normal else "-",
            str(self.alerts) if self.normal else "-",
        ]


def judged(title: str, traffic: Iterable[Attack], learn_for: float) -> Row:
    """Learn, judge the rest, and count: alerts are those that usual traffic caused, one for a key."""
    labels: list[bool] = []

    def unlabelled() -> Iterable[Exchange]:
        for exchange, attack in traffic:
            labels.append(attack)
            yield exchange

    alerts = Alerts()
    found = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    distinct = 0
    before = 0
    for _, alarm in verdicts(unlabelled(), AnomalyOptions(learn_for=learn_for), alerts):
        attack = labels[-1]
        found[attack, alarm] += 1
        distinct += 0 if attack else alerts.raised - before
        before = alerts.raised
    attacks, normal = found[True, True] + found[True, False], found[False, True] + found[False, False]
    return Row(title, attacks, found[True, True], normal, found[False, True], distinct)


# --- what is judged ---


def normal(traffic: Iterable[Exchange]) -> list[Attack]:
    """All of it usual."""
    return [(one, False) for one in traffic]


def labelled(traffic: Sequence[Captured], labels: Path, *, spoofed: bool) -> list[Attack]:
    """As the authors of the capture labelled it; *spoofed*: sent in the name of the master."""
    with labels.open(encoding="ascii", newline="") as file:
        frames = {int(row["frame"]) for row in csv.DictReader(file) if row["label"] == "1"}
    master = traffic[0].client
    return [
        (replace(one, client=master) if spoofed and one.frame in frames else one, one.frame in frames)
        for one in traffic
    ]


def mixed(traffic: Sequence[Exchange], attacks: Sequence[Exchange]) -> list[Attack]:
    """Both, in the order of time."""
    together = [*normal(traffic), *((one, True) for one in attacks)]
    return sorted(together, key=lambda pair: pair[0].time)


def injected(
    traffic: Sequence[Exchange], make: Callable[[random.Random], Request[Any]], *, client: str = ""
) -> list[Attack]:
    """*EACH* requests at random times of the second half, to the server that has most of it."""
    chance = random.Random(2026)
    half = traffic[len(traffic) // 2]
    attacks = []
    for _ in range(EACH):
        time = chance.randrange(half.time + SECOND, traffic[-1].time)
        request = make(chance)
        pdu, sender = request.encode(), client or half.client
        attacks.append(replace(half, time=time, request=request, pdu=pdu, response=None, client=sender))
    return mixed(traffic, attacks)


def scanned(traffic: Sequence[Exchange], *, client: str = "") -> list[Attack]:
    """A read of every register from 0 on, one by one, in the second half."""
    registers = iter(range(EACH))
    return injected(traffic, lambda _: ReadHoldingRegisters(next(registers), 1), client=client)


def replayed(traffic: Sequence[Exchange], *, changed: bool) -> list[Attack]:
    """Writes of the first half, again at random times of the second; *changed*: with another last byte."""
    chance = random.Random(2026)
    half = len(traffic) // 2
    writes = [one for one in traffic[:half] if one.request is not None and one.request.writes]
    attacks = []
    for one in chance.choices(writes, k=EACH):
        pdu = one.pdu[:-1] + bytes([chance.randrange(256)]) if changed else one.pdu
        time = chance.randrange(traffic[half].time + SECOND, traffic[-1].time)
        attacks.append(replace(one, time=time, pdu=pdu, request=decode_request(pdu)))
    return mixed(traffic, attacks)


def later(traffic: Sequence[Exchange]) -> list[Attack]:
    """The same once more, three hours later."""
    return normal([*traffic, *(replace(one, time=one.time + 3 * HOUR) for one in traffic)])


# --- the table ---


def rows(folder: Path) -> Iterable[Row]:
    """One experiment after the other."""
    captures: dict[str, list[Captured]] = {}

    def of(name: str) -> list[Captured]:
        if name not in captures:
            captures[name] = sorted(exchanges(folder / name), key=lambda one: one.time)
        return captures[name]

    def part(name: str, share: float) -> float:
        return share * (of(name)[-1].time - of(name)[0].time) / SECOND

    fake, labels = of("lemay_fake_command_p502.pcap"), folder / "lemay_fake_command_p502_labels.csv"
    yield judged("fake_command, 250 s", labelled(fake, labels, spoofed=False), 250)
    yield judged("the same, in the master's name", labelled(fake, labels, spoofed=True), 250)
    plant = of(PLANT)
    half = part(PLANT, 0.5)
    yield judged("plant1, 50 %: scan by a new client", scanned(plant, client=SCANNER), half)
    yield judged("the same, in the client's name", scanned(plant), half)
    for title, make in INJECTED.items():
        yield judged(f"plant1, 50 %: {title}", injected(plant, make), half)
    yield judged("plant1, 50 %: learned writes again", replayed(plant, changed=False), half)
    yield judged("plant1, 50 %: learned writes, last byte other", replayed(plant, changed=True), half)
    yield judged("plant1, all, three hours later", later(plant), part(PLANT, 1.0) + 1)
    for share in (0.25, 0.5):
        yield judged(f"plant1, {share:.0%}", normal(plant), part(PLANT, share))
    for seconds in (5, 10):
        yield judged(f"plant1, {seconds} s", normal(plant), seconds)
    for name in USUAL:
        for share in (0.25, 0.5):
            yield judged(f"{name}, {share:.0%}", normal(of(f"{name}.pcap")), part(f"{name}.pcap", share))
    name = "lemay_channel_4d_12s.pcap"
    covert = [(one, one.time - of(name)[0].time > part(name, 0.5) * SECOND) for one in of(name)]
    yield judged("channel_4d_12s, 50 %: the rest as attack", covert, part(name, 0.5))


INJECTED: dict[str, Callable[[random.Random], Request[Any]]] = {
    "function 6, any register": lambda chance: WriteSingleRegister(
        chance.randrange(65_536), chance.randrange(65_536)
    ),
    "function 8/1": lambda chance: Diagnostics(1, b"\0\0"),
    "function 43/14": lambda chance: EncapsulatedInterface(14, b"\x01\0"),
}
USUAL = (
    "iti_modbus_test",
    "lemay_normal_moving_files_p502",
    "lemay_normal_exploit_run_p502",
    "ndpi_modbus",
    "lemay_channel_4d_12s",
)
HEAD = ("learned from, judged", "attacks", "recall", "precision", "false per 1,000", "false alerts")


def main() -> int:
    """Print the table."""
    given = os.environ.get("MBAP_CAPTURES")
    if not given or not Path(given).is_dir():
        print("recorded traffic is needed: set MBAP_CAPTURES to its folder", file=sys.stderr)
        return 2
    print(markdown(HEAD, [row.cells() for row in rows(Path(given))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
