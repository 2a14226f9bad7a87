"""Registers <-> numbers, text and bits: types, orders, scales, and what means "no value".

Encoding("float32", "CDAB").decode([0x0000, 0x4366])      230.0
Encoding("int16", scale=0.1).encode(-12.5)                (65411,)
"""

from mbap.values.block import BlockDecoder, block_decoder
from mbap.values.encoding import Encoding
from mbap.values.orders import ORDERS, STRING_ORDERS, VENDOR_WORDS
from mbap.values.parse import parse_type
from mbap.values.types import NO_VALUE, TYPES, Value

__all__ = [
    "NO_VALUE",
    "ORDERS",
    "STRING_ORDERS",
    "TYPES",
    "VENDOR_WORDS",
    "BlockDecoder",
    "Encoding",
    "Value",
    "block_decoder",
    "parse_type",
]
