"""A request and what became of it, as somebody saw it who is neither side: a capture, a firewall, a bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mbap.protocol.pdu.base import Request


@dataclass(slots=True)
class Exchange:
    """One request and its answer; a plain object that can change, because millions of them are made.

    Attributes:
        time: when the request's last byte was seen, in UTC microseconds.
        client, client_port, server, server_port: who talks to whom; ports are 0 on a serial line.
        request: the request; `Opaque` for an unknown function; None where the PDU breaks the standard.
        pdu: the request as it was sent; empty where only the answer was seen.
        response: the answer's PDU; None where none was seen.
        response_time: when the answer's last byte was seen, in UTC microseconds.
        role: the role in the client's certificate, where that is known.
    """

    time: int
    client: str
    client_port: int
    server: str
    server_port: int
    unit: int
    transaction: int | None
    request: Request[Any] | None
    pdu: bytes
    response: bytes | None = None
    response_time: int | None = None
    role: str | None = None

    @property
    def function_code(self) -> int:
        """Of the request; of the answer, without its exception flag, where no request was seen."""
        return (self.pdu or self.response or b"\0")[0] & 0x7F

    @property
    def exception(self) -> int | None:
        """The exception code of the answer; None where it is none, 0 where the code is missing."""
        response = self.response
        if not response or not response[0] & 0x80:
            return None
        return response[1] if len(response) > 1 else 0

    @property
    def delay(self) -> int | None:
        """Microseconds from the request to its answer."""
        return None if self.response_time is None else self.response_time - self.time
