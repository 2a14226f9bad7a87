"""What somebody may have meant who sends what is not Modbus TCP."""

from __future__ import annotations

import re

# As text: `re` compiles each when it is first used, and keeps it.
_HTTP = rb"(GET|HEAD|POST|PUT|OPTIONS|DELETE|CONNECT|PRI) "
_ASCII = rb":([0-9A-Fa-f]{2}){3,}\r"
_SSH = b"SSH-"
_TLS = b"\x16\x03"


def what_it_may_be(data: bytes) -> str:
    """`; it looks like a web browser`, where *data* begins like something known; otherwise nothing."""
    if re.match(_HTTP, data):
        return "; it looks like HTTP: a browser or a scanner"
    if data.startswith(_TLS):
        return "; it looks like TLS: this port speaks plain Modbus TCP"
    if data.startswith(_SSH):
        return "; it looks like SSH"
    if re.match(_ASCII, data):
        return "; it looks like Modbus ASCII: serve ascii+tcp://, or set the client to Modbus TCP"
    if 4 <= len(data) <= 256 and _is_rtu(data):
        return "; it looks like Modbus RTU: serve rtu+tcp://, or set the client to Modbus TCP"
    return ""


def _is_rtu(data: bytes) -> bool:
    from mbap.protocol.checksum import crc16  # few strangers come, and it makes a table

    return crc16(data) == 0
