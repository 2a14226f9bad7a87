"""security.metrics: numbers for Prometheus and as JSON."""

from __future__ import annotations

from mbap.security.alerts import Alerts
from mbap.security.metrics import GAUGE, Metric, as_json, as_prometheus

METRICS = {"alerts": Metric(3, "Alerts."), "alerts_open": Metric(1.5, "Open ones.", GAUGE)}


def test_for_prometheus() -> None:
    assert as_prometheus(METRICS) == (
        "# HELP mbap_alerts_total Alerts.\n"
        "# TYPE mbap_alerts_total counter\n"
        "mbap_alerts_total 3\n"
        "# HELP mbap_alerts_open Open ones.\n"
        "# TYPE mbap_alerts_open gauge\n"
        "mbap_alerts_open 1.5\n"
    )


def test_large_counters_keep_every_digit() -> None:
    assert as_prometheus({"n": Metric(123_456_789, "N.")}).endswith("mbap_n_total 123456789\n")


def test_as_json() -> None:
    assert as_json(METRICS) == {"alerts": 3, "alerts_open": 1.5}


def test_what_is_counted_has_a_sentence() -> None:
    assert all(metric.help.endswith(".") for metric in Alerts().metrics().values())
