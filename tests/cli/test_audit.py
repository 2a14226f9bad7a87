"""`mbap audit`: verify and show."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path

import pytest

from mbap.security.audit import AuditLog, AuditOptions
from mbap.security.auditfile import Keeping, read_key
from mbap.security.events import Detail, Event
from mbap.server.handler import Peer
from support.commandline import CommandLine
from support.program import running, until

MINUTE = 60_000_000
NOON = 1_770_033_600_000_000  # 2026-02-02T12:00Z


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Four events, the first at noon and one a minute, over several files."""
    path = tmp_path / "audit.jsonl"
    write(
        path,
        event(0, "session_open"),
        event(1, "deny", rule="no-writes", unit=1, func=6, func_name="write single register", table="holding",
              address=100, answer="exception 01", reason="not allowed"),
        event(2, "alert", source="10.2.0.9", unit=2, reason="\x1b[2Jnew\nclient"),
        event(3, "deny", rule="other", unit=2, func=16, quantity=3, address=5, decision="deny"),
    )  # fmt: skip
    return path


def event(minute: int, kind: str, source: str = "10.1.0.5", **details: Detail) -> Event:
    return Event(kind, NOON + minute * MINUTE, Peer(source, 1_024), details)


def write(path: Path, *events: Event, options: AuditOptions | None = None) -> None:
    log = AuditLog(path, options or AuditOptions(Keeping(size=600)), now=lambda: NOON)
    for one in events:
        log(one)
        assert log.flush()
    log.close()


def test_a_whole_trail_is_said_to_be_whole(run: CommandLine, trail: Path) -> None:
    done = run("audit", "verify", str(trail))
    assert (done.code, done.err) == (0, "")
    first, last = done.out.splitlines()
    assert re.fullmatch(r"whole: (\d+) lines, numbers 1 to \1", first)
    assert last.startswith("last digest: ")


