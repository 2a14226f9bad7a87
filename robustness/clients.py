"""The clients that are compared, each behind the same few calls.

A library is imported when its client is made. Each is used as its documentation shows, with its own defaults
but for the timeout.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast

from robustness.device import Framing
from robustness.misbehaviours import Asked

COILS = 10
VALUE = 42
"""What a write writes; to two registers where it writes several."""


class Refused(Exception):
    """The library says by its result, and not by an exception, that there is no data."""


class Subject(Protocol):
    """One client with one connection to a device."""

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        """Carry one request out; the data, or None for a write that is confirmed."""
        ...

    def reconnect(self) -> None:
        """Begin with a new connection, as a user would after an error."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True)
class Client:
    """One row of the table.

    Attributes:
        title: its name there.
        package: what it is of, for its version and to tell its own errors from others.
        make: gives it, for a port and a timeout.
        framing: what it speaks.
        newest: the oldest Python on which it runs.
    """

    title: str
    package: str
    make: Callable[[int, float], Subject]
    framing: Framing = "tcp"
    newest: tuple[int, int] = (3, 11)

    @property
    def runs_here(self) -> bool:
        """Whether this Python is new enough for it, and it is installed."""
        with suppress(importlib.metadata.PackageNotFoundError):
            return sys.version_info >= self.newest and bool(importlib.metadata.version(self.package))
        return False

    def is_clean(self, error: BaseException) -> bool:
        """Whether *error* is one that a user of the library has to reckon with.

        That is one of its own, or one of the system: nobody expects `struct.error` or `IndexError`.
        """
        own = type(error).__module__.split(".", maxsplit=1)[0].lower() == self.package.lower()
        return own or isinstance(error, (OSError, TimeoutError, Refused))


class _Mbap:
    def __init__(self, scheme: str, port: int, timeout: float) -> None:
        import mbap

        self._client = mbap.Client(f"{scheme}://127.0.0.1:{port}", unit=1, timeout=timeout)

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        if asked == "read":
            return list(self._client.read_holding_registers(address, count))
        if asked == "read_coils":
            return list(self._client.read_coils(address, count))
        if asked == "write":
            self._client.write_single_register(address, VALUE)
        else:
            self._client.write_multiple_registers(address, [VALUE, VALUE])
        return None

    def reconnect(self) -> None:
        self._client.close()

    def close(self) -> None:
        self._client.close()


class _AsyncMbap:
    def __init__(self, scheme: str, port: int, timeout: float) -> None:
        import mbap

        self._runner = asyncio.Runner()
        self._client = mbap.AsyncClient(f"{scheme}://127.0.0.1:{port}", unit=1, timeout=timeout)

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        return self._runner.run(self._ask(asked, address, count))

    async def _ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        if asked == "read":
            return list(await self._client.read_holding_registers(address, count))
        if asked == "read_coils":
            return list(await self._client.read_coils(address, count))
        if asked == "write":
            await self._client.write_single_register(address, VALUE)
        else:
            await self._client.write_multiple_registers(address, [VALUE, VALUE])
        return None

    def reconnect(self) -> None:
        """It does that by itself."""

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


class _Pymodbus:
    def __init__(self, framer: str, port: int, timeout: float) -> None:
        from pymodbus import FramerType
        from pymodbus.client import ModbusTcpClient

        made = ModbusTcpClient("127.0.0.1", port=port, timeout=timeout, framer=FramerType(framer))
        self._client = cast("Any", made)  # not all of its methods are typed
        self._client.connect()

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        return _pymodbus_data(asked, _pymodbus_call(self._client, asked, address, count), count)

    def reconnect(self) -> None:
        self._client.close()
        self._client.connect()

    def close(self) -> None:
        self._client.close()


class _AsyncPymodbus:
    def __init__(self, framer: str, port: int, timeout: float) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._connect(framer, port, timeout))

    async def _connect(self, framer: str, port: int, timeout: float) -> None:
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusTcpClient

        self._client = AsyncModbusTcpClient(
            "127.0.0.1", port=port, timeout=timeout, framer=FramerType(framer)
        )
        await self._client.connect()

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        return self._runner.run(self._ask(asked, address, count))

    async def _ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        return _pymodbus_data(asked, await _pymodbus_call(self._client, asked, address, count), count)

    def reconnect(self) -> None:
        self._runner.run(self._again())

    async def _again(self) -> None:
        self._client.close()
        await self._client.connect()

    def close(self) -> None:
        self._client.close()
        self._runner.run(asyncio.sleep(0))
        self._runner.close()


def _pymodbus_call(client: Any, asked: Asked, address: int, count: int) -> Any:
    if asked == "read":
        return client.read_holding_registers(address, count=count, device_id=1)
    if asked == "read_coils":
        return client.read_coils(address, count=count, device_id=1)
    if asked == "write":
        return client.write_register(address, VALUE, device_id=1)
    return client.write_registers(address, [VALUE, VALUE], device_id=1)


def _pymodbus_data(asked: Asked, answer: Any, count: int) -> list[Any] | None:
    if answer.isError():
        raise Refused(str(answer))
    if asked == "read":
        return list(answer.registers)
    # Its coils come in whole bytes, and its documentation says so.
    return list(answer.bits)[:count] if asked == "read_coils" else None


