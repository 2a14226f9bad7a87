"""A gateway in a program of your own: Modbus TCP clients to devices on one line.

    python examples/gateway.py rtu:///dev/ttyUSB0?baudrate=19200 tcp://127.0.0.1:1502

Units 1 to 20 are those of the line, read only; 101 to 120 are the same devices, where setpoints may be
written. Reads are answered from what was read up to 200 ms ago. Ctrl-C ends it; then it says its counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import mbap

UNITS = range(1, 21)
SETPOINTS = ["read", "write holding 100-119"]


def routes(line: mbap.Executor) -> list[mbap.Route]:
    """Who may do what where."""
    watching = mbap.Route.same(line, UNITS, name="watching", permission=mbap.Permission(read_only=True))
    setting = mbap.Route(
        {100 + unit: unit for unit in UNITS}, line, name="setting", permission=mbap.Permission(SETPOINTS)
    )
    return [watching, setting]


async def main(line_url: str, listen: str) -> None:
    """Serve until cancelled."""
    async with mbap.Link(line_url, timeout=0.5, queue_per_origin=16, probing=0.05, backoff=None) as link:
        line = mbap.Cached(mbap.Patient(link, deadline=2.0), keep=0.2)
        gateway = mbap.Gateway(routes(line))
        async with mbap.Server(listen, gateway) as server:
            print(f"listening on {server.url} for {link.endpoint.url}", flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                for (name, unit), counted in sorted(gateway.traffic.units.items()):
                    print(f"{name} {unit}: {counted.requests} requests, {counted.answers} answers")
                print(f"from the cache: {line.counts.hits}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
