"""Quirks of a site: from profiles and the site file to the links that poll, and to values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mbap import Quirks
from mbap.collect.plan import plan as plan_reads
from mbap.filefaults import FileFaults
from mbap.server.serving import serving
from mbap.server.simulator import load_device_file
from mbap.site.load import load_site
from mbap.site.load_of_lines import load_of_lines
from mbap.site.plan import SitePlan
from mbap.site.quirks import quirk_lines
from mbap.site.running import Site
from mbap.site.sheet import read_everything
from support.scripted import Reply, Step, scripted

PATIENCE = 20.0
ENDPOINT = "tcp://10.0.0.5:502"
POINTS = "".join(f'[points.p{at}]\ntable = "holding"\naddress = {at}\n' for at in (0, 1, 4))
TWO = (
    '[devices.one]\nhost = "10.0.0.5"\nprofile = "odd.toml"\n'
    '[devices.two]\nhost = "10.0.0.5"\nunit = 2\nprofile = "even.toml"\n'
)

Load = Callable[..., SitePlan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a site file beside the profiles odd and even, which have these quirks."""

    def write_and_load(text: str, odd: str = "", even: str = "") -> SitePlan:
        for name, quirks in (("odd", odd), ("even", even)):
            head = f'[profile]\nname = "{name}"\n[quirks]\n{quirks}\n'
            (tmp_path / f"{name}.toml").write_text(head + POINTS, encoding="utf-8")
        (tmp_path / "site.toml").write_text(text, encoding="utf-8")
        return load_site(tmp_path / "site.toml")

    return write_and_load


def faults_of(load: Load, text: str, **quirks: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        load(text, **quirks)
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


# --- which are of the connection and which of a unit ---


def test_each_unit_has_those_of_its_profile(load: Load) -> None:
    link = load(TWO, odd="answer_unit = 0\nonly_fc6 = true", even="short_answers = true").links[ENDPOINT]
    assert link.quirks == Quirks()
    assert link.unit_quirks == {
        1: Quirks(answer_unit=0, only_fc6=True),
        2: Quirks(short_answers=True),
    }


def test_the_connection_has_those_that_all_its_devices_have(load: Load) -> None:
    both = 'transaction = "zero"\n'
    link = load(TWO, odd=both + "no_gaps = true", even=both).links[ENDPOINT]
    assert link.quirks == Quirks(transaction="zero")
    assert link.unit_quirks == {1: Quirks(no_gaps=True)}


def test_devices_that_disagree_about_their_connection_are_a_fault(load: Load) -> None:
    assert faults_of(load, TWO, odd='transaction = "zero"') == [
        f"devices.two.quirks: {ENDPOINT} would have none for this device and transaction=zero for one, but "
        "these are quirks of the whole connection: say in the quirks of its [connections.NAME] which it has"
    ]


def test_the_connection_settles_what_devices_disagree_about(load: Load) -> None:
    connection = '[connections.hall]\nurl = "10.0.0.5"\nquirks = { transaction = "zero" }\n'
    plan = load(connection + TWO, odd='transaction = "zero"')
    assert plan.links[ENDPOINT].quirks == Quirks(transaction="zero")


def test_two_profiles_of_one_unit_have_the_same_quirks(load: Load) -> None:
    text = TWO.replace("unit = 2\n", "")
    (fault,) = faults_of(load, text, odd="answer_unit = 0")
    assert fault.startswith(
        f"devices.two.quirks: {ENDPOINT} unit 1 would have none for this device and answer"
    )


# --- what the site file changes ---


def test_a_device_changes_what_its_profile_says(load: Load) -> None:
    text = TWO.replace('"odd.toml"\n', '"odd.toml"\nquirks = { short_answers = false, largest_read = 2 }\n')
    plan = load(text, odd="short_answers = true\nno_gaps = true")
    one = plan.devices[0].profile
    assert one.quirks == Quirks(largest_read=2, no_gaps=True)
    assert [block.count for block in plan_reads(one, one.points)] == [2, 1]


def test_a_device_changes_what_its_connection_says(load: Load) -> None:
    connection = '[connections.hall]\nurl = "10.0.0.5"\nquirks = { answer_unit = 0 }\n'
    text = connection + TWO.replace('"odd.toml"\n', '"odd.toml"\nquirks = { answer_unit = false }\n')
    assert load(text).links[ENDPOINT].unit_quirks == {2: Quirks(answer_unit=0)}


def test_devices_that_are_changed_alike_share_one_profile(load: Load) -> None:
    text = '[devices.one]\nhost = "10.0.0.[5-9]"\nprofile = "odd.toml"\nquirks = { no_gaps = true }\n'
    assert len({id(device.profile) for device in load(text).devices}) == 1


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            "{ shortanswers = true }",
            'devices.one.quirks.shortanswers: unknown key; did you mean "short_answers"?',
        ),
        ("{ largest_read = 0 }", "devices.one.quirks.largest_read: is 1 to 125, or false; not 0"),
        (
            "{ only_fc16 = true }",
            "devices.one.quirks: only_fc6 and only_fc16 leave no function code to write with",
        ),
    ],
)
def test_what_cannot_be_is_refused(load: Load, said: str, fault: str) -> None:
    text = TWO.replace('"odd.toml"\n', f'"odd.toml"\nquirks = {said}\n')
    assert faults_of(load, text, odd="only_fc6 = true") == [fault]


