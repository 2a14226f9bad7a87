"""Loading a site file: ranges spelled out, defaults filled in, all faults at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mbap.filefaults import FileFaults
from mbap.site.load import load_site
from mbap.site.plan import SitePlan
from mbap.site.starter import starter

Load = Callable[..., SitePlan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A function that writes the files it is given and loads site.toml."""

    def write_and_load(text: str, **others: str) -> SitePlan:
        for name, content in others.items():
            (tmp_path / name.replace("__", ".")).write_text(content, encoding="utf-8")
        (tmp_path / "site.toml").write_text(text, encoding="utf-8")
        return load_site(tmp_path / "site.toml")

    return write_and_load


def faults_of(load: Load, text: str, **others: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        load(text, **others)
    return [f"{fault.line} {fault.path}: {fault.message}" for fault in caught.value.faults]


ONE = '[devices.main]\nhost = "10.0.0.5"\nprofile = "sdm630"\n'


def test_a_site_needs_no_more_than_one_device(load: Load) -> None:
    plan = load(ONE)
    (device,) = plan.devices
    assert (device.name, device.unit, device.connection) == ("main", 1, "tcp://10.0.0.5:502")
    assert plan.links[device.connection].timeout >= 1.0


def test_what_is_not_given_has_its_default(load: Load, tmp_path: Path) -> None:
    plan = load(ONE)
    assert plan.history is not None
    assert plan.history.path == tmp_path / "history.db"
    assert (plan.history.keep, plan.history.keep_rollups) == (400 * 86_400, None)
    assert plan.web is not None
    assert (plan.web.host, plan.web.port) == ("127.0.0.1", 8502)
    assert plan.devices[0].periods["default"] == 5.0


def test_fifty_equal_devices_are_three_lines(load: Load) -> None:
    plan = load('[devices.meter]\nhost = "192.168.1.[10-59]"\nprofile = "sdm120"\n')
    assert len(plan.devices) == 50
    assert len(plan.links) == 50
    assert plan.devices[0].name == "meter_10"
    assert plan.devices[49].connection == "tcp://192.168.1.59:502"


def test_equal_devices_share_one_profile(load: Load) -> None:
    plan = load('[devices.meter]\nhost = "192.168.1.[10-59]"\nprofile = "sdm120"\n')
    assert len({id(device.profile) for device in plan.devices}) == 1


def test_units_of_one_connection_share_its_link(load: Load) -> None:
    plan = load(
        '[connections.hall]\nurl = "10.0.0.5"\ntimeout = "1s"\n'
        '[devices.meter]\nconnection = "hall"\nunits = "1-3,7"\nprofile = "sdm120"\n'
    )
    assert [device.unit for device in plan.devices] == [1, 2, 3, 7]
    assert list(plan.links) == ["tcp://10.0.0.5:502"]
    assert plan.links["tcp://10.0.0.5:502"].timeout == 1.0


def test_devices_come_from_a_csv_file_too(load: Load) -> None:
    plan = load(
        '[site]\nname = "Hall 3"\ndevices_from = "more.csv"\n',
        more__csv="name,host,unit,profile,area,label_floor\nflat_1,10.0.0.1,2,sdm120,east,3\n",
    )
    (device,) = plan.devices
    assert (device.name, device.unit) == ("flat_1", 2)
    assert device.labels == {"site": "Hall 3", "area": "east", "floor": "3"}


def test_a_csv_file_with_semicolons_is_read_as_well(load: Load) -> None:
    plan = load(
        '[site]\ndevices_from = "more.csv"\n', more__csv="name;host;profile\nflat_1;10.0.0.1;sdm120\n"
    )
    assert plan.devices[0].name == "flat_1"


def test_a_fault_in_a_csv_file_names_its_line(load: Load) -> None:
    faults = faults_of(
        load,
        '[site]\ndevices_from = "more.csv"\n',
        more__csv="name,host,unit,profile\nflat_1,10.0.0.1,2,sdm120\nflat_2,10.0.0.2,two,sdm120\n",
    )
    assert faults == ['3 flat_2: unit must be a whole number, not "two"']


def test_a_csv_file_with_an_unknown_column_says_which_is_meant(load: Load) -> None:
    faults = faults_of(load, '[site]\ndevices_from = "more.csv"\n', more__csv="name,hots,profile\n")
    assert 'did you mean "host"?' in faults[0]


FIVE_FAULTS = """\
[site]
nmae = "x"
[connections.hall]
url = "http://10.0.0.5"
timeout = 3
[devices.main]
connection = "hal"
profile = "sdm630"
[devices.second]
host = "10.0.0.7"
profile = "sdm640"
[web]
listen = "127.0.0.1:99999"
"""


def test_a_file_with_five_faults_gets_each_of_them_said(load: Load) -> None:
    faults = "\n".join(faults_of(load, FIVE_FAULTS))
    assert "2 site.nmae: unknown key" in faults
    assert "5 connections.hall.timeout: a duration carries its unit" in faults


def test_faults_that_need_the_whole_file_are_said_together_too(load: Load) -> None:
    faults = "\n".join(
        faults_of(
            load,
            '[connections.hall]\nurl = "http://10.0.0.5"\n'
            '[devices.main]\nconnection = "hall"\nprofile = "sdm630"\n'
            '[devices.second]\nhost = "10.0.0.[9-1]"\nprofile = "sdm640"\n'
            '[web]\nlisten = "127.0.0.1:99999"\n',
        )
    )
    assert "http://" in faults
    assert "backwards" in faults
    assert 'did you mean "sdm630"?' in faults
    assert "web.listen" in faults


def test_the_same_unit_twice_on_one_endpoint_is_a_fault(load: Load) -> None:
    faults = faults_of(load, ONE + ONE.replace("main", "other"))
    assert "is main already" in faults[0]


def test_a_group_without_a_period_says_what_to_add(load: Load) -> None:
    profile = (
        '[profile]\nname = "Mine"\nsources = ["a", "b"]\n'
        '[points.a]\ntable = "holding"\naddress = 0\ntype = "uint16"\ngroup = "rare"\n'
    )
    faults = faults_of(
        load, '[devices.main]\nhost = "10.0.0.5"\nprofile = "./mine.toml"\n', mine__toml=profile
    )
    assert "add [groups.rare] with a period" in faults[0]


def test_a_public_address_gets_a_warning(load: Load) -> None:
    (warning,) = load(ONE.replace("10.0.0.5", "8.8.8.8")).warnings
    assert "8.8.8.8" in warning
    assert "public address" in warning


def test_a_password_is_taken_from_the_environment(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE_PASSWORD", "swordfish")
    plan = load(ONE + '[web]\nlisten = "0.0.0.0:8502"\npassword = "env:PAGE_PASSWORD"\n')
    assert plan.web is not None
    assert plan.web.password == "swordfish"


def test_a_password_that_is_not_in_the_environment_is_a_fault(load: Load) -> None:
    faults = faults_of(load, ONE + '[web]\npassword = "env:NO_SUCH_THING"\n')
    assert "NO_SUCH_THING, which is not set" in faults[0]


def test_a_history_in_no_folder_is_a_fault(load: Load) -> None:
    faults = faults_of(load, ONE + '[history]\npath = "nowhere/history.db"\n')
    assert "does not exist" in faults[0]


def test_history_and_page_can_be_left_out(load: Load) -> None:
    plan = load(ONE + "[history]\nenabled = false\n[web]\nenabled = false\n")
    assert plan.history is None
    assert plan.web is None


def test_a_file_without_devices_says_so(load: Load) -> None:
    assert "has no devices" in faults_of(load, '[site]\nname = "x"\n')[0]


def test_a_size_carries_its_unit(load: Load) -> None:
    plan = load(ONE + '[history]\nmax_size = "2GB"\n')
    assert plan.history is not None
    assert plan.history.max_size == 2_000_000_000
    assert "such as" in faults_of(load, ONE + "[history]\nmax_size = 2000\n")[0]


def test_the_starter_is_a_right_site_file(load: Load) -> None:
    plan = load(starter('The "old" mill', "site.toml"))
    assert plan.name == 'The "old" mill'
    assert [device.name for device in plan.devices] == ["main_meter", "heating"]


CSV = '[site]\ndevices_from = "more.csv"\n[connections.hall]\nurl = "10.0.0.9"\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", 'there is no column "name"'),
        ("name,host,profile\n", "there is no device in"),
        ("name,host,host,profile\na,b,c,sdm120\n", 'the column "host" is there twice'),
        ("name,host,profile,title\na,10.0.0.1,sdm120,Hall, east\n", "1 more cells than there are columns"),
        ('name,host,profile\n"a,10.0.0.1,sdm120\n', "cannot be read: unexpected end of data"),
        (f"name,host,profile\n{'a' * 200_000},b,sdm120\n", "cannot be read: field larger"),
        ("name,host,unit,profile\na,10.0.0.1,\u00b2,sdm120\n", "unit must be a whole number"),
        ("name,host,unit,profile\na,10.0.0.1,300,sdm120\n", "unit must be at most 255, not 300"),
        ("name,host,profile\na,10.0.0.1,sdm121\n", '2 a.profile: there is no profile "sdm121"; did you mean'),
        ("name,connection,profile\na,hal,sdm120\n", 'did you mean "hall"?'),
        ("name,host,profile,label_A\na,10.0.0.1,sdm120,x\n", 'unknown column "label_A"'),
    ],
)
def test_each_mistake_in_a_csv_file_is_a_sentence(load: Load, content: str, said: str) -> None:
    assert said in "\n".join(faults_of(load, CSV, more__csv=content))


