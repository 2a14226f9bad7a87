"""Who answers instead of a Modbus TCP device, told by the first bytes."""

from __future__ import annotations

from mbap.protocol.checksum import crc16

_SIGNS = (
    (b"HTTP/", "a web server answers there: check the port"),
    (b"<", "a web server answers there: check the port"),
    (b"SSH-", "an SSH server answers there: check the port"),
    (b"\x15\x03", "TLS is spoken there: check the port, which is 502 without TLS"),
    (b":", "this looks like Modbus ASCII: try ascii+tcp:// instead of tcp://"),
)


def advice_on(data: bytes) -> str:
    """What to try where *data* came instead of Modbus TCP; nothing where it tells nothing."""
    for sign, advice in _SIGNS:
        if data.startswith(sign):
            return advice
    if 5 <= len(data) <= 256 and crc16(data[:-2]) == int.from_bytes(data[-2:], "little"):
        return "this is a Modbus RTU frame: try rtu+tcp:// instead of tcp://"
    return ""
