"""The two boxes over the screen of `mbap watch`: help, and the question before a write."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

HELP = """\
Keys

  up, down, page up, page down, home, end   choose a row
  t, T      the next type, the one before: uint16, int16, uint32, ...
  o         the next order of bytes: ABCD, CDAB, BADC, DCBA
  e         type in words: float32,CDAB or int16,scale=0.1 or string/8
  space     pause, go on
  s         sort: by address, newest change, value, errors
  /         filter: words of address, reference, type or quality;
            changed: what is marked; bad: what did not come
  w         write to the chosen row, after a question (with --write only)
  q         end

^ v * mark a value that went up, down, or changed, for three seconds.
The trend goes from the lowest to the highest value that is seen in it.

Any key closes this."""


class Help(ModalScreen[None]):
    """What each key does; any key closes it."""

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static(HELP, markup=False, classes="box")

    def on_key(self) -> None:
        """Close it."""
        self.dismiss(None)


class Question(ModalScreen[bool]):
    """Asks before something is written: y is yes, n and Escape are no; nothing else is anything."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "yes"),
        ("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        """The question."""
        yield Static(f"{self.text}\n\n  y  write      n  do not", markup=False, classes="box")

    def action_answer(self, yes: bool) -> None:
        """Close it with this answer."""
        self.dismiss(yes)
