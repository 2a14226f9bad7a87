"""What is counted, with a sentence for each: for the console, as JSON and for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mbap.records import Record

COUNTER: Final = "counter"
GAUGE: Final = "gauge"


class Metric(Record):
    """One number.

    Attributes:
        value: what it is now.
        help: what it says, in a sentence.
        kind: `counter`, which only grows, or `gauge`.
    """

    value: float
    help: str
    kind: str = COUNTER


Metrics = Mapping[str, Metric]
"""By name, without the `mbap_` before it and the `_total` after it."""


def as_prometheus(metrics: Metrics) -> str:
    """*metrics* in the text format that Prometheus reads."""
    lines: list[str] = []
    for name, metric in metrics.items():
        full = f"mbap_{name}_total" if metric.kind == COUNTER else f"mbap_{name}"
        lines += [f"# HELP {full} {metric.help}", f"# TYPE {full} {metric.kind}", f"{full} {metric.value}"]
    return "".join(f"{line}\n" for line in lines)


def as_json(metrics: Metrics) -> dict[str, float]:
    """The numbers alone."""
    return {name: metric.value for name, metric in metrics.items()}
