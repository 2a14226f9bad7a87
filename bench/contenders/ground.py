"""What all servers that are compared hold: register[i] == i and coil[i] == i & 1, on unit 1."""

from __future__ import annotations

SIZE = 10_000
REGISTERS = list(range(SIZE))
BITS = [bool(number & 1) for number in range(SIZE)]
HOST = "127.0.0.1"
COUNT = 125
