"""Who is measured by `bench/gateway.py`: ours, others, a plain relay, and no gateway at all."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.environments import python_with
from bench.gatewayplaces import Figures, Place, free_port, listening, on_a_line, started

Starting = Callable[[], AbstractContextManager[Place]]


@dataclass
class Contender:
    """Somebody to measure: how to start it, and how many clients it can have."""

    name: str
    start: Starting
    many: bool = True
    alone: list[Figures] = field(default_factory=list)
    crowd: list[Figures] = field(default_factory=list)


MBAP = (sys.executable, "-m", "mbap")
LISTEN = ("--listen", "tcp://127.0.0.1:PORT", "--idle", "never")
GATEWAY_ON_A_LINE = (*MBAP, "gateway", *LISTEN, "--timeout", "300ms", "--route", "rtu://LINE?baudrate=115200")
MBUSD = ("mbusd", "-d", "-L", "-", "-p", "LINE", "-s", "115200", "-P", "PORT", "-R", "0", "-C", "512")
SITE = """
[connections.device]
url = "{url}"
outstanding = 8
[gateway]
listen = ["tcp://127.0.0.1:{port}"]
idle_never = true
routes = ["*={url}"]
"""


@contextmanager
def gateway_of_a_site(url: str) -> Iterator[Place]:
    """`mbap gateway` with a site file, which lets 8 requests be on their way."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        path = Path(folder, "site.toml")
        path.write_text(SITE.format(url=url, port=port), encoding="utf-8")
        with started([*MBAP, "gateway", "--config", str(path)], port) as process:
            yield Place(str(port), process=process.pid)


def over_tcp(device: int) -> list[Contender]:
    """Who leads to the TCP device."""
    url = f"tcp://127.0.0.1:{device}"
    relay = (
        "socat",
        "tcp-listen:PORT,bind=127.0.0.1,fork,reuseaddr,nodelay",
        f"tcp:127.0.0.1:{device},nodelay",
    )
    found = [
        Contender("direct", lambda: contextlib.nullcontext(Place(str(device)))),
        Contender("socat", partial(listening, *relay)),
        Contender("mbap gateway", partial(listening, *MBAP, "gateway", *LISTEN, "--route", f"*={url}")),
        Contender("mbap gateway, outstanding = 8", partial(gateway_of_a_site, url)),
        Contender("mbap proxy", partial(listening, *MBAP, "proxy", url, *LISTEN)),
        Contender(
            "mbap proxy --outstanding 8",
            partial(listening, *MBAP, "proxy", url, *LISTEN, "--outstanding", "8"),
        ),
    ]
    python = python_with("modbus-proxy", "pyyaml")
    if python is None:
        print("left out: modbus-proxy is not installed; `python3 dev bench gateway` does it")
    else:
        found.append(Contender("modbus-proxy", partial(modbus_proxy, python, device)))
    return found


def over_a_line() -> list[Contender]:
    """Who leads to the RTU device."""
    relay = ("socat", "-t0", "tcp-listen:PORT,bind=127.0.0.1,fork,reuseaddr,nodelay", "open:LINE,raw,echo=0")
    found = [
        Contender("direct", on_a_line, many=False),
        Contender("socat", partial(on_a_line, *relay, rtu=True), many=False),
        Contender("mbap gateway", partial(on_a_line, *GATEWAY_ON_A_LINE)),
    ]
    if shutil.which("mbusd") is None:
        print("left out: mbusd is not on PATH")
    else:
        found.append(Contender("mbusd", partial(on_a_line, *MBUSD)))
    return found


@contextmanager
def modbus_proxy(python: str, device: int) -> Iterator[Place]:
    """modbus-proxy, with its configuration file."""
    port = free_port()
    url, bind = f"tcp://127.0.0.1:{device}", f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="mbap-bench-") as folder:
        path = Path(folder, "proxy.yml")
        text = f"devices:\n- modbus:\n    url: {url}\n    timeout: 10\n  listen:\n    bind: {bind}\n"
        path.write_text(text, encoding="ascii")
        with started([python, "-m", "modbus_proxy", "-c", str(path)], port) as process:
            yield Place(str(port), process=process.pid)
