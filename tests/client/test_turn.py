"""mbap.client.turn."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mbap.client.turn import Turn, Visit

PATIENCE = 10.0


def for_long() -> float:
    return PATIENCE


def not_at_all() -> float:
    return 0.0


def nothing() -> None:
    pass


def wait_until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(1000):
        if true():
            return
        waited.wait(0.01)
    raise AssertionError("it never came")


def test_who_comes_alone_has_it_at_once_and_is_asked_for_no_patience() -> None:
    turn, seen = Turn(), list[bool]()

    def unasked() -> float:
        raise AssertionError("nobody else is here")

    assert turn.hold(Visit(1), unasked, lambda: seen.append(turn.is_mine))
    assert seen == [True]
    assert not turn.is_mine


def test_the_most_urgent_goes_first_and_then_who_waits_longest() -> None:
    turn, order = Turn(), list[str]()
    threads: list[threading.Thread] = []

    def enter(name: str, urgency: int) -> None:
        visit = Visit(urgency, jobs=1)
        threads.append(threading.Thread(target=turn.hold, args=(visit, for_long, lambda: order.append(name))))
        threads[-1].start()
        wait_until(lambda: turn.ahead == len(threads))

    def let_others_come() -> None:
        for name, urgency in (("read", 2), ("second read", 2), ("write", 1)):
            enter(name, urgency)

    assert turn.hold(Visit(2), for_long, let_others_come)
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["write", "read", "second read"]


def test_who_has_no_patience_does_not_get_it() -> None:
    turn, got = Turn(), list[bool]()

    def try_it() -> None:
        thread = threading.Thread(target=lambda: got.append(turn.hold(Visit(0), not_at_all, nothing)))
        thread.start()
        thread.join(PATIENCE)

    assert turn.hold(Visit(2), for_long, try_it)
    assert got == [False]
    assert turn.ahead == 0


def test_what_is_raised_gives_it_back() -> None:
    turn = Turn()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn.hold(Visit(1), for_long, interrupted)
    assert turn.hold(Visit(1), not_at_all, nothing)


def test_at_once_it_is_had_where_nobody_else_is_and_given_back() -> None:
    turn = Turn()
    assert turn.at_once(3, None, lambda: (turn.is_mine, turn.ahead)) == (True, 3)
    assert (turn.is_mine, turn.ahead) == (False, 0)


def test_at_once_it_is_not_had_by_who_has_it() -> None:
    turn, got = Turn(), list[str]()
    turn.hold(Visit(1), for_long, lambda: got.append(turn.at_once(1, "not", lambda: "twice")))
    turn.at_once(1, None, lambda: got.append(turn.at_once(1, "not", lambda: "twice")))
    assert got == ["not", "not"]
    assert not turn.is_mine


def test_at_once_it_is_not_had_while_another_has_it() -> None:
    turn, got = Turn(), list[str]()

    def try_it() -> None:
        thread = threading.Thread(target=lambda: got.append(turn.at_once(1, "not", lambda: "had")))
        thread.start()
        thread.join(PATIENCE)

    turn.at_once(1, None, try_it)
    assert got == ["not"]
    try_it()
    assert got == ["not", "had"]


def test_at_once_nobody_goes_before_those_who_wait() -> None:
    turn = Turn()
    turn._waiting[Visit(1)] = None
    assert turn.at_once(1, "not", lambda: "had") == "not"


def test_who_waits_is_let_in_after_one_who_had_it_at_once() -> None:
    turn, order = Turn(), list[str]()
    thread = threading.Thread(target=turn.hold, args=(Visit(1, 1), for_long, lambda: order.append("second")))

    def let_another_come() -> None:
        thread.start()
        wait_until(lambda: turn.ahead == 2)
        order.append("first")

    turn.at_once(1, None, let_another_come)
    thread.join(PATIENCE)
    assert order == ["first", "second"]


def test_what_is_raised_at_once_gives_it_back() -> None:
    turn = Turn()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn.at_once(1, None, interrupted)
    assert turn.at_once(1, "not", lambda: "had") == "had"


def test_one_that_was_interrupted_while_it_waited_is_forgotten() -> None:
    turn = Turn()
    gone = Visit(0, jobs=7)
    gone.awake_until = -1.0
    turn._waiting[gone] = None
    assert turn.hold(Visit(1), not_at_all, nothing)
    assert turn.ahead == 0
