"""Exchanges as a capture has them: one as it is wanted, or any, most of them like one that was before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from mbap.diagnose.capture import Captured, decoded


def exchange(time: int, pdu: str, answer: str) -> Captured:
    asked = bytes.fromhex(pdu)
    made = Captured(time, "10.0.0.5", 40_000, "10.0.0.9", 502, 1, 1, decoded(asked), asked)
    made.response = bytes.fromhex(answer)
    return made


ADDRESS, COUNT, WORD = st.integers(253, 256), st.integers(1, 3), st.integers(0, 2)
"""Around where a page of `Seen` ends."""


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


@st.composite
def pdus(draw: st.DrawFn, codes: Sequence[int]) -> tuple[bytes, bytes]:
    """A request and its answer, of few addresses and values: most touch what another touches."""
    code, at, count = draw(st.sampled_from(codes)), draw(ADDRESS), draw(COUNT)
    values = words(*draw(st.lists(WORD, min_size=count, max_size=count)))
    bits, head = bytes([1, draw(st.integers(0, 2**count - 1))]), bytes([code]) + words(at, count)
    if code in (1, 2):
        return head, bytes([code]) + bits
    if code in (3, 4):
        return head, bytes([code, 2 * count]) + values
    if code == 5:
        return (echo := bytes([code]) + words(at, draw(st.sampled_from([0, 0xFF00])))), echo
    if code == 6:
        return (echo := bytes([code]) + words(at) + values[:2]), echo
    if code == 22:
        return (echo := bytes([code]) + words(at, draw(WORD), draw(WORD))), echo
    if code == 15:
        return head + bits, head
    if code == 16:
        return head + bytes([2 * count]) + values, head
    written = draw(st.lists(WORD, min_size=1, max_size=2))
    into = words(draw(ADDRESS), len(written)) + bytes([2 * len(written)]) + words(*written)
    return head + into, bytes([code, 2 * count]) + values


ANSWERED = st.sampled_from(["well"] * 8 + ["refused", "cut", "empty", "not"])


@st.composite
def exchanges(draw: st.DrawFn) -> list[Captured]:
    """A few different ones, again and again."""
    codes = draw(st.sampled_from([(1, 5, 15), (3, 6, 16, 22, 23), (1, 2, 3, 4, 5, 6)]))
    known = st.sampled_from(draw(st.lists(pdus(codes), min_size=1, max_size=6)))
    steps = draw(st.lists(st.tuples(known, ANSWERED, st.sampled_from([1] * 9 + [2])), max_size=60))
    made = []
    for time, ((pdu, answer), how, unit) in enumerate(steps):
        response = {"refused": bytes([pdu[0] | 0x80, 2]), "cut": answer[:-1], "empty": b"", "not": None}
        one = Captured(time, "10.0.0.5", 40_000, "10.0.0.9", 502, unit, 1, decoded(pdu), pdu)
        one.response = response.get(how, answer)
        made.append(one)
    return made
