"""An answer taken apart without a client: what its MBAP header says, and which rules it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field

from mbap.client.quirks import Quirks
from mbap.protocol.adu import Adu
from mbap.protocol.tcp import HEADER

_READ_BITS, _READ_REGISTERS = (1, 2), (3, 4)


@dataclass(frozen=True, slots=True)
class Oddity:
    """A rule that an answer breaks, and the quirks to read it all the same.

    Attributes:
        hopeless: nothing helps: no client can read such answers.
    """

    seen: str
    means: str
    hopeless: bool = False
    quirks: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Headed:
    """An answer with an MBAP header: its PDU, and what is odd about it."""

    pdu: bytes
    oddities: tuple[Oddity, ...] = ()

    @property
    def exception(self) -> int:
        """The exception that it is; 0 where it is none."""
        return self.pdu[1] if len(self.pdu) > 1 and self.pdu[0] & 0x80 else 0


def take_apart(asked: Adu, data: bytes) -> Headed | None:
    """The answer to *asked* that *data* begins with; None where it is not Modbus TCP at all."""
    if len(data) < 9:
        return None
    transaction, protocol, length, unit = HEADER.unpack_from(data)
    pdu = data[7 : 7 + _length(data[7:])]
    if protocol or pdu[0] & 0x7F != asked.pdu[0] or not 2 <= length <= 254:
        return None
    oddities = [
        *_transaction(asked.transaction or 0, transaction),
        *_unit(asked.unit, unit),
        *_said_length(length, len(pdu) + 1, data),
        *_cut(asked, pdu, len(data) - 7),
    ]
    return Headed(pdu, tuple(oddities))


def _length(pdu: bytes) -> int:
    """How long the PDU is by its own content: an exception, or the answer to a read."""
    return 2 if pdu[0] & 0x80 else 2 + pdu[1]


def _transaction(asked: int, came: int) -> list[Oddity]:
    if came == asked:
        return []
    means = "answers can be told apart by their order alone, so one request at a time is sent"
    if came == 0:
        return [Oddity("the answer has the transaction 0", means, quirks={"transaction": "zero"})]
    swapped = came == (asked >> 8 | (asked & 0xFF) << 8)
    how = "with its bytes exchanged" if swapped else f"{came} instead of {asked}"
    return [Oddity(f"the answer has another transaction, {how}", means, quirks={"transaction": "own"})]


def _unit(asked: int, came: int) -> list[Oddity]:
    if came == asked:
        return []
    means = "a client that is careful takes it for the answer of another device"
    return [
        Oddity(
            f"unit {asked} was asked, and the answer names unit {came}", means, quirks={"answer_unit": came}
        )
    ]


def _said_length(said: int, real: int, data: bytes) -> list[Oddity]:
    if said == real:
        return _again(data[: 6 + real], data[6 + real :])
    if len(data) == 6 + said > 6 + real:
        seen = f"the answer has {said - real} bytes more than its own count says"
        return [Oddity(seen, "no client takes such an answer", hopeless=True)]
    seen = f"the length in the header is {said}, and {real} bytes follow"
    if said == real + 1:
        means = "a client waits for a byte that never comes"
        exception = bool(data[7] & 0x80)
        return [Oddity(seen, means, quirks={"exception_length" if exception else "long_length": True})]
    return [Oddity(seen, "where the next answer begins cannot be told", hopeless=True)]


def _again(answer: bytes, more: bytes) -> list[Oddity]:
    """What follows a whole answer, where nothing should."""
    if more.startswith(answer):
        means = "something on the way repeats what it carries, mostly a gateway; mbap drops the second"
        return [Oddity("the answer comes more than once", means)]
    return [Oddity(f"{len(more)} bytes follow the answer", "nobody asked for them")] if more else []


def _cut(asked: Adu, pdu: bytes, came: int) -> list[Oddity]:
    if pdu[0] & 0x80 or pdu[0] not in (*_READ_BITS, *_READ_REGISTERS):
        return []
    count = int.from_bytes(asked.pdu[3:5], "big")
    wanted = 2 * count if pdu[0] in _READ_REGISTERS else (count + 7) // 8
    if len(pdu) > came:
        return [Oddity(f"the answer announces {len(pdu)} bytes and has {came}", "bytes are lost on the way")]
    if pdu[1] < wanted:
        seen = f"{wanted} bytes were asked for, and the answer gives {pdu[1]}"
        return [Oddity(seen, "it gives what it has, and leaves the rest out", quirks={"short_answers": True})]
    return []


def quirks_of(oddities: tuple[Oddity, ...]) -> dict[str, object]:
    """The quirks that all of them need together."""
    return {name: value for oddity in oddities for name, value in oddity.quirks.items()}


def quirks_with(before: Quirks, more: dict[str, object]) -> Quirks:
    """*before*, and *more* beside them."""
    return Quirks.of(before.said() | more)
