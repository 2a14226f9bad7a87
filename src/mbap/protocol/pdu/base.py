"""What every function code has in common: the Request class and the table of requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar

from mbap.errors import (
    ExceptionResponse,
    IllegalDataAddress,
    IllegalDataValue,
    IllegalFunction,
    ProtocolError,
)
from mbap.protocol.wire import Bits, Registers

if TYPE_CHECKING:
    from mbap.addresses import Table

R = TypeVar("R")

ADDRESSES = 0x10000
LONGEST_PDU = 253
EXCEPTION_FLAG = 0x80


class Tables(Protocol):
    """The data a request acts on: the four tables of one device, as `apply` needs them.

    Every method raises `IllegalDataAddress` when not all of the addresses exist, and then changes nothing.
    """

    def read_bits(self, table: Table, address: int, count: int) -> Bits: ...

    def read_registers(self, table: Table, address: int, count: int) -> Registers: ...

    def write_bits(self, table: Table, address: int, values: Bits) -> None: ...

    def write_registers(self, table: Table, address: int, values: Registers) -> None: ...


class Request(ABC, Generic[R]):
    """One request of the Modbus application protocol; R is what its answer gives to the caller.

    A frozen dataclass below this class is all that a function code needs: client, server, gateway, poller
    and the tools work with it alone. Add your own with `execute(MyRequest(...))`; a server learns it through
    `register`.
    """

    __slots__ = ()

    function_code: ClassVar[int]
    """The code of the standard."""
    table: ClassVar[Table | None] = None
    """The table whose `address` is; None where there is no such thing."""
    writes: ClassVar[bool] = False
    """True when carrying it out may change the device."""

    @property
    def title(self) -> str:
        """What it does, in words: `read holding registers`."""
        import re

        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()

    @abstractmethod
    def encode(self) -> bytes:
        """The request PDU, function code first."""

    @classmethod
    @abstractmethod
    def decode(cls, pdu: bytes) -> Request[R]:
        """The request that *pdu* is.

        Raises:
            IllegalDataValue: structure, length, count or value break the standard (exception 03).
            IllegalDataAddress: address and count go beyond 65,536 (exception 02).
        """

    @abstractmethod
    def encode_response(self, result: R) -> bytes:
        """The response PDU that gives *result* to whoever sent this request."""

    @abstractmethod
    def decode_response(self, pdu: bytes) -> R:
        """What the response *pdu* gives as an answer to this very request.

        Raises:
            ProtocolError: it does not fit: function code, length, byte count or echo.
        """

    def apply(self, tables: Tables) -> R:
        """Carry the request out on *tables*, whole or not at all.

        Raises:
            ExceptionResponse: what the standard wants to be answered instead.
        """
        raise IllegalFunction

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        """What it touches: (table, address, count, whether it writes), in the order it is done."""
        return ()


_REQUESTS: dict[int, type[Request[Any]]] = {}
_HOMES: Final = {
    code: f"mbap.protocol.pdu.{module}"
    for module, codes in {
        "bits": (1, 2, 5, 15),
        "registers": (3, 4, 6, 16, 22, 23),
        "status": (7, 11, 12, 17),
        "diagnostics": (8,),
        "files": (20, 21),
        "fifo": (24,),
        "identification": (43,),
    }.items()
    for code in codes
}
"""The function codes of ours, and the modules to load where one of them comes."""

_Kind = TypeVar("_Kind", bound="type[Request[Any]]")


def register(kind: _Kind) -> _Kind:
    """Make *kind* the class that a server decodes its function code with; usable as a decorator.

    The last one registered counts, but a class of ours that is loaded late does not replace yours.
    """
    code = kind.function_code
    if code not in _REQUESTS or kind.__module__ != _HOMES.get(code):
        _REQUESTS[code] = kind
    return kind


def request_class(function_code: int) -> type[Request[Any]] | None:
    """The class for *function_code*, if there is one."""
    if function_code not in _REQUESTS and function_code in _HOMES:
        import_module(_HOMES[function_code])
    return _REQUESTS.get(function_code)


def decode_request(pdu: bytes) -> Request[object]:
    """The request that *pdu* is, checked in the standard's order: function 01, structure 03, address 02.

    Raises:
        ExceptionResponse: what a server has to answer; an empty PDU has no function, and is refused as such.
    """
    if not pdu:
        raise IllegalFunction
    kind = _REQUESTS.get(pdu[0]) or request_class(pdu[0])
    if kind is None:
        raise IllegalFunction
    return kind.decode(pdu)


def encode_exception(function_code: int, code: int) -> bytes:
    """The PDU of an exception response."""
    return bytes((function_code | EXCEPTION_FLAG, code))


def raise_exception(pdu: bytes, function_code: int) -> None:
    """Raise what *pdu* says if it is an exception response to *function_code*; else do nothing."""
    if not pdu or pdu[0] < EXCEPTION_FLAG:
        return
    if pdu[0] & ~EXCEPTION_FLAG != function_code:
        raise ProtocolError(f"an exception for function {pdu[0] & 0x7F} answers function {function_code}")
    if len(pdu) != 2 or pdu[1] == 0:
        raise ProtocolError(f"a malformed exception response: {pdu.hex(' ')}")
    raise ExceptionResponse(pdu[1])


def expect_function(pdu: bytes, function_code: int) -> None:
    """Raises `ProtocolError` unless *pdu* is of *function_code*."""
    if not pdu or pdu[0] != function_code:
        got = f"function {pdu[0]}" if pdu else "an empty PDU"
        raise ProtocolError(f"{got} answers function {function_code}")


def sizes(pdu: bytes) -> str:
    """How long a response is and says to be, for an error."""
    if len(pdu) < 2:
        return "without a byte count"
    return f"{len(pdu) - 2} bytes with a byte count of {pdu[1]}"


def fitting(pdu: bytes, what: str = "this answer takes") -> bytes:
    """*pdu*; `ValueError` when it is longer than one can be."""
    if len(pdu) > LONGEST_PDU:
        raise ValueError(f"{what} {len(pdu)} bytes, and {LONGEST_PDU} fit into an answer")
    return pdu


def expect_fitting(pdu: bytes) -> None:
    """Raises `ProtocolError` when a response of any length is longer than a PDU can be."""
    if len(pdu) > LONGEST_PDU:
        raise ProtocolError(f"the answer has {len(pdu)} bytes, and a PDU has {LONGEST_PDU} at most")


def expect_echo(pdu: bytes, echo: bytes) -> None:
    """Raises `ProtocolError` unless *pdu* repeats *echo*, as the answer to a write must."""
    expect_function(pdu, echo[0])
    if pdu != echo:
        raise ProtocolError(f"the answer should repeat {echo.hex(' ')} and is {pdu.hex(' ')}")


def check_span(address: int, count: int) -> None:
    """Raises `IllegalDataAddress` when *address* and *count* go beyond 65,536."""
    if address + count > ADDRESSES:
        raise IllegalDataAddress


def check_structure(fits: bool) -> None:
    """Raises `IllegalDataValue` unless the structure, length, count or value *fits*."""
    if not fits:
        raise IllegalDataValue


def argument_address(address: int, count: int, limit: int) -> None:
    """Check a caller's arguments: `ValueError` with a sentence."""
    if not 0 <= address < ADDRESSES:
        raise ValueError(f"address is 0 to 65535, not {address}")
    if not 1 <= count <= limit:
        raise ValueError(f"count is 1 to {limit}, not {count}")
    if address + count > ADDRESSES:
        raise ValueError(f"{count} from address {address} go beyond address 65535")


def argument_word(name: str, value: int) -> None:
    """Check one 16-bit argument: `ValueError` with a sentence."""
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{name} is 0 to 65535, not {value}")


def as_registers(values: Sequence[int]) -> Registers:
    """*values* as `Registers`; `ValueError` when one is not 0 to 65535."""
    return values if isinstance(values, Registers) else Registers.of(values)


def as_bits(values: Sequence[bool]) -> Bits:
    """*values* as `Bits`."""
    return values if isinstance(values, Bits) else Bits.of(values)
