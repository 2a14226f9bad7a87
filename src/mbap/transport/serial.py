"""Serial ports: opening one, and what goes wrong with them said in plain words."""

from __future__ import annotations

import asyncio
import errno
import importlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mbap.errors import ConnectFailed
from mbap.transport.endpoint import Endpoint
from mbap.transport.line import BY_NUMBER, LineSettings
from mbap.transport.rs485 import DirectionRefused, switch_direction

if TYPE_CHECKING:
    from serialx import BaseSerial

_SLICE: Final = 0.1
"""Seconds after which somebody who waits for bytes looks whether the port was closed meanwhile."""


class SerialPort:
    """An open serial port with the face of a socket, for the blocking client."""

    def __init__(self, opened: BaseSerial) -> None:
        self._serial = opened
        self._wait: float | None = None
        self._interrupted = False

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` waits."""
        self._wait = seconds

    def recv(self, size: int) -> bytes:
        """What is here, waiting for the first byte of it.

        Raises:
            BlockingIOError: nothing is, and nothing is waited for.
            TimeoutError: nothing came in time.
            OSError: the port is gone.
        """
        until = None if self._wait is None else time.monotonic() + self._wait
        buffer = bytearray(size)
        while not self._interrupted:
            left = _SLICE if until is None else until - time.monotonic()
            count = self._read(buffer, max(min(left, _SLICE), 0.0))
            if count:
                return bytes(buffer[:count])
            if until is not None and left <= _SLICE:
                raise BlockingIOError(errno.EAGAIN, "nothing") if self._wait == 0 else TimeoutError
        return b""

    def send(self, data: bytes) -> int:
        """Hand *data* to the driver, all of it."""
        return int(_told(self._serial.write, data))

    def shutdown(self, how: int) -> None:
        """Wake up whoever waits."""
        self._interrupted = True

    def close(self) -> None:
        """Close it."""
        self._serial.close()

    def _read(self, buffer: bytearray, wait: float) -> int:
        return int(_told(self._serial.readinto, buffer, timeout=wait))


class _Waiting(asyncio.Protocol):
    """Has a port that was opened and is not ready yet; what comes before that is noise."""

    problem: Exception | None = None
    lost = False

    def connection_lost(self, problem: Exception | None) -> None:
        self.problem, self.lost = problem, True


def connect(endpoint: Endpoint, timeout: float) -> SerialPort:
    """The port that *endpoint* names, open and with nothing in it.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    serialx = load()
    try:
        opened = serialx.serial_for_url(device_of(endpoint), write_timeout=timeout, **settings(endpoint))
        opened.open()
        try:
            _prepare(opened, endpoint)
        except OSError:
            opened.close()
            raise
    except (OSError, serialx.SerialException, ValueError) as problem:
        raise cannot_open(endpoint, problem) from problem
    return SerialPort(opened)


async def dial(
    make_protocol: Callable[[], asyncio.Protocol],
    endpoint: Endpoint,
    timeout: float,
    *,
    listening_only: bool = False,
) -> None:
    """The same for asyncio: opens the port and hands it to a protocol.

    With *listening_only* the lines RTS and DTR stay as they are: on some adapters they switch to sending.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    serialx = load()
    loop = asyncio.get_running_loop()
    try:
        device = await asyncio.to_thread(device_of, endpoint) if by_number(endpoint) else endpoint.host
        async with asyncio.timeout(timeout):
            transport, waiting = await serialx.create_serial_connection(
                loop, _Waiting, device, **settings(endpoint, listening_only=listening_only)
            )
        try:
            _prepare(transport.serial, endpoint)
        except OSError:
            transport.abort()
            await transport.wait_closed()
            raise
        if waiting.lost:
            raise waiting.problem or OSError(errno.EIO, "the port was closed at once")
    except (OSError, serialx.SerialException, ValueError) as problem:
        raise cannot_open(endpoint, problem) from problem
    protocol = make_protocol()
    transport.set_protocol(protocol)
    protocol.connection_made(transport)


def by_number(endpoint: Endpoint) -> bool:
    """Whether *endpoint* names an adapter by its serial number, whatever its port is called today."""
    return endpoint.host.startswith(BY_NUMBER)


def device_of(endpoint: Endpoint) -> str:
    """What the port of *endpoint* is called now.

    Raises:
        OSError: no adapter has that serial number.
    """
    if not by_number(endpoint):
        return endpoint.host
    wanted = endpoint.host.removeprefix(BY_NUMBER)
    for port in load().list_serial_ports():
        if port.serial_number == wanted:
            return str(port.device)
    raise OSError(errno.ENODEV, f"no adapter with the serial number {wanted}")


def settings(endpoint: Endpoint, *, listening_only: bool = False) -> dict[str, Any]:
    """What serialx is told of the line of *endpoint*."""
    line = endpoint.line or LineSettings()
    told: dict[str, Any] = {
        "baudrate": line.baudrate,
        "parity": line.parity,
        "stopbits": line.stopbits,
        "byte_size": line.bytesize,
        "exclusive": True,
    }
    if listening_only:
        untouched = load().PinState.UNDEFINED
        told |= dict.fromkeys(("dtr_on_open", "rts_on_open", "dtr_on_close", "rts_on_close"), untouched)
    return told


def _prepare(opened: BaseSerial, endpoint: Endpoint) -> None:
    """What serialx does not do: have the driver switch the direction of an RS-485 transceiver."""
    if endpoint.line is not None and endpoint.line.rs485:
        switch_direction(opened.fileno(), inverted=endpoint.line.rs485 == "inverted")


def load() -> Any:
    """The library for serial ports.

    Raises:
        ConnectFailed: it is not installed.
    """
    try:
        return importlib.import_module("serialx")
    except ModuleNotFoundError as problem:
        if problem.name != "serialx":
            raise
        raise ConnectFailed("serial lines need: pip install 'mbap[serial]'") from None


_NOT_THERE: Final = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_REASONS: Final[dict[int, tuple[str, str]]] = {
    errno.EACCES: (
        "this user may not open the port",
        "add the user to the group of the port (mostly dialout: usermod -aG dialout NAME) and log in anew",
    ),
    errno.EPERM: ("this system does not permit to open the port", "check who may"),
    errno.EBUSY: (
        "the port is in use already, by another program or another connection of this one",
        "one of them only can use a serial line",
    ),
    errno.ENOTTY: ("it is no serial port", "check the name"),
    errno.EISDIR: ("it is a folder and no serial port", "check the name"),
    errno.ENOTDIR: ("there is no such port", "check the name"),
    errno.EIO: ("the port is there and does not work", "unplug the adapter and plug it in again"),
    errno.EMFILE: ("this process has too many files open", "raise its limit (ulimit -n)"),
}


def cannot_open(endpoint: Endpoint, problem: Exception) -> ConnectFailed:
    """*problem*, met when the port of *endpoint* was opened, in plain words and with advice."""
    reason, advice = _told_why(endpoint, problem)
    error = ConnectFailed(reason)
    error.advice = advice
    return error


def _told_why(endpoint: Endpoint, problem: Exception) -> tuple[str, str]:
    number = problem.errno if isinstance(problem, OSError) else None
    if isinstance(problem, TimeoutError):
        return "the port could not be opened in time", "unplug the adapter and plug it in again"
    if number in _NOT_THERE:
        return f"there is no {_named(endpoint)}", _ports_there_are()
    if number in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP) and not isinstance(
        problem, DirectionRefused
    ):
        return f"the port cannot do {endpoint.line}", "check baudrate, parity, bytesize and stopbits"
    if isinstance(problem, DirectionRefused):
        return problem.strerror or "", "leave out rs485=...: most adapters switch by themselves"
    return _REASONS.get(number or 0, (str(problem) or "it cannot be opened", ""))


def _named(endpoint: Endpoint) -> str:
    if by_number(endpoint):
        return f"adapter with the serial number {endpoint.host.removeprefix(BY_NUMBER)}"
    return "such port"


def _ports_there_are() -> str:
    found = list(load().list_serial_ports())
    if not found:
        return "this machine has no serial ports: plug in the adapter"
    said = [
        f"{port.device} ({port.serial_number})" if port.serial_number else str(port.device) for port in found
    ]
    return f"this machine has {', '.join(said[:8])}" + (" and more" if len(said) > 8 else "")


def _told(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What *call* gives; foreign errors as `OSError`, which a client understands."""
    try:
        return call(*arguments, **options)
    except OSError:
        raise
    except Exception as problem:  # serialx has errors of its own, and a closed port is a ValueError
        raise OSError(errno.EIO, f"the serial port failed: {problem}") from problem
