"""The screen of `mbap watch`: draws a `View`, takes keys, and asks the device in the background."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import textual.app  # before rich, so that the extra that is missing is named
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.widgets import Input, Static

from mbap.cli.connecting import Asking
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.tables import many
from mbap.cli.watch import grid
from mbap.cli.watchdialogs import Help, Question
from mbap.cli.watchtext import steps_for, trouble
from mbap.cli.watchview import View
from mbap.cli.watchwriting import carried_out, question, writing_of
from mbap.client.asynchronous import AsyncClient
from mbap.client.events import LinkState
from mbap.client.typed import Writing
from mbap.diagnose.watcher import Watcher
from mbap.diagnose.watching import Row, next_order, next_type, retyped
from mbap.values import Encoding

DRAWN = 0.25
"""Seconds between two looks at the ages of values."""
STATES: Final = {
    LinkState.UP: "connected",
    LinkState.DOWN: "not connected",
    LinkState.CONNECTING: "connecting",
    LinkState.BACKING_OFF: "offline, tried again soon",
}


class WatchScreen(textual.app.App[int]):
    """The whole screen; `until_ended` runs it to its end and gives the exit code."""

    CSS = """
    #table { height: 1fr; width: 100%; }
    #line { display: none; height: 1; border: none; padding: 0; }
    #line.asked { display: block; }
    #line > .input--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
    #line > .input--selection { background: ansi_default; color: ansi_default; text-style: reverse; }
    Screen { background: ansi_default; color: ansi_default; }
    ModalScreen { align: center middle; background: ansi_default; }
    .box { width: auto; max-width: 100%; height: auto; max-height: 100%; border: solid ansi_default;
           background: ansi_default; color: ansi_default; }
    .text { width: auto; max-width: 100%; height: auto; padding: 1 2; }
    .keys { width: auto; height: auto; padding: 0 2; }
    .small .box { border: none; }
    .small .text, .small .keys { padding: 0; }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None  # keys are for the table, until the line is asked for
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "end(0)", "end"),
        ("ctrl+c", "end(130)", "end"),
        ("t", "type(1)", "next type"),
        ("T", "type(-1)", "type before"),
        ("o", "order", "next order"),
        ("e", "edit", "type in words"),
        ("space", "pause", "pause"),
        ("s", "sort", "sort"),
        ("slash", "filter", "filter"),
        ("w", "write", "write"),
        ("question_mark,h,f1", "help", "help"),
        ("up,k", "move(-1)", "up"),
        ("down,j", "move(1)", "down"),
        ("pageup", "page(-1)", "page up"),
        ("pagedown", "page(1)", "page down"),
        ("home,g", "move(-100000)", "first"),
        ("end,G", "move(100000)", "last"),
    ]

    def __init__(
        self,
        asking: Asking,
        rows: Sequence[Row],
        every: float,
        times: int | None = None,
        *,
        may_write: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Only the terminal's own colours, which fit its background. Said here as well as by the theme: where
        # NO_COLOR is set, this decides whether colours are left out or turned into black on black.
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._device: AsyncClient = asking.async_client()
        self._unit = self._device.number
        self._every, self._times, self._clock = every, times, clock
        self._may_write, self._deadline = may_write, asking.deadline
        self.watcher = Watcher(self._device, rows, asking.deadline, clock)
        self._where = f"{asking.endpoint} unit {self._unit}"
        title = f"{self._where} every {every:g}s"
        steps = steps_for(getattr(sys.__stdout__, "encoding", None), os.environ.get("TERM", ""))
        self.view = View(rows, title, steps)
        self._table = Static(id="table", markup=False)
        self._answered: Callable[[str], None] | None = None
        self._going = asyncio.Event()
        self._going.set()

    async def until_ended(self) -> int:
        """Run until q; gives the exit code."""
        try:
            return await self.run_async() or 0
        finally:
            await self._device.aclose()

    def compose(self) -> textual.app.ComposeResult:
        """The table, and the line that takes words."""
        yield self._table
        yield Input(id="line", compact=True)

    def on_mount(self) -> None:
        """Begin to ask."""
        self.set_interval(DRAWN, self.draw)
        self.run_worker(self._ask())
        self.draw()

    async def _ask(self) -> None:
        code: int = ExitCode.OK
        async for _ in grid(self._every, self._times):
            await self._going.wait()
            await self.watcher.round()
            if self.watcher.error is not None:
                code = code or exit_code(self.watcher.error) or ExitCode.FAILED
            self.draw()
        self.exit(code)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.draw()

    def draw(self) -> None:
        """Draw the view as it is now."""
        if len(self.screen_stack) != 1 or not self._table.is_attached:
            return  # a box lies over it, through which it would show; or it ends
        width, height = self.size.width, self.size.height - (self._answered is not None)
        lines = self.view.lines(width, max(height, 6), self._clock(), self._status(), self._trouble())
        self._table.update(
            Text("\n").join(Text(line.text, style=line.look.value, no_wrap=True) for line in lines)
        )

    def _status(self) -> str:
        watcher = self.watcher
        if not watcher.rounds:
            return "asking"
        latency = "" if watcher.latency is None else f" {watcher.latency * 1000:.1f} ms"
        failed = f" {watcher.failures} failed" if watcher.failures else ""
        return f"{STATES[self._device.state]}{latency} {many(watcher.rounds, 'round')}{failed}"

    def _trouble(self) -> str:
        return "" if self.watcher.error is None else trouble(self.watcher.error)

    # --- keys ---

    def action_end(self, code: int) -> None:
        """End with this exit code."""
        self.exit(code)

    def action_move(self, by: int) -> None:
        """Choose another row."""
        self.view.message = ""
        self.view.move(by, self._clock())
        self.draw()

    def action_page(self, by: int) -> None:
        """Choose a row a page away."""
        self.action_move(by * max(self.size.height - 6, 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves as the arrows do."""
        self.action_move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves as the arrows do."""
        self.action_move(-1)

    def action_type(self, step: int) -> None:
        """The next type, or the one before."""
        self._reread(lambda row: next_type(row, step))

    def action_order(self) -> None:
        """The next order of bytes."""
        self._reread(next_order)

    def action_edit(self) -> None:
        """Take a type in words."""
        row = self.view.chosen_row(self._clock())
        if row is not None:
            self._take_words(
                f"type of {row.place}: ", row.kind, lambda kind: self._reread(lambda r: retyped(r, kind))
            )

    def action_pause(self) -> None:
        """Stop asking, or go on."""
        self.view.paused = not self.view.paused
        self._going.clear() if self.view.paused else self._going.set()
        self.view.message = (
            "paused: nothing is asked until space is pressed again" if self.view.paused else ""
        )
        self.draw()

    def action_sort(self) -> None:
        """Sort by something else."""
        self.view.next_sort()
        self.draw()

    def action_filter(self) -> None:
        """Take words to filter by."""
        self._take_words("filter: ", self.view.words, self._filter)

    def _filter(self, words: str) -> None:
        self.view.words, self.view.message = words.strip(), ""

    def action_help(self) -> None:
        """Show what each key does."""
        self.push_screen(Help())

    def action_write(self) -> None:
        """Take a value for the chosen row."""
        row = self.view.chosen_row(self._clock())
        if not self._may_write:
            self._say("read-only: start with --write to be able to write")
        elif row is not None:
            self._take_words(
                f"write to {row.place} ({row.kind}): ", "", lambda text: self._confirm(row, text)
            )

    def _confirm(self, row: Row, text: str) -> None:
        try:
            plan = writing_of(row, text)
        except ValueError as wrong:
            self._say(str(wrong))
            return
        self.push_screen(Question(question(row, plan, self._where)), lambda yes: self._decided(plan, yes))

    def _decided(self, plan: Writing, yes: bool | None) -> None:
        if yes:
            self.run_worker(self._write(plan))
        else:
            self._say(f"nothing was written to {plan.item.text}")

    async def _write(self, plan: Writing) -> None:
        self._say(f"writing to {plan.item.text} ...")
        self._say(await carried_out(self._device, plan, self._deadline))

    def _reread(self, choose: Callable[[Row], Encoding]) -> None:
        row = self.view.chosen_row(self._clock())
        if row is None:
            return
        try:
            row.reread(choose(row))
        except ValueError as wrong:
            self._say(str(wrong))
            return
        self.watcher.plan()
        self._say(f"{row.place} is read as {row.kind}")

    def _say(self, message: str) -> None:
        self.view.message = message
        self.draw()

    # --- the line that takes words ---

    def _take_words(self, label: str, value: str, answered: Callable[[str], None]) -> None:
        line = self.query_one("#line", Input)
        self._answered = answered
        line.value, line.placeholder = value, label
        line.add_class("asked")
        line.focus()
        self._say(label + "Enter takes it, Escape leaves it")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Words were given."""
        answered = self._answered
        self._close_line()
        if answered is not None:
            answered(event.value)
        self.draw()

    def on_key(self, event: events.Key) -> None:
        """Escape leaves the line."""
        if event.key == "escape" and self._answered is not None:
            self._close_line()
            self._say("")

    def _close_line(self) -> None:
        self._answered = None
        line = self.query_one("#line", Input)
        line.remove_class("asked")
        self.set_focus(None)
        self.view.message = ""
