"""What a running gateway has counted, as data: for the console, as JSON, and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from mbap.client.options import LinkStatistics
from mbap.server.limits import ServerStatistics
from mbap.server.traffic import UnitTraffic
from mbap.site.gatewayrunning import RunningGateway


@dataclass(frozen=True, slots=True)
class LineReport:
    """One line; times in seconds.

    Attributes:
        utilisation: from 0 to 1, lately.
        p50, p99: within which so many of its requests were answered since the start, with their waiting.
    """

    url: str
    utilisation: float
    p50: float
    p99: float
    link: LinkStatistics


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """A gateway at one moment.

    Attributes:
        listeners: by URL. units: by line and unit behind.
        unrouted: requests for units without a route. broadcasts: writes to all.
    """

    listeners: dict[str, ServerStatistics]
    lines: tuple[LineReport, ...]
    units: dict[tuple[str, int], UnitTraffic]
    unrouted: int
    broadcasts: int

    def as_json(self) -> dict[str, object]:
        """The same with names, to be printed."""
        return {
            "listeners": {url: asdict(counts) for url, counts in self.listeners.items()},
            "lines": [_line_as_json(line) for line in self.lines],
            "units": [
                {"line": line, "unit": unit, **counts.as_json()}
                for (line, unit), counts in sorted(self.units.items())
            ],
            "unrouted": self.unrouted,
            "broadcasts": self.broadcasts,
        }


def report(gateway: RunningGateway) -> GatewayReport:
    """*gateway* at this moment."""
    lines = []
    for url, link in gateway.lines.items():
        times = gateway.traffic.line(url)
        used = gateway.utilisation[url].now
        lines.append(LineReport(url, used, times.percentile(0.5), times.percentile(0.99), link.statistics()))
    return GatewayReport(
        {server.url: server.statistics() for server in gateway.servers.values()},
        tuple(lines),
        dict(gateway.traffic.units),
        gateway.traffic.unrouted,
        gateway.traffic.broadcasts,
    )


def _line_as_json(line: LineReport) -> dict[str, object]:
    return {
        "line": line.url,
        "utilisation": round(line.utilisation, 4),
        "p50": round(line.p50, 6),
        "p99": round(line.p99, 6),
        **asdict(line.link),
        "state": line.link.state.value,
    }


# --- Prometheus, the text format 0.0.4 ---

_LINE_COUNTERS: Final = {
    "requests": "Requests sent on the line, repeated ones too.",
    "answers": "Results that came.",
    "exceptions": "Exception responses that came.",
    "timeouts": "Requests without an answer.",
    "protocol_errors": "Answers that did not fit.",
    "retries": "Reads that were repeated.",
    "queue_full": "Requests refused because too many waited.",
    "coalesced": "Reads that others were carried out for, too.",
    "probes": "Requests to find out whether a silent unit is back.",
    "connects": "Connections made, or ports opened.",
    "connect_failures": "Attempts to connect in vain.",
    "bytes_sent": "Bytes sent.",
    "bytes_received": "Bytes received.",
}
_UNIT_COUNTERS: Final = {
    "requests": "Requests of clients for the unit.",
    "answers": "Those answered with a result.",
    "exceptions": "Those the device answered with an exception.",
    "failures": "Those answered with 0B.",
    "busy": "Those answered with 06.",
    "denied": "Those answered with 01, because they are not allowed.",
    "cancelled": "Those whose client left.",
    "doubtful": "Writes of which nobody knows whether they were carried out.",
}
_LISTENER_COUNTERS: Final = {
    "accepted": "Connections of clients.",
    "refused": "Connections turned away because there were too many.",
    "forbidden": "Connections turned away because of their address.",
    "requests": "Requests that came in.",
}


def as_prometheus(found: GatewayReport) -> str:
    """*found* in the text format that Prometheus reads."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: GatewayReport) -> Iterator[str]:
    lines = [({"line": line.url}, line) for line in found.lines]
    units = [
        ({"line": url, "unit": str(unit)}, counts) for (url, unit), counts in sorted(found.units.items())
    ]
    clients = [({"listener": url}, counts) for url, counts in found.listeners.items()]
    for name, text in _LINE_COUNTERS.items():
        yield from _metric(
            f"mbap_line_{name}_total", text, [(w, getattr(one.link, name)) for w, one in lines]
        )
    for name, text in _UNIT_COUNTERS.items():
        yield from _metric(f"mbap_unit_{name}_total", text, [(w, getattr(one, name)) for w, one in units])
    for name, text in _LISTENER_COUNTERS.items():
        yield from _metric(
            f"mbap_clients_{name}_total", text, [(w, getattr(one, name)) for w, one in clients]
        )
    yield from _metric("mbap_unrouted_total", "Requests for units without a route.", [({}, found.unrouted)])
    gauges: dict[str, tuple[str, Sequence[float]]] = {
        "utilisation_ratio": (
            "Part of its time that the line is used.",
            [one.utilisation for _, one in lines],
        ),
        "queued": ("Requests that wait.", [one.link.queued for _, one in lines]),
        "resting_units": ("Silent units left alone.", [len(one.link.resting_units) for _, one in lines]),
        "open": ("Open connections, or 1 for an open port.", [one.link.open_connections for _, one in lines]),
        "latency_p50_seconds": ("Half were answered within.", [one.p50 for _, one in lines]),
        "latency_p99_seconds": ("99 of 100 were answered within.", [one.p99 for _, one in lines]),
    }
    for name, (text, values) in gauges.items():
        samples = [(where, value) for (where, _), value in zip(lines, values, strict=True)]
        yield from _metric(f"mbap_line_{name}", text, samples, kind="gauge")
    now = [(where, one.connections) for where, one in clients]
    yield from _metric("mbap_clients", "Clients that are connected.", now, kind="gauge")


def _metric(
    name: str, text: str, samples: Sequence[tuple[dict[str, str], float]], *, kind: str = "counter"
) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{said}}} {value}" if said else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
