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


def test_schema_is_a_json_schema() -> None:
    schema = json.loads(mbap("site", "schema").stdout)
    assert "devices" in schema["properties"]
    assert "null" not in json.dumps(schema)
