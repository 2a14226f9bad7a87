"""`mbap poll -u`: what a device says of itself by function code 17, in mbpoll's form. Pure."""

from __future__ import annotations

from collections.abc import Iterator

NOTHING = "no data available"


def report_lines(data: bytes) -> Iterator[str]:
    """The lines about *data*, the identifier, the status and what follows; none where there are not both."""
    if len(data) < 2:
        return
    yield f"Length: {len(data)}"
    yield f"Id    : 0x{data[0]:02X}"
    yield f"Status: {'On' if data[1] else 'Off'}"
    if more := data[2:]:
        yield f"Data  : {readable(more)}"


def readable(data: bytes) -> str:
    """*data* as text, and what cannot be printed as `\\0A`."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:02X}" for byte in data)
