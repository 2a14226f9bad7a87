"""What TLS costs: CPU of server and client for one answer beside plain TCP, handshakes, 1,000 clients.

    python3 dev bench tls [--seconds 2] [--rounds 3] [--quick]

Each figure is of the cheapest of several turns, which contenders take one after the other, on one core. The
server and the client are mbap's; the least that can be done is what a plain connection costs beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.measuring import cpu_seconds, free_port, one_core, resident_kib, running  # noqa: E402

HOST, COUNT, MANY = "127.0.0.1", 125, 1000
KINDS = ("plain", "1.3", "1.2")
CLIENTS = ("blocking", "asyncio")
PATIENCE = 120.0


@dataclass(frozen=True)
class Figures:
    """CPU in microseconds for one answer at either end, and answers a second."""

    server: float
    client: float
    rate: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; or be one of those that are measured."""
    parser = argparse.ArgumentParser(prog="dev bench tls", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("part", nargs="?", choices=["serve", "ask", "hold"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=KINDS, default="plain", help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=CLIENTS, default="blocking", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    options = parser.parse_args(arguments)
    if options.part == "serve":
        asyncio.run(serve(options.port, options.kind, options.folder))
    elif options.part == "ask":
        ask(options.port, options.kind, options.client, options.folder, options.seconds)
    elif options.part == "hold":
        asyncio.run(hold(options.port, options.kind, options.folder))
    else:
        seconds, rounds = (0.5, 1) if options.quick else (options.seconds, options.rounds)
        report(seconds, rounds)
    return 0


# --- what is measured ---


def settings(kind: str, folder: Path, name: str) -> Mapping[str, object]:
    """The arguments of a client or server of *kind*."""
    if kind == "plain":
        return {}
    from mbap import TLS

    return {
        "tls": TLS(
            ca=folder / "ca.pem",
            certificate=folder / f"{name}.pem",
            key=folder / f"{name}.key",
            minimum="1.3" if kind == "1.3" else "1.2",
        )
    }


def url(kind: str, port: int) -> str:
    """Where it is served."""
    return f"{'tcp' if kind == 'plain' else 'tls'}://{HOST}:{port}"


async def serve(port: int, kind: str, folder: Path) -> None:
    """A device with more registers than are read."""
    from mbap import Device, Limits, Server

    device = Device(holding_registers=range(1000))
    limits = Limits(max_connections=2 * MANY, max_handshakes=2 * MANY, handshake_rate=1e6, connect_rate=None)
    await Server(url(kind, port), device, limits=limits, **settings(kind, folder, "server")).serve_forever()  # type: ignore[arg-type]


def restricted(kind: str) -> None:
    """A client of TLS 1.2 speaks nothing newer."""
    if kind == "1.2":
        import ssl

        from mbap.transport import tlsfiles

        made = tlsfiles._context

        def older(*arguments: object, **how: object) -> ssl.SSLContext:
            context = made(*arguments, **how)  # type: ignore[arg-type]
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            return context

        tlsfiles._context = older


def ask(port: int, kind: str, client: str, folder: Path, seconds: float) -> None:
    """Read for so long; prints how often, and the CPU that took."""
    restricted(kind)
    how = settings(kind, folder, "client")
    done, cpu = (
        _ask(port, kind, how, seconds)
        if client == "blocking"
        else asyncio.run(_ask_async(port, kind, how, seconds))
    )
    print(done, cpu)


def _ask(port: int, kind: str, how: Mapping[str, object], seconds: float) -> tuple[int, float]:
    from mbap import Client

    with Client(url(kind, port), **how) as plc:  # type: ignore[arg-type]
        for _ in range(200):
            plc.read_holding_registers(0, COUNT)
        print("begun", flush=True)
        done, before, end = 0, time.process_time(), time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(50):
                plc.read_holding_registers(0, COUNT)
            done += 50
        return done, time.process_time() - before


async def _ask_async(port: int, kind: str, how: Mapping[str, object], seconds: float) -> tuple[int, float]:
    from mbap import AsyncClient

    async with AsyncClient(url(kind, port), **how) as plc:  # type: ignore[arg-type]
        for _ in range(200):
            await plc.read_holding_registers(0, COUNT)
        print("begun", flush=True)
        done, before, end = 0, time.process_time(), time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(50):
                await plc.read_holding_registers(0, COUNT)
            done += 50
        return done, time.process_time() - before


async def hold(port: int, kind: str, folder: Path) -> None:
    """So many clients: connected, one answer each, then held until somebody closes standard input."""
    from mbap import AsyncClient

    how = settings(kind, folder, "client")
    clients = [AsyncClient(url(kind, port), timeout=60.0, **how) for _ in range(MANY)]  # type: ignore[arg-type]
    for begin in range(0, MANY, 20):
        await asyncio.gather(*(one.read_holding_registers(0, 1) for one in clients[begin : begin + 20]))
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    answers = await asyncio.gather(*(one.read_holding_registers(0, 1) for one in clients))
    print(len(answers), flush=True)
    await asyncio.gather(*(one.aclose() for one in clients))


# --- measuring ---


def command(part: str, kind: str, folder: Path, *more: str) -> list[str]:
    """How a part of this is started."""
    return [sys.executable, __file__, part, "--kind", kind, "--folder", str(folder), *more]


def turn(kind: str, client: str, folder: Path, seconds: float) -> Figures:
    """One server and one client."""
    port = free_port()
    with running(command("serve", kind, folder), port) as server:
        words = command(
            "ask", kind, folder, "--client", client, "--seconds", str(seconds), "--port", str(port)
        )
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as asking:
            assert asking.stdout is not None
            if asking.stdout.readline() != "begun\n":
                raise SystemExit(f"the {client} client of {kind} failed")
            before = cpu_seconds(server.pid)
            done, cpu = asking.stdout.readline().split()
            spent = cpu_seconds(server.pid) - before
    answers = int(done)
    return Figures(spent * 1e6 / answers, float(cpu) * 1e6 / answers, answers / seconds)


def held(kind: str, folder: Path) -> tuple[float, float]:
    """Milliseconds of the server's CPU for a client that comes, and KiB for each that is there."""
    port = free_port()
    with running(command("serve", kind, folder), port) as server:
        idle, before = resident_kib(server.pid), cpu_seconds(server.pid)
        words = command("hold", kind, folder, "--port", str(port))
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as many:
            assert many.stdout is not None
            if many.stdout.readline() != "held\n":
                raise SystemExit(f"{MANY} clients of {kind} could not be held")
            spent, memory = cpu_seconds(server.pid) - before, resident_kib(server.pid) - idle
            answered, _ = many.communicate(timeout=PATIENCE)
            if int(answered) != MANY:
                raise SystemExit(
                    f"only {answered.strip()} of {MANY} clients of {kind} were answered in the end"
                )
    return spent * 1e3 / MANY, memory / MANY


def best(turns: Sequence[Figures]) -> Figures:
    """The cheapest at each end: whatever else the machine does only ever adds to it."""
    return Figures(
        min(one.server for one in turns), min(one.client for one in turns), max(one.rate for one in turns)
    )


def report(seconds: float, rounds: int) -> None:
    """Measure all of it, and print two tables."""
    from support.certificates import plant

    ours = plant()
    folder = ours["server"].chain.parent
    assert ours["client"].chain.parent == folder
    with one_core():
        turns: dict[tuple[str, str], list[Figures]] = {}
        for _ in range(rounds):
            for client in CLIENTS:
                for kind in KINDS:
                    turns.setdefault((client, kind), []).append(turn(kind, client, folder, seconds))
        found = {key: best(several) for key, several in turns.items()}
        crowds = {kind: held(kind, folder) for kind in KINDS}
    _print_answers(found)
    _print_crowds(crowds)


def _print_answers(found: Mapping[tuple[str, str], Figures]) -> None:
    print("| client | | server, CPU us | x plain | client, CPU us | x plain | a second |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for (client, kind), one in found.items():
        plain = found[client, "plain"]
        how = "plain" if kind == "plain" else f"TLS {kind}"
        ratios = one.server / plain.server, one.client / plain.client
        print(
            f"| {client} | {how} | {one.server:.1f} | {ratios[0]:.2f} |"
            f" {one.client:.1f} | {ratios[1]:.2f} | {one.rate:,.0f} |"
        )


def _print_crowds(crowds: Mapping[str, tuple[float, float]]) -> None:
    print(f"\n| {MANY:,} clients | server, CPU ms for one that comes | KiB for one that is there |")
    print("| --- | ---: | ---: |")
    for kind, (cpu, kib) in crowds.items():
        print(f"| {'plain' if kind == 'plain' else f'TLS {kind}'} | {cpu:.2f} | {kib:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