def test_a_point_that_no_longer_fits_into_one_read_is_a_fault(load: Load, tmp_path: Path) -> None:
    long = '[profile]\nname = "Long"\n[points.x]\ntable = "holding"\naddress = 0\ntype = "float64"\n'
    (tmp_path / "long.toml").write_text(long, encoding="utf-8")
    text = '[devices.one]\nhost = "10.0.0.5"\nprofile = "long.toml"\nquirks = { largest_read = 2 }\n'
    assert faults_of(load, text) == ["devices.one.quirks: x takes 4 registers, and the largest read is 2"]


# --- what a check says ---


def test_a_quirk_without_effect_on_the_connection_is_a_warning(load: Load) -> None:
    plan = load(TWO, odd="echo = true", even="echo = true")
    assert f"{ENDPOINT}: the quirk echo changes nothing on tcp://" in plan.warnings


def test_more_requests_at_once_than_the_quirks_allow_are_a_warning(load: Load) -> None:
    connection = '[connections.hall]\nurl = "10.0.0.5"\noutstanding = 4\nquirks = { transaction = "own" }\n'
    plan = load(connection + TWO)
    assert f"{ENDPOINT}: with the quirk transaction only one request is on its way at a time, not 4" in (
        plan.warnings
    )
    (line,) = load_of_lines(plan)
    assert line.busy == pytest.approx(line.requests_per_second * 0.020)


def test_devices_with_the_same_quirks_share_a_line(load: Load) -> None:
    plan = load('[devices.d]\nhost = "10.0.0.[1-5]"\nprofile = "odd.toml"\n', odd="no_gaps = true")
    assert list(quirk_lines(plan.devices)) == ["quirks of d_1, d_2, d_3 and 2 more: no-gaps"]


# --- from a device that breaks the rules to its values ---

DEVICE = "[units.1.holding]\n0 = [11, 12]\n4 = 14\n[units.2.holding]\n0 = [21, 22]\n4 = 24\n"


@contextmanager
def misbehaving(folder: Path, faults: str) -> Iterator[str]:
    """A simulated device of two units; gives its URL."""
    file = folder / "device.toml"
    file.write_text(DEVICE + faults, encoding="utf-8")
    simulation = load_device_file(file)
    with serving(simulation, "tcp://127.0.0.1:0", faults=simulation.faults) as url:
        yield url


async def values_of(plan: SitePlan) -> list[object]:
    return [row.value for row in await read_everything(plan)]


