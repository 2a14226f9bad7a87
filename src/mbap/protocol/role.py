"""The role in a certificate: one UTF8String in an extension of its own (Modbus/TCP Security, R-21, R-22)."""

from __future__ import annotations

from typing import Final

ROLE_OID: Final = "1.3.6.1.4.1.50316.802.1"
"""The extension that holds it (R-21)."""
LONGEST_ROLE: Final = 64
"""Characters; the standard states no limit, and what is longer is taken for an attempt."""
_UTF8_STRING: Final = 0x0C


def decode_role(der: bytes) -> str:
    """The role in the value *der* of the extension; the whole string is one role, never a list (R-65).

    Raises:
        ValueError: it is not exactly one UTF8String in DER, of 1 to 64 characters without control characters.
    """
    if der[:1] != b"\x0c":
        raise ValueError("the role is not a UTF8String")
    size, start = _length(der)
    if len(der) != start + size:
        raise ValueError("the role's length does not fit the extension")
    try:
        role = der[start:].decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the role is not valid UTF-8") from None
    return _checked(role)


def encode_role(role: str) -> bytes:
    """The value of the extension for *role*.

    Raises:
        ValueError: it is not 1 to 64 characters, or has control characters.
    """
    text = _checked(role).encode("utf-8")
    return bytes([_UTF8_STRING]) + _shortest(len(text)) + text


def _checked(role: str) -> str:
    if not 1 <= len(role) <= LONGEST_ROLE:
        raise ValueError(f"a role has 1 to {LONGEST_ROLE} characters, not {len(role)}")
    if not role.isprintable():
        raise ValueError("the role has characters that cannot be printed")
    return role


def _length(der: bytes) -> tuple[int, int]:
    """The length of the value, in the shortest form as DER wants it, and where the value begins."""
    if len(der) < 2:
        raise ValueError("the role is cut short")
    if der[1] < 0x80:
        return der[1], 2
    octets = der[1] & 0x7F
    size = int.from_bytes(der[2 : 2 + octets], "big")
    if der[1:2] + der[2 : 2 + octets] != _shortest(size):
        raise ValueError("the role's length is not as DER writes it")
    return size, 2 + octets


def _shortest(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
