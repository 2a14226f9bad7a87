"""What hostile or broken clients send, as data: the bytes, and what a right server does with them.

The servers have addresses 0 to 255: registers hold 0x1100 plus their address, coils are on at odd ones.
Every frame has transaction 1234 and unit 1 unless its input is about that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Then = Literal["open", "closed", "either"]

PROBE = bytes.fromhex("ffee 0000 0006 01 03 0000 0001")
"""Sent behind every input on the same connection; a connection that still works answers it."""
PROBE_ANSWER = bytes.fromhex("ffee 0000 0005 01 03 02 1100")
SETTLE = 0.25
"""Seconds in which an answer comes, if one does."""


@dataclass(frozen=True)
class Pause:
    """So many seconds in which nothing is sent."""

    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a right server may do: answer with exactly these bytes, and keep the connection or close it."""

    answer: bytes = b""
    then: Then = "open"


@dataclass(frozen=True)
class Hostile:
    """One input.

    Attributes:
        number: stands in the ids of tests and in the table.
        title: what it is.
        sends: pieces, and pauses between them.
        wanted: what a right server does: one of these.
        patience: seconds until it has to have done so.
        half_close: the client sends FIN behind it.
        reset: the client resets the connection behind it; nothing can be answered.
        unread: the client never reads.
        connections: so many clients at once do the same.
        churn: before it so many clients connect, ask and are gone without reading the answer.
    """

    number: str
    title: str
    sends: tuple[bytes | Pause, ...]
    wanted: tuple[Outcome, ...]
    patience: float = SETTLE
    half_close: bool = False
    reset: bool = False
    unread: bool = False
    connections: int = 1
    churn: int = 0


OPEN, CLOSED = Outcome(), Outcome(then="closed")


def adu(pdu: str | bytes, transaction: int = 0x1234, unit: int = 1, protocol: int = 0) -> bytes:
    """A whole frame around *pdu*."""
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    head = transaction.to_bytes(2, "big") + protocol.to_bytes(2, "big") + (len(body) + 1).to_bytes(2, "big")
    return head + bytes((unit,)) + body


READ = adu("03 0000 0001")
READ_ANSWER = adu("03 02 1100")


def raw(number: str, title: str, sent: str, *wanted: Outcome, patience: float = SETTLE) -> Hostile:
    """An input that is no frame."""
    return Hostile(number, title, (bytes.fromhex(sent),), wanted, patience)


def refused(number: str, title: str, pdu: str | bytes, *codes: int) -> Hostile:
    """A request that has to be answered with one of the exception *codes*."""
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    wanted = tuple(Outcome(adu(bytes((body[0] | 0x80, code)))) for code in codes)
    return Hostile(number, title, (adu(body),), wanted)


def answered(number: str, title: str, pdu: str, answer: str, *codes: int) -> Hostile:
    """A request that is answered, or refused with one of *codes* where the server has no such function."""
    body = bytes.fromhex(pdu)
    wanted = [Outcome(adu(answer)), *(Outcome(adu(bytes((body[0] | 0x80, code)))) for code in codes)]
    return Hostile(number, title, (adu(body),), tuple(wanted))


