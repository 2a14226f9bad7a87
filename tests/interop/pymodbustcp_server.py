"""A Modbus TCP server on pyModbusTCP, for tests; PORT and tables as for libmodbus_server.c."""

from __future__ import annotations

import sys
import threading

from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped]


def main() -> None:
    """Serve until killed."""
    bank = DataBank()
    setters = {
        "coil": bank.set_coils,
        "discrete": bank.set_discrete_inputs,
        "holding": bank.set_holding_registers,
        "input": bank.set_input_registers,
    }
    for line in sys.stdin.read().splitlines():
        name, address, value = line.split()
        setters[name](int(address), [int(value)])
    ModbusServer(host="127.0.0.1", port=int(sys.argv[1]), no_block=True, data_bank=bank).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
