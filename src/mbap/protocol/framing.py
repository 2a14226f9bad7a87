"""What a session needs of a framing, whichever it is."""

from __future__ import annotations

from typing import Protocol

from mbap.errors import ProtocolError
from mbap.protocol.adu import Adu


class Framing(Protocol):
    """Packs ADUs into bytes and takes a stream of bytes apart into ADUs, however it was cut."""

    @property
    def numbered(self) -> bool:
        """Whether an ADU carries a transaction identifier, so that several may be on their way."""
        ...

    @property
    def failure(self) -> ProtocolError | None:
        """Why the stream cannot be followed any more; None while it can."""
        ...

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished ADU are kept."""
        ...

    def clear(self) -> None:
        """Forget what came before: a new connection begins."""
        ...

    def pack(self, adu: Adu) -> bytes:
        """The bytes of *adu*."""
        ...

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes, in order; an unfinished rest is kept for the next call.

        It never raises: `failure` says when nothing more will come.
        """
        ...
