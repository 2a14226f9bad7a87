"""How the devices are doing, as JSON."""

from __future__ import annotations

from mbap.collect.device import DeviceStatistics
from mbap.dashboard.plant import Plant

Json = dict[str, object]


def status_json(plant: Plant) -> Json:
    """State and last answer of every device: little enough to be sent to every page."""
    devices = {
        name: {"state": statistics.state, "last_answer": statistics.last_answer}
        for name, statistics in plant.statistics().items()
    }
    return {"type": "status", "now": plant.now(), "problems": problems(plant), "devices": devices}


def communication_json(plant: Plant) -> Json:
    """All counters of every device."""
    devices = {name: statistics_json(statistics) for name, statistics in plant.statistics().items()}
    return {"type": "status", "now": plant.now(), "problems": problems(plant), "devices": devices}


def statistics_json(statistics: DeviceStatistics) -> Json:
    """The counters of one device."""
    return {
        "state": statistics.state,
        "last_answer": statistics.last_answer,
        "requests": statistics.requests,
        "answers": statistics.answers,
        "timeouts": statistics.timeouts,
        "exceptions": {f"{code:02X}": count for code, count in sorted(statistics.exceptions.items())},
        "protocol_errors": statistics.protocol_errors,
        "connection_failures": statistics.connection_failures,
        "not_asked": statistics.not_asked,
        "reconnects": statistics.reconnects,
        "latency_p50_ms": statistics.latency_p50_ms,
        "latency_p99_ms": statistics.latency_p99_ms,
        "lateness_p99_ms": statistics.lateness_p99_ms,
        "overruns": statistics.overruns,
        "quirks": dict(statistics.quirks),
    }


def problems(plant: Plant) -> list[str]:
    """What is wrong with the whole, in sentences."""
    found = plant.health().get("problems", [])
    return [str(one) for one in found] if isinstance(found, list | tuple) else [str(found)]
