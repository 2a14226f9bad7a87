"""A relay between a client and a server that records what passes, for programs that read captures."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dpkt  # type: ignore[import-untyped]

from mbap.transport.endpoint import parse_endpoint

CLIENT, SERVER = b"\x7f\0\0\x01", b"\x7f\0\0\x02"
MODBUS = 502
SEGMENT = 1_400


@dataclass
class Recording:
    """What went each way, in order; one entry is what arrived at once."""

    url: str
    passed: list[tuple[int, bool, bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, connection: int, to_server: bool, data: bytes) -> None:
        with self.lock:
            self.passed.append((connection, to_server, data))

    def write_pcap(self, path: Path) -> None:
        """Write it as a capture of TCP on port 502; each connection has a port of its own."""
        sequences: dict[tuple[int, bool], int] = {}
        with path.open("wb") as file:
            writer = dpkt.pcap.Writer(file, linktype=dpkt.pcap.DLT_RAW)
            time = 0.0
            for connection, to_server, data in self.passed:
                for start in range(0, len(data), SEGMENT):
                    time += 0.001
                    part = data[start : start + SEGMENT]
                    writer.writepkt(bytes(_packet(sequences, connection, to_server, part)), ts=time)


def _packet(
    sequences: dict[tuple[int, bool], int], connection: int, to_server: bool, data: bytes
) -> dpkt.ip.IP:
    key, back = (connection, to_server), (connection, not to_server)
    ports = (40_000 + connection, MODBUS) if to_server else (MODBUS, 40_000 + connection)
    segment = dpkt.tcp.TCP(
        sport=ports[0],
        dport=ports[1],
        seq=sequences.get(key, 1),
        ack=sequences.get(back, 1),
        flags=dpkt.tcp.TH_ACK | dpkt.tcp.TH_PUSH,
        data=data,
    )
    sequences[key] = sequences.get(key, 1) + len(data)
    source, target = (CLIENT, SERVER) if to_server else (SERVER, CLIENT)
    packet = dpkt.ip.IP(src=source, dst=target, p=dpkt.ip.IP_PROTO_TCP, data=segment)
    packet.len = len(packet)
    return packet


@contextmanager
def recording(url: str) -> Iterator[Recording]:
    """Relay to *url* while the block runs; clients connect to the recording's own `url`."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        record = Recording(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        accepting = threading.Thread(target=_accept, args=(listener, url, record, ended))
        accepting.start()
        try:
            yield record
        finally:
            ended.set()
            # A thread that is in accept() is not woken by closing the socket, but by a client.
            socket.create_connection(listener.getsockname()).close()
            accepting.join()


def _accept(listener: socket.socket, url: str, record: Recording, ended: threading.Event) -> None:
    relays: list[threading.Thread] = []
    while True:
        client, _ = listener.accept()
        if ended.is_set():
            client.close()
            break
        relays.append(threading.Thread(target=_relay, args=(client, url, len(relays), record, ended)))
        relays[-1].start()
    for relay in relays:
        relay.join()


def _relay(client: socket.socket, url: str, number: int, record: Recording, ended: threading.Event) -> None:
    """Pass on what comes from either side, until one of them ends or the recording does."""
    endpoint = parse_endpoint(url)
    with client, socket.create_connection((endpoint.host, endpoint.port)) as server:
        while not ended.is_set():
            for source in select.select([client, server], [], [], 0.1)[0]:
                data = _received(source)
                if not data:
                    return
                record.add(number, source is client, data)
                (server if source is client else client).sendall(data)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65_536)
    except ConnectionResetError:
        return b""