def test_the_first_line_that_is_wrong_is_named(run: CommandLine, trail: Path) -> None:
    first = min(trail.parent.glob("audit.0*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b"10.1.0.5", b"10.1.0.6", 1))
    done = run("audit", "verify", str(trail))
    assert done.code == 1
    assert done.out.startswith(f"broken: {first}, line 2: it was changed: its digest is another")
    assert done.out.endswith("; right before it: 1 line\n")


def test_lines_missing_at_the_end_are_said(run: CommandLine, trail: Path) -> None:
    trail.write_bytes(b"".join(trail.read_bytes().splitlines(keepends=True)[:-1]))
    done = run("audit", "verify", str(trail))
    assert done.code == 1
    assert "missing at the end" in done.out


def test_of_copies_it_is_said_that_the_end_is_not_known(run: CommandLine, trail: Path) -> None:
    files = [str(one) for one in (*sorted(trail.parent.glob("audit.0*.jsonl")), trail)]
    done = run("audit", "verify", *files)
    assert done.code == 0
    assert "nothing says where it ends" in done.out
    wrong_order = run("audit", "verify", *reversed(files))
    assert wrong_order.code == 1


def test_older_files_that_are_gone_are_said(run: CommandLine, trail: Path) -> None:
    min(trail.parent.glob("audit.0*.jsonl")).unlink()
    done = run("audit", "verify", str(trail))
    assert done.code == 0
    assert "are not there any more" in done.out


def test_the_outcome_as_json(run: CommandLine, trail: Path) -> None:
    found = json.loads(run("audit", "verify", str(trail), "--json").out)
    assert (found["whole"], found["first"], found["end_known"], found["fault"]) == (True, 1, True, None)


def test_a_trail_with_a_key(run: CommandLine, tmp_path: Path) -> None:
    path, key = tmp_path / "keyed.jsonl", tmp_path / "key"
    key.write_text("0123abcd\n")
    key.chmod(0o600)
    write(path, event(0, "deny"), options=AuditOptions(key=read_key(key)))
    assert run("audit", "verify", str(path)).code == 1
    assert run("audit", "verify", str(path), "--key-file", str(key)).code == 0
    key.write_text("\n")
    done = run("audit", "verify", str(path), "--key-file", str(key))
    assert (done.code, "is empty" in done.err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions of POSIX")
def test_a_key_that_others_can_read_is_refused(run: CommandLine, trail: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123abcd\n")
    key.chmod(0o640)
    done = run("audit", "verify", str(trail), "--key-file", str(key))
    assert done.code == 2
    assert "is a secret, and others may read it: chmod 600" in done.err


@pytest.mark.parametrize("command", ["verify", "show"])
def test_a_trail_that_is_not_there(run: CommandLine, tmp_path: Path, command: str) -> None:
    done = run("audit", command, str(tmp_path / "none.jsonl"))
    assert done.code == 1
    assert "there is no audit trail" in done.err


def shown(run: CommandLine, trail: Path, *options: str) -> list[str]:
    """The rows without the head, and without what the trail says of itself."""
    done = run("audit", "show", str(trail), *options)
    assert (done.code, done.err) == (0, "")
    return [row for row in done.out.splitlines()[1:] if "  audit  " not in row]


def test_the_trail_is_shown_as_a_table(run: CommandLine, trail: Path) -> None:
    rows = shown(run, trail)
    assert len(rows) == 4
    words = rows[1].split()
    assert words[:5] == ["2026-02-02T12:01:00.000Z", "deny", "no-writes", "10.1.0.5", "1"]
    assert "write single register holding 100  exception 01  not allowed" in rows[1]
    assert rows[3].split()[5:] == ["function", "16", "5", "x3", "deny", "-"]


def test_nothing_in_it_acts_on_the_terminal(run: CommandLine, trail: Path) -> None:
    out = run("audit", "show", str(trail)).out
    assert r"\x1b[2Jnew\x0aclient" in out
    assert "\x1b" not in out
    assert "\x1b" not in run("audit", "show", str(trail), "--json").out


@pytest.mark.parametrize(
    ("options", "minutes"),
    [
        (["--event", "deny"], [1, 3]),
        (["--event", "deny", "--event", "alert"], [1, 2, 3]),
        (["--rule", "no-writes"], [1]),
        (["--unit", "2"], [2, 3]),
        (["--from", "10.1.0.0/24"], [0, 1, 3]),
        (["--from", "10.2.0.9"], [2]),
        (["--since", "2026-02-02T12:02"], [2, 3]),
        (["--event", "deny", "--last", "1"], [3]),
        (["--from", "10.1.0.0/24", "--unit", "2"], [3]),
    ],
)
def test_only_what_is_asked_for(
    run: CommandLine, trail: Path, options: list[str], minutes: list[int]
) -> None:
    assert [row[:16] for row in shown(run, trail, *options)] == [f"2026-02-02T12:{one:02}" for one in minutes]


def test_lines_as_json(run: CommandLine, trail: Path) -> None:
    out = run("audit", "show", str(trail), "--json", "--event", "deny").out
    assert [json.loads(line)["rule"] for line in out.splitlines()] == ["no-writes", "other"]


def test_a_network_that_is_none(run: CommandLine, trail: Path) -> None:
    done = run("audit", "show", str(trail), "--from", "plant")
    assert done.code == 2
    assert "plant is neither an address nor a network" in done.err


def test_a_line_that_is_damaged_is_shown_as_such(run: CommandLine, trail: Path) -> None:
    with trail.open("ab") as file:
        file.write(b"rub\x1bbish\n")
    assert r"damaged" in run("audit", "show", str(trail), "--last", "1").out


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_it_follows_over_files_that_are_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, AuditOptions(Keeping(size=600), flood=0))
    with running("audit", "show", str(path), "-f", "--json") as program:
        got: list[int] = []

        def follows() -> bool:
            assert program.process.stdout is not None
            got.append(json.loads(program.process.stdout.readline())["n"])
            log(Event("deny", NOON, None, {"unit": len(got)}))
            return log.flush() and len(got) >= 20

        until(follows, "twenty lines")
        assert got == list(range(1, 21))
        assert program.end(signal.SIGINT) == 130
    log.close()
    assert len(list(tmp_path.glob("audit.0*.jsonl"))) > 2
