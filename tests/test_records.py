"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any, ClassVar

import pytest

from mbap import records
from mbap.records import Record, fresh


class Pause(Record):
    """Two fields, one with a default."""

    unit: int
    seconds: float = 1.0
    kind: ClassVar[str] = "pause"

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ValueError("seconds are not negative")


class Counts(Record, frozen=False):
    """One that can be changed."""

    answers: int = 0


class Notes(Record):
    """One whose default is made anew each time."""

    lines: list[str] = fresh(list[str])


AnyPause: Any = Pause


def test_a_field_is_given_by_place_or_by_name_or_has_its_default() -> None:
    assert Pause(5) == Pause(5, 1.0) == Pause(seconds=1.0, unit=5)


def test_records_differ_by_any_field_and_by_class() -> None:
    assert Pause(5) != Pause(6)
    assert Pause(5) != (5, 1.0)


def test_equal_records_have_one_hash() -> None:
    assert {Pause(5), Pause(5)} == {Pause(5)}


def test_a_record_prints_like_what_makes_it() -> None:
    assert repr(Pause(5)) == "Pause(unit=5, seconds=1.0)"


def test_what_a_class_checks_is_checked() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Pause(5, -1.0)


@pytest.mark.parametrize("arguments", [(), (5, 1.0, 2)])
def test_too_few_and_too_many_values_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="Pause"):
        AnyPause(*arguments)


@pytest.mark.parametrize("named", [{"units": 5}, {"unit": 5}])
def test_a_name_that_is_unknown_or_given_twice_is_refused(named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=next(iter(named))):
        AnyPause(5, **named)


def test_a_field_cannot_be_changed() -> None:
    pause: Any = Pause(5)
    with pytest.raises(AttributeError, match="unit"):
        pause.unit = 6
    with pytest.raises(AttributeError, match="unit"):
        del pause.unit


def test_a_record_that_is_not_frozen_can_be_changed_and_has_no_hash() -> None:
    counts = Counts()
    counts.answers += 1
    assert counts == Counts(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(counts)


def test_setting_a_field_that_may_be_set_is_no_call_into_python() -> None:
    assert Counts.__setattr__ is object.__setattr__
    assert Counts.__delattr__ is object.__delattr__


def test_replace_gives_the_record_with_other_values() -> None:
    assert records.replace(Pause(5), seconds=2.0) == replace(Pause(5), seconds=2.0)
    assert type(records.replace(Counts(1), answers=2)) is Counts
    with pytest.raises(TypeError, match="units"):
        records.replace(Pause(5), units=6)
    with pytest.raises(ValueError, match="not negative"):
        records.replace(Pause(5), seconds=-1.0)


def test_a_record_below_another_has_its_fields_too() -> None:
    class Same(Pause):
        pass

    class Named(Pause):
        name: str = ""

    assert Same(5, 2.0).seconds == 2.0
    assert repr(Same(5)).endswith("Same(unit=5, seconds=1.0)")
    assert asdict(Named(5, name="x")) == {"unit": 5, "seconds": 1.0, "name": "x"}
    with pytest.raises(ValueError, match="not negative"):
        Named(5, -1.0)


def test_nothing_can_be_added_to_a_record() -> None:
    counts: Any = Counts()
    with pytest.raises(AttributeError):
        counts.questions = 1


def test_a_fresh_default_is_made_for_each_record() -> None:
    Notes().lines.append("one")
    assert Notes() == Notes([])
    assert replace(Notes(["two"])) == Notes(["two"])
    assert [one.default_factory for one in fields(Notes)] == [list[str]]
    assert str(inspect.signature(Notes)) == "(lines: 'list[str]' = <factory>) -> None"


def test_a_record_survives_copying_and_pickling() -> None:
    assert pickle.loads(pickle.dumps(Pause(5, 2.0))) == copy.deepcopy(Pause(5, 2.0)) == Pause(5, 2.0)


def test_what_dataclasses_offers_works_with_records() -> None:
    assert replace(Pause(5), seconds=2.0) == Pause(5, 2.0)
    assert asdict(Pause(5)) == {"unit": 5, "seconds": 1.0}
    assert [one.name for one in fields(Pause)] == ["unit", "seconds"]
    assert is_dataclass(AnyPause)


def test_its_signature_says_how_it_is_made() -> None:
    assert str(inspect.signature(Pause)) == "(unit: 'int', seconds: 'float' = 1.0) -> None"
