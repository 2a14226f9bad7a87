"""Server: hostile and broken input by its number in the list of the security study, over a real socket.

Others of that list have their tests where what they are about is tested, with the number in the name.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from mbap.server.device import Device
from mbap.server.server import Server
from support.serving import serving
from support.wire_client import WireClient

MARKER = "EEEE 0000 0006 01 03 0000 0001"
"""A request that shows that the server goes on, and that nothing else was answered."""
MARKED = "ee ee 00 00 00 05 01 03 02 00 64"
CLOSED = (b"", b"reset")


def device() -> Device:
    return Device(
        coils=[False] * 20,
        discrete_inputs=[True] * 20,
        holding_registers=range(100, 230),
        input_registers=range(130),
        files={4: [1, 2, 3]},
        fifos={1246: [440, 4740], 7: range(32)},
        identification={0: "Pumps", 1: "P7", 2: "V1"},
        server_id=b"\x2a\xff",
        exception_status=0x6D,
    )


def framed(pdu: str) -> str:
    size = len(bytes.fromhex(pdu)) + 1
    return f"0001 0000 {size:04x} 01 {pdu}"


async def answered(client: WireClient, pdu: str) -> str:
    """The PDU that answers *pdu*, with the rest of the frame checked, and nothing else behind it."""
    await client.send(framed(pdu), MARKER)
    answer = bytes.fromhex(await client.receive())
    assert answer[:4] == b"\0\1\0\0"
    assert answer[6] == 1
    assert await client.receive() == MARKED
    return answer[7:].hex(" ")


@pytest.mark.parametrize(
    ("number", "frames"),
    [
        ("H001", "0001 0000 0000 01 03"),
        ("H002", "0001 0000 0001 01"),
        ("H003", "0001 0000 00FF 01 03"),
        ("H004", "0001 0000 0108 01 03"),
        ("H005", "0001 0000 FFFF 01 03"),
        ("H011", "0001 FFFF 0006 01 03 0000 0001" * 3),
        ("H012", "16 03 01 02 00 01 00 01 FC 03 03"),
        ("H013", "47 45 54 20 2F 20 48 54 54 50 2F 31 2E 31 0D 0A"),
        ("H015", "01 03 00 00 00 01 84 0A"),
    ],
)
async def test_what_cannot_be_followed_is_closed_without_a_word(number: str, frames: str) -> None:
    async with serving(device()) as (server, client):
        await client.send(frames)
        assert await client.ended() in CLOSED
        assert server.statistics().closed_unreadable == 1


@pytest.mark.parametrize(
    ("number", "frames"),
    [("H012", "16 03 01 02 00 01 00"), ("H013", "47 45 54 20 2F 20 48"), ("H015", "01 03 00 00 00 01 84 0A")],
)
async def test_the_log_says_what_it_may_have_been(
    number: str, frames: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(device()) as (_, client):
        await client.send(frames)
        assert await client.ended() in CLOSED
    assert len([record for record in caplog.records if "it looks like" in record.message]) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_h014_noise_ends_the_connection_within_the_first_piece(seed: int) -> None:
    async with serving(device()) as (server, client):
        client.writer.write(random.Random(seed).randbytes(4_096))
        assert await client.ended() in CLOSED
        assert server.statistics().exceptions == 0


async def test_h007_rubbish_behind_a_request_does_not_harm_the_request() -> None:
    async with serving(device()) as (_, client):
        await client.send("0001 0000 0006 01 03 0000 0001 AABBCC", MARKER)
        assert (await client.receive()).endswith("03 02 00 64")
        assert await client.ended() in CLOSED


async def test_h008_spare_bytes_within_the_length_are_exception_03_and_the_next_is_answered() -> None:
    async with serving(device()) as (_, client):
        await client.send("0001 0000 0010 11 10 0000 0003 06 0002 0000 0006 AABBCC", MARKER)
        assert await client.receive() == "00 01 00 00 00 03 11 90 03"
        assert await client.receive() == MARKED


async def test_h009_a_length_that_is_too_short_cuts_there() -> None:
    async with serving(device()) as (_, client):
        await client.send("0001 0000 0007 01 10 0000 0001 02", MARKER)
        assert await client.receive() == "00 01 00 00 00 03 01 90 03"
        assert await client.receive() == MARKED


async def test_h010_another_protocol_is_left_out_by_its_length_and_counted() -> None:
    async with serving(device()) as (server, client):
        foreign = "0001 0001 0006 01 03 0000 0001" * 2
        await client.send(foreign, MARKER, foreign, MARKER)
        assert [await client.receive(), await client.receive()] == [MARKED, MARKED]
        assert server.statistics().foreign == 4


@pytest.mark.parametrize("transaction", ["0000", "FFFF"])
async def test_h016_any_transaction_comes_back_and_the_same_twice_is_answered_twice(transaction: str) -> None:
    async with serving(device()) as (_, client):
        await client.send(f"{transaction} 0000 0006 01 03 0000 0001" * 2)
        answers = [(await client.receive()).replace(" ", "")[:4] for _ in range(2)]
        assert answers == [transaction.lower()] * 2


async def test_h024_a_request_in_pieces_of_a_byte_is_put_together() -> None:
    async with serving(device()) as (_, client):
        for byte in bytes.fromhex(MARKER):
            await client.send(f"{byte:02x}")
            await asyncio.sleep(0)
        assert await client.receive() == MARKED


async def test_h025_two_and_a_half_requests_are_two_answers_and_the_half_is_kept() -> None:
    async with serving(device()) as (_, client):
        whole = bytes.fromhex(MARKER)
        await client.send((whole * 2 + whole[:5]).hex())
        assert [await client.receive(), await client.receive()] == [MARKED, MARKED]
        await client.send(whole[5:].hex())
        assert await client.receive() == MARKED


async def test_h027_h032_a_flood_of_malformed_requests_leaves_others_their_turn() -> None:
    async with serving(device()) as (server, flooding):
        flooding.writer.write(bytes.fromhex(framed("03 0000 0000")) * 20_000)
        reading = asyncio.create_task(flooding.reader.readexactly(9 * 20_000))
        client = WireClient(*await asyncio.open_connection("127.0.0.1", server.port))
        for _ in range(5):
            assert await client.ask(MARKER) == MARKED
        assert server.statistics().exceptions < 20_000
        await asyncio.wait_for(reading, 5)
        assert server.statistics().exceptions == 20_000
        client.writer.close()


@pytest.mark.parametrize(
    ("number", "pdu", "answer"),
    [
        ("H034", "00", "80 01"),
        ("H035", "83 0000 0001", "83 01"),
        ("H035", "FF", "ff 01"),
        ("H036", "09", "89 01"),
        ("H037", "29", "a9 01"),
        ("H037", "5B", "db 01"),
        ("H037", "7F 00", "ff 01"),
        ("H038", "41", "c1 01"),
        ("H038", "64" + "00" * 252, "e4 01"),
        ("H040", "07", "07 6d"),
        ("H040", "11", "11 02 2a ff"),
        ("H041", "07 00", "87 03"),
        ("H041", "0B 00", "8b 03"),
        ("H041", "0C 00", "8c 03"),
        ("H041", "11 00", "91 03"),
        ("H042", "03", "83 03"),
        ("H043", "03 00 00 00", "83 03"),
        ("H044", "01 0000 0000", "81 03"),
        ("H045", "01 0000 07D1", "81 03"),
        ("H045", "02 0000 FFFF", "82 03"),
        ("H046", "03 0000 0000", "83 03"),
        ("H047", "03 0000 007E", "83 03"),
        ("H047", "04 0000 0080", "84 03"),
        ("H048", "03 FFFF 0002", "83 02"),
        ("H049", "03 0081 0002", "83 02"),
        ("H050", "05 0000 0001", "85 03"),
        ("H050", "05 FFFF 00FF", "85 03"),
        ("H051", "06 0000 00", "86 03"),
        ("H051", "06 0000 0000 00", "86 03"),
        ("H052", "0F 0000 0000 00", "8f 03"),
        ("H052", "0F 0000 07B1 F7" + "00" * 247, "8f 03"),
        ("H053", "0F 0000 000A 01 00", "8f 03"),
        ("H054", "0F 0000 0008 FF 00 00", "8f 03"),
        ("H055", "0F 0000 0002 01 FF", "0f 00 00 00 02"),
        ("H056", "10 0000 0000 00", "90 03"),
        ("H056", "10 0000 007C F8" + "00" * 246, "90 03"),
        ("H057", "10 0000 0002 03 000000", "90 03"),
        ("H058", "10 0000 0001 02 0000 0000", "90 03"),
        ("H059", "10 0081 0002 04 0000 0000", "90 02"),
        ("H060", "16 0000 0000", "96 03"),
        ("H061", "17 0000 0001 00", "97 03"),
        ("H062", "17 0000 0000 0000 0001 02 0000", "97 03"),
        ("H062", "17 0000 007E 0000 0001 02 0000", "97 03"),
        ("H062", "17 0000 0001 0000 0000 00", "97 03"),
        ("H063", "17 0000 0001 0000 000A 14", "97 03"),
        ("H064", "17 FF00 0001 0000 0001 02 0009", "97 02"),
        ("H066", "10 0000 007B F6" + "0064" * 123, "10 00 00 00 7b"),
        ("H067", "14 06 06 0004 0000", "94 03"),
        ("H067", "14 00", "94 03"),
        ("H068", "14 08 06 0004 0000 0001 06", "94 03"),
        ("H069", "14 F5" + "06 0004 0000 007C" * 35, "94 03"),
        ("H070", "14 07 06 0004 0000 8000", "94 03"),
        ("H071", "14 07 00 0004 0000 0001", "94 02"),
        ("H071", "14 07 06 0000 0000 0001", "94 02"),
        ("H071", "14 07 06 0004 2710 0001", "94 02"),
        ("H072", "15 09 06 0004 0000 FF80 0000", "95 03"),
        ("H073", "15 09 06 0004 0000 0003 0000", "95 03"),
        ("H074", "18 0007", "98 03"),
        ("H075", "18", "98 03"),
        ("H075", "18 00", "98 03"),
        ("H075", "18 000000", "98 03"),
        ("H076", "2B 0E 00 00", "ab 03"),
        ("H076", "2B 0E 05 00", "ab 03"),
        ("H077", "2B 0E 04 7F", "ab 02"),
        ("H079", "2B 0E", "ab 03"),
        ("H079", "2B", "ab 03"),
        ("H080", "2B 0D 00", "ab 01"),
        ("H080", "2B FF", "ab 01"),
        ("H083", "08 0001 0000", "88 01"),
        ("H083", "08 0001 FF00", "88 01"),
        ("H084", "08 0001 1234", "88 03"),
        ("H085", "08 0004 0000", "88 01"),
        ("H086", "08 000A 0000", "88 01"),
        ("H086", "08 0014 0000", "88 01"),
        ("H086", "08 0003 2100", "88 01"),
        ("H087", "08 0000 ABCD", "08 00 00 ab cd"),
        ("H087", "08 0000" + "55" * 250, "08 00 00" + " 55" * 250),
        ("H087", "08 0000 AB", "88 03"),
        ("H087", "08 0000", "88 03"),
        ("H088", "08 0013 0000", "88 01"),
        ("H088", "08 0015 0000", "88 01"),
        ("H089", "5A 00 40 FF 00", "da 01"),
    ],
)
async def test_a_hostile_request_is_answered_as_it_has_to_be(number: str, pdu: str, answer: str) -> None:
    before = device()
    served = device()
    async with serving(served) as (_, client):
        assert await answered(client, pdu) == answer
    if int(answer[:2], 16) & 0x80:
        assert served.holding_registers[0:130] == before.holding_registers[0:130]
        assert served.coils[0:20] == before.coils[0:20]
        assert served.files[4][:] == before.files[4][:]


async def test_h039_a_sweep_of_all_functions_is_answered_one_by_one() -> None:
    async with serving(device()) as (server, client):
        for code in range(1, 0x80):
            answer = await client.ask(f"0001 0000 0002 01 {code:02x}")
            assert bytes.fromhex(answer)[7] & 0x7F == code
        assert server.statistics().requests == 127
        assert server.statistics().handler_failures == 0


async def test_h065_a_write_and_read_that_overlap_write_first() -> None:
    async with serving(device()) as (_, client):
        assert await answered(client, "17 0000 0002 0001 0001 02 FFFF") == "17 04 00 64 ff ff"


async def test_h092_a_scan_of_all_units_is_answered() -> None:
    async with serving(device()) as (_, client):
        for unit in range(256):
            answer = await client.ask(f"0001 0000 0005 {unit:02x} 2B 0E 01 00")
            assert answer.startswith(f"00 01 00 00 00 17 {unit:02x} 2b 0e")


async def test_half_a_message_and_then_the_end_is_no_request() -> None:
    async with serving(device()) as (server, client):
        await client.send("0001 0000 0006 01 06 0000")
        client.writer.write_eof()
        assert await client.ended() == b""
        assert server.statistics().requests == 0


async def test_every_byte_of_a_request_changed_leaves_a_server_that_answers() -> None:
    """Each single-byte change of a request is answered, left out or ends the connection: nothing else."""
    whole = bytes.fromhex("0001 0000 000B 01 10 0000 0002 04 0001 0002")
    async with Server("tcp://127.0.0.1:0", device()) as server:
        for at in range(len(whole)):
            for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
                changed = whole[:at] + bytes((value,)) + whole[at + 1 :]
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(changed)
                writer.write_eof()
                data = await asyncio.wait_for(reader.read(), 5)
                assert len(data) in (0, 9, 12) or data[7] == 0x8F
                writer.close()
        counted = server.statistics()
        assert counted.handler_failures == 0
