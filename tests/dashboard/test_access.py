"""Passwords, tokens, cookies and waiting after failures."""

from __future__ import annotations

import base64

import pytest

from mbap.dashboard.access import SESSION_SECONDS, Doorkeeper, Throttle
from mbap.dashboard.options import WebOptions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(clock: Clock) -> Doorkeeper:
    return Doorkeeper(WebOptions(password="sesame", token="t0ken"), clock)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_password_fits_and_another_does_not(keeper: Doorkeeper) -> None:
    assert (keeper.password_fits("sesame"), keeper.password_fits("Sesame")) == (True, False)


def test_without_a_password_nothing_fits_not_even_nothing() -> None:
    keeper = Doorkeeper(WebOptions())
    assert not keeper.password_fits("")
    assert not keeper.authorization_fits("Bearer ")
    assert not keeper.session_fits("")


@pytest.mark.parametrize("header", ["Bearer t0ken", "bearer t0ken", basic("anyone:sesame")])
def test_these_headers_open(keeper: Doorkeeper, header: str) -> None:
    assert keeper.authorization_fits(header)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer t0keN",
        "Bearer",
        "Basic ???",
        "Basic " + base64.b64encode(b"\xff").decode(),
        basic("x:y"),
        "t0ken",
    ],
)
def test_these_headers_do_not(keeper: Doorkeeper, header: str) -> None:
    assert not keeper.authorization_fits(header)


def test_a_session_ends_after_its_time(keeper: Doorkeeper, clock: Clock) -> None:
    cookie = keeper.new_session()
    clock.now += SESSION_SECONDS - 1
    assert keeper.session_fits(cookie)
    clock.now += 2
    assert not keeper.session_fits(cookie)


def test_a_session_outlives_a_restart(keeper: Doorkeeper, clock: Clock) -> None:
    assert Doorkeeper(WebOptions(password="sesame"), clock).session_fits(keeper.new_session())


def test_a_session_ends_with_another_password(keeper: Doorkeeper, clock: Clock) -> None:
    assert not Doorkeeper(WebOptions(password="other"), clock).session_fits(keeper.new_session())


def test_a_session_with_a_later_end_is_not_genuine(keeper: Doorkeeper) -> None:
    end, rest = keeper.new_session().split(".", 1)
    assert not keeper.session_fits(f"{int(end) + 1}.{rest}")


@pytest.mark.parametrize("cookie", ["", "..", "9999999999.x.", "ä.ö.ü"])
def test_rubbish_is_no_session(keeper: Doorkeeper, cookie: str) -> None:
    assert not keeper.session_fits(cookie)


def test_the_first_failures_cost_nothing_and_the_later_ones_ever_more(clock: Clock) -> None:
    throttle, waits = Throttle(clock), []
    for _ in range(6):
        throttle.failed("10.0.0.9")
        waits.append(throttle.wait("10.0.0.9"))
    assert waits == [0, 0, 1, 2, 4, 8]


def test_the_wait_has_a_limit_and_passes(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(50):
        throttle.failed("10.0.0.9")
    assert throttle.wait("10.0.0.9") == 60
    clock.now += 60
    assert throttle.wait("10.0.0.9") == 0


def test_one_address_does_not_make_another_wait(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.failed("10.0.0.9")
    assert throttle.wait("10.0.0.8") == 0


def test_success_forgives(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.failed("10.0.0.9")
    throttle.succeeded("10.0.0.9")
    assert throttle.wait("10.0.0.9") == 0


def test_it_remembers_a_limited_number_of_addresses(clock: Clock) -> None:
    throttle = Throttle(clock)
    for number in range(1100):
        throttle.failed(f"10.0.{number // 256}.{number % 256}")
    assert throttle.forgotten == 1100 - 1024
