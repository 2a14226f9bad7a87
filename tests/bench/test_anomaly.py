"""bench.anomaly: what is found on recorded traffic stays found, and is not paid for with false alarms."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.anomaly import Row, rows


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    """Every row, by its title; filled by the first test."""
    return {}


def table(found: dict[str, Row], captures: Path) -> dict[str, Row]:
    found.update({} if found else {row.title: row for row in rows(captures)})
    return found


@pytest.mark.parametrize(
    "title",
    [
        "fake_command, 250 s",
        "the same, in the master's name",
        "plant1, 50 %: scan by a new client",
        "the same, in the client's name",
        "plant1, 50 %: function 6, any register",
        "plant1, 50 %: function 8/1",
        "plant1, 50 %: function 43/14",
    ],
)
def test_what_is_new_is_found_all_of_it(found: dict[str, Row], captures: Path, title: str) -> None:
    row = table(found, captures)[title]
    assert row.found == row.attacks > 0


@pytest.mark.parametrize(
    ("title", "most", "alerts"),
    [
        ("fake_command, 250 s", 5.2, 3),
        ("plant1, all, three hours later", 0, 0),
        ("plant1, 25%", 7.1, 5),
        ("plant1, 50%", 6.2, 1),
        ("iti_modbus_test, 50%", 104.3, 1),
        ("ndpi_modbus, 25%", 0, 0),
        ("lemay_normal_moving_files_p502, 25%", 0, 0),
        ("lemay_channel_4d_12s, 25%", 0, 0),
    ],
)
def test_usual_traffic_causes_no_more_alarms_than_it_is_said_to(
    found: dict[str, Row], captures: Path, title: str, most: float, alerts: int
) -> None:
    row = table(found, captures)[title]
    assert 1_000 * row.wrong / row.normal <= most
    assert row.alerts == alerts


@pytest.mark.parametrize(
    ("title", "most"),
    [("plant1, 50 %: learned writes again", 0.02), ("channel_4d_12s, 50 %: the rest as attack", 0.0)],
)
def test_what_cannot_be_seen_is_not_said_to_be(
    found: dict[str, Row], captures: Path, title: str, most: float
) -> None:
    row = table(found, captures)[title]
    assert row.found <= most * row.attacks
