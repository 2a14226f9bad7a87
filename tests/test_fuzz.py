"""Every fuzz target runs, and what fuzzing found stays right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mbap.filefaults import FileFaults
from mbap.server.devicefile import parse_device_file
from mbap.site.load import load_site
from mbap.transport.endpoint import parse_endpoint
from mbap.values import parse_type

ROOT = Path(__file__).resolve().parents[1]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz.run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_no_target_has_anything_against_its_corpus_and_what_comes_after() -> None:
    done = fuzz("--engine", "seeded", "--executions", "60", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,200 executions, 0 findings" in done.stdout


def test_an_input_can_be_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"hr10")
    done = fuzz("--target", "addresses", "--input", str(path))
    assert (done.returncode, done.stdout) == (0, f"addresses: nothing wrong with {path}\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to end a program with")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_nothing_behind(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz.run", "--engine", "seeded", "--target", "site_file"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("fuzz: seeded")
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith("mbap-fuzz-")
        program.send_signal(number)
        _, said = program.communicate(timeout=20)
    assert program.returncode != 0
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_home_that_does_not_exist_is_a_name_like_any_other(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[site]\nname = "S"\n[history]\npath = "~nobody_of_that_name.db"\n', encoding="utf-8")
    with pytest.raises(FileFaults, match="has no devices"):
        load_site(site)


def test_a_trace_in_a_home_that_does_not_exist_is_one_sentence() -> None:
    text = '[units.1.holding]\n0 = { trace = "~nobody_of_that_name/t.trace" }\n'
    with pytest.raises(FileFaults):
        parse_device_file(text)


@pytest.mark.parametrize("host", ["fe80::1%e::1]th0", "[fe80::1%a b]", "fe80::1%[x"])
def test_a_zone_of_an_address_is_the_name_of_an_interface(host: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_endpoint(host)


@pytest.mark.parametrize("encoding", ["float32", "float64", "float16", "int16"])
def test_a_sentinel_that_no_float_can_hold_is_one_sentence(encoding: str) -> None:
    with pytest.raises(ValueError, match="is no sentinel of"):
        parse_type(f"{encoding},none=1{'0' * 400}")
