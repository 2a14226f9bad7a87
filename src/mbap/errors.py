"""Everything that can go wrong, by who is at fault.

    ModbusError
    ├── ExceptionResponse        the device refused; one subclass a code
    │   ├── IllegalFunction 01  IllegalDataAddress 02  IllegalDataValue 03
    │   ├── ServerDeviceFailure 04  Acknowledge 05  ServerDeviceBusy 06
    │   ├── MemoryParityError 08
    │   └── GatewayPathUnavailable 0A  GatewayTargetFailedToRespond 0B
    ├── ProtocolError            the device sent what does not fit the request or the standard
    ├── ResponseTimeout          nothing came in time
    │   └── NotAsked             not even sent: the unit was silent before and is left alone for a while
    │       └── QueueFull        not even sent: too many wait already
    ├── NotProtected             not sent: a write, over plain Modbus in place of TLS
    ├── ConnectionLost           the connection ended, or could not be made:
    │   └── ConnectFailed
    │       └── TlsFailed        no protected one could be made
    │           └── CertificateRefused   because of a certificate: the other side's, or ours
    └── OutcomeUnknown           a write of which nobody can say whether it was carried out

A wrong argument is a `ValueError`. A handler may also raise `NoAnswer` and `Disconnect`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from mbap.records import Record

if TYPE_CHECKING:
    from mbap.addresses import Table


class ExceptionCode(IntEnum):
    """The codes of Application Protocol V1.1b3, section 7."""

    ILLEGAL_FUNCTION = 0x01
    ILLEGAL_DATA_ADDRESS = 0x02
    ILLEGAL_DATA_VALUE = 0x03
    SERVER_DEVICE_FAILURE = 0x04
    ACKNOWLEDGE = 0x05
    SERVER_DEVICE_BUSY = 0x06
    MEMORY_PARITY_ERROR = 0x08
    GATEWAY_PATH_UNAVAILABLE = 0x0A
    GATEWAY_TARGET_FAILED_TO_RESPOND = 0x0B


class Target(Record):
    """Where a request went: what an error message must name."""

    endpoint: str = ""
    unit: int | None = None
    unit_assumed: bool = False
    function: str = ""
    table: Table | None = None
    address: int | None = None
    count: int = 1

    def __str__(self) -> str:
        parts = [self.endpoint] if self.endpoint else []
        if self.unit is not None:
            parts.append(f"unit {self.unit}")
        if self.function:
            parts.append(self.function)
        if self.table is not None and self.address is not None:
            from mbap.addresses import describe

            parts.append(describe(self.table, self.address, self.count))
        return ", ".join(parts)


class ModbusError(Exception):
    """Something went wrong between here and the device; `target` says where, if known."""

    target: Target | None = None
    advice: str = ""

    def at(self, target: Target) -> ModbusError:
        """The same error, now naming *target*."""
        self.target = target
        return self

    @property
    def reason(self) -> str:
        """What went wrong, without where and without advice."""
        return super().__str__()

    def __str__(self) -> str:
        where = f"{self.target}: " if self.target and str(self.target) else ""
        advice = self._advice()
        return f"{where}{self.reason}" + (f"; {advice}" if advice else "")

    def _advice(self) -> str:
        if self._may_be_the_unit() and self.target is not None and self.target.unit_assumed:
            return "no unit was given, so 1 was assumed: try unit 255, then 0"
        return self.advice

    def _may_be_the_unit(self) -> bool:
        return False


class ExceptionResponse(ModbusError):
    """The device answered with an exception; `code` is the number it sent.

    `ExceptionResponse(2)` makes an `IllegalDataAddress`, so both can be caught and both can be raised.
    """

    _kinds: dict[int, type[ExceptionResponse]] = {}  # noqa: RUF012 - filled by the subclasses below
    _code: int = 0
    _meaning: str = ""

    def __init_subclass__(cls, code: ExceptionCode, meaning: str, advice: str = "") -> None:
        cls._code, cls._meaning, cls.advice = int(code), meaning, advice
        ExceptionResponse._kinds[int(code)] = cls

    def __new__(cls, code: int | None = None) -> ExceptionResponse:
        kind = ExceptionResponse._kinds.get(code, cls) if cls is ExceptionResponse and code else cls
        return super().__new__(kind)

    def __init__(self, code: int | None = None) -> None:
        self.code = int(self._code if code is None else code)
        if not 0 < self.code <= 0xFF:
            raise ValueError(f"an exception code is 1 to 255, not {self.code}")
        meaning = self._meaning or "a code that the standard does not define"
        super().__init__(f"the device answered with exception {self.code:02X}, {meaning}")

    def __reduce__(self) -> tuple[type[ExceptionResponse], tuple[int]]:
        return ExceptionResponse, (self.code,)


class IllegalFunction(
    ExceptionResponse,
    code=ExceptionCode.ILLEGAL_FUNCTION,
    meaning="illegal function",
    advice="the device does not have this function code: try another table, or write with another function",
):
    """Exception 01."""


class IllegalDataAddress(
    ExceptionResponse,
    code=ExceptionCode.ILLEGAL_DATA_ADDRESS,
    meaning="illegal data address",
    advice="not all of these addresses exist: check for an offset of one, the table, and the count",
):
    """Exception 02."""


class IllegalDataValue(
    ExceptionResponse,
    code=ExceptionCode.ILLEGAL_DATA_VALUE,
    meaning="illegal data value",
    advice="the count is more than the device gives at once, or the value is out of its range",
):
    """Exception 03."""


class ServerDeviceFailure(
    ExceptionResponse,
    code=ExceptionCode.SERVER_DEVICE_FAILURE,
    meaning="server device failure",
    advice="it went wrong inside the device: look at its state, and whether it permits this now",
):
    """Exception 04."""


class Acknowledge(
    ExceptionResponse,
    code=ExceptionCode.ACKNOWLEDGE,
    meaning="acknowledge: it has begun and needs long",
    advice="ask again later whether it is done",
):
    """Exception 05."""


class ServerDeviceBusy(
    ExceptionResponse,
    code=ExceptionCode.SERVER_DEVICE_BUSY,
    meaning="server device busy",
    advice="try again later",
):
    """Exception 06."""


class MemoryParityError(
    ExceptionResponse,
    code=ExceptionCode.MEMORY_PARITY_ERROR,
    meaning="memory parity error",
    advice="the memory of the device is damaged there: try again, or read another file",
):
    """Exception 08."""


class _ThroughGateway:
    """Exceptions that a gateway sends about the unit behind it."""

    def _may_be_the_unit(self) -> bool:
        return True


class GatewayPathUnavailable(
    _ThroughGateway,
    ExceptionResponse,
    code=ExceptionCode.GATEWAY_PATH_UNAVAILABLE,
    meaning="gateway path unavailable",
    advice="the gateway has no way to this unit: check the unit and the gateway's routes",
):
    """Exception 0A."""


class GatewayTargetFailedToRespond(
    _ThroughGateway,
    ExceptionResponse,
    code=ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
    meaning="gateway target device failed to respond",
    advice="the device behind the gateway was silent: check the unit, its power and its line",
):
    """Exception 0B."""


class ProtocolError(ModbusError):
    """The peer sent what does not fit the request or the standard."""


class ResponseTimeout(ModbusError):
    """No answer came in time."""

    advice = "check the unit, and whether the device is slow or serves only few connections"

    def _may_be_the_unit(self) -> bool:
        return self.advice == type(self).advice  # otherwise something came, and it says what to do


class NotAsked(ResponseTimeout):
    """Not sent: unit or endpoint were silent before and rest for `retry_in` seconds, or too many wait."""

    advice = "try again later"

    def __init__(self, reason: str, retry_in: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_in = retry_in

    def _may_be_the_unit(self) -> bool:
        return False


class QueueFull(NotAsked):
    """Not sent, because too many requests wait already."""


class ConnectionLost(ModbusError):
    """The connection ended before the answer was here."""


class ConnectFailed(ConnectionLost):
    """No connection could be made."""


class TlsFailed(ConnectFailed):
    """No connection protected by TLS could be made, or it broke before anything was answered over it."""


class CertificateRefused(TlsFailed):
    """A certificate was refused: the device's here, or ours by the device.

    Attributes:
        check: what it did not pass: `expired`, `not yet valid`, `name`, `unknown CA`, `revoked`, `purpose`,
            `missing`, `revocation list`, `weak`, or `other`.
        ours: it is our certificate, and the device has refused it.
        guessed: the device did not say so; it ended the connection where that is the usual reason.
    """

    def __init__(
        self, reason: str, check: str = "other", *, ours: bool = False, guessed: bool = False
    ) -> None:
        super().__init__(reason)
        self.check = check
        self.ours = ours
        self.guessed = guessed


class NotProtected(ModbusError):
    """Not sent: a write to a device that is reached by plain Modbus, where TLS was asked for first."""

    advice = "bring TLS on port 802 back; over plain Modbus such a device is only read"


class OutcomeUnknown(ModbusError):
    """A write was sent and no answer came: it may have been carried out, or not. Never repeated silently."""

    advice = "read the value back before writing again"


class NoAnswer(Exception):  # a wish of a handler, not an error
    """Raised by a handler: send nothing."""


class Disconnect(Exception):  # a wish of a handler, not an error
    """Raised by a handler: close the connection; with *reset*, by a TCP RST."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("close the connection")
        self.reset = reset


class TrustMissing(ValueError):
    """Whatever is reached by TLS was given without whom to trust; the sentence is for those who write Python.

    Attributes:
        url: what is reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url} needs to know who you are and whom you trust:"
            ' tls=mbap.TLS(ca="ca.pem", certificate="client.pem", key="client.key")'
        )
