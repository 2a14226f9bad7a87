"""`mbap demo`: the whole program over a simulated plant."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path

from mbap.sinks.base import Series
from mbap.sinks.sqlite import SqliteStore
from support.peers import free_port
from support.program import get_json, mbap, running, until


def test_it_ends_by_itself_and_its_last_line_tells_what_it_did(tmp_path: Path) -> None:
    done = mbap("demo", "--for", "8s", "--no-browser", "--port", "0", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout.splitlines()[-1])
    assert set(totals) == {"reads", "points", "stored", "errors", "lateness_p99_ms"}
    assert totals["points"] > 400
    assert totals["stored"] >= totals["points"]
    assert totals["reads"] > 50
    store = SqliteStore(tmp_path / "history.db", read_only=True)
    assert store.statistics().samples == totals["stored"]
    assert Series("main_meter", "power") in store.latest() or len(store.series()) > 100
    store.close()


def test_its_page_answers_and_ctrl_c_ends_it() -> None:
    with running("demo", "--no-browser", "--port", "0") as program:
        page = program.page()
        until(lambda: len(get_json(f"{page}/api/v1/devices")["devices"]) == 6, "six devices")
        with urllib.request.urlopen(f"{page}/", timeout=5) as answer:
            assert "text/html" in answer.headers["Content-Type"]
        assert program.end() == 0


def test_the_history_goes_with_the_demo_unless_it_is_asked_for() -> None:
    with running("demo", "--no-browser", "--port", "0") as program:
        folder = Path(program.wait_for(r"history: (\S+)")[1]).parent
        assert folder.is_dir()
        program.page()
        program.end()
    assert not folder.exists()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with running("demo", "--no-browser", "--port", "0") as first:
        port = first.page().rsplit(":", 1)[1]
        done = mbap("demo", "--no-browser", "--for", "1s", "--port", port)
        assert done.returncode == 1
        said = f"error: the page cannot listen on 127.0.0.1:{port}: port {port} is taken"
        assert said in done.stderr
        first.end()


def test_without_a_port_a_second_demo_takes_the_next_free_one() -> None:
    with running("demo", "--no-browser") as first, running("demo", "--no-browser") as second:
        assert first.page() != second.page()
        assert (first.end(), second.end()) == (0, 0)


def test_port_and_data_are_used_as_given(tmp_path: Path) -> None:
    port = free_port()
    with running("demo", "--no-browser", "--port", str(port), "--data", str(tmp_path / "new")) as program:
        assert program.page() == f"http://127.0.0.1:{port}"
        assert (tmp_path / "new" / "history.db").exists()
        program.end()


def test_its_devices_answer_other_commands_at_the_ports_that_it_tells() -> None:
    with running("demo", "--no-browser", "--port", "0") as program:
        url = program.wait_for(r"device:  (\S+)  Water tank \(unit 1\)")[1]
        done = mbap("read", url, "hr0", "--csv")
        assert done.returncode == 0, done.stderr
        assert ",1800" in done.stdout
        program.end()


def test_its_devices_take_the_ports_from_the_one_that_was_asked_for() -> None:
    first = free_port()
    with running("demo", "--no-browser", "--port", "0", "--devices", str(first)) as program:
        assert program.wait_for(r"device:  (\S+)  Main meter")[1] == f"tcp://127.0.0.1:{first}"
        assert program.wait_for(r"device:  (\S+)  Heat pump")[1] == f"tcp://127.0.0.1:{first + 4}"
        program.end()


def test_a_device_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = mbap("demo", "--no-browser", "--for", "1s", "--port", "0", "--devices", str(port))
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr


def test_without_ports_for_its_devices_a_second_demo_takes_free_ones() -> None:
    with running("demo", "--no-browser") as first, running("demo", "--no-browser") as second:
        places = {program.wait_for(r"device:  (\S+)  Main meter")[1] for program in (first, second)}
        assert len(places) == 2
        assert (first.end(), second.end()) == (0, 0)
