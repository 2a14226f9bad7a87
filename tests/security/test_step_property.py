"""Whatever is sent at once, answered, refused or lost: a limited value never jumps further than it may."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.pdu import MaskWriteRegister, ReadHoldingRegisters, WriteSingleRegister
from mbap.protocol.wire import Registers
from mbap.security.ledger import Ledger
from support.policies import allowing, judged

STEP = 5
POLICY = allowing(
    'points = "p"',
    'function = ["read", "write"]',
    rest=f"[points.p]\naddress = 5\nmax_step = {STEP}\nbits = 0x00FF",
)

Write = WriteSingleRegister | MaskWriteRegister
VALUES = st.sampled_from([0, 4, 5, 8, 10])
WRITES = st.one_of(
    st.builds(WriteSingleRegister, st.just(5), VALUES),
    st.builds(MaskWriteRegister, st.just(5), st.sampled_from([0xFFFE, 0xFFF0, 0]), VALUES),
)
ACTIONS = st.one_of(
    st.tuples(st.just("send"), WRITES),
    st.tuples(st.sampled_from(["carry out", "refuse", "lose"]), st.none()),
    st.tuples(st.just("read"), st.none()),
)


def becomes(value: int, write: Write) -> int:
    if isinstance(write, WriteSingleRegister):
        return write.value
    return value & write.and_mask | write.or_mask & ~write.and_mask & 0xFFFF


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, min_size=4, max_size=20), st.just(4))
def test_a_value_never_jumps_further_than_one_step(
    actions: list[tuple[str, Write | None]], value: int
) -> None:
    ledger = Ledger(POLICY)
    open_writes: list[tuple[Write, int]] = []
    for action, write in actions:
        if action == "send" and write is not None:
            if judged(POLICY, write, ledger=ledger).passes:
                open_writes.append((write, ledger.sent(1, write)))
        elif action == "read" and not open_writes:
            read = ReadHoldingRegisters(5, 1)
            ledger.answered(1, read, Registers.of((value,)), ledger.sent(1, read))
        elif open_writes and action != "read":
            # A device carries out what it gets in order; an answer may be lost whether it did or not.
            oldest, number = open_writes.pop(0)
            if action != "refuse":
                assert abs(becomes(value, oldest) - value) <= STEP
                value = becomes(value, oldest)
            if action == "carry out":
                ledger.answered(1, oldest, None, number)
            else:
                ledger.failed(1, oldest, number)
