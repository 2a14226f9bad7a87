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

_FIELDS = "__dataclass_fields__"


class _Fresh:
    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __repr__(self) -> str:
        return "<factory>"


def fresh(make: Callable[[], R]) -> R:
    """For the default of a field: what *make* gives, anew for each record."""
    return cast("R", _Fresh(make))


@dataclass_transform(eq_default=True, frozen_default=True)
class _Kind(type):
    """Makes slots of the annotations of a class, and keeps their defaults."""

    _defaults: dict[str, Any]
    __match_args__: tuple[str, ...]

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, frozen: bool = True
    ) -> _Kind:
        annotations = namespace.get("__annotations__", {})
        names = tuple(one for one, kind in annotations.items() if not kind.startswith("ClassVar"))
        namespace["_defaults"] = {one: namespace.pop(one) for one in names if one in namespace}
        namespace["__slots__"] = namespace["__match_args__"] = names
        if not frozen:
            namespace |= {"__setattr__": object.__setattr__, "__hash__": None}
        return super().__new__(cls, name, bases, namespace)

    @property
    def __signature__(cls) -> Signature:
        from inspect import Parameter, Signature

        kind, kinds = Parameter.POSITIONAL_OR_KEYWORD, cls.__annotations__
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
            kind = owner.__annotations__[name]
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


class Record(metaclass=_Kind):
    """A value with the fields that a class below annotates, equal to one with the same; none can be changed.

    With `frozen=False` behind the base class they can be.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__ = _Fields()

    def __init__(self, *values: Any, **named: Any) -> None:
        names = type(self).__match_args__
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} takes {len(names)} values, not {len(values)}")
        given = dict(zip(names, values, strict=False))
        if wrong := named.keys() & given.keys() or named.keys() - set(names):
            raise TypeError(f"{type(self).__name__} takes no {min(wrong)!r}, or takes it once")
        whole = type(self)._defaults | given | named
        for name in names:
            if name not in whole:
                raise TypeError(f"{type(self).__name__} needs {name!r}")
            value = whole[name]
            object.__setattr__(self, name, value.make() if isinstance(value, _Fresh) else value)
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
