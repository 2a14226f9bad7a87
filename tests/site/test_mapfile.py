"""The map file: what is written is read back, and what is there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.collect.concentratorlayout import Style, extended
from mbap.site.mapfile import map_text, read_map, write_map
from support.concentrating import POINTS, device


@pytest.mark.parametrize("style", [Style(), Style("mirror"), Style("packed", normal=True)])
def test_what_is_written_is_read_back(tmp_path: Path, style: Style) -> None:
    entries = extended([], [device("a"), device("b")], style)
    write_map(tmp_path / "map.csv", entries)
    assert read_map(tmp_path / "map.csv") == (entries, [])


def test_without_a_file_there_are_no_entries(tmp_path: Path) -> None:
    assert read_map(tmp_path / "none.csv") == ([], [])


def test_a_map_grows_without_a_change_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    write_map(path, extended([], [device("a", POINTS[:2])], Style()))
    text = path.read_text(encoding="utf-8").replace("power,40000", "power,40000,,what the pump takes")
    text = text.replace("status\n", "status,reference,description\n")
    path.write_text(text, encoding="utf-8")
    before, faults = read_map(path)
    assert not faults
    write_map(path, extended(before, [device("a"), device("b")], Style()), len(before))
    assert path.read_text(encoding="utf-8").startswith(text)
    assert len(read_map(path)[0]) == 10


def test_what_a_spreadsheet_makes_of_it_is_read(tmp_path: Path) -> None:
    entries = extended([], [device()], Style())
    text = map_text(entries, {}).replace(",", ";")
    (tmp_path / "map.csv").write_text("\ufeff" + text, encoding="utf-8")
    assert read_map(tmp_path / "map.csv") == (entries, [])


def said(tmp_path: Path, *lines: str) -> list[str]:
    path = tmp_path / "map.csv"
    path.write_text("\n".join(("unit,table,address,type,device,point", *lines)), encoding="utf-8")
    return [f"{fault.line} {fault.message}" for fault in read_map(path)[1]]


def test_all_that_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    assert said(
        tmp_path, "1,holding,x,,a,p", "1,holdin,1,,a,q", "1,holding,2,flot32,a,r", "1,coil,1,,a,"
    ) == [
        '2 the address is a whole number, not "x"',
        '3 "holdin" is no table: write coil, discrete, input, holding',
        "4 'flot32' is no type: did you mean float32?",
        "5 the point is missing",
    ]


def test_two_devices_on_one_address_are_said(tmp_path: Path) -> None:
    (message,) = said(tmp_path, "1,holding,0,float32,a,p", "1,holding,1,,b,p")
    assert message == "3 unit 1 holding register 1 (reference 40002) is a.p already"


def test_an_unknown_column_is_said(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("unit,table,adress,device,point\n", encoding="utf-8")
    assert [fault.message for fault in read_map(tmp_path / "map.csv")[1]] == [
        'unknown column "adress"; did you mean "address"?',
        'there is no column "address"',
    ]


def test_a_map_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="without it addresses could change"):
        write_map(tmp_path / "none" / "map.csv", [])
    assert not list(tmp_path.iterdir())
