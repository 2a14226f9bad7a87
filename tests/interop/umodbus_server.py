"""A Modbus TCP server on uModbus, for tests; PORT and tables as for libmodbus_server.c."""

from __future__ import annotations

import sys
from socketserver import ThreadingTCPServer

from umodbus import conf  # type: ignore[import-untyped]
from umodbus.server.tcp import RequestHandler, get_server  # type: ignore[import-untyped]

ADDRESSES = 1000
FUNCTIONS = {"coil": ([1], [5, 15]), "discrete": ([2], []), "input": ([4], []), "holding": ([3], [6, 16])}


def main() -> None:
    """Serve until killed."""
    conf.SIGNED_VALUES = False
    ThreadingTCPServer.allow_reuse_address = True
    server = get_server(ThreadingTCPServer, ("127.0.0.1", int(sys.argv[1])), RequestHandler)
    tables: dict[str, dict[int, int]] = {name: dict.fromkeys(range(ADDRESSES), 0) for name in FUNCTIONS}
    for line in sys.stdin.read().splitlines():
        table, address, value = line.split()
        tables[table][int(address)] = int(value)
    for name, (reads, writes) in FUNCTIONS.items():
        add_routes(server, tables[name], reads, writes)
    print("ready", flush=True)
    server.serve_forever()


def add_routes(
    server: ThreadingTCPServer, values: dict[int, int], reads: list[int], writes: list[int]
) -> None:
    """Have *server* answer for one table."""
    server.route(slave_ids=[1], function_codes=reads, addresses=list(values))(  # type: ignore[attr-defined]
        lambda slave_id, function_code, address: values[address]
    )
    server.route(slave_ids=[1], function_codes=writes, addresses=list(values))(  # type: ignore[attr-defined]
        lambda slave_id, function_code, address, value: values.update({address: value})
    )


if __name__ == "__main__":
    main()
