"""mbap.server.permission."""

from __future__ import annotations

import pytest

from mbap import (
    MaskWriteRegister,
    Opaque,
    ReadCoils,
    ReadDeviceIdentification,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.server.permission import EVERYTHING, Permission


def test_without_rules_everything_is_permitted() -> None:
    assert EVERYTHING.permits(WriteSingleRegister(0, 1))
    assert EVERYTHING.permits(Opaque(65, b""))


def test_an_empty_list_permits_nothing() -> None:
    assert not Permission([]).permits(ReadCoils(0, 1))


def test_reading_does_not_allow_to_write() -> None:
    permission = Permission(["read"])
    assert permission.permits(ReadHoldingRegisters(0, 125))
    assert permission.permits(ReadDeviceIdentification())
    assert not permission.permits(WriteSingleRegister(0, 1))


def test_writing_does_not_allow_to_read() -> None:
    permission = Permission(["write holding"])
    assert permission.permits(WriteSingleRegister(0, 1))
    assert not permission.permits(ReadHoldingRegisters(0, 1))


def test_a_table_is_that_table_only() -> None:
    permission = Permission(["read input", "write coil"])
    assert permission.permits(ReadInputRegisters(0, 1))
    assert permission.permits(WriteSingleCoil(3, True))
    assert not permission.permits(ReadHoldingRegisters(0, 1))


def test_every_address_of_a_range_has_to_be_allowed() -> None:
    """H126: an address within, a count beyond."""
    permission = Permission(["write holding 100-119"])
    assert permission.permits(WriteMultipleRegisters(100, [0] * 20))
    assert not permission.permits(WriteMultipleRegisters(110, [0] * 11))
    assert not permission.permits(WriteMultipleRegisters(99, [0, 0]))


def test_one_address_is_a_range_of_one() -> None:
    permission = Permission(["write holding 7"])
    assert permission.permits(WriteSingleRegister(7, 1))
    assert not permission.permits(WriteSingleRegister(8, 1))


def test_rules_act_on_access_whichever_function_it_is() -> None:
    """H124: 22 instead of 6, 23 instead of 16."""
    permission = Permission(["read", "write holding 100-119"])
    assert not permission.permits(MaskWriteRegister(5, 0xFF, 1))
    assert not permission.permits(ReadWriteMultipleRegisters(0, 1, 5, [1]))
    assert permission.permits(ReadWriteMultipleRegisters(0, 1, 100, [1]))


def test_read_and_write_of_one_request_both_have_to_be_allowed() -> None:
    assert not Permission(["write holding"]).permits(ReadWriteMultipleRegisters(0, 1, 100, [1]))


def test_a_function_is_allowed_wherever_it_goes() -> None:
    permission = Permission(["function 65", "function 6"])
    assert permission.permits(Opaque(65, b"x"))
    assert permission.permits(WriteSingleRegister(9, 1))
    assert not permission.permits(Opaque(66, b"x"))


def test_read_only_counts_more_than_the_rules() -> None:
    permission = Permission(["write"], read_only=True)
    assert not permission.permits(WriteSingleRegister(0, 1))
    assert not Permission(["function 6"]).but_read_only().permits(WriteSingleRegister(0, 1))


def test_an_unknown_function_counts_as_writing() -> None:
    assert not Permission(read_only=True).permits(Opaque(65, b""))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("look", "is no rule"),
        ("read registers", "is no rule"),
        ("read holding 20-10", "from 20 to 65535"),
        ("read holding 70000", "from 0 to 65535"),
        ("function 200", "from 1 to 127"),
    ],
)
def test_a_wrong_rule_is_refused_in_a_sentence(rule: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Permission([rule])


def test_it_says_what_it_permits() -> None:
    assert str(EVERYTHING) == "everything"
    assert str(Permission(["read", "write coil 1"])) == "read, write coil 1"
    assert str(Permission(read_only=True)) == "read only"
    assert str(Permission([])) == "nothing"


def test_permissions_that_say_the_same_are_equal() -> None:
    assert Permission(["read"]) == Permission(["read"])
    assert hash(Permission(["read"])) == hash(Permission(["read"]))
    assert Permission(["read"]) != Permission(["read"], read_only=True)
