"""A device's queues of registers, which clients read (function code 24)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from threading import Lock

from mbap.protocol.wire import Registers


class Fifo:
    """A queue of registers, oldest first. Clients only read it; the program fills and empties it.

    A client can read up to 31 of them at once; while there are more, it is answered with exception 03.

    Args:
        values: what is in it.
        limit: how many it keeps, 31 unless there are more in it at once; one more pushes the oldest out.

    Attributes:
        lost: how many were pushed out.

    Raises:
        ValueError: a value is not 0 to 65535, or there are more than *limit*.
    """

    __slots__ = ("_lock", "_values", "limit", "lost")

    def __init__(self, values: Sequence[int] = (), limit: int | None = None) -> None:
        from mbap.protocol.pdu.fifo import MOST_QUEUED

        self.limit = max(MOST_QUEUED, len(values)) if limit is None else limit
        if not len(values) <= self.limit <= 0xFFFF:
            raise ValueError(f"a queue for {self.limit} registers cannot take {len(values)}")
        self._values = deque(Registers.of(values))
        self._lock = Lock()
        self.lost = 0

    def put(self, value: int) -> None:
        """Add *value* as the newest.

        Raises:
            ValueError: it is not 0 to 65535.
        """
        (register,) = Registers.of((value,))
        with self._lock:
            self._values.append(register)
            if len(self._values) > self.limit:
                self._values.popleft()
                self.lost += 1

    def take(self) -> int:
        """Remove the oldest and give it.

        Raises:
            IndexError: there is none.
        """
        with self._lock:
            return self._values.popleft()

    def clear(self) -> None:
        """Remove all of them."""
        with self._lock:
            self._values.clear()

    def read(self) -> Registers:
        """What is in it at this moment."""
        with self._lock:
            return Registers.of(tuple(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[int]:
        return iter(self.read())

    def __repr__(self) -> str:
        return f"<queue of {len(self)} registers>"
