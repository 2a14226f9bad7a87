"""Warnings before something ends: each once, at 60, 30 and 7 days and at the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.security.certificates import Wish
from mbap.security.expiry import ExpiryWatch, endings, expiry_warning
from support.siteca import NOW, SiteCa

DAY = timedelta(days=1)


class Calendar:
    """A clock with a date, moved by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(
    ("left", "severity", "sentence"),
    [
        (timedelta(days=60), "info", "expires in 60 days, on 2026-04-30: renew it"),
        (timedelta(days=31), "info", "expires in 31 days, on 2026-04-01: renew it"),
        (timedelta(days=30), "warning", "expires in 30 days, on 2026-03-31: renew it"),
        (timedelta(days=8), "warning", "expires in 8 days, on 2026-03-09: renew it"),
        (timedelta(days=7), "error", "expires in 7 days, on 2026-03-08: renew it"),
        (timedelta(days=1), "error", "expires in 1 day, on 2026-03-02: renew it"),
        (timedelta(hours=1), "error", "expires in less than a day, on 2026-03-01: renew it"),
        (timedelta(0), "error", "expires in less than a day, on 2026-03-01: renew it"),
        (
            -timedelta(seconds=1),
            "critical",
            "expired on 2026-03-01: renew it now, nobody accepts it any more",
        ),
    ],
)
def test_a_warning_says_how_long_is_left(left: timedelta, severity: str, sentence: str) -> None:
    assert expiry_warning(NOW + left, NOW) == (severity, sentence)


def test_more_than_sixty_days_are_no_warning() -> None:
    assert expiry_warning(NOW + 60 * DAY + timedelta(seconds=1), NOW) is None


@given(st.timedeltas(-400 * DAY, 400 * DAY), st.timedeltas(timedelta(0), 400 * DAY))
def test_a_warning_never_becomes_milder_as_time_goes_by(left: timedelta, later: timedelta) -> None:
    order = [None, "info", "warning", "error", "critical"]

    def rank(now: datetime) -> int:
        found = expiry_warning(NOW + left, now)
        return order.index(found[0] if found else None)

    assert rank(NOW) <= rank(NOW + later)


@pytest.fixture
def site(tmp_path: Path) -> SiteCa:
    return SiteCa(tmp_path / "certs")


def test_each_threshold_is_said_once(site: SiteCa) -> None:
    chain, _ = site.made(Wish("panel", client=True, days=100))
    calendar = Calendar()
    watch = ExpiryWatch([chain], calendar)
    said: list[tuple[int, str]] = []
    for day in range(120):
        calendar.now = NOW + day * DAY
        said += [(day, one.severity) for one in watch.look()]
    assert said == [(40, "info"), (70, "warning"), (93, "error"), (101, "critical")]


def test_a_warning_names_what_it_is_of_and_its_file(site: SiteCa) -> None:
    chain, _ = site.made(Wish("panel", client=True, days=5))
    (warned,) = ExpiryWatch([chain], Calendar()).look()
    assert (warned.path, warned.severity) == (chain, "error")
    assert warned.sentence == (
        f"the certificate of panel in {chain} expires in 5 days, on 2026-03-06: renew it"
    )


def test_a_renewed_certificate_begins_anew(site: SiteCa) -> None:
    calendar = Calendar()
    chain, _ = site.made(Wish("panel", client=True, days=5))
    watch = ExpiryWatch([chain], calendar)
    assert len(watch.look()) == 1
    site.made(Wish("panel", client=True, days=6))
    assert [one.severity for one in watch.look()] == ["error"]
    assert watch.look() == []


def test_a_clock_that_is_put_back_and_forth_says_nothing_twice(site: SiteCa) -> None:
    calendar = Calendar()
    chain, _ = site.made(Wish("panel", client=True, days=5))
    watch = ExpiryWatch([chain], calendar)
    watch.look()
    calendar.now = NOW - 300 * DAY
    assert watch.look() == []
    calendar.now = NOW
    assert watch.look() == []


def test_the_days_that_are_left_are_those_of_what_ends_first(site: SiteCa) -> None:
    chain, _ = site.made(Wish("panel", client=True, days=50))
    watch = ExpiryWatch([chain, site.ca, site.crl], Calendar())
    watch.look()
    assert watch.days_left() == {chain: 50.0, site.ca: 3650.0, site.crl: 90.0}


def test_a_revocation_list_ends_too(site: SiteCa) -> None:
    (warned,) = ExpiryWatch([site.crl], Calendar(NOW + 91 * DAY)).look()
    assert warned.severity == "critical"
    assert "the revocation list of Test site" in warned.sentence


def test_a_file_that_cannot_be_read_is_said_once_and_again_after_it_could_be(site: SiteCa) -> None:
    path = site.authority.path("gone.pem")
    watch = ExpiryWatch([path], Calendar())
    (warned,) = watch.look()
    assert warned.severity == "error"
    assert "is not known: cannot read" in warned.sentence
    assert watch.look() == []
    assert watch.days_left() == {}
    path.write_bytes(site.ca.read_bytes())
    assert watch.look() == []
    path.unlink()
    assert len(watch.look()) == 1


def test_a_file_with_certificates_and_a_list_has_the_ends_of_both(site: SiteCa) -> None:
    site.ca.write_bytes(site.ca.read_bytes() + site.crl.read_bytes())
    assert {one.what for one in endings(site.ca)} == {
        "the revocation list of Test site",
        "the certificate of Test site",
    }