def _framing() -> Iterator[Hostile]:
    """Headers that cannot be, and streams that are something else."""
    yield raw("H001", "length 0", "0001 0000 0000", CLOSED)
    yield raw("H002", "length 1: no function", "0001 0000 0001 01", CLOSED)
    yield raw("H003", "length 255", "0001 0000 00ff 01" + "00" * 254, CLOSED)
    yield raw("H004", "length 264", "0001 0000 0108 01" + "00" * 263, CLOSED)
    yield raw("H005", "length 65535", "0001 0000 ffff 01 03", CLOSED)
    yield raw("H006", "half a request and then nothing", "0001 0000 0009 01 03 0000", CLOSED, patience=7.0)
    rubbish = adu("03 0000 0001") + bytes.fromhex("aabbcc")
    yield Hostile(
        "H007", "three bytes of rubbish behind a request", (rubbish,), (Outcome(READ_ANSWER, "either"),)
    )
    long = adu("10 0000 0003 06 0002 0000 0006 aabbcc") + adu("03 0000 0001", 2)
    both = Outcome(adu("90 03") + adu("03 02 1100", 2))
    yield Hostile("H008", "a length longer than its request, and another request", (long,), (both,))
    short = bytes.fromhex("1234 0000 0008 01 10 0000 0002 04 00") + adu("03 0000 0001", 2)
    yield Hostile("H009", "a length shorter than its request, and another request", (short,), (both,))
    yield Hostile("H010", "protocol identifier 1", (adu("03 0000 0001", protocol=1),), (OPEN, CLOSED))
    yield Hostile("H011", "protocol identifier FFFF", (adu("03 0000 0001", protocol=0xFFFF),), (OPEN, CLOSED))
    yield raw("H012", "a TLS ClientHello", "16 03 01 02 00 01 00 01 fc 03 03" + "5a" * 200, CLOSED)
    yield raw("H013", "an HTTP request", b"GET / HTTP/1.1\r\nHost: plc.example.com\r\n\r\n".hex(), CLOSED)
    noise = bytes((at * 73 + 41) % 251 for at in range(4096))
    yield Hostile("H014", "4 KiB of noise", (noise,), (CLOSED,))
    yield raw("H015", "an RTU frame", "01 03 00 00 00 01 84 0a", CLOSED)
    for number, transaction in (("H016a", 0), ("H016b", 0xFFFF)):
        given = (adu("03 0000 0001", transaction),)
        yield Hostile(
            number, f"transaction {transaction:04X}", given, (Outcome(adu("03 02 1100", transaction)),)
        )
    for unit in (0, 247, 248, 254, 255):
        own = Outcome(adu("03 02 1100", unit=unit))
        unknown = [Outcome(adu(bytes((0x83, code)), unit=unit)) for code in (1, 2, 4, 0x0A, 0x0B)]
        yield Hostile(
            f"H017-{unit}", f"unit {unit}", (adu("03 0000 0001", unit=unit),), (own, OPEN, *unknown)
        )
    yield Hostile("H016c", "the same transaction twice", (READ + READ,), (Outcome(READ_ANSWER * 2),))


def _tcp() -> Iterator[Hostile]:
    """Streams cut, mixed and abused."""
    slow = tuple(piece for byte in READ for piece in (bytes((byte,)), Pause(0.7)))[:-1]
    yield Hostile("H018", "a request of 8 s, a byte every 0.7 s", slow, (CLOSED,), patience=1.0)
    yield Hostile(
        "H020", "200 connections at once", (READ,), (Outcome(READ_ANSWER),), connections=200, patience=4.0
    )
    hundred = b"".join(adu("03 0000 0001", number) for number in range(1, 101))
    answers = b"".join(adu("03 02 1100", number) for number in range(1, 101))
    yield Hostile("H023", "100 requests in one segment", (hundred,), (Outcome(answers),), patience=2.0)
    cut = tuple(READ[at : at + 1] for at in range(len(READ)))
    yield Hostile("H024", "a request byte by byte", cut, (Outcome(READ_ANSWER),))
    two = (READ * 2 + READ[:6], Pause(0.05), READ[6:])
    yield Hostile(
        "H025", "two and a half requests in one segment", two, (Outcome(READ_ANSWER * 3),), patience=0.6
    )
    flood = (adu("03 0000 0064") * 20_000,)
    yield Hostile("H026", "20,000 requests, and no answer is read", flood, (CLOSED, OPEN), unread=True)
    errors = b"".join(adu("03 0000 0000", number) for number in range(1, 2001))
    refusals = b"".join(adu("83 03", number) for number in range(1, 2001))
    yield Hostile("H032", "2,000 malformed requests at once", (errors,), (Outcome(refusals),), patience=4.0)
    yield Hostile("H030", "300 clients that ask and are gone", (READ,), (Outcome(READ_ANSWER),), churn=300)
    yield Hostile("H028", "a reset in the middle of a request", (READ[:7],), (CLOSED,), reset=True)
    yield Hostile(
        "H029", "a FIN right behind a request", (READ,), (Outcome(READ_ANSWER, "closed"),), half_close=True
    )


