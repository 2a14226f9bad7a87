"""What stands before the line of a proxy: patience, and a cache that never tells what a write has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mbap.addresses import Table
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    IllegalDataAddress,
    ModbusError,
    NotAsked,
    OutcomeUnknown,
    QueueFull,
    ResponseTimeout,
)
from mbap.protocol.pdu import (
    READS,
    Opaque,
    ReadCoils,
    ReadExceptionStatus,
    ReadHoldingRegisters,
    ReadInputRegisters,
    Request,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.server.device import Device
from mbap.server.proxy import MOST_KEPT, Cached, Patient
from support.fake_executor import FakeExecutor
from support.polling import raising, virtual

READ = ReadHoldingRegisters(10, 20)


def clock() -> float:
    return asyncio.get_running_loop().time()


def cached(keep: float = 1.0) -> tuple[FakeExecutor, Cached]:
    """A cache before a device whose answers take 10 ms."""
    behind = FakeExecutor()
    return behind, Cached(behind, keep, clock=clock)


# --- cache ---


@virtual
async def test_what_was_read_is_not_asked_again() -> None:
    behind, cache = cached()
    first = await cache.execute(READ, 1)
    assert await cache.execute(READ, 1) == first
    assert len(behind.asked) == 1
    assert (cache.counts.hits, cache.counts.misses) == (1, 1)


@virtual
async def test_after_its_time_it_is_asked_again() -> None:
    behind, cache = cached(keep=1.0)
    await cache.execute(READ, 1)
    await asyncio.sleep(1.0)
    await cache.execute(READ, 1)
    assert len(behind.asked) == 2


@virtual
async def test_a_smaller_read_is_answered_from_a_larger_one() -> None:
    behind, cache = cached()
    await cache.execute(READ, 1)
    assert await cache.execute(ReadHoldingRegisters(12, 3), 1) == [12, 13, 14]
    assert len(behind.asked) == 1


@virtual
async def test_a_part_of_bits_is_answered_from_a_larger_read() -> None:
    behind, cache = cached()
    await cache.execute(ReadCoils(0, 30), 1)
    assert await cache.execute(ReadCoils(3, 4), 1) == [False, True, False, True]
    assert len(behind.asked) == 1


@pytest.mark.parametrize(
    "other", [ReadHoldingRegisters(9, 5), ReadHoldingRegisters(28, 3), ReadInputRegisters(10, 20)]
)
def test_what_was_not_read_is_asked(other: Request[object]) -> None:
    @virtual
    async def scenario() -> None:
        behind, cache = cached()
        await cache.execute(READ, 1)
        await cache.execute(other, 1)
        assert len(behind.asked) == 2

    scenario()


@virtual
async def test_units_are_apart() -> None:
    behind, cache = cached()
    await cache.execute(READ, 1)
    await cache.execute(READ, 2)
    assert [asked.unit for asked in behind.asked] == [1, 2]


@virtual
async def test_reads_that_are_alike_at_once_are_one() -> None:
    behind, cache = cached()
    found = await asyncio.gather(*(cache.execute(READ, 1) for _ in range(5)))
    assert found == [list(range(10, 30))] * 5
    assert len(behind.asked) == 1
    assert cache.counts.shared == 4


@virtual
async def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    behind, cache = cached()
    first = asyncio.ensure_future(cache.execute(READ, 1))
    second = asyncio.ensure_future(cache.execute(READ, 1))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == list(range(10, 30))
    assert behind.cancelled == 0


@virtual
async def test_when_all_leave_the_read_is_cancelled() -> None:
    behind, cache = cached()
    reading = asyncio.ensure_future(cache.execute(READ, 1))
    await asyncio.sleep(0.001)
    reading.cancel()
    await asyncio.sleep(0.001)
    assert behind.cancelled == 1


@virtual
async def test_an_error_goes_to_all_who_wait_and_is_not_kept() -> None:
    behind, cache = cached()
    behind.error = IllegalDataAddress
    found = await asyncio.gather(*(cache.execute(READ, 1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, IllegalDataAddress) for one in found)
    behind.error = None
    assert await cache.execute(READ, 1) == list(range(10, 30))


@virtual
async def test_after_a_write_nobody_gets_what_was_there_before() -> None:
    _, cache = cached()
    await cache.execute(READ, 1)
    await cache.execute(WriteSingleRegister(15, 9), 1)
    assert (await cache.execute(READ, 1))[5] == 9


@virtual
async def test_a_write_forgets_no_more_than_it_overlaps() -> None:
    behind, cache = cached()
    await cache.execute(READ, 1)
    await cache.execute(WriteSingleRegister(30, 9), 1)
    await cache.execute(WriteSingleCoil(15, True), 1)
    await cache.execute(READ, 1)
    assert len(behind.asked) == 3
    assert cache.counts.forgotten == 0


@virtual
async def test_a_write_under_another_number_of_the_device_counts() -> None:
    _, cache = cached()
    await cache.execute(READ, 1)
    await cache.execute(WriteMultipleRegisters(29, [7]), 255)
    assert (await cache.execute(READ, 1))[19] == 7


@virtual
async def test_what_is_not_known_forgets_everything() -> None:
    behind, cache = cached()
    await cache.execute(READ, 1)
    with pytest.raises(ModbusError):
        await cache.execute(Opaque(100), 1)
    await cache.execute(READ, 1)
    assert len(behind.asked) == 3


@virtual
async def test_what_was_read_while_something_was_written_is_not_kept() -> None:
    behind, cache = cached()
    reading = asyncio.ensure_future(cache.execute(READ, 1))
    await asyncio.sleep(0)
    await cache.execute(WriteSingleRegister(15, 9), 1)
    await reading
    await cache.execute(READ, 1)
    assert len(behind.asked) == 3


@virtual
async def test_a_read_after_a_write_does_not_join_one_from_before() -> None:
    behind, cache = cached()
    behind.latency = 1.0
    before = asyncio.ensure_future(cache.execute(READ, 1))
    await asyncio.sleep(0.1)
    behind.latency = 0.01
    await cache.execute(WriteSingleRegister(15, 9), 1)
    assert (await cache.execute(READ, 1))[5] == 9
    await before
    assert (await cache.execute(READ, 1))[5] == 9


@virtual
async def test_a_write_that_failed_forgets_too() -> None:
    behind, cache = cached()
    await cache.execute(READ, 1)
    behind.error = lambda: OutcomeUnknown("no answer")
    with pytest.raises(OutcomeUnknown):
        await cache.execute(WriteSingleRegister(15, 9), 1)
    behind.error = None
    await cache.execute(READ, 1)
    assert len(behind.asked) == 3


@virtual
async def test_it_keeps_no_more_than_so_many() -> None:
    behind, cache = cached(keep=60)
    for address in range(MOST_KEPT + 1):
        await cache.execute(ReadHoldingRegisters(2 * address, 1), 1)
    assert cache.counts.dropped == 1
    await cache.execute(ReadHoldingRegisters(0, 1), 1)
    assert len(behind.asked) == MOST_KEPT + 2


@virtual
async def test_other_functions_are_not_kept() -> None:
    behind = FakeExecutor(Device(exception_status=5))
    cache = Cached(behind, 1.0, clock=clock)
    await cache.execute(ReadExceptionStatus(), 1)
    await cache.execute(ReadExceptionStatus(), 1)
    assert len(behind.asked) == 2


def test_a_cache_for_no_time_is_none() -> None:
    with pytest.raises(ValueError, match="more than 0 seconds"):
        Cached(FakeExecutor(), 0.0)


# --- patience ---


def patient(*errors: Exception, deadline: float = 5.0) -> tuple[FakeExecutor, Patient]:
    """A device that gives *errors* first, and answers then."""
    behind = FakeExecutor()
    left = list(errors)

    def error() -> Exception:
        found = left.pop(0)
        if not left:
            behind.error = None
        return found

    behind.error = error if errors else None
    return behind, Patient(behind, deadline=deadline, clock=clock)


LOST = ConnectionLost("it ended")
FAILED = ConnectFailed("refused")


@virtual
async def test_a_request_waits_until_there_is_a_connection() -> None:
    behind, line = patient(FAILED, FAILED, FAILED)
    assert await line.execute(READ, 1) == list(range(10, 30))
    assert len(behind.asked) == 4
    assert line.waited == 1


@virtual
async def test_a_write_that_was_not_sent_waits_too() -> None:
    behind, line = patient(FAILED)
    await line.execute(WriteSingleRegister(15, 9), 1)
    assert behind.device.holding_registers[15] == 9


@virtual
async def test_a_write_that_may_have_been_sent_is_never_repeated() -> None:
    behind, line = patient(OutcomeUnknown("it ended"))
    with pytest.raises(OutcomeUnknown):
        await line.execute(WriteSingleRegister(15, 9), 1)
    assert len(behind.asked) == 1


@virtual
async def test_it_does_not_wait_longer_than_the_deadline() -> None:
    behind, line = patient(deadline=2.0)
    behind.error = raising(FAILED)
    began = clock()
    with pytest.raises(ConnectFailed):
        await line.execute(READ, 1)
    assert clock() - began <= 2.0


@virtual
async def test_a_read_whose_connection_ended_is_sent_anew() -> None:
    behind, line = patient(LOST)
    assert await line.execute(READ, 1) == list(range(10, 30))
    assert len(behind.asked) == 2


@virtual
async def test_a_request_waits_until_a_silent_unit_is_asked_again() -> None:
    behind, line = patient(NotAsked("silent", retry_in=1.5))
    began = clock()
    assert await line.execute(READ, 1) == list(range(10, 30))
    assert 1.5 <= clock() - began < 1.6
    assert len(behind.asked) == 2


@virtual
async def test_a_unit_that_will_not_be_asked_in_time_is_given_up_at_once() -> None:
    behind, line = patient(deadline=2.0)
    behind.error = lambda: NotAsked("silent", retry_in=30.0)
    began = clock()
    with pytest.raises(NotAsked):
        await line.execute(READ, 1)
    assert clock() - began < 0.1


@virtual
async def test_a_full_queue_is_said_at_once() -> None:
    behind, line = patient(QueueFull("too many"))
    with pytest.raises(QueueFull):
        await line.execute(READ, 1)
    assert len(behind.asked) == 1


@virtual
async def test_a_read_that_ends_connections_is_given_up() -> None:
    behind, line = patient()
    behind.error = raising(LOST)
    with pytest.raises(ConnectionLost):
        await line.execute(READ, 1)
    assert len(behind.asked) == 3


@pytest.mark.parametrize("error", [ResponseTimeout, IllegalDataAddress])
def test_other_errors_are_passed_on_at_once(error: Callable[[], Exception]) -> None:
    @virtual
    async def scenario() -> None:
        behind, line = patient()
        behind.error = error
        with pytest.raises(ModbusError):
            await line.execute(READS[Table.COILS](0, 1), 1)  # type: ignore[arg-type]
        assert len(behind.asked) == 1

    scenario()