def test_a_csv_file_of_a_spreadsheet_is_read_as_it_comes(load: Load) -> None:
    plan = load(CSV, more__csv="\ufeffname\thost \tprofile\n\na\t10.0.0.1\tsdm120\n\t\t\n")
    assert [device.name for device in plan.devices] == ["a"]


def test_faults_of_every_kind_are_said_at_once(load: Load) -> None:
    faults = "\n".join(faults_of(load, FIVE_FAULTS))
    for part in ("nmae", "timeout", "hal", "sdm640", "web.listen"):
        assert part in faults


def test_a_range_that_leaves_the_possible_addresses_is_one_fault(load: Load) -> None:
    (fault,) = faults_of(load, ONE.replace("10.0.0.5", "10.0.0.[250-299]"))
    assert "10.0.0.256" in fault


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[groups.fast]\nperiod = "1ms"\n', 'must be at least "10ms"'),
        ('[groups.fast]\nperiod = "99999d"\n', 'must be at most "366d"'),
        ('[history]\nkeep = "0s"\n', 'must be at least "1m"'),
        ('[history]\nmax_size = "1KB"\n', 'must be from "1MB"'),
        ('[connections.a]\nurl = "10.0.0.7"\ntimeout = "0s"\n', 'must be at least "1ms"'),
        ('[connections.a]\nurl = "http://x"\n', "http"),
        ('[web]\nlisten = "0.0.0.0:80"\n', "5 web.listen: the page would listen on 0.0.0.0"),
        ('[devices.b]\nhost = "10.0.0.6#5"\nprofile = "sdm120"\n', "unit = 5"),
        ('[devices.b]\nhost = "10.0.0.6"\nprofile = "./b.toml"\n', "there is no file"),
        ('[devices.b]\nhost = "10.0.0.6"\nunits = "1,300"\nprofile = "sdm120"\n', "0 to 255, not 300"),
    ],
)
def test_what_cannot_work_is_said_before_it_runs(load: Load, more: str, said: str) -> None:
    assert said in "\n".join(faults_of(load, ONE + more))


