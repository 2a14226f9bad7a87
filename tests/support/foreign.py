"""Servers and clients of other projects as processes: how they are built, started and spoken to."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import npm, peers

INTEROP = Path(__file__).resolve().parents[1] / "interop"
PATIENCE = 20.0


@contextmanager
def serving(
    command: Sequence[str], port: int, tables: Iterable[str], environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A foreign server at *port* with *tables*, lines such as `holding 3 555`; gives its URL."""
    with subprocess.Popen(
        [*command, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write("".join(f"{line}\n" for line in tables))
            server.stdin.close()
            assert server.stdout.readline() == "ready\n"
            yield f"tcp://127.0.0.1:{port}"
        finally:
            server.kill()


class ForeignClient:
    """A client of another project that carries out one call a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, name: str, *arguments: object) -> Any:
        """What the call gives; an exception response as {"exception": its code}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        patience = threading.Timer(PATIENCE, self._process.kill)
        patience.start()
        line = self._process.stdout.readline()
        patience.cancel()
        assert line, f"it has ended, or {name} took more than {PATIENCE:g} s"
        return json.loads(line)


@contextmanager
def client(
    command: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[ForeignClient]:
    """A foreign client that is connected to *port* of 127.0.0.1."""
    with subprocess.Popen(
        [*command, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield ForeignClient(process)
        finally:
            process.kill()


def python_server(name: str) -> list[str]:
    """The command of the server beside the interop tests that is written on the Python package *name*."""
    peers.require_module(name)
    return [sys.executable, str(INTEROP / f"{name.lower()}_server.py")]


def node_program(name: str) -> list[str]:
    """The command of the program beside the interop tests that runs on Node.js."""
    npm.node_modules()
    return npm.node(INTEROP / f"{name}.js")


def built_with_libmodbus(name: str, into: Path) -> list[str]:
    """The command of the program beside the interop tests that is compiled against libmodbus."""
    compiler, config = peers.require("gcc"), peers.require("pkg-config")
    flags = subprocess.run(
        [config, "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False
    )
    if flags.returncode:
        peers.missing("needs libmodbus-dev")
    program, source = into / name, INTEROP / f"{name}.c"
    subprocess.run(
        [compiler, "-Wall", "-Werror", "-o", str(program), str(source), *flags.stdout.split()], check=True
    )
    return [str(program)]
