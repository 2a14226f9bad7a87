"""What somebody may have meant who sends what is not Modbus TCP."""

from __future__ import annotations

import re

from mbap.protocol.checksum import crc16

_HTTP = re.compile(rb"(GET|HEAD|POST|PUT|OPTIONS|DELETE|CONNECT|PRI) ")
_ASCII = re.compile(rb":([0-9A-Fa-f]{2}){3,}\r")
_SSH = b"SSH-"
_TLS = b"\x16\x03"


def what_it_may_be(data: bytes) -> str:
    """`; it looks like a web browser`, where *data* begins like something known; otherwise nothing."""
    if _HTTP.match(data):
        return "; it looks like HTTP: a browser or a scanner"
    if data.startswith(_TLS):
        return "; it looks like TLS: this port speaks plain Modbus TCP"
    if data.startswith(_SSH):
        return "; it looks like SSH"
    if _ASCII.match(data):
        return "; it looks like Modbus ASCII: serve ascii+tcp://, or set the client to Modbus TCP"
    if 4 <= len(data) <= 256 and crc16(data) == 0:
        return "; it looks like Modbus RTU: serve rtu+tcp://, or set the client to Modbus TCP"
    return ""
