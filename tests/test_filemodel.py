"""Models of TOML files: every fault at once, each with its place and in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any

import pytest
from pydantic import Field

from mbap.filefaults import Path
from mbap.filemodel import (
    Duration,
    FileFaults,
    FileModel,
    Name,
    load_toml,
    parse_toml,
    read_toml,
    schema_of,
)


class Link(FileModel):
    url: str
    timeout: Duration = 3.0


class Device(FileModel):
    link: str
    unit: int = Field(default=1, ge=0, le=255)


class Site(FileModel):
    name: str = ""
    links: dict[Name, Link] = Field(default_factory=dict)
    devices: dict[Name, Device] = Field(default_factory=dict)

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        for name, device in self.devices.items():
            if device.link not in self.links and ("links", device.link) not in dropped:
                yield ("devices", name, "link"), f'no link "{device.link}"'


def faults(text: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        parse_toml(text, Site, "site.toml")
    return str(caught.value).splitlines()


def test_a_right_file_becomes_its_model() -> None:
    site = parse_toml('[links.a]\nurl = "x"\ntimeout = "500ms"\n[devices.d]\nlink = "a"\n', Site)
    assert (site.links["a"].timeout, site.devices["d"].unit) == (0.5, 1)


def test_an_unknown_key_names_the_nearest() -> None:
    assert faults('nam = "x"') == ['site.toml:1 nam: unknown key; did you mean "name"?']


def test_an_unknown_key_deep_down_knows_its_own_table() -> None:
    text = '[links.a]\nurl = "x"\n[devices.d]\nlink = "a"\nunti = 3\n'
    assert faults(text) == ['site.toml:5 devices.d.unti: unknown key; did you mean "unit"?']


def test_a_misspelled_key_is_not_reported_as_missing_too() -> None:
    assert faults('[links.a]\nurll = "x"\n') == ['site.toml:2 links.a.urll: unknown key; did you mean "url"?']


def test_a_missing_key_is_on_the_line_of_its_table() -> None:
    assert faults('\n[links.a]\ntimeout = "1s"\n') == ["site.toml:2 links.a.url: is missing"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('unit = "3"', 'unit: must be a whole number, not "3"'),
        ("unit = true", "unit: must be a whole number, not true"),
        ("unit = 256", "unit: must be at most 255, not 256"),
        ("unit = -1", "unit: must be at least 0, not -1"),
    ],
)
def test_a_wrong_value_is_said_in_words(line: str, message: str) -> None:
    text = f'[links.a]\nurl = "x"\n[devices.d]\nlink = "a"\n{line}\n'
    assert faults(text) == [f"site.toml:5 devices.d.{message}"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", 'a duration carries its unit: write "5s" or "5ms"'),
        ('"5 apples"', "'5 apples' is not a duration"),
        ("[]", 'a duration is text such as "500ms" or "3s", not a list'),
    ],
)
def test_a_duration_needs_its_unit(value: str, message: str) -> None:
    (line,) = faults(f'[links.a]\nurl = "x"\ntimeout = {value}\n')
    assert line.startswith(f"site.toml:3 links.a.timeout: {message}")


def test_a_name_that_is_none_gets_a_better_one() -> None:
    (line,) = faults('[links.Main-Hall]\nurl = "x"\n')
    assert line.endswith('begins with a letter; write "main_hall"')


def test_every_fault_is_reported_at_once_in_the_order_of_lines() -> None:
    lines = faults('[devices.d]\nlink = "hal"\nunit = 300\n[devices.e]\nlink = "hall"\n[links.l]\nurl = 5\n')
    assert [line.split(" ", 2)[:2] for line in lines] == [
        ["site.toml:3", "devices.d.unit:"],
        ["site.toml:5", "devices.e.link:"],
        ["site.toml:7", "links.l.url:"],
    ]


def test_what_only_follows_from_another_fault_is_not_complained_about() -> None:
    assert faults('[links.a]\nurl = 5\n[devices.d]\nlink = "a"\n') == [
        "site.toml:2 links.a.url: must be text in quotes, not 5"
    ]


def test_an_unknown_key_does_not_hide_faults_of_its_entry() -> None:
    assert len(faults('[devices.d]\nlink = "nowhere"\nfoo = 1\n')) == 2


def test_what_is_not_toml_names_line_and_column() -> None:
    assert faults("a = 1\nb = = 2\n") == ["site.toml:2: is not TOML: Invalid value (column 5)"]


def test_what_is_there_twice_names_both_lines() -> None:
    assert faults('[links.a]\nurl = "x"\n[links.a]\nurl = "y"\n') == [
        "site.toml:3 links.a: is there twice; it is on line 1 already"
    ]


def test_a_missing_file_is_one_fault(tmp_path: FilePath) -> None:
    with pytest.raises(FileFaults, match=r"nowhere\.toml: cannot be read: "):
        load_toml(tmp_path / "nowhere.toml", Site)


def test_a_file_that_is_no_text_is_one_fault(tmp_path: FilePath) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(FileFaults, match=r"is not UTF-8 text \(byte 8\)"):
        load_toml(path, Site)


def test_a_byte_order_mark_is_no_harm(tmp_path: FilePath) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbfname = 'x'")
    assert load_toml(path, Site).name == "x"


def test_the_schema_has_durations_as_text_and_no_null() -> None:
    class Options(FileModel):
        wait: Duration = 1.5
        limit: Duration | None = None

    schema: dict[str, Any] = schema_of(Options)
    wait, limit = schema["properties"]["wait"], schema["properties"]["limit"]
    assert (wait["type"], wait["default"]) == ("string", "1.5s")
    assert limit["type"] == "string"
    assert "null" not in str(schema)


def test_a_bound_of_a_duration_is_shown_as_a_duration() -> None:
    class Group(FileModel):
        period: Annotated[Duration, Field(ge=0.01)]

    with pytest.raises(FileFaults) as caught:
        parse_toml('period = "1ms"', Group)
    assert 'must be at least "10ms", not "1ms"' in str(caught.value)


def test_what_is_right_of_a_wrong_file_can_be_had_for_further_checks(tmp_path: FilePath) -> None:
    (tmp_path / "site.toml").write_text(
        'name = "x"\n[devices.a]\nlink = "l"\nunit = 300\n[links.l]\nurl = "u"\n', encoding="utf-8"
    )
    file = read_toml(tmp_path / "site.toml", Site)
    assert file.model is not None
    assert (list(file.model.links), list(file.model.devices)) == (["l"], [])
    assert [fault.line for fault in file.faults] == [4]
    assert file.lines.line(("links", "l", "url")) == 6
