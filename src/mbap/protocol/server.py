"""The server's side of a connection: requests out of bytes, responses into bytes."""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.framing import Framing
from mbap.protocol.pdu.base import (
    EXCEPTION_FLAG,
    Request,
    decode_request,
    encode_exception,
    request_class,
)
from mbap.protocol.tcp import TcpFraming

R = TypeVar("R")

BROADCAST: Final = 0
"""The unit that on a serial line means all of them."""
_CHECKS: Final = ("crc_errors", "lrc_errors", "malformed")
_DIAGNOSTICS: Final = 8
_CHANGE_DELIMITER: Final = b"\x08\x00\x03"


class Indication(NamedTuple, Generic[R]):
    """A request that came, or what has to be answered because it is none.

    Attributes:
        request: the request, or the exception to answer where the PDU breaks the standard.
        pdu: what came, where it breaks the standard; empty where it does not.
    """

    unit: int
    transaction: int | None
    function_code: int
    request: Request[R] | ExceptionResponse
    pdu: bytes = b""


class Heard(NamedTuple):
    """What a framing has met so far besides messages for this side.

    Attributes:
        foreign: messages of another protocol, or on a serial line answers of other devices.
        check_errors: frames whose check was wrong, or that could not be read.
        noise: bytes that were in no frame.
    """

    foreign: int = 0
    check_errors: int = 0
    noise: int = 0


@runtime_checkable
class _Delimited(Protocol):
    """A framing with a delimiter that a client may change: ASCII."""

    delimiter: bytes


@runtime_checkable
class _Parted(Protocol):
    """A framing whose frames are parted by silence: RTU."""

    def silence(self) -> list[Adu]:
        """What is here is all."""
        ...


class ServerSession:
    """Everything a server decides before and after its handler; it neither reads nor waits.

    Any framing will do. Where it carries no transactions there is a serial line behind it, or pretended to
    be: unit 0 is then a broadcast, and one request is answered before the next is begun.
    """

    __slots__ = ("_checks", "_heard", "_indication", "framing")

    def __init__(self, framing: Framing | None = None, *, opaque: bool = False) -> None:
        """With *opaque*, function codes that are not known here are requests, too: `Opaque` ones."""
        self.framing: Framing = framing or TcpFraming()
        self._heard = Heard()
        self._indication = _opaque_indication if opaque else _indication
        self._checks = [name for name in _CHECKS if hasattr(self.framing, name)]

    @property
    def failure(self) -> ProtocolError | None:
        """Why the connection must be closed; None while it need not."""
        return self.framing.failure

    @property
    def numbered(self) -> bool:
        """Whether requests carry a transaction, so that several may be open and answered in any order."""
        return self.framing.numbered

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished request are kept."""
        return self.framing.partial

    @property
    def fresh(self) -> bool:
        """Whether what comes next is Modbus TCP, and taken as if nothing had come before."""
        return isinstance(self.framing, TcpFraming) and self.framing.fresh

    @property
    def heard(self) -> Heard:
        """What the framing has left out so far."""
        framing = self.framing
        wrong = sum(getattr(framing, name) for name in self._checks) if self._checks else 0
        heard = getattr(framing, "foreign", 0), wrong, getattr(framing, "noise", 0)
        if heard != self._heard:
            self._heard = Heard(*heard)
        return self._heard

    def receive_data(self, data: bytes) -> list[Indication[object]]:
        """Take in *data*; gives the requests that it completes, in order."""
        return [self._indication(adu) for adu in self.framing.unpack(data)]

    def receive_silence(self) -> list[Indication[object]]:
        """The rest of an unfinished request is not waited for any longer; gives what was complete in it."""
        if isinstance(self.framing, _Parted):
            return [self._indication(adu) for adu in self.framing.silence()]
        self.framing.clear()
        return []

    def is_broadcast(self, indication: Indication[R]) -> bool:
        """Whether *indication* is for all units, and must not be answered.

        On TCP no unit is: 0 is one like others there, and 255 means the device itself.
        """
        return indication.unit == BROADCAST and not self.framing.numbered

    def pack_response(self, indication: Indication[R], result: R | ExceptionResponse) -> bytes:
        """The bytes that answer *indication* with *result*.

        Raises:
            ValueError: *result* does not fit the request.
        """
        pdu = _pdu(indication, result)
        packed = self.framing.pack(Adu(indication.unit, pdu, indication.transaction))
        if indication.function_code == _DIAGNOSTICS and pdu.startswith(_CHANGE_DELIMITER):
            self._change_delimiter(pdu[3:4])
        return packed

    def _change_delimiter(self, delimiter: bytes) -> None:
        """From the next message on; the answer that agrees to it still ends as before."""
        if isinstance(self.framing, _Delimited):
            self.framing.delimiter = delimiter


def _indication(adu: Adu) -> Indication[object]:
    function_code = adu.pdu[0]
    try:
        return Indication(adu.unit, adu.transaction, function_code, decode_request(adu.pdu))
    except ExceptionResponse as refusal:
        return Indication(adu.unit, adu.transaction, function_code, refusal, adu.pdu)


def _opaque_indication(adu: Adu) -> Indication[object]:
    function_code = adu.pdu[0]
    if not 0 < function_code < EXCEPTION_FLAG or request_class(function_code) is not None:
        return _indication(adu)
    from mbap.protocol.pdu.opaque import Opaque

    request = cast("Request[object]", Opaque(function_code, adu.pdu[1:]))
    return Indication(adu.unit, adu.transaction, function_code, request)


def _pdu(indication: Indication[R], result: R | ExceptionResponse) -> bytes:
    if isinstance(result, ExceptionResponse):
        return encode_exception(indication.function_code, result.code)
    if isinstance(indication.request, ExceptionResponse):
        return encode_exception(indication.function_code, indication.request.code)
    return indication.request.encode_response(result)
