"""`mbap shell`: from a pipe, and with somebody at the prompt."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

import mbap
from mbap import Call, Client, Device, Units
from mbap.cli.shellsession import Session
from mbap.errors import GatewayTargetFailedToRespond
from mbap.protocol.pdu import Request
from support import peers
from support.commandline import CommandLine, Outcome
from support.program import mbap as program

R = TypeVar("R")
Shell = Callable[..., Outcome]


@pytest.fixture
def device() -> Device:
    return Device(holding_registers=[20, 21, 0x4148, 0], coils=[True, False])


@pytest.fixture
def url(device: Device) -> Iterator[str]:
    with mbap.serving(Units({1: device, 3: Device(holding_registers=[7])}), "tcp://127.0.0.1:0") as url:
        yield url


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str) -> Shell:
    run = CommandLine(capsys, monkeypatch)

    def call(*lines: str, options: tuple[str, ...] = ()) -> Outcome:
        return run("shell", url, *options, given="".join(f"{line}\n" for line in lines).encode())

    return call


class Typed:
    """Somebody at the prompt: types lines, raises what is an exception, answers questions."""

    asks = True

    def __init__(self, *lines: str | type[BaseException], answer: str = "") -> None:
        self._lines = list(lines)
        self._answer = answer
        self.prompts: list[str] = []
        self.questions: list[str] = []

    def line(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self._lines:
            raise EOFError
        one = self._lines.pop(0)
        if isinstance(one, str):
            return one
        raise one

    def sure(self, question: str) -> bool:
        self.questions.append(question)
        return self._answer == "y"


def session(url: str, typed: Typed) -> int:
    with Client(url) as client:
        return Session("plc", client, typed).run()


# --- from a pipe ---


def test_reading_prints_a_table(shell: Shell) -> None:
    done = shell("read hr0..1 hr2:float32 co0")
    assert done.out.splitlines() == [
        "reference  address  value",
        "40001      hr0      20",
        "40002      hr1      21",
        "40003      hr2      12.5",
        "00001      co0      on",
    ]
    assert (done.code, done.err) == (0, "")


def test_the_exit_code_is_that_of_the_last_error(shell: Shell) -> None:
    assert shell("read hr900", "frobnicate", "read hr0").code == 2
    assert shell("frobnicate", "read hr900", "read hr0").code == 5


def test_an_error_does_not_end_the_lines(shell: Shell) -> None:
    done = shell("frobnicate", "read hr0")
    assert "error: there is no command 'frobnicate'" in done.err
    assert "40001" in done.out


def test_quit_ends_before_the_lines_do(shell: Shell) -> None:
    assert shell("quit", "read hr0").out == ""


def test_empty_lines_and_comments_are_nothing(shell: Shell) -> None:
    assert shell("", "  ", "# read hr0") == Outcome(0, "", "")


def test_from_a_pipe_nothing_is_written_unless_it_was_allowed(shell: Shell, device: Device) -> None:
    done = shell("write hr0=5")
    assert (done.code, device.holding_registers[0]) == (2, 20)
    assert "--yes allows it from a pipe" in done.err


def test_with_yes_a_pipe_writes_and_reads_back(shell: Shell, device: Device) -> None:
    done = shell("write hr0=5 co1=on", options=("--yes",))
    assert "40001      hr0      5      read back, the same" in done.out
    assert (done.code, device.holding_registers[0], device.coils[1]) == (0, 5, True)


def test_what_cannot_be_written_writes_nothing_at_all(shell: Shell, device: Device) -> None:
    assert shell("write hr0=5 hr1=x", options=("--yes",)).code == 2
    assert device.holding_registers[0] == 20


def test_unit_and_order_hold_for_the_lines_that_follow(shell: Shell) -> None:
    done = shell("unit 3", "read hr0", "unit 1", "order cdab", "read hr2:float32", "unit", "order")
    values = [line.split()[-1] for line in done.out.splitlines() if line.startswith("4")]
    assert values[0] == "7"
    assert values[1] != "12.5"
    assert done.out.endswith("unit 1\norder CDAB\n")


def test_as_json_each_line_that_gives_data_is_one_object(shell: Shell) -> None:
    lines = (
        "read hr0..1",
        "write hr0=5",
        "unit 3",
        "order CDAB",
        "units 3",
        "decode 000100000006030300000001",
    )
    done = shell(*lines, options=("--yes", "--json"))
    read, written, unit, order, present, *frame = (line for line in done.out.splitlines())
    assert [one["value"] for one in json.loads(read)["items"][0]["values"]] == [20, 21]
    assert json.loads(written)["writes"][0]["verified"] is True
    assert (json.loads(unit), json.loads(order)) == ({"unit": 3}, {"order": "CDAB"})
    assert json.loads(present) == {"unit": 3, "answer": "answers"}
    assert json.loads("".join(frame))
    assert done.code == 0


def test_as_json_what_cannot_be_read_is_in_the_object_and_the_exit_code(shell: Shell) -> None:
    done = shell("read hr500", options=("--json",))
    assert "exception 02" in json.loads(done.out)["items"][0]["error"]
    assert done.code == 5


def test_units_that_answer_are_listed(shell: Shell) -> None:
    assert shell("units 1..4").out.splitlines() == ["unit   1  answers", "unit   3  answers"]


def test_where_no_unit_answers_that_is_said(shell: Shell) -> None:
    assert shell("units 5..6").out == "none of 2 units answered: units N..M asks others\n"


class Counting(Device):
    """Nobody, as a gateway says, who counts how often that is said."""

    asked = 0

    def handle(self, call: Call[Any]) -> Any:
        self.asked += 1
        raise GatewayTargetFailedToRespond


def test_a_unit_that_is_not_there_is_asked_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Counting()
    with mbap.serving(Units({}, unknown=gone), "tcp://127.0.0.1:0") as url:
        done = CommandLine(capsys, monkeypatch)("shell", url, given=b"units 5..7\n")
    assert "none of 3 units answered" in done.out
    assert gone.asked == 3


def test_types_lists_every_type(shell: Shell) -> None:
    out = shell("types").out
    assert all(name in out for name in ("float32", "bcd64", "string/N"))


def test_decode_explains_a_frame(shell: Shell) -> None:
    assert "holding register 107" in shell("decode 00 01 00 00 00 06 01 03 00 6b 00 03").out


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("read", "read takes items"),
        ("write", "write takes items with values"),
        ("read hr0:float99", "float99"),
        ('read "hr0', "no closing quotation"),
        ("unit 300", "units are 0 to 255"),
        ("unit 1..3", "unit takes one number"),
        ("unit 1 2", "unit takes one number"),
        ("units 5..1", "units are 0 to 255"),
        ("order XYZ", "is no order"),
        ("order AB CD", "order takes one"),
        ("types now", "types takes nothing"),
        ("decode", "decode takes the bytes"),
        ("decode -", "decode takes the bytes"),
        ("decode --frobnicate", "--frobnicate"),
        ("decode xyz", "xyz"),
        ("help frobnicate", "there is no command"),
        ("hr0..3", "did you mean read hr0..3?"),
        ("40108:float32", "did you mean read 40108:float32?"),
        ("hr0=5", "did you mean write hr0=5?"),
        ("help read write", "help takes one command"),
        ("raed hr0", "did you mean read?"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_exit_2(shell: Shell, line: str, complaint: str) -> None:
    done = shell(line)
    assert done.code == 2
    assert complaint in done.err
    assert "Traceback" not in done.err


def test_nobody_there_is_exit_3_and_the_lines_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CommandLine(capsys, monkeypatch)
    done = run("shell", f"127.0.0.1:{peers.free_port()}", "--retries", "0", given=b"read hr0\ntypes\n")
    assert done.code == 3
    assert "refused" in done.err
    assert "float32" in done.out


def test_a_real_pipe_has_no_prompt_and_no_escapes(url: str) -> None:
    script = f"echo 'read hr0' | {sys.executable} -m mbap shell {url}"
    if os.name != "posix":
        pytest.skip("needs a shell")
    import subprocess

    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "reference  address  value\n40001      hr0      20\n"
    assert (done.returncode, done.stderr) == (0, "")
    assert program("shell", "--help").returncode == 0


# --- at the prompt ---


def test_the_prompt_names_device_and_unit(url: str) -> None:
    typed = Typed("unit 3", "quit")
    session(url, typed)
    assert typed.prompts == ["plc unit 1> ", "plc unit 3> "]


def test_a_write_is_shown_in_both_notations_before_it_is_asked_about(
    url: str, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = Typed("write hr0=5 co1=on", answer="y")
    session(url, typed)
    out = capsys.readouterr().out
    assert out.startswith(
        "5 to unit 1, holding register 0 (reference 40001)\non to unit 1, coil 1 (reference 00002)\n"
    )
    assert typed.questions == ["write? [y/N] "]
    assert device.holding_registers[0] == 5


def test_a_write_that_is_not_confirmed_is_not_sent(
    url: str, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert session(url, Typed("write hr0=5", answer="n")) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert device.holding_registers[0] == 20


def test_ctrl_c_cancels_and_ctrl_d_ends(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    session(url, Typed(KeyboardInterrupt, "read hr0", EOFError))
    said = capsys.readouterr()
    assert "cancelled; quit or Ctrl-D ends" in said.err
    assert "40001" in said.out


class Interrupted(Client):
    """A client during whose writes somebody presses Ctrl-C."""

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        if request.function_code != 3:
            raise KeyboardInterrupt
        return super().execute(request, deadline=deadline)


def test_a_write_that_is_cancelled_may_have_been_carried_out(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Interrupted(url) as client:
        made = Session(url, client, Typed("write hr0=1", "read hr0", answer="y"))
        assert made.run() == 7
    said = capsys.readouterr()
    assert "error: cancelled: hr0 may have been written, or not; read the value back" in said.err
    assert "40001" in said.out
