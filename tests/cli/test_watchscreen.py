"""The screen of `mbap watch`, with keys pressed and a real device behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from mbap import Device
from mbap.cli.connecting import Asking
from mbap.cli.watchdialogs import HELP
from mbap.cli.watchscreen import WatchScreen
from mbap.cli.watchtext import ASCII
from mbap.diagnose.watching import rows_of
from mbap.errors import NoAnswer
from mbap.server.handler import Call
from mbap.server.server import Server
from support import peers

R = TypeVar("R")

SIZE = (80, 24)


def screen(url: str, *items: str, may_write: bool = False) -> WatchScreen:
    asking = Asking(url, None, 1.0, "lan", None, ())
    return WatchScreen(asking, rows_of(items), 0.05, may_write=may_write)


def text(app: WatchScreen) -> str:
    """The table as it is drawn."""
    return str(app._table.content)


def over(app: WatchScreen) -> str:
    """The box over the table."""
    return str(app.screen.query_one(".text", Static).content)


def seen(app: WatchScreen) -> str:
    """All that is on the terminal."""
    return "\n".join("".join(one.text for one in strip) for strip in app.screen._compositor.render_strips())


class Mute:
    """A device that reads and says nothing to a write."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        if call.request.function_code == 6:
            raise NoAnswer
        return self.device.handle(call)


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await pilot.pause(0.02)


@asynccontextmanager
async def watching(
    device: Device, *items: str, may_write: bool = False
) -> AsyncIterator[tuple[WatchScreen, Pilot[int]]]:
    async with Server("tcp://127.0.0.1:0", device) as server:
        app = screen(server.url, *items, may_write=may_write)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: app.watcher.rounds > 0)
            yield app, pilot
        await app._device.aclose()


def registers() -> Device:
    return Device(holding_registers=[20, 0x4148, 0, 7], coils=[True, False])


async def test_what_went_wrong_is_said_without_the_device_that_the_first_line_names() -> None:
    async with watching(registers(), "hr9") as (app, pilot):
        await until(pilot, lambda: "exc 02" in text(app))
        assert "\nholding register 9 (reference 40010): the device answered with exception 02" in text(app)
        assert text(app).count("127.0.0.1") == 1


async def test_values_appear_and_move() -> None:
    device = registers()
    async with watching(device, "hr0", "co0") as (app, pilot):
        assert "hr0      uint16                  20" in text(app)
        device.holding_registers[0] = 33
        await until(pilot, lambda: "33 ^" in text(app))


async def test_t_and_o_lead_through_types_and_orders() -> None:
    async with watching(registers(), "hr1") as (app, pilot):
        await pilot.press("t", "t", "t", "t")
        await until(pilot, lambda: bool(re.search(r"hr1 +float32 +12\.5 ", text(app))))
        await pilot.press("o")
        assert "hr1 is read as float32,CDAB" in text(app)
        await pilot.press("T")
        assert "int32,CDAB" in text(app)


async def test_e_takes_a_type_in_words() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press("e")
        await pilot.press(*["backspace"] * 10, *"int16", "comma", *"scale", "=", *"0.1", "enter")
        await until(pilot, lambda: " 2.0 " in text(app))


async def test_a_type_that_there_is_not_is_a_sentence() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press("e", "x", "enter")
        assert "'x' is no type" in text(app)
        assert app.watcher.rows[0].kind == "uint16"


async def test_a_bit_has_no_other_type() -> None:
    async with watching(registers(), "co0") as (app, pilot):
        await pilot.press("t")
        assert "co0 is one bit" in text(app)


async def test_space_stops_the_asking_and_lets_it_go_on() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press("space")
        before = app.watcher.rounds
        await pilot.pause(0.5)
        assert app.watcher.rounds <= before + 1  # the one that was on its way
        assert "PAUSED" in text(app)
        await pilot.press("space")
        await until(pilot, lambda: app.watcher.rounds > before)


async def test_a_filter_leaves_rows_out_and_nothing_brings_them_back() -> None:
    async with watching(registers(), "hr0", "co0") as (app, pilot):
        await pilot.press("slash", *"co", "enter")
        assert "\nhr0 " not in text(app)
        assert "1 of 2" in text(app)
        await pilot.press("slash", "backspace", "backspace", "enter")
        assert "\nhr0 " in text(app)


async def test_escape_leaves_a_line_as_it_was() -> None:
    async with watching(registers(), "hr0", "co0") as (app, pilot):
        await pilot.press("slash", *"co", "escape")
        assert "\nhr0 " in text(app)
        await pilot.press("s")
        assert "sorted by changed" in text(app)


async def test_without_write_nothing_can_be_written() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press("w")
        assert "read-only: start with --write to be able to write" in text(app)
        await pilot.press(*"99", "enter", "y")
        assert len(app.screen_stack) == 1


