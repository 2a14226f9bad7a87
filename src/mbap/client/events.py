"""What happens to the connection of a link, for whoever wants to know."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final, Self
from weakref import WeakSet

from mbap.records import Record

if TYPE_CHECKING:
    import asyncio

MOST_WAITING: Final = 100


class LinkState(Enum):
    """The states of a link to an endpoint."""

    DOWN = "down"
    """No connection; one is made when it is needed."""
    CONNECTING = "connecting"
    UP = "up"
    BACKING_OFF = "backing off"
    """No connection, and none is tried for a while: calls end at once with `NotAsked`."""


class LinkEvent(Record):
    """A change of state.

    Attributes:
        endpoint: its URL.
        reason: why it is down, in words.
        retry_in: seconds until connecting is tried again, while backing off.
    """

    state: LinkState
    endpoint: str
    reason: str = ""
    retry_in: float = 0.0

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        again = f", tried again in {self.retry_in:.1f} s" if self.retry_in else ""
        return f"{self.endpoint} is {self.state.value}{reason}{again}"


OnEvent = Callable[[LinkEvent], None]


class EventStream:
    """The events of a link from now on, to iterate over; keeps the newest 100 for a slow reader.

    Attributes:
        dropped: how many older ones were lost by that.
    """

    __slots__ = ("__weakref__", "_closed", "_events", "_ready", "dropped")

    def __init__(self) -> None:
        import asyncio

        self.dropped = 0
        self._closed = False
        self._events: deque[LinkEvent] = deque(maxlen=MOST_WAITING)
        self._ready: asyncio.Event = asyncio.Event()

    def put(self, event: LinkEvent) -> None:
        """Add *event*."""
        self.dropped += len(self._events) == MOST_WAITING
        self._events.append(event)
        self._ready.set()

    def close(self) -> None:
        """No more will come: the iteration ends after those that wait."""
        self._closed = True
        self._ready.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LinkEvent:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._events.popleft()


class Events:
    """The state of a link, and who listens to its changes.

    Attributes:
        state: the state now.
    """

    __slots__ = ("_endpoint", "_listener", "_streams", "_waiting", "state")

    def __init__(self, endpoint: str, listener: OnEvent | None) -> None:
        self.state = LinkState.DOWN
        self._endpoint = endpoint
        self._listener = listener
        # Weakly: a stream that nobody iterates over any more needs no closing.
        self._streams: WeakSet[EventStream] = WeakSet()
        self._waiting: deque[LinkEvent] = deque(maxlen=MOST_WAITING)

    def change(self, state: LinkState, reason: str = "", retry_in: float = 0.0) -> bool:
        """The state is *state* from now on; tells whether `deliver` has something to do."""
        if state is self.state:
            return bool(self._waiting)
        self.state = state
        event = LinkEvent(state, self._endpoint, reason, retry_in)
        for stream in self._streams:
            stream.put(event)
        if self._listener is not None:
            self._waiting.append(event)
        return bool(self._waiting)

    def deliver(self) -> None:
        """Tell the listener what it has not been told; what it raises is logged and goes no further."""
        while self._waiting and self._listener is not None:
            event = self._waiting.popleft()
            try:
                self._listener(event)
            except Exception:  # the caller's code, and here is its outermost frame
                import logging

                logging.getLogger(__name__).exception("the listener to events of %s failed", self._endpoint)

    def stream(self) -> EventStream:
        """The events from now on."""
        stream = EventStream()
        self._streams.add(stream)
        return stream

    def close(self) -> None:
        """End every stream."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()
