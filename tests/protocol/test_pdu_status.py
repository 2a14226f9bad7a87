"""Function codes 7, 11, 12 and 17."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ProtocolError
from mbap.protocol.pdu import (
    CommEventCounter,
    CommEventLog,
    GetCommEventCounter,
    GetCommEventLog,
    ReadExceptionStatus,
    ReportServerId,
    Request,
)
from support.extras import EveryExtra

words = st.integers(0, 0xFFFF)


@given(st.integers(0, 255))
def test_any_exception_status_goes_there_and_back(status: int) -> None:
    request = ReadExceptionStatus()
    assert request.decode_response(request.encode_response(status)) == status


@given(st.builds(CommEventCounter, st.booleans(), words))
def test_any_counter_goes_there_and_back(counter: CommEventCounter) -> None:
    request = GetCommEventCounter()
    assert request.decode_response(request.encode_response(counter)) == counter


@given(st.builds(CommEventLog, st.booleans(), words, words, st.binary(max_size=64)))
def test_any_log_goes_there_and_back(log: CommEventLog) -> None:
    request = GetCommEventLog()
    assert request.decode_response(request.encode_response(log)) == log


@given(st.binary(max_size=251))
def test_any_server_id_goes_there_and_back(identifier: bytes) -> None:
    """H111"""
    request = ReportServerId()
    assert request.decode_response(request.encode_response(identifier)) == identifier


WRONG = [
    (ReadExceptionStatus(), "07 6D 00"),
    (GetCommEventCounter(), "0B 0001 0108"),
    (GetCommEventCounter(), "0B FFFF 01"),
    (GetCommEventLog(), "0C 08 00FF 0108 0121 20 00"),
    (GetCommEventLog(), "0C 07 0000 0108 0121 20 00"),
    (GetCommEventLog(), "0C 05 0000 0108 01"),
    (GetCommEventLog(), "0C 47 0000 0108 0121" + "00" * 65),
    (ReportServerId(), "11"),
    (ReportServerId(), "11 FF 2A FF"),
    (ReportServerId(), "11 01 2A FF"),
]


@pytest.mark.parametrize(("request_", "pdu"), WRONG, ids=[pdu for _, pdu in WRONG])
def test_an_answer_that_is_no_such_is_a_protocol_error(request_: Request[object], pdu: str) -> None:
    with pytest.raises(ProtocolError):
        request_.decode_response(bytes.fromhex(pdu))


def test_wrong_values_are_named() -> None:
    with pytest.raises(ValueError, match="events is 0 to 65535, not 65536"):
        CommEventCounter(False, 65536)
    with pytest.raises(ValueError, match="messages is 0 to 65535, not -1"):
        CommEventLog(False, 0, -1, b"")
    with pytest.raises(ValueError, match="at most 64 events, not 65"):
        CommEventLog(False, 0, 0, bytes(65))
    with pytest.raises(ValueError, match="exception status is 0 to 255, not 256"):
        ReadExceptionStatus().encode_response(256)
    with pytest.raises(ValueError, match="at most 251 bytes, not 252"):
        ReportServerId().encode_response(bytes(252))


def test_a_device_that_has_them_answers() -> None:
    device = EveryExtra()
    assert ReadExceptionStatus().apply(device) == 0x6D
    assert GetCommEventCounter().apply(device) == CommEventCounter(False, 3)
    assert GetCommEventLog().apply(device).log == b"\x40"
    assert ReportServerId().apply(device) == b"\x2a\xff"
