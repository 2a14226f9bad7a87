"""Values with named fields, as `dataclasses` makes them, for what every program loads.

`dataclasses` writes the methods of each class as text and compiles them at every start: a millisecond a
class, and ten for the module itself. Here they are methods of one base class. `dataclasses.replace`, `fields`
and `asdict` work with these, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field
    from inspect import Signature


R = TypeVar("R")
K = TypeVar("K", bound="Record")

_FIELDS = "__dataclass_fields__"
_set = object.__setattr__


class _Fresh:
    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __repr__(self) -> str:
        return "<factory>"


_NEEDED = _Fresh(object)
"""The default of a field that has none."""


def replace(record: K, **changes: Any) -> K:
    """*record* with other values for these fields, as `dataclasses.replace` gives it, without loading that.

    Raises:
        TypeError: there is no such field.
    """
    fields = dict(zip(record.__match_args__, record._values(), strict=True))
    return type(record)(**fields | changes)


def fresh(make: Callable[[], R]) -> R:
    """For the default of a field: what *make* gives, anew for each record."""
    return cast("R", _Fresh(make))


@dataclass_transform(eq_default=True, frozen_default=True)
class _Kind(type):
    """Makes slots of the annotations of a class, and keeps their defaults."""

    _kinds: dict[str, str]
    _defaults: dict[str, Any]
    _rest: tuple[Any, ...]
    _enough: int
    """With so many values given, those of `_rest` stand for the others as they are."""
    __match_args__: tuple[str, ...]

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, frozen: bool = True
    ) -> _Kind:
        annotations = namespace.get("__annotations__", {})
        own = {one: kind for one, kind in annotations.items() if not kind.startswith("ClassVar")}
        kinds: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        namespace.setdefault(_FIELDS, _Fields())  # its own: they are kept in the class
        for base in bases:
            if isinstance(base, _Kind):
                kinds |= base._kinds
                defaults |= base._defaults
        namespace["__slots__"] = tuple(one for one in own if one not in kinds)
        namespace["_kinds"] = kinds = kinds | own
        namespace["_defaults"] = defaults | {one: namespace.pop(one) for one in own if one in namespace}
        namespace["__match_args__"] = names = tuple(kinds)
        namespace["_rest"] = rest = tuple(namespace["_defaults"].get(one, _NEEDED) for one in names)
        made = [at for at, value in enumerate(rest, 1) if isinstance(value, _Fresh)]
        namespace["_enough"] = made[-1] if made else 0
        if not frozen:
            # Both, or setting a field is a call into Python: the interpreter keeps one slot for the two.
            namespace |= {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
            namespace["__hash__"] = None
        return super().__new__(cls, name, bases, namespace)

    @property
    def __signature__(cls) -> Signature:
        from inspect import Parameter, Signature

        kind, kinds = Parameter.POSITIONAL_OR_KEYWORD, cls._kinds
        parameters = [
            Parameter(one, kind, default=cls._defaults.get(one, Parameter.empty), annotation=kinds[one])
            for one in cls.__match_args__
        ]
        return Signature(parameters, return_annotation=None)


class _Fields:
    """What `dataclasses` looks for; made when it does."""

    def __get__(self, instance: object, owner: _Kind) -> dict[str, Field[Any]]:
        from dataclasses import field, make_dataclass

        def described(name: str) -> tuple[str, Any] | tuple[str, Any, Field[Any]]:
            kind = owner._kinds[name]
            if name not in owner._defaults:
                return name, kind
            default = owner._defaults[name]
            if isinstance(default, _Fresh):
                return name, kind, field(default_factory=default.make)
            return name, kind, field(default=default)

        fields = [described(name) for name in owner.__match_args__]
        made: dict[str, Field[Any]] = vars(make_dataclass(owner.__name__, fields))[_FIELDS]
        setattr(owner, _FIELDS, made)
        return made


def _whole(kind: type[Record], values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """The values of all fields of a new *kind*.

    Raises:
        TypeError: there are too few or too many, or a name is wrong.
    """
    names = kind.__match_args__
    if len(values) > len(names):
        raise TypeError(f"{kind.__name__} takes {len(names)} values, not {len(values)}")
    given = dict(zip(names, values, strict=False))
    if wrong := named.keys() & given.keys() or named.keys() - set(names):
        raise TypeError(f"{kind.__name__} takes no {min(wrong)!r}, or takes it once")
    whole = kind._defaults | given | named
    for name in names:
        if name not in whole:
            raise TypeError(f"{kind.__name__} needs {name!r}")
    ordered = [whole[name] for name in names]
    return tuple([value.make() if isinstance(value, _Fresh) else value for value in ordered])


class Record(metaclass=_Kind):
    """A value with the fields that a class below annotates, equal to one with the same; none can be changed.

    With `frozen=False` behind the base class they can be.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__ = _Fields()

    def __init__(self, *values: Any, **named: Any) -> None:
        kind = type(self)
        if not named and kind._enough <= len(values) <= len(kind.__match_args__):
            values += kind._rest[len(values) :]
        else:
            values = _whole(kind, values, named)
        for name, value in zip(kind.__match_args__, values, strict=True):
            _set(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in type(self).__match_args__])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = zip(type(self).__match_args__, self._values(), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()
