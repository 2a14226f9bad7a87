"""What `mbap decode` and `mbap encode` print at 80 and at 120 columns, where all is well and where not."""

from __future__ import annotations

import pytest

from support.console import WIDTHS, Console

CASES: list[tuple[str, str]] = [
    ("decode", "decode 000100000006010300 6b0003 00010000000901030602 2b00000064"),
    ("decode-rtu", "decode 11 03 00 6B 00 03 76 87"),
    ("decode-ascii", "decode :1103006B00037E"),
    ("decode-exception", "decode 000100000003018302"),
    ("decode-either", "decode 000100000006010600010003"),
    ("decode-long", "decode 00010000000d01100001000306000a01020304"),
    ("decode-cut", "decode 00 01 00 00 00 06 01 03 00 6b 00"),
    ("decode-no-hex", "decode zz"),
    ("decode-nothing", "decode"),
    ("encode-read", "encode read 40108 3"),
    ("encode-read-ascii", "encode read hr107..109 --framing ascii"),
    ("encode-read-wrong", "encode read zz"),
    ("encode-write", "encode write hr10=42 hr11=7 co3=on --unit 5"),
    ("encode-write-wrong", "encode write hr1=99999"),
    ("encode-mask", "encode mask hr4 --and 0x00F2 --or 0x0025"),
    ("encode-mask-wrong", "encode mask hr4 --and 0x100F2 --or 0"),
    ("encode-read-write", "encode read-write hr3..8 hr14..16=255,255,255"),
    ("encode-device-id", "encode device-id object --object 2"),
    ("encode-diagnostics", "encode diagnostics 0 A5 37"),
    ("encode-fifo", "encode fifo hr1246"),
    ("encode-fifo-wrong", "encode fifo co3"),
    ("encode-file", "encode file 4:1:2 3:9:2"),
    ("encode-file-wrong", "encode file 4:1"),
    ("encode-function", "encode function 66 01 02 03"),
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CASES, ids=[name for name, _ in CASES])
def test_what_is_printed_is_as_before_and_fits(console: Console, name: str, command: str, width: int) -> None:
    console.same(name, width, *command.split())