def one_device(url: str, more: str = "") -> str:
    return (
        f'[connections.c]\nurl = "{url}"\ntimeout = "300ms"\n'
        "[history]\nenabled = false\n[web]\nenabled = false\n"
        f'[groups.default]\nperiod = "50ms"\n[devices.one]\nconnection = "c"\nprofile = "odd.toml"\n{more}'
    )


@pytest.mark.parametrize(
    ("fault", "quirk"),
    [
        ("wrong_transaction = { value = 0, probability = 1 }", 'transaction = "zero"'),
        ("wrong_transaction = { probability = 1 }", 'transaction = "own"'),
        ("wrong_unit = { value = 0, probability = 1 }", "answer_unit = 0"),
        ("wrong_unit = { probability = 1 }", 'answer_unit = "any"'),
        ("wrong_length = { probability = 1 }", "long_length = true"),
    ],
)
async def test_a_device_that_breaks_a_rule_gives_values_with_its_quirk_alone(
    load: Load, tmp_path: Path, fault: str, quirk: str
) -> None:
    with misbehaving(tmp_path, f"[units.1.faults]\n{fault}\n") as url:
        assert await values_of(load(one_device(url))) == [None, None, None]
        assert await values_of(load(one_device(url), odd=quirk)) == [11, 12, 14]


async def test_undefined_registers_are_not_read_over_with_the_quirk(load: Load) -> None:
    refused: list[int] = []

    def strict(request: object) -> Reply:
        pdu = request.pdu  # type: ignore[attr-defined]
        count = int.from_bytes(pdu[3:5], "big")
        if count > 2:
            refused.append(count)
            return Reply(pdu=b"\x83\x02")
        return Reply()

    with scripted(strict) as server:
        await values_of(load(one_device(server.url), odd="no_gaps = true"))
        assert refused == []
        await values_of(load(one_device(server.url)))
        assert refused == [5]


async def test_of_short_answers_the_points_that_came_are_given(load: Load) -> None:
    short: Step = Reply(pdu=b"\x03\x04\x00\x07\x00\x08")
    with scripted(short) as server:
        assert await values_of(load(one_device(server.url))) == [None, None, None]
        rows = await read_everything(load(one_device(server.url), odd="short_answers = true"))
    assert [row.value for row in rows] == [7, 8, None]
    assert rows[2].why == "the answer ended before it"


async def test_two_devices_on_one_connection_each_have_their_own(load: Load, tmp_path: Path) -> None:
    second = '[devices.two]\nconnection = "c"\nunit = 2\nprofile = "even.toml"\n'
    with misbehaving(tmp_path, "[units.1.faults]\nwrong_unit = { value = 9, probability = 1 }\n") as url:
        plan = load(one_device(url, second), odd="answer_unit = 9")
        assert await values_of(plan) == [11, 12, 14, 21, 22, 24]


async def test_what_a_quirk_of_one_unit_forgives_is_not_forgiven_to_another(
    load: Load, tmp_path: Path
) -> None:
    second = '[devices.two]\nconnection = "c"\nunit = 2\nprofile = "even.toml"\n'
    with misbehaving(tmp_path, "[faults]\nwrong_unit = { value = 9, probability = 1 }\n") as url:
        plan = load(one_device(url, second), odd="answer_unit = 9")
        assert await values_of(plan) == [11, 12, 14, None, None, None]


async def test_the_statistics_of_a_device_count_what_it_needed(load: Load, tmp_path: Path) -> None:
    second = '[devices.two]\nconnection = "c"\nunit = 2\nprofile = "even.toml"\n'
    with misbehaving(tmp_path, "[units.1.faults]\nwrong_unit = { value = 9, probability = 1 }\n") as url:
        site = Site(load(one_device(url, second), odd="answer_unit = 9"))
        await site.start()
        try:
            async with asyncio.timeout(PATIENCE):
                while min(one.answers for one in site.poller.statistics().values()) < 2:
                    await asyncio.sleep(0.01)
            found = site.poller.statistics()
        finally:
            await site.stop()
    assert found["one"].quirks["answer_unit"] >= 2
    assert found["two"].quirks == {}
