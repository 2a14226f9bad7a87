"""Known frames of the function codes that few devices have, as in `frames`: the examples of section 6.

Where the standard gives no example, or one whose lengths do not agree with its text, it is ours.
"""

from __future__ import annotations

from typing import Final

from mbap.protocol.pdu import (
    CommEventCounter,
    CommEventLog,
    DeviceIdentification,
    Diagnostics,
    EncapsulatedInterface,
    FileRecord,
    FileRecordData,
    GetCommEventCounter,
    GetCommEventLog,
    ReadDeviceIdCode,
    ReadDeviceIdentification,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
    ReportServerId,
    SubFunction,
    WriteFileRecord,
)
from vectors.frames import EXCHANGES, Exchange, exchange

COMPANY, PRODUCT, REVISION = b"Company identification", b"Product code XX", b"V2.11"
LONG_PRODUCT = b"Product code XXXXXXXXXXXXXXXX"

MORE_EXCHANGES: Final = [
    exchange("read exception status", ReadExceptionStatus(), "07", 0x6D, "07 6D"),
    exchange(
        "return query data",
        Diagnostics(SubFunction.RETURN_QUERY_DATA, b"\xa5\x37"),
        "08 0000 A537",
        b"\xa5\x37",
        "08 0000 A537",
    ),
    exchange(
        "return bus message count",
        Diagnostics(SubFunction.RETURN_BUS_MESSAGE_COUNT),
        "08 000B 0000",
        b"\x01\x02",
        "08 000B 0102",
    ),
    exchange(
        "get comm event counter", GetCommEventCounter(), "0B", CommEventCounter(True, 264), "0B FFFF 0108"
    ),
    exchange(
        "get comm event log",
        GetCommEventLog(),
        "0C",
        CommEventLog(False, 264, 289, b"\x20\x00"),
        "0C 08 0000 0108 0121 20 00",
    ),
    exchange("report server id", ReportServerId(), "11", b"\x2a\xffpump", "11 06 2A FF 70756D70"),
    exchange(
        "read file record",
        ReadFileRecord([FileRecord(4, 1, 2), FileRecord(3, 9, 2)]),
        "14 0E 06 0004 0001 0002 06 0003 0009 0002",
        ([0x0DFE, 0x0020], [0x33CD, 0x0040]),
        "14 0C 05 06 0DFE 0020 05 06 33CD 0040",
    ),
    exchange(
        "write file record",
        WriteFileRecord([FileRecordData(4, 7, [0x06AF, 0x04BE, 0x100D])]),
        "15 0D 06 0004 0007 0003 06AF 04BE 100D",
        None,
        "15 0D 06 0004 0007 0003 06AF 04BE 100D",
    ),
    exchange("read fifo queue", ReadFifoQueue(1246), "18 04DE", [440, 4740], "18 0006 0002 01B8 1284"),
    exchange(
        "read device identification",
        ReadDeviceIdentification(),
        "2B 0E 01 00",
        DeviceIdentification({0: COMPANY, 1: PRODUCT, 2: REVISION}, 1),
        f"2B 0E 01 01 00 00 03 00 16 {COMPANY.hex()} 01 0F {PRODUCT.hex()} 02 05 {REVISION.hex()}",
    ),
    exchange(
        "read device identification, more follows",
        ReadDeviceIdentification(),
        "2B 0E 01 00",
        DeviceIdentification({0: COMPANY, 1: LONG_PRODUCT}, 1, True, 2),
        f"2B 0E 01 01 FF 02 02 00 16 {COMPANY.hex()} 01 1D {LONG_PRODUCT.hex()}",
    ),
    exchange(
        "read one object",
        ReadDeviceIdentification(ReadDeviceIdCode.INDIVIDUAL, 2),
        "2B 0E 04 02",
        DeviceIdentification({2: REVISION}, 0x81),
        f"2B 0E 04 81 00 00 01 02 05 {REVISION.hex()}",
    ),
    exchange(
        "CANopen general reference",
        EncapsulatedInterface(13, b"\x00\x40\x05"),
        "2B 0D 00 40 05",
        b"\x00\x43",
        "2B 0D 00 43",
    ),
]

EVERY_EXCHANGE: Final[list[Exchange]] = EXCHANGES + MORE_EXCHANGES
