"""One table of one unit as the bytes that go out: a read is a slice of them."""

from __future__ import annotations

from mbap.errors import GatewayTargetFailedToRespond, IllegalDataAddress
from mbap.protocol.wire import Bits, Registers

HOLE, GOOD, BAD, GONE = range(4)
"""What an address holds: nothing, a value, none for now, or none for ever because its point is gone."""


class Image:
    """Addresses from 0 to the last one in use, each with what it holds.

    It is written and read from one thread, a value at a time, so that nobody ever reads half of one.
    """

    __slots__ = ("_refuse_holes", "state")

    def __init__(self, size: int, *, refuse_holes: bool) -> None:
        self.state = bytearray(size)
        self._refuse_holes = refuse_holes

    def mark(self, address: int, count: int, state: int) -> None:
        """The *count* addresses from *address* on are in *state* now."""
        self.state[address : address + count] = bytes((state,)) * count

    def check(self, address: int, count: int) -> None:
        """Whether these can be read.

        Raises:
            IllegalDataAddress: there is no point at all, or, where holes are refused, not everywhere.
            GatewayTargetFailedToRespond: there is no value for one of them.
        """
        states = self.state[address : address + count]
        good = states.count(GOOD)
        if good == count:
            return
        bad = states.count(BAD)
        if (self._refuse_holes and good + bad < count) or not good + bad:
            raise IllegalDataAddress
        if bad:
            raise GatewayTargetFailedToRespond


class RegisterImage(Image):
    """Registers, big-endian."""

    __slots__ = ("wire",)

    def __init__(self, size: int, *, refuse_holes: bool) -> None:
        super().__init__(size, refuse_holes=refuse_holes)
        self.wire = bytearray(2 * size)

    def read(self, address: int, count: int) -> Registers:
        """What is there now; holes are 0.

        Raises:
            ExceptionResponse: see `check`.
        """
        self.check(address, count)
        return Registers(bytes(self.wire[2 * address : 2 * (address + count)]).ljust(2 * count, b"\0"))

    def put(self, address: int, wire: bytes) -> None:
        """Put whole registers."""
        self.wire[2 * address : 2 * address + len(wire)] = wire

    def put_bit(self, address: int, bit: int, value: int) -> None:
        """Change one bit of a register, 0 is the lowest."""
        at = 2 * address + (bit < 8)
        mask = 1 << (bit & 7)
        self.wire[at] = self.wire[at] | mask if value else self.wire[at] & ~mask


class BitImage(Image):
    """Bits, eight in a byte, the first one lowest."""

    __slots__ = ("packed",)

    def __init__(self, size: int, *, refuse_holes: bool) -> None:
        super().__init__(size, refuse_holes=refuse_holes)
        self.packed = bytearray((size + 7) // 8)

    def read(self, address: int, count: int) -> Bits:
        """What is there now; holes are 0.

        Raises:
            ExceptionResponse: see `check`.
        """
        self.check(address, count)
        number = int.from_bytes(self.packed[address // 8 : (address + count + 7) // 8], "little")
        number = number >> address % 8 & (1 << count) - 1
        return Bits(number.to_bytes((count + 7) // 8, "little"), count)

    def put(self, address: int, value: int) -> None:
        """Put one bit."""
        at, mask = address // 8, 1 << address % 8
        self.packed[at] = self.packed[at] | mask if value else self.packed[at] & ~mask
