"""What the log says of devices that come and go."""

from __future__ import annotations

from mbap.collect.device import PolledDevice
from mbap.collect.readings import Quality
from mbap.site.watch import MOST_SAID, QUIET, SPELLED_OUT, Watch
from support import meters

PUMP = PolledDevice("pump", "Pump", meters.profile(), 3, "tcp://10.0.0.5:502")


def say(watch: Watch, trouble: Quality | None, now: float) -> list[str]:
    return [said.text for said in watch.look([PUMP], {"pump": trouble}, now)]


def test_nothing_is_said_of_a_device_that_answers() -> None:
    watch = Watch()
    assert say(watch, None, 0) + say(watch, None, 1) == []


def test_a_device_that_stops_and_one_that_answers_again_get_a_line_each() -> None:
    watch = Watch()
    say(watch, None, 0)
    assert say(watch, Quality.TIMEOUT, 10) == ["pump (tcp://10.0.0.5:502 unit 3) does not answer"]
    assert say(watch, Quality.TIMEOUT, 11) == []
    assert say(watch, None, 45) == ["pump (tcp://10.0.0.5:502 unit 3) gives values again, after 35s"]


def test_stopping_is_bad_and_coming_back_is_not() -> None:
    watch = Watch()
    (stopped,) = watch.look([PUMP], {"pump": Quality.TIMEOUT}, 0)
    (again,) = watch.look([PUMP], {"pump": None}, 1)
    assert (stopped.bad, again.bad) == (True, False)


def test_a_device_that_never_answered_is_said_to_be_silent() -> None:
    assert "cannot be reached" in say(Watch(), Quality.CONNECTION, 0)[0]


def test_a_device_that_refuses_everything_is_said_to_give_no_values() -> None:
    assert "gives no values: exception 2" in say(Watch(), Quality.exception(2), 0)[0]


def test_another_reason_for_the_same_trouble_is_nothing_new() -> None:
    watch = Watch()
    say(watch, Quality.CONNECTION, 0)
    assert say(watch, Quality.TIMEOUT, 1) == []


def test_a_device_that_comes_and_goes_does_not_flood_the_log() -> None:
    watch = Watch()
    said = [text for now in range(600) for text in say(watch, Quality.TIMEOUT if now % 2 else None, now)]
    assert MOST_SAID < len(said) <= MOST_SAID * 600 / QUIET
    assert any("comes and goes" in text for text in said)


def test_what_happened_while_nothing_was_said_is_not_forgotten() -> None:
    watch = Watch()
    for now in range(MOST_SAID):
        say(watch, None if now % 2 else Quality.TIMEOUT, now)
    assert say(watch, Quality.TIMEOUT, 10) == []
    assert "does not answer" in say(watch, Quality.TIMEOUT, QUIET)[0]


def test_many_devices_at_once_share_a_line() -> None:
    devices = [PolledDevice(f"d{n}", "", meters.profile(), n) for n in range(SPELLED_OUT + 3)]
    watch = Watch()
    troubles: dict[str, Quality | None] = {device.name: Quality.CONNECTION for device in devices}
    (said,) = watch.look(devices, troubles, 0)
    assert said.text == "8 devices give no values: d0, d1, d2, d3, d4 and 3 more; d0 cannot be reached"
    (said,) = watch.look(devices, {}, 5)
    assert "8 devices give values again" in said.text


def test_a_device_that_is_gone_is_forgotten() -> None:
    watch = Watch()
    say(watch, Quality.TIMEOUT, 0)
    assert watch.look([], {}, 1) == []
    assert "does not answer" in say(watch, Quality.TIMEOUT, 2)[0]
