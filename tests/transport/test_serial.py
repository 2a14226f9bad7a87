"""mbap.transport.serial: opening ports, and what goes wrong with them in plain words."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mbap import AsyncClient, Client, ConnectFailed, ResponseTimeout
from mbap.transport import ear, linefaults, rs485, serial
from mbap.transport.endpoint import parse_endpoint
from support.serialports import SETTINGS, serial_pair

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo terminals")

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone has it")


@dataclass
class Found:
    device: str
    serial_number: str | None


def with_ports(monkeypatch: pytest.MonkeyPatch, *found: Found) -> None:
    monkeypatch.setattr(serial.load(), "list_serial_ports", lambda: list(found))


def refused(url: str, problem: Exception) -> ConnectFailed:
    return serial.cannot_open(parse_endpoint(url), problem)


def both_ways(url: str) -> list[ConnectFailed]:
    """What a blocking and an asynchronous client are told."""
    told = []
    with pytest.raises(ConnectFailed) as caught, Client(url):
        pass
    told.append(caught.value)

    async def connect() -> None:
        async with AsyncClient(url):
            pass

    with pytest.raises(ConnectFailed) as caught:
        asyncio.run(connect())
    return [*told, caught.value]


def test_without_such_a_port_the_ports_there_are_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ports(monkeypatch, Found("/dev/ttyUSB7", "A50285BI"), Found("/dev/ttyS0", None))
    for error in both_ways("rtu:///dev/none"):
        assert error.reason == "there is no such port"
        assert error.advice == "this machine has /dev/ttyUSB7 (A50285BI), /dev/ttyS0"


def test_without_any_port_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ports(monkeypatch)
    assert "has no serial ports: plug in the adapter" in str(both_ways("rtu:///dev/none")[0])


def test_without_the_library_the_user_reads_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ConnectFailed, match=r"serial lines need: pip install 'mbap\[serial\]'"):
        serial.load()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "this user may not open the port; add the user to the group of the port"),
        (errno.EBUSY, "the port is in use already"),
        (errno.ENOTTY, "it is no serial port; check the name"),
        (errno.EINVAL, "the port cannot do 9600 8N1; check baudrate"),
        (errno.EIO, "the port is there and does not work; unplug the adapter"),
    ],
)
def test_each_reason_comes_with_advice(number: int, sentence: str) -> None:
    error = refused("rtu:///dev/x?baudrate=9600&parity=N", OSError(number, "as the system says"))
    assert f"{error.reason}; {error.advice}".startswith(sentence)


def test_what_is_no_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for error in both_ways(f"rtu://{tmp_path}/file"):
        assert error.reason == "it is no serial port"


def test_two_cannot_have_one_port(tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair, Client(pair.near_url):
        for error in both_ways(pair.near_url):
            assert error.reason.startswith("the port is in use already")


@pytest.mark.parametrize(("inverted", "flags"), [(False, 0b011), (True, 0b101)])
def test_the_driver_is_told_when_to_switch_rts_on(inverted: bool, flags: int) -> None:
    request = rs485.request_for(inverted=inverted)
    assert (int.from_bytes(request[:4], sys.byteorder), len(request)) == (flags, 32)
    assert not any(request[4:])


@pytest.mark.parametrize("how", ["on", "inverted"])
def test_a_port_whose_direction_cannot_be_switched_is_closed_again(tmp_path: Path, how: str) -> None:
    with serial_pair(tmp_path) as pair:
        for error in both_ways(f"{pair.near_url}&rs485={how}"):
            assert error.reason == "the driver cannot switch the direction"
            assert error.advice.startswith("leave out rs485=")
        with Client(pair.near_url):
            pass


def test_an_adapter_is_found_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ports(monkeypatch, Found("/dev/ttyUSB7", "A50285BI"))
    assert serial.device_of(parse_endpoint("rtu://usb:A50285BI")) == "/dev/ttyUSB7"


def test_an_adapter_that_is_not_there_is_told_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ports(monkeypatch, Found("/dev/ttyUSB7", "A50285BI"))
    for error in both_ways("rtu://usb:OTHER"):
        assert error.reason == "there is no adapter with the serial number OTHER"


def test_an_adapter_is_found_again_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    client = Client(f"rtu://usb:A50285BI{SETTINGS}", timeout=0.2)
    for folder in ("first", "second"):
        with serial_pair(tmp_path / folder) as pair:
            with_ports(monkeypatch, Found(str(pair.near), "A50285BI"))
            with pytest.raises(ResponseTimeout):
                client.read_coils(0, 1)
    client.close()


class Driver:
    """The ioctl of a driver, which keeps what it was told."""

    def __init__(self, answer: bytes = b"", problem: OSError | None = None) -> None:
        self.told: list[tuple[int, int, bytes]] = []
        self.answer, self.problem = answer, problem

    def ioctl(self, descriptor: int, request: int, data: bytes) -> bytes:
        self.told.append((descriptor, request, data))
        if self.problem is not None:
            raise self.problem
        return self.answer

    def fileno(self) -> int:
        return 7


@on_linux
def test_the_driver_is_asked_to_drive_rts_while_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr("fcntl.ioctl", driver.ioctl)
    rs485.switch_direction(7)
    ((descriptor, request, data),) = driver.told
    assert (descriptor, request, len(data)) == (7, 0x542F, 32)
    assert int.from_bytes(data[:4], "little") == 0b11


@on_linux
def test_parity_and_framing_errors_are_those_the_driver_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = b"".join(n.to_bytes(4, "little") for n in range(20))
    monkeypatch.setattr("fcntl.ioctl", Driver(counts).ioctl)
    assert linefaults.line_faults(Driver()) == 6 + 8


@on_linux
def test_a_driver_that_counts_nothing_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.ioctl", Driver(problem=OSError(errno.ENOTTY, "no")).ioctl)
    assert linefaults.line_faults(Driver()) is None


def test_who_only_listens_leaves_rts_and_dtr_alone() -> None:
    told = serial.settings(parse_endpoint("rtu:///dev/x"), listening_only=True)
    untouched = serial.load().PinState.UNDEFINED
    assert {told[f"{pin}_on_{when}"] for pin in ("rts", "dtr") for when in ("open", "close")} == {untouched}


async def test_an_ear_tells_what_it_hears_and_when_the_line_is_silent(tmp_path: Path) -> None:
    heard: list[bytes] = []
    silent = asyncio.Event()
    with serial_pair(tmp_path) as pair:
        listening = await ear.listen(
            parse_endpoint(pair.near_url), lambda data, _: heard.append(data), lambda _: silent.set()
        )
        with Client(pair.far_url, timeout=0.05) as client, pytest.raises(Exception, match="no answer"):
            await asyncio.to_thread(client.read_coils, 0, 1)
        await asyncio.wait_for(silent.wait(), 5)
        await listening.aclose()
    assert b"".join(heard) == bytes.fromhex("010100000001fdca")
