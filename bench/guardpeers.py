"""Who is measured by `bench/guard.py`: the guard in several ways, what does less, and who does TLS alone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.gatewaypeers import LISTEN, MBAP, Contender
from bench.gatewayplaces import Place, free_port, listening, started

SECURE = ("--listen", "tls://127.0.0.1:PORT", "--idle", "never", "--max-clients", "4000")
HAPROXY = """
global
  maxconn 4096
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend modbus
  bind 127.0.0.1:{port} ssl crt {both} ca-file {ca} verify required
  default_backend device
backend device
  server device 127.0.0.1:{device}
"""
STUNNEL = """
foreground = yes
pid =
debug = 3
[modbus]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{device}
cert = {chain}
key = {key}
CAfile = {ca}
verifyChain = yes
"""


@dataclass(frozen=True)
class Trust:
    """The files of a site: who it trusts, and what server and client show."""

    folder: Path
    ca: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]

    @property
    def of_client(self) -> tuple[str, ...]:
        """What a load generator needs."""
        return (str(self.ca), *map(str, self.client))

    @property
    def options(self) -> tuple[str, ...]:
        """What a listener of ours needs."""
        certificate, key = map(str, self.server)
        return (
            "--listen-ca",
            str(self.ca),
            "--listen-certificate",
            certificate,
            "--listen-key",
            key,
        )


def policy(folder: Path) -> Path:
    """About thirty rules, as a plant has them; the one that is about the load is not among the first."""
    rules = []
    for number in range(14):
        net, first = f"10.20.{number}.0/24", 200 * number
        rules.append((f"panel-{number}-reads", net, '"read"', f"{first}-{first + 199}"))
        rules.append((f"panel-{number}-writes", net, "[6, 16]", f"{first}-{first + 19}"))
    rules.insert(20, ("load", "127.0.0.0/8", '"read"', "0-9999"))
    text = "policy = 1\n" + "".join(
        f'[[rules]]\nid = "{name}"\nfrom = {{ net = "{net}" }}\nunit = "1-9"\nfunction = {function}\n'
        f'address = {{ holding = "{addresses}" }}\naction = "allow"\n'
        for name, net, function, addresses in rules
    )
    forbidden = '[[rules]]\nid = "never"\nunit = "any"\nfunction = "diagnostic"\naction = "deny"\n'
    path = folder / "plant.toml"
    path.write_text(text + forbidden.replace('"diagnostic"', "8"), encoding="utf-8")
    return path


def over_tcp(device: int, trust: Trust) -> list[Contender]:
    """Who leads to the TCP device."""
    url = f"tcp://127.0.0.1:{device}"
    guarding = (*MBAP, "guard", "--to", url, "--policy", str(policy(trust.folder)))
    found = [
        Contender("direct", lambda: contextlib.nullcontext(Place(str(device)))),
        Contender("mbap proxy", partial(listening, *MBAP, "proxy", url, *LISTEN)),
        Contender("mbap gateway", partial(listening, *MBAP, "gateway", *LISTEN, "--route", f"*={url}")),
        Contender("mbap guard --no-watch", partial(listening, *guarding, *LISTEN, "--no-watch")),
        Contender("mbap guard", partial(guard, trust, *guarding, *LISTEN)),
        Contender("mbap guard, TLS, --no-watch", partial(secure_guard, trust, *guarding, "--no-watch")),
        Contender("mbap guard, TLS", partial(secure_guard, trust, *guarding, watched=True)),
    ]
    for name, program in (("haproxy, TLS alone", "haproxy"), ("stunnel, TLS alone", "stunnel4")):
        if shutil.which(program) is None:
            print(f"left out: {program} is not on PATH")
        else:
            found.append(Contender(name, partial(_TERMINATING[program], trust, device)))
    return found


@contextmanager
def guard(trust: Trust, *command: str) -> Iterator[Place]:
    """A guard as users have it: with alerts and a trail, which begin anew."""
    kept = trust.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    keeping = ("--alerts", str(kept / "alerts"), "--audit", str(kept / "audit.jsonl"))
    with listening(*command, *keeping) as place:
        yield place


@contextmanager
def secure_guard(trust: Trust, *command: str, watched: bool = False) -> Iterator[Place]:
    """The same behind TLS."""
    whole = (*command, *SECURE, *trust.options)
    with guard(trust, *whole) if watched else listening(*whole) as place:
        yield replace(place, secured=trust.of_client)


@contextmanager
def haproxy(trust: Trust, device: int) -> Iterator[Place]:
    """haproxy, which ends TLS and passes on what is within."""
    port, path, both = free_port(), trust.folder / "haproxy.cfg", trust.folder / "both.pem"
    both.write_text("".join(one.read_text(encoding="ascii") for one in trust.server), encoding="ascii")
    path.write_text(HAPROXY.format(port=port, both=both, ca=trust.ca, device=device), encoding="ascii")
    with started(["haproxy", "-db", "-q", "-f", str(path)], port) as process:
        yield Place(str(port), process=process.pid, secured=trust.of_client)


@contextmanager
def stunnel(trust: Trust, device: int) -> Iterator[Place]:
    """stunnel, which does the same."""
    port, path = free_port(), trust.folder / "stunnel.conf"
    chain, key = trust.server
    path.write_text(
        STUNNEL.format(port=port, device=device, chain=chain, key=key, ca=trust.ca), encoding="ascii"
    )
    with started(["stunnel4", str(path)], port) as process:
        yield Place(str(port), process=process.pid, secured=trust.of_client)


_TERMINATING = {"haproxy": haproxy, "stunnel4": stunnel}


def made_trust(folder: Path) -> Trust:
    """A CA, a server and a client with a role, in *folder*, made by `mbap certs`."""

    def certs(*words: str) -> None:
        subprocess.run([*MBAP, "certs", *words], check=True, capture_output=True, cwd=folder)

    certs("init", "--name", "Bench")
    certs("server", "guard", "--ip", "127.0.0.1")
    certs("client", "panel", "--role", "Operator")
    ca = folder / "certs"
    return Trust(
        folder,
        ca / "ca.pem",
        (ca / "guard.pem", ca / "guard.key"),
        (ca / "panel.pem", ca / "panel.key"),
    )
