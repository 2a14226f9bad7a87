"""A link to a fake device, and what comes of calls over it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Unpack

import pytest

from mbap import Link, ModbusError, ReadHoldingRegisters
from mbap.client.options import LinkKeywords
from support.fake_device import FakeDevice

READ = ReadHoldingRegisters(0, 2)


def read(address: int) -> ReadHoldingRegisters:
    return ReadHoldingRegisters(address, 1)


def a_link(device: FakeDevice, **options: Unpack[LinkKeywords]) -> Link:
    return Link("plc", clock=asyncio.get_running_loop().time, dial=device.dial, **options)


async def failure(awaitable: Awaitable[Any]) -> ModbusError:
    with pytest.raises(ModbusError) as caught:
        await awaitable
    return caught.value


async def outcomes(*awaitables: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*awaitables, return_exceptions=True)


def addresses(device: FakeDevice) -> list[int]:
    return [seen.request.spans()[0][1] for seen in device.seen]
