"""`mbap site`."""

from __future__ import annotations

import json
from pathlib import Path

from mbap.site.load import load_site
from support.program import mbap


def test_init_writes_a_file_that_is_right_as_it_stands(tmp_path: Path) -> None:
    done = mbap("site", "init", "--name", "Hall 3", cwd=tmp_path)
    assert done.returncode == 0
    assert load_site(tmp_path / "site.toml").name == "Hall 3"


def test_init_never_overwrites_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("mine", encoding="utf-8")
    done = mbap("site", "init", cwd=tmp_path)
    assert done.returncode == 2
    assert "--force overwrites it" in done.stderr
    assert (tmp_path / "site.toml").read_text(encoding="utf-8") == "mine"
    assert mbap("site", "init", "--force", cwd=tmp_path).returncode == 0


SERVED = """
[devices.main]
host = "10.0.0.5"
profile = "sdm120"
[devices.sub]
host = "10.0.0.6"
profile = "sdm120"
[server]
"""


def site_with_server(folder: Path) -> None:
    (folder / "site.toml").write_text(SERVED, encoding="utf-8")


def test_map_prints_markdown_and_writes_nothing(tmp_path: Path) -> None:
    site_with_server(tmp_path)
    done = mbap("site", "map", "site.toml", cwd=tmp_path)
    assert done.returncode == 0
    assert "## Unit 2: sub" in done.stdout
    assert "not written yet" in done.stderr
    assert not (tmp_path / "site-map.csv").exists()


def test_map_as_csv_is_what_save_writes_and_more(tmp_path: Path) -> None:
    site_with_server(tmp_path)
    done = mbap("site", "map", "--csv", "--save", "site.toml", cwd=tmp_path)
    written = (tmp_path / "site-map.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith(short) for line, short in zip(done.stdout.splitlines(), written, strict=True))
    assert mbap("site", "map", "site.toml", cwd=tmp_path).stderr == ""


def test_a_profile_is_of_one_unit(tmp_path: Path) -> None:
    site_with_server(tmp_path)
    assert "--unit, one of 1, 2" in mbap("site", "map", "--profile", "site.toml", cwd=tmp_path).stderr
    done = mbap("site", "map", "--profile", "--unit", "2", "site.toml", cwd=tmp_path)
    (tmp_path / "sub.toml").write_text(done.stdout, encoding="utf-8")
    assert mbap("profile", "check", "./sub.toml", cwd=tmp_path).returncode == 0


def test_without_a_server_there_is_no_map(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SERVED.replace("[server]", ""), encoding="utf-8")
    done = mbap("site", "map", "site.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "has no [server]" in done.stderr


def test_schema_is_a_json_schema() -> None:
    schema = json.loads(mbap("site", "schema").stdout)
    assert "devices" in schema["properties"]
    text = json.dumps(schema)
    assert '"null"' not in text
    assert ": null" not in text
