"""Guests: who is let in and who makes room, with guests that are no connections."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from mbap.server.guests import Correspondents, Guests
from mbap.server.handler import Peer
from mbap.server.limits import Limits, ServerStatistics
from mbap.server.seldom import Seldom

CONTROL_ROOM = "192.0.2.1"
OTHERS = "198.51.100.1"
KEEP = ("192.0.2.0/24",)


@dataclass(eq=False)
class FakeGuest:
    peer: Peer
    last_active: float = 0.0
    quiet: bool = True
    ended: bool = False
    served: bool = True

    def abort(self) -> None:
        self.ended = True


def guest(address: str, last_active: float = 0.0, *, quiet: bool = True) -> FakeGuest:
    return FakeGuest(Peer(address, 40_000, "tcp://127.0.0.1:502"), last_active, quiet)


def guests(limits: Limits, counted: ServerStatistics | None = None) -> Guests[FakeGuest]:
    return Guests(limits, counted or ServerStatistics(), Seldom(logging.getLogger("mbap.server")))


def test_h020_others_leave_the_reserved_places_free() -> None:
    here = guests(Limits(max_connections=3, keep=KEEP, reserved=2))
    here.admit(guest(OTHERS))
    assert not here.has_room(OTHERS)
    for _ in range(2):
        assert here.has_room(CONTROL_ROOM)
        here.admit(guest(CONTROL_ROOM))
    assert not here.has_room(CONTROL_ROOM)


def test_h020_a_reserved_place_that_is_taken_is_not_held_free_a_second_time() -> None:
    here = guests(Limits(max_connections=3, keep=KEEP, reserved=1))
    for address in (CONTROL_ROOM, OTHERS):
        here.admit(guest(address))
    assert here.has_room(OTHERS)


def test_h020_one_that_left_is_held_free_again() -> None:
    here = guests(Limits(max_connections=2, keep=KEEP, reserved=1))
    kept = guest(CONTROL_ROOM)
    here.admit(kept)
    here.admit(guest(OTHERS))
    here.forget(kept)
    here.forget(kept)
    assert not here.has_room(OTHERS)
    assert here.has_room(CONTROL_ROOM)


def test_who_is_kept_may_take_other_places_too() -> None:
    here = guests(Limits(max_connections=3, keep=KEEP, reserved=1))
    for _ in range(3):
        assert here.has_room(CONTROL_ROOM)
        here.admit(guest(CONTROL_ROOM))


def test_h021_of_those_that_are_quiet_the_longest_makes_room_and_nobody_who_is_kept() -> None:
    counted = ServerStatistics()
    here = guests(Limits(max_connections=4, when_full="drop_idle", keep=KEEP), counted)
    kept, busy, longest, later = (
        guest(CONTROL_ROOM, 1.0),
        guest(OTHERS, 2.0, quiet=False),
        guest(OTHERS, 3.0),
        guest(OTHERS, 4.0),
    )
    for one in (later, kept, busy, longest):
        here.admit(one)
    assert here.has_room(OTHERS)
    assert [one.ended for one in (kept, busy, longest, later)] == [False, False, True, False]
    assert (counted.dropped, len(here)) == (1, 3)


def test_h021_where_all_are_kept_or_busy_the_new_one_is_refused() -> None:
    counted = ServerStatistics()
    here = guests(Limits(max_connections=2, when_full="drop_idle", keep=KEEP), counted)
    here.admit(guest(CONTROL_ROOM))
    here.admit(guest(OTHERS, quiet=False))
    assert not here.has_room(CONTROL_ROOM)
    assert (counted.dropped, counted.refused) == (0, 1)


def test_an_address_has_its_share_also_where_it_is_kept() -> None:
    counted = ServerStatistics()
    here = guests(Limits(max_per_address=1, when_full="drop_idle", keep=KEEP), counted)
    here.admit(guest(CONTROL_ROOM))
    assert not here.has_room(CONTROL_ROOM)
    assert here.has_room("192.0.2.2")
    assert counted.refused_per_address == 1


def test_the_log_says_that_places_are_reserved(caplog: pytest.LogCaptureFixture) -> None:
    here = guests(Limits(max_connections=2, keep=KEEP, reserved=1))
    here.admit(guest(OTHERS))
    here.has_room(OTHERS)
    assert caplog.messages == [f"refused {OTHERS}: 1 are connected, reserved for others: 1"]


def test_of_those_who_send_datagrams_the_one_that_asked_longest_ago_makes_room() -> None:
    here = Correspondents[FakeGuest](
        Limits(max_connections=2), ServerStatistics(), Seldom(logging.getLogger("mbap.server"))
    )
    first, second = guest(OTHERS), guest(OTHERS)
    here.admit(first)
    here.admit(second)
    here.touch(first)
    assert here.has_room(OTHERS)
    assert (first.ended, second.ended) == (False, True)
