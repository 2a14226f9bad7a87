"""The two boxes over the screen of `mbap watch`: help, and the question before a write."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

R = TypeVar("R")

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
The trend goes from the lowest to the highest value that is seen in it."""


SMALL = (44, 16)
"""Below so many characters or lines a box goes without its frame."""
SCROLLS = ("up", "down", "pageup", "pagedown", "home", "end")


class Box(ModalScreen[R]):
    """A box with text that can be scrolled, and below it the keys, which are seen at any size."""

    BINDINGS: ClassVar[list[BindingType]] = [(key, f"scroll('{key}')", "") for key in SCROLLS]

    def __init__(self, text: str, keys: str) -> None:
        super().__init__()
        self.text, self.keys = text, keys

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        with Vertical(classes="box"):
            with VerticalScroll(classes="scrolled", can_focus=False):
                yield Static(self.text, markup=False, classes="text")
            yield Static(self.keys, markup=False, classes="keys")

    def on_mount(self) -> None:
        """Fit it."""
        self._fit()

    def on_resize(self) -> None:
        """Fit it to the terminal."""
        self._fit()

    def _fit(self) -> None:
        width, height = self.app.size
        self.set_class(width < SMALL[0] or height < SMALL[1], "small")

    def action_scroll(self, key: str) -> None:
        """Move the text."""
        move = {
            "up": "scroll_up",
            "down": "scroll_down",
            "pageup": "scroll_page_up",
            "pagedown": "scroll_page_down",
            "home": "scroll_home",
            "end": "scroll_end",
        }
        getattr(self.query_one(".scrolled", VerticalScroll), move[key])(animate=False)


class Help(Box[None]):
    """What each key does; any key that does not scroll closes it."""

    def __init__(self) -> None:
        super().__init__(HELP, "any key closes this")

    def on_key(self, event: Key) -> None:
        """Close it."""
        if event.key not in SCROLLS:
            self.dismiss(None)


class Question(Box[bool]):
    """Asks before something is written: y is yes, n and Escape are no; nothing else is anything."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "yes"),
        ("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(text, "y  write      n  do not")

    def action_answer(self, yes: bool) -> None:
        """Close it with this answer."""
        self.dismiss(yes)
