"""The direct way of a link: what is cancelled, waits or is counted on it, as it would be without it."""

from __future__ import annotations

import asyncio

import pytest

from mbap import (
    AsyncClient,
    IllegalDataAddress,
    Link,
    OutcomeUnknown,
    Quirks,
    ReadHoldingRegisters,
    ResponseTimeout,
    WriteSingleRegister,
)
from mbap.client.options import LinkKeywords, UnitOptions
from support.scripted import Held, Reply, Silence, registers, scripted


def is_open(link: Link) -> bool:
    return link._slots.connections[0].direct is not None


async def test_answers_that_fit_keep_it_open() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url) as plc:
            for at in range(3):
                assert await plc.read_holding_registers(at, 2) == registers(at, 2)
            assert is_open(plc._link)
            counted = plc._link.statistics()
            assert (counted.requests, counted.answers, counted.in_flight) == (3, 3, 0)


@pytest.mark.parametrize("options", [{"pause": 0.001}, {"unit_pause": 0.001}, {"connect_pause": 0.001}])
async def test_it_is_not_open_to_a_device_that_needs_pauses(options: dict[str, float]) -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url, **options) as plc:  # type: ignore[arg-type]
            assert await plc.read_holding_registers(0, 2) == registers(0, 2)
            assert not is_open(plc._link)


async def test_it_is_not_open_where_a_unit_has_quirks_of_its_own() -> None:
    with scripted(Reply()) as server:
        async with Link(server.url, unit_quirks={7: Quirks(only_fc6=True)}) as link:
            assert await link.execute(ReadHoldingRegisters(0, 2), 1) == registers(0, 2)
            assert not is_open(link)


@pytest.mark.parametrize("options", [{"units": {7: UnitOptions(timeout=0.1)}}, {"coalesce": True}])
async def test_it_is_not_open_where_requests_are_treated_in_a_special_way(options: LinkKeywords) -> None:
    with scripted(Reply()) as server:
        async with Link(server.url, **options) as link:
            assert await link.execute(ReadHoldingRegisters(0, 2), 1) == registers(0, 2)
            assert not is_open(link)


async def test_what_goes_over_it_is_counted_as_on_any_other_way() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url) as direct, AsyncClient(server.url, pause=0.0001) as careful:
            for plc in (direct, careful):
                for at in range(3):
                    await plc.read_holding_registers(at, 2)
            assert (is_open(direct._link), is_open(careful._link)) == (True, False)
            counted = [plc._link.statistics() for plc in (direct, careful)]
            assert [(one.bytes_sent, one.bytes_received) for one in counted] == [(36, 39), (36, 39)]
            assert min(one.busy for one in counted) > 0


async def test_a_link_on_which_nothing_is_on_its_way_is_not_busy() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url) as plc:
            await plc.read_holding_registers(0, 2)
            before = plc._link.statistics().busy
            await asyncio.sleep(0.02)
            assert plc._link.statistics().busy == before


async def test_a_unit_that_is_none_is_refused_and_nothing_is_sent() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url) as plc:
            assert await plc.read_holding_registers(0, 2) == registers(0, 2)
            plc.number = 256
            with pytest.raises(ValueError, match="unit is 0 to 255, not 256"):
                await plc.read_holding_registers(0, 2)
            plc.number = 1
            assert await plc.read_holding_registers(0, 2) == registers(0, 2)
            assert (len(server.requests), plc._link.statistics().requests) == (2, 2)


async def test_it_opens_again_after_an_exception_and_a_right_answer() -> None:
    with scripted(Reply(pdu=b"\x83\x02"), Reply()) as server:
        async with AsyncClient(server.url) as plc:
            with pytest.raises(IllegalDataAddress, match="unit 1, read holding registers"):
                await plc.read_holding_registers(0, 2)
            assert not is_open(plc._link)
            await plc.read_holding_registers(0, 2)
            assert is_open(plc._link)
            assert plc._link.statistics().exceptions == 1


