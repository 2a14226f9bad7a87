"""Site files with tables `tls`: devices, server and gateway by TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

import mbap
from mbap import Device
from mbap.client.link import Link
from mbap.client.links import Links
from mbap.filefaults import FileFaults
from mbap.site.gatewayrunning import OwnLines, RunningGateway
from mbap.site.links import link_of
from mbap.site.load import load_site
from support.certificates import plant


def table(name: str, holder: str) -> str:
    found = plant()[holder]
    files = {"ca": found.ca, "certificate": found.chain, "key": found.key}
    return f"[{name}]\n" + "".join(f"{key} = {str(file)!r}\n" for key, file in files.items())


METER = "[devices.meter]\nconnection = 'hall'\nprofile = 'sdm630'\n"


def site(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    return file


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(FileFaults) as caught:
        load_site(site(tmp_path, text))
    return str(caught.value)


def test_a_connection_by_tls_has_its_link(tmp_path: Path) -> None:
    text = "[connections.hall]\nurl = 'tls://plc'\n" + table("connections.hall.tls", "client") + METER
    plan = load_site(site(tmp_path, text)).links["tls://plc:802"]
    assert plan.tls is not None
    assert plan.tls.chain[0].subject == "CN=client,O=Plant"
    assert plan.tls.remember == tmp_path / "tls-reached"
    assert link_of(Links(), plan).options.tls == plan.tls


def test_the_site_warns_before_what_is_in_the_files_ends(tmp_path: Path) -> None:
    text = "[connections.hall]\nurl = 'tls://plc'\n" + table("connections.hall.tls", "client") + METER
    found = plant()["client"]
    assert load_site(site(tmp_path, text)).certificates == (found.ca, found.chain)


def test_two_loads_of_one_file_are_equal(tmp_path: Path) -> None:
    """Otherwise every reload would close the connection."""
    text = "[connections.hall]\nurl = 'tls://plc'\n" + table("connections.hall.tls", "client") + METER
    file = site(tmp_path, text)
    assert load_site(file).links == load_site(file).links


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[connections.hall]\nurl = 'tls://plc'\n" + METER, "tls://plc:802 needs to know who you are"),
        (
            "[connections.hall]\nurl = 'tcp://plc'\n" + table("connections.hall.tls", "client") + METER,
            "TLS goes with tls://",
        ),
        (METER.replace("connection = 'hall'", "host = 'tls://plc'"), "needs a connection"),
        (
            "[connections.hall]\nurl = 'tls://plc'\n[connections.hall.tls]\nca = 'nowhere.pem'\n" + METER,
            "nowhere.pem cannot be read",
        ),
        (
            "[connections.hall]\nurl = 'tcp://plc'\n" + METER + "[server]\nlisten = ['tls://127.0.0.1:0']\n",
            "[server.tls]",
        ),
        (
            "[gateway]\nlisten = ['tls://127.0.0.1:0']\nroutes = ['1=tcp://plc#1']\n",
            "[gateway.tls]",
        ),
        (
            "[gateway]\nroutes = ['1=tls://plc#1']\n",
            "[connections.NAME.tls]",
        ),
        (
            "[gateway]\nroutes = ['1=tcp://plc#1']\n[gateway.tls]\nca = 'x'\ncrt = 'y'\n",
            "crt",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    said = faults(tmp_path, text)
    assert complaint in said
    assert "site.toml:" in said


async def test_a_gateway_of_a_site_has_tls_on_both_sides(tmp_path: Path) -> None:
    device = Device(holding_registers=[7, 8, 9])
    with mbap.serving(device, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url:
        text = (
            f"[connections.hall]\nurl = '{url}'\n"
            + table("connections.hall.tls", "client")
            + f"[gateway]\nlisten = ['tls://127.0.0.1:0']\nroutes = ['5={url}#1']\n"
            + table("gateway.tls", "server")
        )
        plan = load_site(site(tmp_path, text)).gateway
        assert plan is not None
        links = Links()

        async def close(link: Link) -> None:
            await links.discard(link)

        gateway = RunningGateway(plan, OwnLines(lambda line: link_of(links, line), close))
        await gateway.start()
        try:
            (server,) = gateway.servers.values()
            async with mbap.AsyncClient(server.url, tls=plant()["client"].tls()) as client:
                assert await client.unit(5).read_holding_registers(0, 3) == [7, 8, 9]
        finally:
            await gateway.aclose()
            await links.aclose()
