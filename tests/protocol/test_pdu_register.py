"""Which class a function code has: ours when it is first needed, and a user's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from mbap.errors import IllegalDataValue, IllegalFunction, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.client import ClientSession
from mbap.protocol.pdu import Opaque, ReadFileRecord, Request, decode_request, register, request_class
from mbap.protocol.pdu import base as pdu_base
from mbap.protocol.pdu.base import Tables
from mbap.protocol.server import ServerSession
from support.extras import NoTables


@dataclass(frozen=True, slots=True)
class ReadSerialNumber(Request[str]):
    """A function of a vendor: which number, and the text of it."""

    which: int
    function_code: ClassVar[int] = 65

    def encode(self) -> bytes:
        return bytes((65, self.which))

    @classmethod
    def decode(cls, pdu: bytes) -> ReadSerialNumber:
        if len(pdu) != 2:
            raise IllegalDataValue
        return cls(pdu[1])

    def encode_response(self, result: str) -> bytes:
        return b"\x41" + result.encode("ascii")

    def decode_response(self, pdu: bytes) -> str:
        if not pdu[1:].isalnum():
            raise ProtocolError("a serial number has letters and digits")
        return pdu[1:].decode("ascii")

    def apply(self, tables: Tables) -> str:
        return f"A{self.which}"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> dict[int, type[Request[Any]]]:
    """The classes that are registered, for this test alone."""
    kinds = dict(pdu_base._REQUESTS)
    monkeypatch.setattr(pdu_base, "_REQUESTS", kinds)
    return kinds


def with_code(code: int) -> type[ReadSerialNumber]:
    return type("Mine", (ReadSerialNumber,), {"function_code": code})


@pytest.mark.parametrize("code", [*range(65, 73), *range(100, 111)])
def test_a_users_class_is_what_its_code_is_decoded_with(code: int) -> None:
    mine = register(with_code(code))
    assert request_class(code) is mine
    assert isinstance(decode_request(bytes((code, 7))), mine)


def test_without_registering_it_the_code_is_refused() -> None:
    with pytest.raises(IllegalFunction):
        decode_request(b"\x41\x07")


def test_a_users_request_goes_from_client_to_server_and_its_result_back() -> None:
    register(ReadSerialNumber)
    client, server = ClientSession(), ServerSession()
    transaction = client.begin(ReadSerialNumber(7), 1, timeout=1.0)
    (indication,) = server.receive_data(client.data_to_send(0.0))
    assert isinstance(indication.request, ReadSerialNumber)
    result = indication.request.apply(NoTables())
    client.receive_data(server.pack_response(indication, result), 0.1)
    assert transaction.result() == "A7"


def test_a_client_needs_no_registering() -> None:
    client = ClientSession()
    transaction = client.begin(ReadSerialNumber(7), 1, timeout=1.0)
    client.data_to_send(0.0)
    client.receive_data(client.framing.pack(Adu(1, b"\x41A7", 1)), 0.1)
    assert transaction.result() == "A7"


def test_opaque_passes_any_code_on() -> None:
    assert Opaque(65, b"\x07").encode() == ReadSerialNumber(7).encode()
    assert Opaque(65).decode_response(b"\x41A7") == b"A7"
    assert Opaque(65).encode_response(b"A7") == b"\x41A7"
    assert Opaque(65).title == "function 65"


@pytest.mark.parametrize(("code", "data"), [(0, b""), (128, b""), (65, bytes(253))])
def test_opaque_refuses_what_is_no_request(code: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"function code is 1 to 127|room for 252 bytes"):
        Opaque(code, data)


def test_a_request_does_nothing_to_a_device_unless_its_class_says_so() -> None:
    assert Opaque(65).spans() == ()
    with pytest.raises(IllegalFunction):
        Opaque(65).apply(NoTables())


def test_the_last_class_registered_counts() -> None:
    register(with_code(66))
    later = register(with_code(66))
    assert request_class(66) is later


def test_a_class_of_ours_that_is_loaded_late_does_not_replace_a_users(
    registered: dict[int, type[Request[Any]]],
) -> None:
    registered.pop(20, None)
    mine = register(with_code(20))
    register(ReadFileRecord)
    assert request_class(20) is mine


def loaded_after(statements: str) -> set[str]:
    script = f"import sys, mbap.protocol.pdu as pdu; {statements}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2] for name in done.stdout.split() if name.startswith("mbap.protocol.pdu.")}


def test_a_request_loads_the_module_of_its_code_and_nothing_more() -> None:
    script = "pdu.decode_request(bytes.fromhex('0300000001')); pdu.request_class(99)"
    assert loaded_after(script) == {"base", "registers", "spans"}


@pytest.mark.parametrize(
    ("code", "module"),
    [
        (1, "bits"),
        (7, "status"),
        (8, "diagnostics"),
        (11, "status"),
        (12, "status"),
        (17, "status"),
        (20, "files"),
        (21, "files"),
        (24, "fifo"),
        (43, "identification"),
    ],
)
def test_a_code_loads_its_module_when_it_comes(code: int, module: str) -> None:
    script = f"assert pdu.request_class({code}).function_code == {code}"
    assert loaded_after(script) - {"extras", "spans"} == {"base", module}
