"""What devices do wrong, as data: a number, what it is, what is asked, and the script of the device.

C: on Modbus TCP. R: RTU frames over TCP. Everything here was met in devices in the field, or follows from
the standard's words about what a client has to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from robustness.device import Framing, Held, Reply, Script, Silence, Step, rtu_frame

Asked = Literal["read", "write", "write_many", "read_coils"]
Wanted = Literal["data", "error", "either"]
"""What may come of the first request: the right data, an error, or either of them."""

READ_AT, READ_COUNT = 107, 3
TIMEOUT = 0.3
"""Seconds for which clients wait for one answer."""
AGAIN_AT = 211
"""The second request asks for other registers, as many: an answer to the first would be taken for it."""


@dataclass(frozen=True)
class Misbehaviour:
    """One way to misbehave.

    Attributes:
        number: stands in the ids of tests and in the table.
        title: what the device does.
        script: how it does that, before it behaves.
        asked: the first request; the second is always a read.
        wanted: what may come of it.
        framing: `tcp`, or `rtu` over TCP.
        pause: seconds between the first request and the second.
        lasting: it never behaves, so that there is nothing to recover to.
    """

    number: str
    title: str
    script: Script
    asked: Asked = "read"
    wanted: Wanted = "either"
    framing: Framing = "tcp"
    pause: float = 0.0
    lasting: bool = False


def words(*values: int, function: int = 3, size: int | None = None) -> bytes:
    """The PDU of an answer with these registers."""
    body = b"".join(value.to_bytes(2, "big") for value in values)
    return bytes((function, len(body) if size is None else size)) + body


def _adu(transaction: int, unit: int, pdu: bytes) -> bytes:
    return transaction.to_bytes(2, "big") + bytes((0, 0, 0, len(pdu) + 1, unit)) + pdu


_STALE = _adu(0xBEEF, 1, words(9, 9, 9))


def _once(
    number: str, title: str, step: Step, wanted: Wanted = "either", asked: Asked = "read"
) -> Misbehaviour:
    return Misbehaviour(number, title, Script((step, Reply())), asked, wanted)


def _rtu(
    number: str, title: str, step: Step, wanted: Wanted = "either", asked: Asked = "read"
) -> Misbehaviour:
    return Misbehaviour(number, title, Script((step, Reply())), asked, wanted, "rtu")


ON_TCP: tuple[Misbehaviour, ...] = (
    Misbehaviour("C01", "nothing: all is right", Script(), wanted="data"),
    _once("C02", "no answer", Silence()),
    _once("C03", "closes instead of answering", Silence(close=True)),
    _once("C04", "resets instead of answering", Silence(reset=True)),
    _once("C05", "closes in the middle of an answer", Reply(cut=9, close=True)),
    _once("C06", "stops in the middle of an answer", Reply(cut=9)),
    _once("C07", "answers byte by byte", Reply(each=0.0), "data"),
    _once("C08", "trickles its answer, 5 ms a byte", Reply(each=0.005), "data"),
    _once("C09", "sends the header at once and the rest later", Reply(halfway=0.08), "data"),
    _once("C10", "answers with another transaction", Reply(pdu=words(9, 9, 9), transaction=0xBEEF), "error"),
    Misbehaviour(
        "C11", "answers every request with transaction 0", Script((Reply(transaction=0),)), lasting=True
    ),
    Misbehaviour("C12", "is one transaction behind, always", Script((Reply(behind=1),)), lasting=True),
    _once("C13", "sends an old answer before the right one", Reply(before=_STALE), "data"),
    _once("C14", "answers twice", Reply(twice=True), "data"),
    Misbehaviour("C15", "answers too late, right before the next answer", Script((Held(), Reply()))),
    _once("C16", "answers for another unit", Reply(pdu=words(9, 9, 9), unit=77), "error"),
    _once("C17", "answers as unit 0", Reply(unit=0)),
    _once("C18", "answers another function", Reply(pdu=words(1, 2, 3, function=4)), "error"),
    _once("C19", "answers with the exception of another function", Reply(pdu=b"\x84\x02"), "error"),
    _once("C20", "answers with fewer registers", Reply(pdu=words(1, 2)), "error"),
    _once("C21", "answers with more registers", Reply(pdu=words(1, 2, 3, 4)), "error"),
    _once("C22", "says an odd byte count", Reply(pdu=words(1, 2, 3, size=5)), "error"),
    _once("C23", "says a byte count beyond its answer", Reply(pdu=words(1, 2, 3, size=8)), "error"),
    _once("C24", "says a byte count of 250", Reply(pdu=words(1, 2, 3, size=250)), "error"),
    _once("C25", "says a byte count of 0 and sends nothing", Reply(pdu=words()), "error"),
    _once("C26", "answers with one byte less than it says", Reply(pdu=words(1, 2, 3)[:-1]), "error"),
    _once("C27", "sends a header without a function code", Reply(pdu=b"", length=1), "error"),
    _once("C28", "says a length of 0", Reply(length=0), "error"),
    _once("C29", "says a length of 300", Reply(length=300), "error"),
    _once("C30", "says a length of 65535", Reply(length=0xFFFF), "error"),
    _once("C31", "says a length that is one too large", Reply(longer=1)),
    _once("C32", "says a length that is one too small", Reply(longer=-1)),
    _once("C33", "uses protocol identifier 1", Reply(pdu=words(9, 9, 9), protocol=1), "error"),
    _once("C34", "answers with exception 02", Reply(pdu=b"\x83\x02"), "error"),
    _once("C35", "answers with exception E1, which nobody knows", Reply(pdu=b"\x83\xe1"), "error"),
    _once("C36", "answers with exception 00", Reply(pdu=b"\x83\x00"), "error"),
    _once("C37", "answers with an exception without its code", Reply(pdu=b"\x83"), "error"),
    _once("C38", "says a length of 4 with an exception", Reply(pdu=b"\x83\x02", length=4), "error"),
    _once("C39", "answers with an exception and more", Reply(pdu=b"\x83\x02\x00\x00"), "error"),
    _once("C40", "is busy: exception 06", Reply(pdu=b"\x83\x06"), "either"),
    _once("C41", "sends a line end behind its answer", Reply(after=b"\r\n"), "data"),
    _once("C42", "sends a web page before its answer", Reply(before=b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    Misbehaviour("C43", "greets with a line of text", Script(greeting=b"login: \r\n")),
    Misbehaviour("C44", "sends an answer before it is asked", Script(greeting=_adu(1, 1, words(9, 9, 9)))),
    _once("C45", "floods with 1 MB of other answers", Reply(flood=1_000_000)),
    Misbehaviour("C46", "closes after every answer", Script((Reply(close=True),)), pause=0.05),
    Misbehaviour(
        "C47",
        "closes when nothing is asked for a while",
        Script((Reply(idle_close=0.02), Reply())),
        pause=0.1,
    ),
    Misbehaviour(
        "C48",
        "closes, and refuses connections for a moment",
        Script((Silence(close=True), Reply()), away=0.3),
        pause=0.4,
    ),
    _once("C49", "does not answer a write", Silence(), "either", "write"),
    _once(
        "C50", "confirms a write of another value", Reply(pdu=bytes.fromhex("06 0007 0000")), "error", "write"
    ),
    _once(
        "C51",
        "confirms a write to another address",
        Reply(pdu=bytes.fromhex("06 0008 002a")),
        "error",
        "write",
    ),
    _once("C52", "confirms a write without saying what", Reply(pdu=b"\x06"), "error", "write"),
    _once("C53", "confirms a write for another unit", Reply(unit=9), "error", "write"),
    _once(
        "C54",
        "confirms the write of fewer registers",
        Reply(pdu=bytes.fromhex("10 0007 0001")),
        "error",
        "write_many",
    ),
    _once(
        "C55",
        "confirms a write of another function",
        Reply(pdu=bytes.fromhex("10 0007 0001")),
        "error",
        "write",
    ),
    _once("C56", "answers with too few coils", Reply(pdu=b"\x01\x01\x00"), "error", "read_coils"),
    _once("C57", "sets the bits behind the last coil", Reply(pdu=b"\x01\x02\x55\xfd"), "data", "read_coils"),
)

_FOREIGN = rtu_frame(9, words(9, 9, 9))

ON_RTU: tuple[Misbehaviour, ...] = (
    Misbehaviour("R01", "nothing: all is right", Script(), wanted="data", framing="rtu"),
    _rtu("R02", "no answer", Silence()),
    _rtu("R03", "closes in the middle of an answer", Reply(cut=6, close=True)),
    _rtu("R04", "stops in the middle of an answer", Reply(cut=6)),
    _rtu("R05", "answers byte by byte", Reply(each=0.0), "data"),
    _rtu("R06", "a 00 before the answer", Reply(before=b"\x00")),
    _rtu("R07", "an FF before the answer", Reply(before=b"\xff")),
    _rtu("R08", "00 00 behind the answer", Reply(after=b"\x00\x00"), "data"),
    _rtu("R09", "its line gives the request back before the answer", Reply(echo=True)),
    _rtu("R10", "the answer of another unit comes first", Reply(before=_FOREIGN)),
    _rtu("R11", "another unit answers", Reply(pdu=words(9, 9, 9), unit=9), "error"),
    _rtu("R12", "a wrong CRC", Reply(pdu=words(9, 9, 9), crc_flip=0x0100), "error"),
    _rtu("R13", "answers another function", Reply(pdu=words(1, 2, 3, function=4)), "error"),
    _rtu("R14", "answers with fewer registers", Reply(pdu=words(1, 2)), "error"),
    _rtu("R15", "answers with more registers", Reply(pdu=words(1, 2, 3, 4)), "error"),
    _rtu(
        "R16",
        "sends two bytes more than it says, and a right CRC",
        Reply(pdu=words(1, 2, 3) + b"\0\0"),
        "error",
    ),
    _rtu("R17", "says a byte count of 250, and a right CRC", Reply(pdu=words(1, 2, 3, size=250)), "error"),
    _rtu("R18", "answers with exception 02", Reply(pdu=b"\x83\x02"), "error"),
    Misbehaviour(
        "R19", "answers too late, right before the next answer", Script((Held(), Reply())), framing="rtu"
    ),
    Misbehaviour(
        "R20",
        "answers too late, and the next request is under way then",
        Script((Reply(pause=0.35), Reply())),
        framing="rtu",
    ),
    _rtu(
        "R21", "confirms a write of another value", Reply(pdu=bytes.fromhex("06 0007 0000")), "error", "write"
    ),
)

ALL: tuple[Misbehaviour, ...] = (*ON_TCP, *ON_RTU)
