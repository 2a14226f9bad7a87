"""The built-in profiles, and finding one by name or path."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from mbap.addresses import Table
from mbap.collect.plan import plan
from mbap.collect.profiles import ProfileError, load_profile, profile_json_schema, profile_names
from mbap.collect.registermap import Point, Profile
from mbap.protocol.wire import Registers

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "profile-files.md"
METERS = ["sdm120", "sdm630"]

# A register image as such a meter in a house might have it, by the beginning of a point's name.
TYPICAL = {
    "voltage_thd": 2.0,
    "voltage_l1_l2": 400.0,
    "voltage_l2_l3": 400.0,
    "voltage_l3_l1": 400.0,
    "voltage_line": 400.0,
    "voltage": 231.0,
    "current_thd": 12.0,
    "power_factor": -0.97,
    "phase_angle": 12.0,
    "frequency": 49.98,
}


def typical(point: Point) -> float:
    return next((value for start, value in TYPICAL.items() if point.name.startswith(start)), 100.0)


def image(profile: Profile, words_exchanged: bool = False) -> dict[int, int]:
    """The input registers of a meter at work."""
    registers: dict[int, int] = {}
    for point in profile.points:
        assert point.encoding is not None
        words: Sequence[int] = point.encoding.encode(typical(point))
        words = words[::-1] if words_exchanged else words
        registers.update({point.address + index: word for index, word in enumerate(words)})
    return registers


def decoded(profile: Profile, registers: dict[int, int]) -> dict[str, object]:
    values: dict[str, object] = {}
    for block in plan(profile, profile.points):
        wanted = range(block.address, block.address + block.count)
        got, _ = block.decode(Registers.of([registers.get(address, 0) for address in wanted]))
        values |= dict(zip(block.names, got, strict=True))
    return values


REAL = [name for name in profile_names() if not name.startswith("demo_")]


@pytest.mark.parametrize("name", REAL)
def test_usual_values_of_a_real_device_are_within_the_limits(name: str) -> None:
    profile, registers, expected = load_profile(name), dict[int, int](), dict[str, object]()
    for point in profile.points:
        assert point.encoding is not None
        words = point.encoding.encode("A1" if point.encoding.length else usual(point))
        registers |= {point.address + index: word for index, word in enumerate(words)}
        expected[point.name] = point.encoding.decode(words)
    assert decoded(profile, registers) == expected


def usual(point: Point) -> float:
    """A value that the point may have."""
    if point.unit in ("%", "°C") or point.name == "battery_voltage":
        return 50.0
    return typical(point) if point.unit or point.low == -1 else 2.0


@pytest.mark.parametrize(
    ("name", "point", "table", "address", "encoding"),
    [
        ("abb_b23", "voltage_l1", "holding", 0x5B00, "uint32 ABCD 0.1"),
        ("abb_b23", "power", "holding", 0x5B14, "int32 ABCD 0.01"),
        ("abb_b23", "import_energy", "holding", 0x5000, "uint64 ABCDEFGH 0.01"),
        ("em24_ethernet", "import_energy", "input", 0x34, "int32 CDAB 0.1"),
        ("em340", "power", "input", 0x28, "int32 CDAB 0.1"),
        ("pac2200", "import_energy", "holding", 801, "float64 ABCDEFGH 1.0"),
        ("janitza_umg96rm", "voltage_l1", "holding", 19000, "float32 ABCD 1.0"),
        ("finder_7m38", "power", "input", 2536, "float32 ABCD 1.0"),
        ("inepro_pro380", "power", "holding", 0x5012, "float32 ABCD 1.0"),
        ("iem3000", "power", "holding", 3059, "float32 ABCD 1.0"),
        ("sdm230", "power", "input", 12, "float32 ABCD 1.0"),
        ("sdm72dm_v2", "import_power", "input", 1280, "float32 ABCD 1.0"),
        ("deye_sg04lp3", "production_energy", "holding", 534, "uint32 CDAB 0.1"),
        ("sun2000", "power", "holding", 32080, "int32 ABCD 1.0"),
        ("victron_gx", "grid_power_l1", "input", 820, "int16 AB 1.0"),
        ("xy_md02", "temperature", "input", 1, "int16 AB 0.1"),
    ],
)
def test_a_device_has_its_values_where_the_sources_agree(
    name: str, point: str, table: str, address: int, encoding: str
) -> None:
    found = next(one for one in load_profile(name).points if one.name == point)
    lies = found.encoding
    assert lies is not None
    assert (found.table.value, found.address) == (table, address)
    assert f"{lies.type} {lies.order} {lies.scale}" == encoding


def test_the_built_in_profiles_are_listed_by_name() -> None:
    assert {"sdm120", "sdm630", "demo_pump_drive", "demo_tank", "demo_heat_pump"} <= set(profile_names())


@pytest.mark.parametrize("name", profile_names())
def test_every_built_in_profile_loads(name: str) -> None:
    assert load_profile(name).name == name


@pytest.mark.parametrize("name", [name for name in profile_names() if not name.startswith("demo_")])
def test_every_profile_of_a_real_device_names_two_sources(name: str) -> None:
    assert len(set(load_profile(name).sources)) >= 2


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_has_key_points_and_can_be_planned(name: str) -> None:
    profile = load_profile(name)
    assert any(point.key for point in profile.points)
    assert plan(profile, profile.points)


@pytest.mark.parametrize("name", METERS)
def test_every_value_of_a_meter_has_limits(name: str) -> None:
    assert not [p.name for p in load_profile(name).points if p.low is None or p.high is None]


@pytest.mark.parametrize("name", METERS)
def test_a_meter_at_work_decodes_into_plausible_values(name: str) -> None:
    profile = load_profile(name)
    values = decoded(profile, image(profile))
    assert values == {point.name: pytest.approx(typical(point), rel=1e-6) for point in profile.points}


@pytest.mark.parametrize("name", METERS)
def test_exchanged_words_are_noticed_by_the_limits(name: str) -> None:
    profile = load_profile(name)
    values = decoded(profile, image(profile, words_exchanged=True))
    assert values["voltage" if name == "sdm120" else "voltage_l1"] != pytest.approx(231.0)
    assert values["frequency"] is None or values["frequency"] != pytest.approx(49.98)


@pytest.mark.parametrize(
    ("name", "point", "address", "unit"),
    [
        ("sdm630", "voltage_l1", 0, "V"),
        ("sdm630", "current_l3", 10, "A"),
        ("sdm630", "power", 52, "W"),
        ("sdm630", "frequency", 70, "Hz"),
        ("sdm630", "import_energy", 72, "kWh"),
        ("sdm630", "voltage_l1_l2", 200, "V"),
        ("sdm630", "total_energy", 342, "kWh"),
        ("sdm630", "total_reactive_energy_l3", 380, "kvarh"),
        ("sdm120", "voltage", 0, "V"),
        ("sdm120", "current", 6, "A"),
        ("sdm120", "power", 12, "W"),
        ("sdm120", "export_energy", 74, "kWh"),
        ("sdm120", "maximum_current_demand", 264, "A"),
    ],
)
def test_a_meter_has_its_values_where_the_manual_has_them(
    name: str, point: str, address: int, unit: str
) -> None:
    found = next(p for p in load_profile(name).points if p.name == point)
    assert (found.table, found.address, found.unit) == (Table.INPUT_REGISTERS, address, unit)
    assert found.encoding is not None
    assert (found.encoding.type, found.encoding.order) == ("float32", "ABCD")


@pytest.mark.parametrize(("name", "reads"), [("sdm630", 4), ("sdm120", 4)])
def test_a_whole_meter_takes_few_reads(name: str, reads: int) -> None:
    profile = load_profile(name)
    assert len(plan(profile, profile.points)) == reads


def test_the_example_in_the_documentation_is_right(tmp_path: Path) -> None:
    text = REFERENCE.read_text(encoding="utf-8").split("```toml\n", 1)[1].split("```", 1)[0]
    path = tmp_path / "valve.toml"
    path.write_text(text, encoding="utf-8")
    profile = load_profile(path)
    assert (profile.title, len(profile.points)) == ("Acme valve VX-2", 10)


def test_a_path_is_known_by_its_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(
        '[profile]\nname = "M"\n[points.x]\nreference = "1"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProfileError, match=r"mine\.toml:4 points\.x\.reference"):
        load_profile("mine.toml")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ProfileError, match='there is no profile "sdm36"; did you mean "sdm'):
        load_profile("sdm36")


def test_an_error_lists_all_faults(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[profile]\nnam = 1\n[read]\ngap = -1\n", encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert len(caught.value.faults) == len(str(caught.value).splitlines()) == 3


def test_without_pydantic_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *args: object, **more: object) -> ModuleType:
        if name.partition(".")[0] == "pydantic":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return load(name, *args, **more)  # type: ignore[arg-type]

    for module in ("profilefile", "filemodel", "filesentences"):
        monkeypatch.delitem(sys.modules, f"mbap.collect.{module}", raising=False)
    monkeypatch.delattr("mbap.collect.profilefile", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ProfileError, match=r"^profiles need: pip install 'mbap\[site\]'$"):
        profile_json_schema()


def test_a_file_that_does_not_look_like_a_path_is_named_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meter").write_text("")
    with pytest.raises(ProfileError, match=r"write its path: \./meter\)"):
        load_profile("meter")
