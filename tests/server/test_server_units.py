"""Server: which units answer, on TCP and on serial lines carried over TCP."""

from __future__ import annotations

import pytest

from mbap.server.device import Device
from mbap.server.handler import Units
from support.serving import serving


def holding(value: int) -> Device:
    return Device(holding_registers=[value])


def read(unit: int) -> str:
    return f"0001 0000 0006 {unit:02x} 03 0000 0001"


def answer(unit: int, value: int) -> str:
    return f"00 01 00 00 00 05 {unit:02x} 03 02 00 {value:02x}"


@pytest.mark.parametrize("unit", [0, 1, 17, 247, 248, 254, 255])
async def test_h017_a_device_alone_answers_every_unit_and_echoes_it(unit: int) -> None:
    async with serving(holding(7)) as (_, client):
        assert await client.ask(read(unit)) == answer(unit, 7)


@pytest.mark.parametrize(("unknown", "code"), [(0x0B, "0b"), (0x0A, "0a")])
@pytest.mark.parametrize("unit", [0, 2, 248, 255])
async def test_unknown_units_are_answered_with_the_exception_that_was_chosen(
    unit: int, unknown: int, code: str
) -> None:
    async with serving(Units({1: holding(7)}, unknown)) as (_, client):
        assert await client.ask(read(unit)) == f"00 01 00 00 00 03 {unit:02x} 83 {code}"


@pytest.mark.parametrize(
    "frame",
    [
        "0001 0000 0006 02 03 0000 0001",  # a read
        "0001 0000 0006 02 63 0000 0001",  # no such function
        "0001 0000 0006 02 03 0000 0000",  # a count of 0
        "0001 0000 0006 02 03 FFFF 0002",  # beyond the last address
        "0001 0000 0002 02 11",  # report server id, as scanners ask
    ],
)
async def test_an_unknown_unit_that_is_silent_gives_itself_away_by_nothing(frame: str) -> None:
    async with serving(Units({1: holding(7)}, unknown=None)) as (server, client):
        await client.send(frame)
        assert await client.ask(read(1)) == answer(1, 7)
        assert server.statistics().unanswered == 1


async def test_h092_a_malformed_request_to_an_unknown_unit_is_not_answered_as_if_there_were_one() -> None:
    async with serving(Units({1: holding(7)})) as (_, client):
        assert await client.ask("0001 0000 0006 02 63 0000 0001") == "00 01 00 00 00 03 02 e3 0b"
        assert await client.ask("0001 0000 0006 01 63 0000 0001") == "00 01 00 00 00 03 01 e3 01"


async def test_on_tcp_unit_0_is_an_ordinary_unit() -> None:
    async with serving(Units({0: holding(5), 1: holding(7)})) as (_, client):
        assert await client.ask(read(0)) == answer(0, 5)


async def test_on_tcp_a_write_to_unit_0_is_answered_and_changes_that_unit_only() -> None:
    zero, one = holding(5), holding(7)
    async with serving(Units({0: zero, 1: one})) as (server, client):
        write = "0001 0000 0006 00 06 0000 0063"
        assert (await client.ask(write)).replace(" ", "") == write.replace(" ", "")
        assert (zero.holding_registers[0], one.holding_registers[0]) == (99, 7)
        assert server.statistics().broadcasts == 0


async def test_unit_255_is_never_a_broadcast() -> None:
    one, itself = holding(7), holding(5)
    async with serving(Units({1: one, 255: itself})) as (_, client):
        assert (await client.ask("0001 0000 0006 FF 06 0000 0063")).endswith("ff 06 00 00 00 63")
        assert (one.holding_registers[0], itself.holding_registers[0]) == (7, 99)


async def test_unit_255_can_mean_the_device_that_has_another_number() -> None:
    device = holding(7)
    async with serving(Units({1: device, 255: device})) as (_, client):
        assert await client.ask(read(255)) == answer(255, 7)
