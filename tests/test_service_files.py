"""The files that run gateway and guard as services: all they name exists, systemd and Docker take them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from mbap.cli import gateway, guard
from support.peers import require

PACKAGING = Path(__file__).resolve().parents[1] / "packaging"
SERVICE = PACKAGING / "systemd" / "mbap-gateway.service"
SOCKET = PACKAGING / "systemd" / "mbap-gateway.socket"
GUARD = PACKAGING / "systemd" / "mbap-guard.service"
GUARD_SOCKET = PACKAGING / "systemd" / "mbap-guard.socket"
PROGRAMS = {SERVICE: gateway.command, GUARD: guard.command}
DOCKERFILE = PACKAGING / "docker" / "Dockerfile"
INSTRUCTIONS = {
    "FROM", "RUN", "CMD", "EXPOSE", "ENV", "COPY", "ENTRYPOINT", "USER", "WORKDIR", "STOPSIGNAL",
    "HEALTHCHECK",
}  # fmt: skip


def settings(path: Path) -> list[tuple[str, str]]:
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


@pytest.mark.peer
@pytest.mark.parametrize("unit", [SERVICE, SOCKET, GUARD, GUARD_SOCKET])
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """Only the program is exchanged for one that exists here."""
    analyze = require("systemd-analyze")
    for path in (SERVICE, SOCKET, GUARD, GUARD_SOCKET):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/mbap/bin/mbap", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:/lib/systemd/system"},
    )
    ours = [line for line in done.stderr.splitlines() if "mbap-g" in line]
    assert ours == []


@pytest.mark.parametrize("service", PROGRAMS, ids=lambda path: path.stem)
def test_the_program_has_every_option_that_the_service_uses(service: Path) -> None:
    command: click.Command = PROGRAMS[service]
    known = {option for param in command.params for option in param.opts}
    for name, value in settings(service):
        if name.startswith("ExecStart"):
            assert set(re.findall(r"--[a-z-]+", value)) <= known


def test_the_service_has_no_rights_beyond_its_serial_ports() -> None:
    said = dict(settings(SERVICE))
    assert said["CapabilityBoundingSet"] == ""
    assert said["NoNewPrivileges"] == "yes"
    assert said["ProtectSystem"] == "strict"
    assert "PrivateDevices" not in said
    assert "ProtectClock" not in said


def test_the_guard_has_no_rights_at_all() -> None:
    said = dict(settings(GUARD))
    assert said["CapabilityBoundingSet"] == ""
    for name in ("NoNewPrivileges", "PrivateDevices", "ProtectClock", "MemoryDenyWriteExecute"):
        assert said[name] == "yes"
    assert said["IPAddressDeny"] == "any"
    assert said["UMask"] == "0077"


def test_the_key_of_the_guard_is_handed_over_as_a_credential() -> None:
    said = dict(settings(GUARD))
    assert said["LoadCredential"].startswith("guard.key:")
    assert "--listen-key ${CREDENTIALS_DIRECTORY}/guard.key" in said["ExecStart"]


@pytest.mark.parametrize("service", PROGRAMS, ids=lambda path: path.stem)
def test_the_service_tells_that_it_is_ready_and_alive(service: Path) -> None:
    said = dict(settings(service))
    assert said["Type"] == "notify"
    assert int(said["WatchdogSec"]) > 2


def test_the_dockerfile_has_only_instructions_that_docker_knows() -> None:
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    words = [line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert set(words) <= INSTRUCTIONS
    assert words[0] == "FROM"
    assert words.count("ENTRYPOINT") == words.count("CMD") == 1


def test_the_container_does_not_run_as_root_and_asks_for_extras_that_exist() -> None:
    import tomllib

    text = DOCKERFILE.read_text()
    assert "\nUSER mbap\n" in text
    extras = tomllib.loads((PACKAGING.parent / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    asked = re.search(r'"\.\[([a-z,]+)\]"', text)
    assert asked is not None
    assert set(asked[1].split(",")) <= set(extras)


def test_json_lists_in_the_dockerfile_are_json() -> None:
    import json

    for match in re.finditer(r"^(?:.*CMD|ENTRYPOINT) (\[.*\])$", DOCKERFILE.read_text(), re.MULTILINE):
        assert all(isinstance(word, str) for word in json.loads(match[1]))