def _functions() -> Iterator[Hostile]:
    """Functions that there are not."""
    yield refused("H034", "function 0", "00", 1)
    for code in (0x83, 0x90, 0xFF):
        answer = Outcome(adu(bytes((code, 1))))
        yield Hostile(
            f"H035-{code:02X}", f"function {code:02X}", (adu(bytes((code, 0, 0, 0, 1))),), (answer,)
        )
    yield refused("H036", "function 9", "09 0000 0001", 1)
    for code in (41, 42, 90, 91, 125, 127):
        yield refused(f"H037-{code}", f"function {code}", bytes((code, 0, 0)), 1)
    yield refused("H038a", "function 65 with 252 bytes", b"\x41" + b"\0" * 252, 1)
    yield refused("H038b", "function 100 with nothing", "64", 1)
    for code in (7, 11, 12, 17):
        yield refused(
            f"H041-{code:02X}", f"function {code} with more than its code", bytes((code, 0, 0)), 3, 1
        )


def _reads_and_single_writes() -> Iterator[Hostile]:
    """Functions 1 to 6 that break the structure, the counts, the addresses or the values of the standard."""
    yield refused("H042", "function 3 and nothing else", "03", 3)
    yield refused("H043", "function 3, one byte short", "03 0000 00", 3)
    yield refused("H043b", "function 3, one byte more", "03 0000 0001 00", 3)
    for code in (1, 2):
        yield refused(f"H044-{code}", f"function {code}, count 0", bytes((code, 0, 0, 0, 0)), 3)
        yield refused(f"H045-{code}", f"function {code}, count 2001", bytes((code, 0, 0, 0x07, 0xD1)), 3)
        yield refused(f"H045-{code}F", f"function {code}, count 65535", bytes((code, 0, 0, 0xFF, 0xFF)), 3)
    for code in (3, 4):
        yield refused(f"H046-{code}", f"function {code}, count 0", bytes((code, 0, 0, 0, 0)), 3)
        yield refused(f"H047-{code}", f"function {code}, count 126", bytes((code, 0, 0, 0, 0x7E)), 3)
        yield refused(f"H047-{code}W", f"function {code}, count 128", bytes((code, 0, 0, 0, 0x80)), 3)
        yield refused(f"H047-{code}F", f"function {code}, count 65535", bytes((code, 0, 0, 0xFF, 0xFF)), 3)
    yield refused("H048", "address FFFF, count 2", "03 FFFF 0002", 2)
    yield refused("H049", "one register beyond the last", "03 00FF 0002", 2)
    yield refused("H049b", "one coil beyond the last", "01 00FF 0002", 2)
    for value in ("0001", "FF01", "00FF", "1234"):
        yield refused(f"H050-{value}", f"a coil written with {value}", f"05 0000 {value}", 3)
    yield refused("H051a", "function 6, one byte short", "06 0000 00", 3)
    yield refused("H051b", "function 6, one byte more", "06 0000 0007 00", 3)


def _writes_of_several() -> Iterator[Hostile]:
    """Functions 15 to 23 that do, and two that do not."""
    yield refused("H052a", "function 15, count 0", "0F 0000 0000 00", 3)
    yield refused("H052b", "function 15, count 1969", b"\x0f\0\0\x07\xb1\xf7" + b"\xff" * 246, 3)
    yield refused("H053", "function 15, byte count below the count", "0F 0000 000A 01 FF", 3)
    yield refused("H054", "function 15, byte count beyond the request", "0F 0000 0010 FF FFFF", 3)
    yield answered("H055", "function 15, bits behind the last", "0F 0001 0003 01 F5", "0F 0001 0003")
    yield refused("H056a", "function 16, count 0", "10 0000 0000 00", 3)
    yield refused("H056b", "function 16, count 124", b"\x10\0\0\0\x7c\xf8" + b"\0" * 247, 3)
    yield refused("H057", "function 16, odd byte count", "10 0000 0002 03 000102", 3)
    yield refused("H058", "function 16, bytes to spare", "10 0000 0001 02 00070008", 3)
    yield refused("H059", "function 16 across the last register", "10 00FE 0004 08 0001000200030004", 2)
    yield refused("H060", "function 22, short", "16 0000 00F2", 3, 1)
    yield refused("H061", "function 23, short", "17 0000 0001 00", 3, 1)
    yield refused("H062a", "function 23, read count 0", "17 0000 0000 0000 0001 02 0007", 3, 1)
    yield refused("H062b", "function 23, read count 126", "17 0000 007E 0000 0001 02 0007", 3, 1)
    yield refused("H062c", "function 23, write count 0", "17 0000 0001 0000 0000 00", 3, 1)
    yield refused("H063", "function 23, 14 bytes said and none sent", "17 0000 0001 0000 0007 0E", 3, 1)
    yield refused(
        "H064", "function 23, read beyond the last, write inside", "17 00FF 0002 0000 0001 02 0007", 2, 1
    )
    both = "17 0020 0002 0020 0002 04 0007 0008"
    yield answered("H065", "function 23, read and write of the same registers", both, "17 04 0007 0008", 1)
    largest = "10 0020 007B F6" + "00" * 246
    yield answered("H066", "function 16 with 123 registers", largest, "10 0020 007B")