def test_a_device_by_its_host_is_treated_as_the_connection_to_that_host_says(load: Load) -> None:
    hall = '[connections.hall]\nurl = "10.0.0.5"\ntimeout = "1s"\nslots = 4\n'
    second = '[devices.second]\nconnection = "hall"\nunit = 2\nprofile = "sdm120"\n'
    for text in (hall + second + ONE, ONE + hall + second):
        link = load(text).links["tcp://10.0.0.5:502"]
        assert (link.timeout, link.slots) == (1.0, 4)


def test_two_connections_to_one_endpoint_with_other_settings_are_a_fault(load: Load) -> None:
    text = '[connections.a]\nurl = "10.0.0.5"\nslots = 2\n[connections.b]\nurl = "tcp://10.0.0.5:502"\n'
    assert "leads to tcp://10.0.0.5:502 as a does" in faults_of(load, ONE + text)[0]


def test_a_connection_that_nobody_uses_gets_a_warning(load: Load) -> None:
    (warning,) = load(ONE + '[connections.spare]\nurl = "10.0.0.9"\n').warnings
    assert warning == "connections.spare is used by no device"


def test_many_public_addresses_share_a_warning(load: Load) -> None:
    (warning,) = load(ONE.replace("10.0.0.5", "8.8.8.[1-9]")).warnings
    assert "and 8 more" in warning


def test_roll_ups_are_kept_as_long_as_the_file_says(load: Load) -> None:
    plan = load(ONE + '[history]\nkeep_rollups = "3650d"\n')
    assert plan.history is not None
    assert plan.history.keep_rollups == 3650 * 86_400