class _PyModbusTCP:
    def __init__(self, port: int, timeout: float) -> None:
        from pyModbusTCP.client import ModbusClient  # type: ignore[import-untyped]

        self._client = ModbusClient(host="127.0.0.1", port=port, unit_id=1, timeout=timeout)

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        calls: Mapping[Asked, Callable[[], Any]] = {
            "read": lambda: self._client.read_holding_registers(address, count),
            "read_coils": lambda: self._client.read_coils(address, count),
            "write": lambda: self._client.write_single_register(address, VALUE),
            "write_many": lambda: self._client.write_multiple_registers(address, [VALUE, VALUE]),
        }
        answer = calls[asked]()
        if not answer:
            raise Refused(self._client.last_error_as_txt)
        return list(answer) if asked.startswith("read") else None

    def reconnect(self) -> None:
        self._client.close()

    def close(self) -> None:
        self._client.close()


class _UModbus:
    def __init__(self, port: int, timeout: float) -> None:
        from umodbus import conf  # type: ignore[import-untyped]

        conf.SIGNED_VALUES = False
        self._port, self._timeout = port, timeout
        self._socket = self._connected()

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), self._timeout)

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        from umodbus.client import tcp  # type: ignore[import-untyped]

        adu = {
            "read": lambda: tcp.read_holding_registers(1, address, count),
            "read_coils": lambda: tcp.read_coils(1, address, count),
            "write": lambda: tcp.write_single_register(1, address, VALUE),
            "write_many": lambda: tcp.write_multiple_registers(1, address, [VALUE, VALUE]),
        }[asked]()
        answer = tcp.send_message(adu, self._socket)
        return list(answer) if asked.startswith("read") else None

    def reconnect(self) -> None:
        self._socket.close()
        self._socket = self._connected()

    def close(self) -> None:
        self._socket.close()


class _Tmodbus:
    def __init__(self, framing: Framing, port: int, timeout: float) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._connect(framing, port, timeout))

    async def _connect(self, framing: Framing, port: int, timeout: float) -> None:
        import tmodbus  # type: ignore[import-not-found]

        over_tcp = tmodbus.create_async_rtu_over_tcp_client
        create = tmodbus.create_async_tcp_client if framing == "tcp" else over_tcp
        self._client = create("127.0.0.1", port, unit_id=1, timeout=timeout)
        await self._client.connect()

    def ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        return self._runner.run(self._ask(asked, address, count))

    async def _ask(self, asked: Asked, address: int, count: int) -> list[Any] | None:
        if asked == "read":
            return list(await self._client.read_holding_registers(address, count))
        if asked == "read_coils":
            return list(await self._client.read_coils(address, count))
        if asked == "write":
            await self._client.write_single_register(address, VALUE)
        else:
            await self._client.write_multiple_registers(address, [VALUE, VALUE])
        return None

    def reconnect(self) -> None:
        self._runner.run(self._again())

    async def _again(self) -> None:
        await self._client.disconnect()
        await self._client.connect()

    def close(self) -> None:
        self._runner.run(self._client.disconnect())
        self._runner.close()


CLIENTS: Mapping[str, Client] = {
    "mbap": Client("mbap, blocking", "mbap", lambda port, timeout: _Mbap("tcp", port, timeout)),
    "mbap-asyncio": Client("mbap, asyncio", "mbap", lambda port, timeout: _AsyncMbap("tcp", port, timeout)),
    "pymodbus": Client(
        "pymodbus, sync", "pymodbus", lambda port, timeout: _Pymodbus("socket", port, timeout)
    ),
    "pymodbus-asyncio": Client(
        "pymodbus, async", "pymodbus", lambda port, timeout: _AsyncPymodbus("socket", port, timeout)
    ),
    "pymodbustcp": Client("pyModbusTCP", "pyModbusTCP", _PyModbusTCP),
    "umodbus": Client("uModbus", "uModbus", _UModbus),
    "tmodbus": Client(
        "tmodbus", "tmodbus", lambda port, timeout: _Tmodbus("tcp", port, timeout), newest=(3, 12)
    ),
    "mbap-rtu": Client(
        "mbap, blocking", "mbap", lambda port, timeout: _Mbap("rtu+tcp", port, timeout), "rtu"
    ),
    "mbap-rtu-asyncio": Client(
        "mbap, asyncio", "mbap", lambda port, timeout: _AsyncMbap("rtu+tcp", port, timeout), "rtu"
    ),
    "pymodbus-rtu": Client(
        "pymodbus, sync", "pymodbus", lambda port, timeout: _Pymodbus("rtu", port, timeout), "rtu"
    ),
    "pymodbus-rtu-asyncio": Client(
        "pymodbus, async", "pymodbus", lambda port, timeout: _AsyncPymodbus("rtu", port, timeout), "rtu"
    ),
    "tmodbus-rtu": Client(
        "tmodbus", "tmodbus", lambda port, timeout: _Tmodbus("rtu", port, timeout), "rtu", (3, 12)
    ),
}
OURS = tuple(name for name, client in CLIENTS.items() if client.package == "mbap")
