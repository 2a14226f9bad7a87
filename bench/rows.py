"""Who is compared with whom, in what, and what the project wants to reach: data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Words = tuple[str, ...]


@dataclass(frozen=True)
class Contender:
    """One line of a table.

    Attributes:
        command: what to run; the first word says with what: a module below `bench.contenders`, a compiled
            program, or a script for Node.js.
        raw: the title of the line that its ratio is to.
        needs: the Python packages that it needs, or the Node.js module.
    """

    command: Words
    raw: str = ""
    needs: Words = ()
    how: str = "python"


@dataclass(frozen=True)
class Target:
    """What the project wants: *ours* costs at most *most* times what *raw* costs, and less than *ahead* do.

    Attributes:
        raw: without it, *most* is the figure itself.
    """

    title: str
    ours: str
    most: float
    raw: str = ""
    ahead: Words = ()


@dataclass(frozen=True)
class Table:
    """One workload, and the contenders that do it.

    Attributes:
        area: what `--only` chooses.
        load: options of the load generator, the mode of a client, or the name of a subject.
        unit: of its first figure.
    """

    area: str
    title: str
    load: Words
    contenders: Mapping[str, Contender]
    targets: tuple[Target, ...] = ()
    unit: str = "CPU us"
    absent: Words = field(default=())


def _python(*command: str, raw: str = "", needs: Words = ()) -> Contender:
    return Contender(command, raw, needs)


_ASYNCIO, _UVLOOP, _SOCKETS = "raw asyncio", "raw uvloop", "raw sockets"
_PYTHON_PEERS = ("pymodbus", "pyModbusTCP", "umodbus", "modbus-tk", "tmodbus")

SERVERS: Mapping[str, Contender] = {
    "C epoll": Contender(("sink",), _ASYNCIO, how="program"),
    "raw epoll": _python("serve", "raw-epoll", raw=_ASYNCIO),
    _ASYNCIO: _python("serve", "raw-asyncio", raw=_ASYNCIO),
    _UVLOOP: _python("serve", "raw-asyncio", "--uvloop", raw=_UVLOOP, needs=("uvloop",)),
    "mbap": _python("serve", "mbap", raw=_ASYNCIO, needs=("mbap",)),
    "mbap, uvloop": _python("serve", "mbap", "--uvloop", raw=_UVLOOP, needs=("mbap", "uvloop")),
    "libmodbus (C)": Contender(("libmodbus_server",), _ASYNCIO, how="program"),
    "jsmodbus (node)": Contender(("jsmodbus.js",), _ASYNCIO, ("jsmodbus",), "node"),
    "modbus-serial (node)": Contender(("modbus_serial.js",), _ASYNCIO, ("modbus-serial",), "node"),
    "pyModbusTCP": _python("serve", "pymodbustcp", raw=_ASYNCIO, needs=("pyModbusTCP",)),
    "pymodbus": _python("serve", "pymodbus", raw=_ASYNCIO, needs=("pymodbus",)),
    "umodbus": _python("serve", "umodbus", raw=_ASYNCIO, needs=("uModbus",)),
    "modbus-tk": _python("serve", "modbus-tk", raw=_ASYNCIO, needs=("modbus-tk",)),
    "tmodbus": _python("serve", "tmodbus", raw=_ASYNCIO, needs=("tmodbus",)),
}


def _server(title: str, load: str, most: float, *ahead: str) -> Table:
    targets = (
        Target(f"server, {title}", "mbap", most, _ASYNCIO, ahead),
        Target(f"server on uvloop, {title}", "mbap, uvloop", 1.4, _UVLOOP),
    )
    return Table("server", f"Server, {title}", tuple(load.split()), SERVERS, targets)


SERVER_TABLES = (
    _server("1 connection", "--connections 1", 1.3, *_PYTHON_PEERS, "jsmodbus (node)"),
    _server("50 connections", "--connections 50", 1.4, *_PYTHON_PEERS, "jsmodbus (node)"),
    _server("10 connections x 16 outstanding", "--connections 10 --pipeline 16", 2.0, "libmodbus (C)"),
    _server(
        "mix of functions 3, 1, 16, 23", "--connections 10 --fc mix", 1.5, *_PYTHON_PEERS, "jsmodbus (node)"
    ),
    _server("1,000 connections", "--connections 1000 --timeout 5", 1.3, "tmodbus"),
)
MEMORY_TITLE = "Server, memory per connection of 1,000"
MEMORY_TARGETS = (
    Target("server, memory per connection", "mbap", 4.0, ahead=("tmodbus",)),
    Target("server on uvloop, memory per connection", "mbap, uvloop", 4.0, ahead=("tmodbus",)),
)

_C_CLIENT = Contender(("libmodbus_client",), _SOCKETS, how="program")
_BLOCKING_CLIENTS: Mapping[str, Contender] = {
    _SOCKETS: _python("ask", "raw-sockets", raw=_SOCKETS),
    "mbap": _python("ask", "mbap", raw=_SOCKETS, needs=("mbap",)),
    "libmodbus (C)": _C_CLIENT,
    "pylibmodbus": _python("ask", "pylibmodbus", raw=_SOCKETS, needs=("pylibmodbus",)),
    "pyModbusTCP": _python("ask", "pymodbustcp", raw=_SOCKETS, needs=("pyModbusTCP",)),
    "umodbus": _python("ask", "umodbus", raw=_SOCKETS, needs=("uModbus",)),
    "modbus-tk": _python("ask", "modbus-tk", raw=_SOCKETS, needs=("modbus-tk",)),
    "pymodbus": _python("ask", "pymodbus", raw=_SOCKETS, needs=("pymodbus",)),
}
_ASYNC_CLIENTS: Mapping[str, Contender] = {
    _ASYNCIO: _python("ask", "raw-asyncio", raw=_ASYNCIO),
    _UVLOOP: _python("ask", "raw-asyncio", "--uvloop", raw=_UVLOOP, needs=("uvloop",)),
    "mbap asyncio": _python("ask", "mbap-async", raw=_ASYNCIO, needs=("mbap",)),
    "mbap asyncio, uvloop": _python("ask", "mbap-async", "--uvloop", raw=_UVLOOP, needs=("mbap", "uvloop")),
    "pymodbus asyncio": _python("ask", "pymodbus-async", raw=_ASYNCIO, needs=("pymodbus",)),
    "tmodbus": _python("ask", "tmodbus", raw=_ASYNCIO, needs=("tmodbus",)),
    "tmodbus, bare transport": _python("ask", "tmodbus-bare", raw=_ASYNCIO, needs=("tmodbus",)),
}
_IN_THREADS: Mapping[str, Contender] = {
    f"{title}, threads": one for title, one in _BLOCKING_CLIENTS.items() if title not in ("mbap", _SOCKETS)
}


def _asyncio_targets(what: str, most: float, *ahead: str) -> tuple[Target, Target]:
    return (
        Target(f"client, asyncio, {what}", "mbap asyncio", most, _ASYNCIO, ahead),
        Target(f"client on uvloop, {what}", "mbap asyncio, uvloop", 1.5, _UVLOOP),
    )


CLIENT_TABLES = (
    Table(
        "client",
        "Client, blocking, one after another",
        ("one",),
        _BLOCKING_CLIENTS,
        (Target("client, blocking, one after another", "mbap", 1.6, _SOCKETS, ("pylibmodbus",)),),
    ),
    Table(
        "client",
        "Client, blocking, 16 outstanding",
        ("outstanding",),
        {title: _BLOCKING_CLIENTS[title] for title in (_SOCKETS, "mbap")},
        (Target("client, blocking, 16 outstanding", "mbap", 2.0, _SOCKETS),),
    ),
    Table(
        "client",
        "Client, asyncio, one after another",
        ("one",),
        _ASYNC_CLIENTS,
        _asyncio_targets("one after another", 1.4, "tmodbus, bare transport"),
    ),
    Table(
        "client",
        "Client, 100 connections",
        ("connections",),
        {**_ASYNC_CLIENTS, **_IN_THREADS},
        _asyncio_targets("100 connections", 1.4, "pyModbusTCP, threads"),
    ),
    Table(
        "client",
        "Client, asyncio, 1 connection, 16 outstanding",
        ("outstanding",),
        _ASYNC_CLIENTS,
        _asyncio_targets("16 outstanding", 1.6, "tmodbus, bare transport"),
    ),
)

_STRUCT, _LOOP = "struct on wire bytes", "plain loop"


def _values(title: str, subject: str, raw: str, most: float, *others: tuple[str, Words]) -> Table:
    contenders = {
        raw: _python("values", subject, raw=raw, needs=("mbap",)),
        "mbap": _python("values", subject, raw=raw, needs=("mbap",)),
        **{name: _python("values", subject, raw=raw, needs=needs) for name, needs in others},
    }
    return Table(
        "values",
        title,
        (subject,),
        contenders,
        (Target(title, "mbap", most, raw, tuple(name for name, _ in others)),),
    )


_DECODERS = (
    ("pymodbus", ("pymodbus",)),
    ("pyModbusTCP", ("pyModbusTCP",)),
    ("tmodbus", ("tmodbus",)),
    ("pylibmodbus", ("pylibmodbus",)),
)
VALUES_TABLES = (
    _values("125 registers to 62 float32, ABCD", "floats-abcd", _STRUCT, 1.25, *_DECODERS),
    _values("125 registers to 62 float32, CDAB", "floats-cdab", _STRUCT, 1.25, *_DECODERS),
    _values("CRC-16 of 256 bytes", "crc", _LOOP, 0.2),
    _values("2,000 bits packed", "pack", _LOOP, 0.2),
    _values("2,000 bits unpacked", "unpack", _LOOP, 0.2),
)


def _imports(title: str, raw: str, most: float, ours: str, peers: Mapping[str, tuple[str, str]]) -> Table:
    contenders = {
        f"import {raw}": _python(f"import {raw}", raw=f"import {raw}"),
        "mbap": _python(ours, raw=f"import {raw}", needs=("mbap",)),
        **{
            name: _python(statement, raw=f"import {raw}", needs=(package,))
            for name, (package, statement) in peers.items()
        },
    }
    target = Target(title, "mbap", most, f"import {raw}", tuple(peers))
    return Table("import", title[0].upper() + title[1:], (), contenders, (target,), unit="CPU ms")


IMPORT_TABLES = (
    _imports(
        "import of mbap and a blocking client",
        "socket, struct, dataclasses",
        1.5,
        "import mbap; mbap.Client('tcp://127.0.0.1')",
        {
            "pymodbus": ("pymodbus", "from pymodbus.client import ModbusTcpClient"),
            "pyModbusTCP": ("pyModbusTCP", "from pyModbusTCP.client import ModbusClient"),
        },
    ),
    _imports(
        "import of the asyncio client",
        "asyncio",
        1.25,
        "from mbap import AsyncClient",
        {"pymodbus": ("pymodbus", "from pymodbus.client import AsyncModbusTcpClient")},
    ),
    _imports(
        "import of the server",
        "asyncio",
        1.25,
        "from mbap import Device, Server",
        {"pymodbus": ("pymodbus", "from pymodbus.server import StartAsyncTcpServer")},
    ),
)
PROCESS_TABLE = Table(
    "process",
    "mbap read as a process",
    (),
    {"mbap": _python("read", needs=("mbap",))},
    (Target("`mbap read` as a process", "mbap", 0.25),),
    unit="seconds",
)

TABLES = (*SERVER_TABLES, *CLIENT_TABLES, *VALUES_TABLES, *IMPORT_TABLES, PROCESS_TABLE)
AREAS = ("server", "client", "values", "import", "process")
