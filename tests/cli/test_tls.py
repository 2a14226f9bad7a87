"""The command line over TLS: who we are and whom we trust, in options."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mbap
from mbap import Client, Device
from support.certificates import plant
from support.commandline import CommandLine
from support.program import Running, running

DEVICE = Device(holding_registers=[7, 8, 9])


@pytest.fixture
def commandline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def device() -> Iterator[str]:
    tls = plant()["server"].tls(crl=plant().crl)
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=tls) as url:
        yield url


def options(name: str = "client", prefix: str = "") -> tuple[str, ...]:
    holder = plant()[name]
    words = ("ca", holder.ca, "certificate", holder.chain, "key", holder.key)
    return tuple(f"--{prefix}{word}" if at % 2 == 0 else str(word) for at, word in enumerate(words))


def listening(program: Running) -> str:
    assert program.process.stdout is not None
    line = program.process.stdout.readline().removeprefix("listening on ")
    return line.split(" for ")[0].split(": ")[0]


def test_read_and_write_reach_a_device_by_tls(commandline: CommandLine, device: str) -> None:
    assert commandline("write", device, "hr0=7", *options()).code == 0
    done = commandline("read", device, "hr0..2", *options())
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("probe", "URL", "hr0..2", "--samples", "1"), "hr1"),
        (("watch", "URL", "hr1", "--times", "1", "--plain"), "hr1"),
        (("bench", "URL", "--requests", "3"), "errors   none"),
    ],
    ids=["probe", "watch", "bench"],
)
def test_the_tools_reach_a_device_by_tls(
    commandline: CommandLine, device: str, words: tuple[str, ...], shown: str
) -> None:
    done = commandline(*(device if word == "URL" else word for word in words), *options())
    assert done.code == 0, done.err
    assert shown in done.out


def test_a_shell_reaches_a_device_by_tls(commandline: CommandLine, device: str) -> None:
    done = commandline("shell", device, *options(), given=b"read hr1\n")
    assert (done.code, "hr1      8" in done.out) == (0, True)


def test_what_probe_says_to_read_has_the_options_of_tls(commandline: CommandLine, device: str) -> None:
    said = commandline("probe", device, "hr0..2", "--samples", "1", *options()).out
    typed = said.partition("to read it so:\n")[2].replace("\\\n", " ").split()
    assert typed[:2] == ["mbap", "read"]
    assert commandline(*typed[1:]).code == 0


@pytest.mark.parametrize("name", ["expired", "strange", "revoked", "serverauth"])
def test_who_is_refused_reads_why_and_gets_exit_code_3(
    commandline: CommandLine, device: str, name: str
) -> None:
    done = commandline("read", device, "hr0", *options(name))
    assert done.code == 3
    assert f"refused the certificate of CN={name},O=Plant" in done.err


def test_a_wrong_name_is_told_with_those_that_the_certificate_has(
    commandline: CommandLine, device: str
) -> None:
    done = commandline("read", device, "hr0", *options(), "--server-name", "plc7")
    assert done.code == 3
    assert "is for localhost and 127.0.0.1 and ::1, not for plc7" in done.err


@pytest.mark.parametrize(
    ("url", "words", "complaint"),
    [
        ("tls://plc", (), "tls://plc:802 needs to know whom you trust and who you are: --ca FILE"),
        ("tcp://plc", options(), "TLS goes with tls://"),
        ("tls://plc", options()[2:], "--ca FILE has to name whom to trust"),
        ("tls://plc", ("--ca", "nowhere.pem"), "the CA nowhere.pem cannot be read: No such file"),
        ("tls://plc", ("--ca", __file__), "is not PEM"),
        ("tls://plc", ("--ca", str(plant().ca), "--key", "x"), "a key goes with its certificate"),
        (
            "tls://plc",
            (*options()[:4], "--key", str(plant()["other"].key)),
            "is not that of the certificate",
        ),
    ],
)
def test_options_that_do_not_go_together_are_a_sentence(
    commandline: CommandLine, url: str, words: tuple[str, ...], complaint: str
) -> None:
    done = commandline("read", url, "hr0", *words)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


@pytest.mark.skipif(os.name != "posix", reason="modes of files are of POSIX")
def test_a_key_that_others_may_read_is_refused(commandline: CommandLine, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    shutil.copy(plant()["client"].key, key)
    key.chmod(0o640)
    done = commandline("read", "tls://plc", "hr0", *options()[:4], "--key", str(key))
    assert done.code == 2
    assert f"can be read by others (mode 0640), who could be you then: chmod 600 {key}" in done.err


def test_serve_answers_by_tls() -> None:
    with running("serve", "--listen", "tls://127.0.0.1:0", *options("server")) as program:
        url = listening(program)
        assert url.startswith("tls://")
        with Client(url, tls=plant()["client"].tls()) as client:
            assert client.read_holding_registers(0, 2) == [0, 0]


def test_a_proxy_has_tls_on_both_sides(device: str) -> None:
    words = ("proxy", device, "--listen", "tls://127.0.0.1:0", *options(), *options("server", "listen-"))
    with running(*words) as program, Client(listening(program), tls=plant()["client"].tls()) as client:
        assert client.read_holding_registers(1, 2) == [8, 9]


def test_a_proxy_brings_tls_to_a_plain_device() -> None:
    with mbap.serving(DEVICE) as plain:
        words = ("proxy", plain, "--listen", "tls://127.0.0.1:0", *options("server", "listen-"))
        with running(*words) as program, Client(listening(program), tls=plant()["client"].tls()) as client:
            assert client.read_holding_registers(1, 2) == [8, 9]


def test_a_gateway_has_tls_on_both_sides(device: str) -> None:
    route = ("--route", f"5={device}#1")
    words = ("gateway", "--listen", "tls://127.0.0.1:0", *route, *options(), *options("server", "listen-"))
    with running(*words) as program:
        assert program.process.stdout is not None
        line = program.process.stdout.readline()
        url = next(word.strip(",;:") for word in line.split() if word.startswith("tls://"))
        with Client(url, tls=plant()["client"].tls()) as client:
            assert client.unit(5).read_holding_registers(1, 2) == [8, 9]


def test_options_of_tls_that_nothing_uses_are_refused(commandline: CommandLine) -> None:
    done = commandline("gateway", "--route", "1=tcp://plc", *options())
    assert (done.code, "nothing here is reached by TLS" in done.err) == (2, True)
