"""Imports point down: the layers of the architecture, as data, against every import in src/mbap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mbap

SOURCE = Path(mbap.__file__).parent
LEAVES = {"addresses", "values", "durations", "filefaults", "filemodel", "records", "tomltext"}
WIRE = {*LEAVES, "errors", "protocol"}
EVERYTHING = {""}
BASE, LENGTHS = "mbap.protocol.pdu.base", "mbap.protocol.pdu.lengths"

# A layer, and what it may import besides itself: prefixes of module names below mbap.
MAY_IMPORT: dict[str, set[str]] = {
    "records": set(),
    "addresses": {"records"},
    "values": set(),
    "durations": set(),
    "tomltext": set(),
    "filefaults": set(),
    "filesentences": {"durations", "filefaults"},
    "filemodel": {"durations", "filefaults", "filesentences"},
    "profiles": set(),
    "errors": {"addresses", "records"},
    "protocol": {"errors", "addresses", "records"},
    "transport": {"protocol", "errors", "addresses", "records"},
    "client": {*WIRE, "transport"},
    "server": {*WIRE, "transport"},
    "security": {*WIRE, "server.handler", "server.networks", "server.diagnostics", "server.forwarding"},
    "collect": {*WIRE, "server.handler", "client.quirks"},  # data, as a profile has them
    "sinks": {*LEAVES, "collect"},
    "dashboard": {*LEAVES, "protocol", "collect", "sinks.base"},
    "diagnose": {*WIRE, "transport", "client", "server.handler", "collect"},
    "site": EVERYTHING,
    "cli": EVERYTHING,
    "__main__": EVERYTHING,
}

# A package that is not always installed, and the modules that may import it. click is: it is in the base,
# but a library must not load it.
OPTIONAL: dict[str, set[str]] = {
    "click": {"cli"},
    "cryptography": {
        "cli",
        "security.authority",
        "security.certificates",
        "security.chains",
        "security.expiry",
        "security.facts",
        "security.keyfiles",
        "security.pemfiles",
        "transport.certificate",
        "transport.tlsfiles",
    },
    "prompt_toolkit": {"cli.shelllines"},
    "pydantic": {
        "filemodel",
        "filesentences",
        "collect.profilefile",
        "collect.quirksfile",
        "security.policycases",
        "security.policymodels",
        "site",
    },
    "pydantic_core": {"filesentences"},
    "rich": {"cli"},
    "serialx": {"transport.serial"},
    "starlette": {"dashboard", "site.page"},
    "textual": {"cli.watchscreen", "cli.watchdialogs"},
    "uvicorn": {"dashboard"},
    "uvloop": {"cli", "site"},
    "websockets": {"dashboard"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imported(name: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every import in a module: also those in functions and for type checkers only."""
    package = ["mbap", *name.split(".")]
    if MODULES[name].name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def below(module: str, prefixes: set[str]) -> bool:
    return any(not prefix or f"{module}.".startswith(f"{prefix}.") for prefix in prefixes)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_a_module_imports_only_what_its_layer_may(name: str) -> None:
    layer = name.split(".", maxsplit=1)[0]
    allowed = {layer, *MAY_IMPORT[layer]}
    ours = [(line, full) for line, full in imported(name) if below(full, {"mbap"})]
    wrong = [
        f"{MODULES[name]}:{line} imports {full}"
        for line, full in ours
        if not below(full.removeprefix("mbap").lstrip("."), allowed)
    ]
    assert not wrong


@pytest.mark.parametrize("name", list(MODULES))
def test_an_optional_package_is_imported_only_where_it_is_needed(name: str) -> None:
    roots = [(line, full.split(".", maxsplit=1)[0]) for line, full in imported(name)]
    wrong = [
        f"{MODULES[name]}:{line} imports {root}"
        for line, root in roots
        if root in OPTIONAL and not below(name, OPTIONAL[root])
    ]
    assert not wrong


def test_every_layer_has_a_row() -> None:
    assert {name.split(".", maxsplit=1)[0] for name in MODULES} - {"__init__"} <= set(MAY_IMPORT)


def test_client_and_server_do_not_know_each_other() -> None:
    assert not below("server.device", MAY_IMPORT["client"])
    assert not below("client.link", MAY_IMPORT["server"])


def loaded_by(statements: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_a_blocking_client_loads_no_more_than_it_needs() -> None:
    loaded = loaded_by("import mbap; mbap.Client('tcp://127.0.0.1')")
    assert not loaded & {"asyncio", "ssl", "logging", "dataclasses", "inspect", "ipaddress", "fractions"}
    assert not any(one.startswith(("mbap.values", "mbap.server", "mbap.collect")) for one in loaded)


def test_a_server_loads_no_more_than_it_needs() -> None:
    loaded = loaded_by("from mbap import Device, Server; Server('tcp://127.0.0.1:0', Device())")
    assert not loaded & {"dataclasses", "ipaddress", "random", "mbap.protocol.checksum"}
    assert not loaded & {f"mbap.server.{one}" for one in ("datagrams", "distortion", "faults", "faultstage")}
    assert not any(one.startswith(("mbap.values", "mbap.client", "mbap.collect")) for one in loaded)
    assert {one for one in loaded if ".pdu." in one} <= {BASE, LENGTHS}


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_a_client_loads_a_request_when_it_is_first_used(client: str) -> None:
    loaded = {one for one in loaded_by(f"import mbap; mbap.{client}('tcp://127.0.0.1')") if ".pdu." in one}
    assert loaded <= {BASE, LENGTHS}


def test_importing_mbap_loads_neither_asyncio_nor_ssl_nor_click() -> None:
    script = "import sys, mbap; print(*({'asyncio', 'ssl', 'click', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