def _files_and_identification() -> Iterator[Hostile]:
    """Files, queues, identification."""
    yield refused("H067a", "function 20, byte count 6", "14 06 06 0001 0000 00", 3, 1)
    yield refused("H067b", "function 20, byte count 0", "14 00", 3, 1)
    yield refused("H068", "function 20, byte count 8", "14 08 06 0001 0000 0001 06", 3, 1)
    many = bytes((0x14, 245)) + bytes.fromhex("06 0001 0000 007C") * 35
    yield refused("H069", "function 20, 35 times 124 registers", many, 3, 1)
    yield refused("H070", "function 20, record length 8000", "14 07 06 0001 0000 8000", 3, 2, 1)
    yield refused("H071a", "function 20, reference type 7", "14 07 07 0001 0000 0001", 2, 1)
    yield refused("H071b", "function 20, file 0", "14 07 06 0000 0000 0001", 2, 1)
    yield refused("H071c", "function 20, record 10000", "14 07 06 0001 2710 0001", 2, 1)
    yield refused("H072", "function 21, record length FF80", "15 09 06 0001 0000 FF80 0007", 3, 2, 1)
    yield refused(
        "H073", "function 21, record length beyond the request", "15 09 06 0001 0000 0009 0007", 3, 1
    )
    yield refused("H074", "function 24, a queue of 40", "18 000B", 3, 2, 1)
    for size, data in (("0", ""), ("1", "00"), ("3", "00 00 00")):
        yield refused(f"H075-{size}", f"function 24 with {size} bytes", "18" + data, 3, 1)
    yield refused("H076a", "identification, code 0", "2B 0E 00 00", 3, 1)
    yield refused("H076b", "identification, code 5", "2B 0E 05 00", 3, 1)
    yield refused("H077", "identification, object 7F by itself", "2B 0E 04 7F", 2, 1)
    yield refused("H079a", "identification, cut", "2B 0E", 3, 1)
    yield refused("H079b", "function 43 and nothing else", "2B", 3, 1)
    for kind in ("00", "FF"):
        yield refused(f"H080-{kind}", f"function 43, type {kind}", f"2B {kind}", 1)


def _dangerous() -> Iterator[Hostile]:
    """What can stop a device."""
    yield answered("H083", "restart communications", "08 0001 0000", "08 0001 0000", 1)
    yield refused("H084", "restart communications, data 1234", "08 0001 1234", 3, 1)
    yield refused("H085", "listen only", "08 0004 0000", 1)
    yield answered("H086", "clear counters", "08 000A 0000", "08 000A 0000", 1)
    yield answered("H087a", "echo of 2 bytes", "08 0000 A537", "08 0000 A537", 1)
    yield refused("H087b", "echo of 1 byte", "08 0000 A5", 3, 1)
    yield refused("H088", "diagnostics 19, reserved", "08 0013 0000", 1)


ALL: tuple[Hostile, ...] = (
    *_framing(),
    *_tcp(),
    *_functions(),
    *_reads_and_single_writes(),
    *_writes_of_several(),
    *_files_and_identification(),
    *_dangerous(),
)
