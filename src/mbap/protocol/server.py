"""The server's side of a connection: requests out of bytes, responses into bytes."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.framing import Framing
from mbap.protocol.pdu.base import Request, decode_request, encode_exception
from mbap.protocol.tcp import TcpFraming

R = TypeVar("R")


class Indication(NamedTuple, Generic[R]):
    """A request that came, or what has to be answered because it is none.

    Attributes:
        request: the request, or the exception to answer where the PDU breaks the standard.
    """

    unit: int
    transaction: int | None
    function_code: int
    request: Request[R] | ExceptionResponse


class ServerSession:
    """Everything a server decides before and after its handler; it neither reads nor waits."""

    __slots__ = ("framing",)

    def __init__(self, framing: Framing | None = None) -> None:
        self.framing: Framing = framing or TcpFraming()

    @property
    def failure(self) -> ProtocolError | None:
        """Why the connection must be closed; None while it need not."""
        return self.framing.failure

    def receive_data(self, data: bytes) -> list[Indication[object]]:
        """Take in *data*; gives the requests that it completes, in order."""
        return [_indication(adu) for adu in self.framing.unpack(data)]

    def pack_response(self, indication: Indication[R], result: R | ExceptionResponse) -> bytes:
        """The bytes that answer *indication* with *result*.

        Raises:
            ValueError: *result* does not fit the request.
        """
        return self.framing.pack(Adu(indication.unit, _pdu(indication, result), indication.transaction))


def _indication(adu: Adu) -> Indication[object]:
    function_code = adu.pdu[0]
    try:
        request: Request[object] | ExceptionResponse = decode_request(adu.pdu)
    except ExceptionResponse as refusal:
        request = refusal
    return Indication(adu.unit, adu.transaction, function_code, request)


def _pdu(indication: Indication[R], result: R | ExceptionResponse) -> bytes:
    if isinstance(result, ExceptionResponse):
        return encode_exception(indication.function_code, result.code)
    if isinstance(indication.request, ExceptionResponse):
        return encode_exception(indication.function_code, indication.request.code)
    return indication.request.encode_response(result)