async def test_a_write_is_shown_confirmed_and_read_back() -> None:
    device = registers()
    async with watching(device, "hr0", may_write=True) as (app, pilot):
        await pilot.press("w", *"99", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "Write 99 to holding register 0 (reference 40001)?" in over(app)
        assert "function 6, PDU 06 00 00 00 63" in over(app)
        assert device.holding_registers[0] == 20
        await pilot.press("y")
        await until(pilot, lambda: "was written and read back, the same: 99" in text(app))
        assert device.holding_registers[0] == 99


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_a_write_that_is_not_confirmed_is_not_sent(key: str) -> None:
    device = registers()
    async with watching(device, "hr0", may_write=True) as (app, pilot):
        await pilot.press("w", *"99", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(key)
        await until(pilot, lambda: "nothing was written to hr0" in text(app))
        assert device.holding_registers[0] == 20


async def test_what_cannot_be_written_is_a_sentence() -> None:
    async with watching(registers(), "hr0", "di0", may_write=True) as (app, pilot):
        await pilot.press("w", *"99999", "enter")
        assert "99999" in text(app)
        assert len(app.screen_stack) == 1
        await pilot.press("down", "w", "1", "enter")
        assert "can only be read" in text(app)


async def test_a_write_that_the_device_refuses_says_why() -> None:
    async with watching(registers(), "hr90", may_write=True) as (app, pilot):
        await pilot.press("w", "1", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "not known" in over(app)
        await pilot.press("y")
        said = "hr90:uint16 was not written: the device answered with exception 02"
        await until(pilot, lambda: said in text(app))


async def test_a_write_of_which_nobody_knows_says_so_and_what_to_do() -> None:
    server = Server("tcp://127.0.0.1:0", Mute(registers()))
    async with server:
        app = screen(server.url, "hr0", may_write=True)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: app.watcher.rounds > 0)
            await pilot.press("w", "1", "enter")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            await pilot.press("y")
            await until(pilot, lambda: "writing to hr0:uint16 ..." in text(app))
            await until(pilot, lambda: "nobody knows whether hr0:uint16 was written" in text(app))
            assert "read the value back before writing again" in " ".join(text(app).split())
        await app._device.aclose()


async def test_the_question_is_answered_on_the_smallest_screen() -> None:
    async with watching(registers(), "hr0", may_write=True) as (app, pilot):
        await pilot.resize_terminal(24, 6)
        await pilot.press("w", *"99", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await until(pilot, lambda: "y  write" in seen(app))
        assert "Write 99 to" in seen(app)
        await pilot.press("end")
        await until(pilot, lambda: "now" in seen(app))
        assert "y  write" in seen(app)


async def test_help_that_does_not_fit_can_be_scrolled() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.resize_terminal(60, 12)
        await pilot.press("question_mark")
        await until(pilot, lambda: "choose a" in seen(app))
        await pilot.press("end")
        await until(pilot, lambda: "The trend goes" in seen(app))
        assert "any key closes this" in seen(app)


async def test_the_screen_ends_after_so_many_rounds_with_the_code_of_the_first_error() -> None:
    async with Server("tcp://127.0.0.1:0", registers()) as server:
        for items, code in ((["hr0"], 0), (["hr0", "hr900"], 5)):
            asking = Asking(server.url, None, 1.0, "lan", None, ())
            app = WatchScreen(asking, rows_of(items), 0.05, 2)
            async with app.run_test(size=SIZE) as pilot:
                await until(pilot, lambda app=app: app.return_value is not None)  # type: ignore[misc]
            assert (app.return_value, app.watcher.rounds) == (code, 2)
            await app._device.aclose()


async def test_the_linux_console_gets_a_trend_that_its_font_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert screen("tcp://127.0.0.1:1", "hr0").view.steps == ASCII


async def test_help_names_every_key_and_goes_away() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert over(app) == HELP
        await pilot.press("x")
        await until(pilot, lambda: len(app.screen_stack) == 1)


def test_help_fits_80_by_24() -> None:
    lines = HELP.splitlines()
    assert len(lines) + 5 <= 24
    assert max(map(len, lines)) + 6 <= 80


async def test_a_device_that_dies_is_named_in_words_and_read_again_when_it_returns() -> None:
    port = peers.free_port()
    app = screen(f"tcp://127.0.0.1:{port}", "hr0")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "refused" in text(app))
        assert "offline" in text(app)
        async with Server(f"tcp://127.0.0.1:{port}", registers()):
            await until(pilot, lambda: "good" in text(app))
            assert "refused" not in text(app)
        await until(pilot, lambda: "offline" in text(app))
        assert "  20" in text(app)
    await app._device.aclose()


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
async def test_q_ends_with_0_and_ctrl_c_with_130(key: str, code: int) -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
    assert app.return_value == code


async def test_the_screen_follows_the_size_of_the_terminal() -> None:
    async with watching(registers(), "hr0") as (app, pilot):
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "reference" in text(app))
        assert len(text(app).split("\n")) == 40


async def test_no_colour_is_used_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = screen(f"tcp://127.0.0.1:{peers.free_port()}", "hr0")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "refused" in text(app))
        colours = {
            colour
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
        }
        assert all(one is None or one.is_default for one in colours)
    await app._device.aclose()
