"""Which blocks one turn of reading asks for, and what is learnt from refusals.

Pure. A device that refuses a block as a whole (exception 2 or 3: an address in it does not exist, or it is
too large) may well give its parts. So a refused block is halved until what is refused is one point, a hole.
Holes are remembered, shown as refused, and asked again only now and then; when one of them answers, all that
was learnt is forgotten, because then the device was not ready or has changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mbap.collect.counters import is_silence
from mbap.collect.plan import Block
from mbap.collect.readings import Quality
from mbap.errors import ConnectionLost, ExceptionCode, ExceptionResponse, ModbusError, NotAsked, ProtocolError

Split = Callable[[Block], Sequence[Block]]
"""Gives the blocks that read the points of one block in two halves."""

PROBES = 8
"""So many halves a turn asks for at most, so that learning never takes the line from others."""
HOLE_REST = 600.0
"""Seconds until a hole is asked again."""
VAIN = 2
"""After so many silences, or answers that are rubbish, in a row a turn gives up: a device that is dead or out
of step must not cost a timeout, or a new connection, for each block."""

_HALVED_AT = (ExceptionCode.ILLEGAL_DATA_ADDRESS, ExceptionCode.ILLEGAL_DATA_VALUE)


class Hole:
    """A block of one point that the device refuses."""

    __slots__ = ("again", "block", "quality")

    def __init__(self, block: Block, quality: Quality, again: float) -> None:
        self.block = block
        self.quality = quality
        self.again = again


class Layout:
    """The blocks of one scan of one device: those that were planned, or what refusals made of them."""

    __slots__ = ("blocks", "holes", "planned", "split")

    def __init__(self, planned: tuple[Block, ...], split: Split) -> None:
        self.planned = planned
        self.split = split
        self.blocks = planned
        self.holes: tuple[Hole, ...] = ()

    def begin(self, now: float) -> Turn:
        """A turn that begins at *now*."""
        return Turn(self, now)

    def forget(self) -> None:
        """Go back to what was planned."""
        self.blocks, self.holes = self.planned, ()

    def halve(self, block: Block) -> Sequence[Block]:
        """Replace *block* by the blocks of its two halves, and give those."""
        halves = self.split(block)
        at = next(index for index, kept in enumerate(self.blocks) if kept is block)
        self.blocks = (*self.blocks[:at], *halves, *self.blocks[at + 1 :])
        return halves

    def close(self, block: Block, quality: Quality, again: float) -> None:
        """Remember *block*, of one point, as a hole until *again*."""
        self.blocks = tuple(kept for kept in self.blocks if kept is not block)
        self.holes = (*(hole for hole in self.holes if hole.block is not block), Hole(block, quality, again))

    def put_first(self, left: Sequence[Block]) -> None:
        """Ask for *left* before the others from now on, so that nothing is left out for ever."""
        wanted = {id(block) for block in left}
        rest = (block for block in self.blocks if id(block) not in wanted)
        self.blocks = (*(block for block in self.blocks if id(block) in wanted), *rest)


class Turn:
    """One turn: gives the blocks to ask for, is told what came of each, and says what is lost.

    Attributes:
        resting: holes that are not asked this time.
        silence: the error, if the turn met silence and nothing else.
    """

    __slots__ = ("_answered", "_layout", "_now", "_probes", "_vain", "_waiting", "resting", "silence")

    def __init__(self, layout: Layout, now: float) -> None:
        self._layout = layout
        self._now = now
        self._probes = PROBES
        self._vain = 0
        self._answered = False
        self._waiting = deque(layout.blocks)
        self.resting: Sequence[Hole] = layout.holes
        self.silence: ModbusError | None = None
        if layout.holes:
            self._ask_one_hole()

    def next(self) -> Block | None:
        """The block to ask for now; None: the turn is over."""
        return self._waiting.popleft() if self._waiting else None

    def answered(self, block: Block) -> None:
        """*block* gave values."""
        self._somebody_is_there()
        if self._layout.holes and any(hole.block is block for hole in self._layout.holes):
            self._layout.forget()
            self._waiting.clear()
            self._waiting.extend(self._layout.blocks)

    def failed(self, block: Block, error: ModbusError, quality: Quality) -> Sequence[Block]:
        """*block* gave *error*; gives the blocks whose points will have no values this time."""
        if is_silence(error) or isinstance(error, ProtocolError):
            return self._in_vain(block, error)
        self._somebody_is_there()
        if not isinstance(error, ExceptionResponse) or error.code not in _HALVED_AT:
            return (block,)
        if len(block.names) == 1:
            self._layout.close(block, quality, self._now + HOLE_REST)
            return (block,)
        return self._halve(block)

    def _halve(self, block: Block) -> Sequence[Block]:
        if self._probes <= 0:
            return (block,)
        halves = self._layout.halve(block)
        self._probes -= len(halves)
        self._waiting.extendleft(reversed(halves))
        return ()

    def _in_vain(self, block: Block, error: ModbusError) -> Sequence[Block]:
        """What silence and rubbish cost: *block*, and all the rest when there is no hope."""
        self._vain += 1
        if not self._answered and is_silence(error):
            self.silence = error
        hopeless = isinstance(error, ConnectionLost | NotAsked) or self._vain >= VAIN
        if not hopeless:
            return (block,)
        left = tuple(self._waiting)
        self._waiting.clear()
        if left and left[0] is not self._layout.blocks[0]:
            self._layout.put_first(left)
        return (block, *left)

    def _somebody_is_there(self) -> None:
        self._answered, self._vain, self.silence = True, 0, None

    def _ask_one_hole(self) -> None:
        ripe = next((hole for hole in self._layout.holes if hole.again <= self._now), None)
        if ripe is not None:
            self._waiting.append(ripe.block)
            self.resting = tuple(hole for hole in self._layout.holes if hole is not ripe)
