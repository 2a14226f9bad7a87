"""The clients of `bench/gatewaysoak.py`: they ask several things at once, judge answers, and some vanish."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections import Counter
from dataclasses import dataclass, field

from bench.gatewaysoakdevices import answer_to

CLIENTS, AT_ONCE = 24, 4
UNITS = (*range(1, 6), *range(11, 16), *range(21, 26))
"""1 to 5 are on the first line, 11 to 15 on the second, 21 to 25 behind the TCP host."""
SCRATCH = 200
"""From here on registers are written."""
LONGEST_WAIT = 30.0
"""Seconds after which a request counts as never answered."""
VANISHES = 0.03


@dataclass
class Tally:
    """What the clients met, all of them together."""

    answers: int = 0
    exceptions: Counter[int] = field(default_factory=Counter)
    crossed: int = 0
    unanswered: int = 0
    closed: int = 0
    vanished: int = 0
    unplugged: int = 0
    ended: bool = False

    def __str__(self) -> str:
        codes = ", ".join(f"{code:02X} {count:,}" for code, count in sorted(self.exceptions.items()))
        return f"{self.answers:,} answers, exceptions {codes or 'none'}, {self.vanished:,} clients vanished"


@dataclass(frozen=True)
class Asked:
    """A request that waits for its answer."""

    frame: bytes
    right: bytes

    def judge(self, answer: bytes, tally: Tally) -> None:
        """Count what came."""
        if answer == self.right:
            tally.answers += 1
        elif len(answer) == 3 and answer[:2] == bytes((self.right[0], self.right[1] | 0x80)):
            tally.exceptions[answer[2]] += 1
        else:
            tally.crossed += 1
            print(f"WRONG: asked {self.frame.hex(' ')}, got {answer.hex(' ')}", flush=True)


def something(chance: random.Random, number: int) -> Asked:
    """A request of a client."""
    unit = chance.choice(UNITS)
    if chance.random() < 0.1:
        body = struct.pack(">BBHH", unit, 6, SCRATCH + chance.randrange(50), chance.randrange(1 << 16))
    else:
        body = struct.pack(">BBHH", unit, 3, chance.randrange(180), chance.choice((1, 2, 2, 2, 10)))
    return Asked(struct.pack(">HHH", number, 0, 6) + body, answer_to(body))


async def client(port: int, tally: Tally, chance: random.Random) -> None:
    """Connect, ask for a while, leave one way or other, and begin anew."""
    while not tally.ended:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for _ in range(100):
                if tally.ended or not await _ask_some(reader, writer, tally, chance):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            tally.closed += 1
        except TimeoutError:
            tally.unanswered += 1
        finally:
            writer.transport.abort() if chance.random() < 0.5 else writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _ask_some(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally, chance: random.Random
) -> bool:
    """Send some requests at once and judge the answers; False when this client is to vanish."""
    first = chance.randrange(1 << 16)
    asked = {
        (first + n) & 0xFFFF: something(chance, (first + n) & 0xFFFF)
        for n in range(chance.randint(1, AT_ONCE))
    }
    data = b"".join(one.frame for one in asked.values())
    vanishes = chance.random() < VANISHES
    writer.write(data[: chance.randint(1, len(data))] if vanishes else data)
    if vanishes:
        tally.vanished += 1
        await asyncio.sleep(chance.choice((0.0, 0.002, 0.05)))
        return False
    async with asyncio.timeout(LONGEST_WAIT):
        while asked:
            number, _, size = struct.unpack(">HHH", await reader.readexactly(6))
            answer = await reader.readexactly(size)
            one = asked.pop(number, None)
            if one is None:
                tally.crossed += 1
                print(f"WRONG: nobody asked for {number}: {answer.hex(' ')}", flush=True)
            else:
                one.judge(answer, tally)
    return True