async def test_a_cancelled_read_does_not_give_its_answer_to_the_next() -> None:
    with scripted(Held(), Reply()) as server:
        async with AsyncClient(server.url, outstanding=2) as plc:
            asking = asyncio.create_task(plc.execute(ReadHoldingRegisters(3, 2)))
            await asyncio.to_thread(server.wait_for_requests, 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await plc.read_holding_registers(5, 2) == registers(5, 2)
            counted = plc._link.statistics()
            assert (counted.cancelled, counted.late_answers) == (1, 1)


async def test_it_opens_again_after_a_request_was_given_up() -> None:
    with scripted(Silence(), Reply()) as server:
        async with AsyncClient(server.url, timeout=0.5) as plc:
            with pytest.raises(ResponseTimeout):
                await plc.read_holding_registers(0, 2)
            await plc.read_holding_registers(0, 2)
            assert is_open(plc._link)


async def test_a_number_that_was_given_up_is_not_used_again() -> None:
    with scripted(Silence(), Reply()) as server:
        async with AsyncClient(server.url, timeout=0.5) as plc:
            with pytest.raises(ResponseTimeout):
                await plc.read_holding_registers(0, 2)
            await plc.read_holding_registers(0, 2)
            direct = plc._link._slots.connections[0].direct
            assert direct is not None
            given_up = server.requests[0].transaction
            direct.number = (given_up - 2) % 0xFFFF + 1
            await plc.read_holding_registers(0, 2)
            assert server.requests[-1].transaction == given_up % 0xFFFF + 1


async def test_a_cancelled_write_is_finished() -> None:
    with scripted(Held(), Reply()) as server:
        async with AsyncClient(server.url, outstanding=2) as plc:
            writing = asyncio.create_task(plc.execute(WriteSingleRegister(3, 2)))
            await asyncio.to_thread(server.wait_for_requests, 1)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            assert plc._link.statistics().in_flight == 1
            assert await plc.read_holding_registers(5, 2) == registers(5, 2)
            assert plc._link.statistics().late_answers == 0


async def test_more_than_may_be_on_their_way_wait_for_it() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url, outstanding=3) as plc:
            reads = (plc.execute(ReadHoldingRegisters(at, 2)) for at in range(40))
            assert await asyncio.gather(*reads) == [registers(at, 2) for at in range(40)]
            assert is_open(plc._link)


async def test_silence_of_one_is_its_timeout_alone() -> None:
    with scripted(Silence(), Reply()) as server:
        async with AsyncClient(server.url, outstanding=3, timeout=0.5) as plc:
            reads = (plc.execute(ReadHoldingRegisters(at, 2)) for at in range(3))
            outcomes = await asyncio.gather(*reads, return_exceptions=True)
            assert [type(one) for one in outcomes if isinstance(one, Exception)] == [ResponseTimeout]


async def test_a_read_that_timed_out_is_repeated() -> None:
    with scripted(Silence(), Reply()) as server:
        async with AsyncClient(server.url, timeout=0.5, retries=1, retry_pauses=(0.01,)) as plc:
            assert await plc.read_holding_registers(3, 2) == registers(3, 2)
            assert plc._link.statistics().retries == 1


async def test_closing_leaves_a_write_in_doubt() -> None:
    with scripted(Silence()) as server:
        plc = await AsyncClient(server.url).__aenter__()
        writing = asyncio.create_task(plc.execute(WriteSingleRegister(3, 2)))
        await asyncio.to_thread(server.wait_for_requests, 1)
        await plc.aclose()
        with pytest.raises(OutcomeUnknown):
            await writing


async def test_an_answer_in_two_parts_is_whole() -> None:
    with scripted(Reply(by_the_byte=True)) as server:
        async with AsyncClient(server.url, outstanding=2) as plc:
            reads = (plc.execute(ReadHoldingRegisters(at, 2)) for at in range(4))
            assert await asyncio.gather(*reads) == [registers(at, 2) for at in range(4)]


def writes_of(plc: AsyncClient) -> list[bytes]:
    """What is written on the direct way of *plc* from now on."""
    direct = plc._link._slots.connections[0].direct
    assert direct is not None
    written: list[bytes] = []
    write = direct._write

    def listed(data: bytes | bytearray | memoryview) -> None:
        written.append(bytes(data))
        write(data)

    direct._write = listed
    return written


async def test_what_may_be_on_its_way_of_many_goes_out_in_one_write() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url, outstanding=4) as plc:
            written = writes_of(plc)
            requests = [ReadHoldingRegisters(at, 2) for at in range(10)]
            assert await plc.execute_many(requests) == [registers(at, 2) for at in range(10)]
            assert len(written[0]) == 4 * 12
            assert sum(map(len, written)) == 10 * 12


async def test_what_is_kept_for_one_write_goes_out_when_the_direct_way_is_left() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url, outstanding=2) as plc:
            written, link = writes_of(plc), plc._link
            with link._direct.in_one_write():
                tickets = [plc._submit(ReadHoldingRegisters(at, 2), None) for at in range(2)]
                assert not written
                link._slots.connections[0].leave_direct()
                assert len(written) == 1
            assert [await link.outcome(ticket) for ticket in tickets] == [registers(at, 2) for at in range(2)]


async def test_more_of_many_than_wait_at_once_are_all_carried_out() -> None:
    with scripted(Reply()) as server:
        async with AsyncClient(server.url, outstanding=16) as plc:
            requests = [ReadHoldingRegisters(at, 1) for at in range(600)]
            assert await plc.execute_many(requests) == [registers(at, 1) for at in range(600)]
