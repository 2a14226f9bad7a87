"""What judging one request costs, by the number of rules: CPU time, the least of several turns.

    python bench/policy.py            a table
    python bench/policy.py --json     the same as data

Three policies of each size. `plant`: every rule has a client network, a unit and registers of its own.
`one client`: rules differ in their registers alone. `one page`: worse than any plant, all rules are of one
client, one unit, and registers close to each other, and only the last is about the request.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from mbap.addresses import Table
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.security.functions import Functions
from mbap.security.policy import Moment, Policy, Rule
from mbap.security.sources import Source
from mbap.server.handler import Call, Peer
from mbap.server.networks import network_of

SIZES = (10, 100, 1_000, 10_000)
TURNS = 7
TIMES = 2_000
NOW = Moment(0.0, 1_800_000_000_000_000)
READ, WRITE = Functions(["read"]), Functions(["6", "16"])

Made = tuple[Policy, Call[Any]]


def plant(size: int) -> Made:
    rules = []
    for number in range(size):
        net = f"10.{number % 200}.{number // 200 % 250}.0/24"
        first, unit = number * 13 % 60_000, number % 247 + 1
        source = Source((net,), (network_of(net),))
        addresses = {Table.HOLDING_REGISTERS: ((first, first + 99),)}
        functions = READ if number % 2 else WRITE
        rules.append(Rule(f"r{number}", functions, source=source, units=((unit, unit),), addresses=addresses))
    last = size - 1
    peer = Peer(f"10.{last % 200}.{last // 200 % 250}.9", 1, "tcp://0.0.0.0:502")
    return Policy(tuple(rules)), _read(last * 13 % 60_000, last % 247 + 1, peer)


def one_client(size: int) -> Made:
    width = 60_000 // size
    rules = [
        Rule(
            f"r{number}",
            READ,
            units=((1, 1),),
            addresses={Table.HOLDING_REGISTERS: ((number * width, number * width + width - 1),)},
        )
        for number in range(size)
    ]
    return Policy(tuple(rules)), _read((size - 1) * width, 1, Peer("10.0.0.9"), count=min(width, 10))


def one_page(size: int) -> Made:
    rules = [
        Rule(f"r{number}", READ, units=((1, 1),), addresses={Table.HOLDING_REGISTERS: ((0, number % 9),)})
        for number in range(size - 1)
    ]
    rules.append(Rule("last", READ, units=((1, 1),), addresses={Table.HOLDING_REGISTERS: ((0, 63),)}))
    return Policy(tuple(rules)), _read(0, 1, Peer("10.0.0.9"))


def _read(address: int, unit: int, peer: Peer, count: int = 10) -> Call[Any]:
    return Call(ReadHoldingRegisters(address, count), unit, peer)


def microseconds(policy: Policy, call: Call[Any]) -> tuple[float, int]:
    """CPU time of one verdict, and how many rules were looked at."""
    examined = policy.judge(call, NOW).examined
    times = max(20, TIMES // max(1, examined // 10))
    turns = []
    for _ in range(TURNS):
        began = time.process_time_ns()
        for _ in range(times):
            policy.judge(call, NOW)
        turns.append((time.process_time_ns() - began) / times / 1000)
    return min(turns), examined


def main() -> None:
    kinds: dict[str, Callable[[int], Made]] = {
        "plant": plant,
        "one client": one_client,
        "one page": one_page,
    }
    rows = []
    for name, make in kinds.items():
        for size in SIZES:
            policy, call = make(size)
            began = time.process_time()
            policy.index  # noqa: B018 - to make it
            building = time.process_time() - began
            cost, examined = microseconds(policy, call)
            allowed = policy.judge(call, NOW).passes
            row = {"policy": name, "rules": size, "us": round(cost, 2), "examined": examined}
            rows.append(row | {"allowed": allowed, "index_ms": round(building * 1000)})
    if "--json" in sys.argv[1:]:
        print(json.dumps(rows, indent=2))
        return
    print("policy      rules  us a verdict  rules looked at  ms to build the index")
    for row in rows:
        begin = f"{row['policy']:<10} {row['rules']:>6} {row['us']:>13}"
        print(f"{begin} {row['examined']:>16} {row['index_ms']:>22}")


if __name__ == "__main__":
    main()
