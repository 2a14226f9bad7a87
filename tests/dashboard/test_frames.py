"""The API of the frames page: pasted frames explained, requests built."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mbap.dashboard.frames import LONGEST
from mbap.protocol import pdu
from mbap.protocol.pdu import decode_request

REQUEST = "00 01 00 00 00 06 01 03 00 6b 00 03"


async def explained(client: httpx.AsyncClient, text: str, **more: str) -> Any:
    response = await client.post("/api/v1/frames/explain", json={"text": text, **more})
    assert response.status_code == 200, response.text
    return response.json()


async def test_each_field_comes_with_its_bytes_and_meaning(client: httpx.AsyncClient) -> None:
    (frame,) = (await explained(client, REQUEST))["frames"]
    fields = [*frame["header"], *frame["readings"][0]["fields"]]
    assert "".join(field["bytes"] for field in fields) == REQUEST.replace(" ", "")
    assert fields[-2]["meaning"] == "holding register 107 (reference 40108)"


async def test_a_fault_marks_its_field(client: httpx.AsyncClient) -> None:
    (frame,) = (await explained(client, "00 01 00 01 00 06 01 03 00 6b 00 03"))["frames"]
    assert [field["name"] for field in frame["header"] if field["wrong"]] == ["protocol"]
    assert frame["faults"] == ["protocol is 1, and only 0 is Modbus"]


async def test_the_framing_is_found_out_or_given(client: httpx.AsyncClient) -> None:
    found = await explained(client, "11 03 00 6B 00 03 76 87")
    assert (found["framing"], found["why"]) == ("rtu", "its CRC is right")
    assert (await explained(client, "11 03 00 6B 00 03 76 87", framing="tcp"))["framing"] == "tcp"


async def test_a_log_may_be_pasted(client: httpx.AsyncClient) -> None:
    log = f"2024-01-01 12:00:01.250 Tx: {REQUEST}\n2024-01-01 12:00:01.260 Rx: 00 01 00 00 00 03 01 83 02\n"
    frames = (await explained(client, log))["frames"]
    assert [one["answers"] for one in frames] == [None, 0]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ('{"text": "00", "framing": "morse"}', 400, "'framing' is tcp, rtu, ascii, or left out."),
        ("[]", 400, "the body is a JSON object."),
        ("\xff", 400, "the body is a JSON object."),
        ('{"text": "' + "00" * LONGEST + '"}', 413, "paste less"),
    ],
)
async def test_what_cannot_be_understood_is_a_problem(
    client: httpx.AsyncClient, body: str, status: int, says: str
) -> None:
    response = await client.post("/api/v1/frames/explain", content=body.encode("latin-1"))
    assert response.status_code == status
    assert says in response.json()["detail"]


@pytest.mark.parametrize(("text", "says"), [("zz", "is not hexadecimal"), ("", "there are no bytes")])
async def test_what_is_no_frame_yet_is_a_sentence(client: httpx.AsyncClient, text: str, says: str) -> None:
    found = await explained(client, text)
    assert says in found["problem"]
    assert found["frames"] == []


BUILT: list[tuple[dict[str, object], pdu.Request[Any]]] = [
    ({"function": 1, "address": 19, "count": 19}, pdu.ReadCoils(19, 19)),
    ({"function": "3", "address": "0x6b", "count": "3"}, pdu.ReadHoldingRegisters(107, 3)),
    ({"function": 5, "address": 172, "values": "on"}, pdu.WriteSingleCoil(172, True)),
    ({"function": 6, "address": 1, "values": "3"}, pdu.WriteSingleRegister(1, 3)),
    ({"function": 7}, pdu.ReadExceptionStatus()),
    ({"function": 8, "sub_function": 0, "data": "a5 37"}, pdu.Diagnostics(0, b"\xa5\x37")),
    ({"function": 8, "sub_function": "11"}, pdu.Diagnostics(11)),
    ({"function": 8, "data": "00 0b 00 00"}, pdu.Diagnostics(11)),
    (
        {"function": 20, "file": 4, "record": 1, "count": 2},
        pdu.ReadFileRecord([pdu.FileRecord(4, 1, 2)]),
    ),
    (
        {"function": 21, "file": 4, "record": 7, "values": "0x6af 4"},
        pdu.WriteFileRecord([pdu.FileRecordData(4, 7, [0x6AF, 4])]),
    ),
    ({"function": 11}, pdu.GetCommEventCounter()),
    ({"function": 12}, pdu.GetCommEventLog()),
    (
        {"function": 15, "address": 19, "values": "1 0 on off"},
        pdu.WriteMultipleCoils(19, [True, False, True, False]),
    ),
    ({"function": 16, "address": 1, "values": "10, 0x102"}, pdu.WriteMultipleRegisters(1, [10, 258])),
    ({"function": 17}, pdu.ReportServerId()),
    ({"function": 22, "address": 4, "and_mask": "0xf2", "or_mask": 37}, pdu.MaskWriteRegister(4, 242, 37)),
    (
        {"function": 23, "address": 3, "count": 6, "write_address": 14, "values": "255 255"},
        pdu.ReadWriteMultipleRegisters(3, 6, 14, [255, 255]),
    ),
    ({"function": 24, "address": 1246}, pdu.ReadFifoQueue(1246)),
    ({"function": 43, "code": 4, "object_id": 2}, pdu.ReadDeviceIdentification(4, 2)),
]


@pytest.mark.parametrize(("form", "request_"), BUILT, ids=lambda one: str(one)[:24])
async def test_a_form_becomes_its_request(
    client: httpx.AsyncClient, form: dict[str, object], request_: pdu.Request[Any]
) -> None:
    built = (await client.post("/api/v1/frames/build", json={"unit": 5, **form})).json()
    frame = bytes.fromhex(built["frame"])
    assert (frame[6], decode_request(frame[7:])) == (5, request_)
    assert built["explained"]["frames"][0]["faults"] == []


async def test_any_other_function_takes_its_data_in_hexadecimal(client: httpx.AsyncClient) -> None:
    built = (await client.post("/api/v1/frames/build", json={"function": 65, "data": "0a 0b"})).json()
    assert built["frame"] == "00 01 00 00 00 04 01 41 0a 0b"


async def test_a_frame_is_built_in_any_framing(client: httpx.AsyncClient) -> None:
    form = {"function": 3, "address": 107, "count": 3, "unit": 17}
    frames = [
        (await client.post("/api/v1/frames/build", json={**form, "framing": one})).json()["frame"]
        for one in ("rtu", "ascii")
    ]
    assert frames == ["11 03 00 6b 00 03 76 87", ":1103006B00037E"]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "function: it is missing"),
        ({"function": 3, "address": 70000, "count": 1}, "address is 0 to 65535, not 70000"),
        ({"function": 3, "address": "x", "count": 1}, "address: 'x' is no number; write 107 or 0x6b"),
        ({"function": 3, "address": 0, "count": 126}, "count is 1 to 125, not 126"),
        ({"function": 6, "address": 0, "values": "1 2"}, "writes one value, not 2"),
        ({"function": 16, "address": 0, "values": ""}, "values are missing"),
        ({"function": 16, "address": 0, "values": "65536"}, "a register is an int from 0 to 65535"),
        ({"function": 8, "data": "zz"}, "is not hexadecimal"),
        ({"function": 8, "sub_function": "1", "data": "12 34"}, "does not go with the data 12 34"),
        ({"function": 20, "file": "4", "record": "10000", "count": "1"}, "record is 0 to 9999, not 10000"),
    ],
)
async def test_what_cannot_be_built_says_why(
    client: httpx.AsyncClient, form: dict[str, object], says: str
) -> None:
    response = await client.post("/api/v1/frames/build", json=form)
    assert says in response.json()["problem"]
    assert response.json()["frame"] == ""


async def test_a_framing_that_there_is_not_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/frames/build", json={"function": 3, "framing": "morse"})
    assert response.status_code == 400
