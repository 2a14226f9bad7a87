"""What `mbap certs` prints at 80 and at 120 columns, where all is well and where not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mbap.cli.main import mbap
from support.console import PORT, WIDTHS, Console, Mask
from support.siteca import server_context, tls_server

MASKS: list[Mask] = [
    (r"\d{4}-\d\d-\d\d", "YYYY-MM-DD"),
    (r"\d\d:\d\d(:\d\d)?(?= UTC|Z)", "hh:mm"),
    (r"\b([0-9A-Fa-f]{2}:){9,}[0-9A-Fa-f]{2}\b", "FINGERPRINT"),
    (r"\b[0-9a-f]{30,64}\b", "HEX"),
    (r"\b[0-9a-f]{12}(?=  (server|client))", "HEXHEXHEXHEX"),
    (r"\d+ days left", "N days left"),
    (r"\d+(?=  valid\n)", "NNN"),
    (r"(?<=port )\d{5}(?=:)", "PPPPP"),
    PORT,
]

CASES: list[tuple[str, str]] = [
    ("certs-list", "certs list"),
    ("certs-list-none", "certs list --folder nothing"),
    ("certs-show", "certs show certs/panel.pem"),
    ("certs-show-all", "certs show certs/plc1.pem certs/plc1.key certs/crl.pem pump.csr"),
    ("certs-show-nothing", "certs show nothing.pem"),
    ("certs-show-other", "certs show notes.txt"),
    ("certs-sign-look", "certs sign pump.csr"),
    ("certs-check", "certs check SERVER --ca certs/ca.pem"),
    ("certs-check-untrusted", "certs check SERVER --ca other/ca.pem"),
    ("certs-check-nobody", "certs check tls://127.0.0.1:9"),
    ("certs-check-key-alone", "certs check SERVER --key certs/panel.key"),
    ("certs-server-role", "certs server plc2 --role Operator"),
    ("certs-csr-neither", "certs csr plc2"),
    ("certs-export-nowhere", "certs export panel"),
    ("certs-export-unknown", "certs export nobody --to out"),
    ("certs-revoke-unknown", "certs revoke nobody"),
    ("certs-renew-unknown", "certs renew nobody"),
    ("certs-init-again", "certs init"),
]
CHANGING: list[tuple[str, str]] = [
    ("certs-init", "certs init --folder new --name Test"),
    ("certs-server", "certs server plc2 --dns plc2.plant.example --ip 192.168.1.50"),
    ("certs-client", "certs client logger --role Reader"),
    ("certs-csr", "certs csr valve --server --ip 192.168.1.51"),
    ("certs-sign", "certs sign pump.csr --server --accept-names"),
    ("certs-renew", "certs renew panel"),
    ("certs-revoke", "certs revoke panel"),
    ("certs-crl", "certs crl"),
    ("certs-export", "certs export panel --to out"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the CA of a site, a server, a client, a request, and another CA."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for command in (
            "certs init --name Site",
            "certs server plc1 --dns localhost --ip 127.0.0.1",
            "certs client panel --role Operator",
            "certs csr pump --server --ip 192.168.1.52 --folder .",
            "certs init --folder other --name Other",
        ):
            assert not mbap.main(command.split(), standalone_mode=False)
    (folder / "notes.txt").write_text("nothing of that kind", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[str]:
    """Where plc1 answers TLS."""
    certs = place / "certs"
    with tls_server(server_context(certs / "ca.pem", (certs / "plc1.pem", certs / "plc1.key"))) as (port, _):
        yield f"tls://127.0.0.1:{port}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CASES, ids=[name for name, _ in CASES])
def test_what_is_printed_is_as_before_and_fits(
    console: Console, place: Path, server: str, monkeypatch: pytest.MonkeyPatch, name: str, command: str,
    width: int,
) -> None:  # fmt: skip
    monkeypatch.chdir(place)
    console.same(name, width, *command.replace("SERVER", server).split(), masks=MASKS)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CHANGING, ids=[name for name, _ in CHANGING])
def test_what_is_said_of_a_change_is_as_before_and_fits(
    console: Console, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str,
    width: int,
) -> None:  # fmt: skip
    shutil.copytree(place, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    console.same(name, width, *command.split(), masks=MASKS)
