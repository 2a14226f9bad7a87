"""Arithmetic on other registers, `hr0 * 0.1 + max(ir2, 5)`: parsed once, bounded, and nothing else."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from mbap.addresses import Table
from mbap.filefaults import suggestion

LONGEST = 500
"""Characters of a formula."""
DEEPEST = 40
"""Operations inside of one another."""
TIME = "t"
"""The name of the seconds since the start."""

Place = tuple[Table, int]
Look = Callable[[Place], float]
"""Gives the value at a place, at the moment for which a formula is computed."""
_Compiled = Callable[[float, Look], float]

_TABLES = {
    "hr": Table.HOLDING_REGISTERS,
    "ir": Table.INPUT_REGISTERS,
    "co": Table.COILS,
    "di": Table.DISCRETE_INPUTS,
}
_PLACE = re.compile(r"(hr|ir|co|di)([0-9]{1,5})", re.ASCII)
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # unlike **, it never gives a complex number or one of a million digits
}


def _round(value: float, digits: float = 0.0) -> float:
    return float(round(value, max(-15, min(15, int(digits)))))


_FUNCTIONS: Mapping[str, tuple[Callable[..., float], int, int]] = {
    "min": (min, 2, 10),
    "max": (max, 2, 10),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "sin": (math.sin, 1, 1),
}
"""What may be called, and with how many arguments: at least, at most."""


class Formula:
    """A formula, ready to be computed.

    Attributes:
        text: as it was written.
        places: what it looks at.

    Raises:
        ValueError: *text* is not a formula; one sentence says why.
    """

    __slots__ = ("_compiled", "places", "text")

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"a formula has at most {LONGEST} characters, not {len(text)}")
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"{text!r} is not a formula: write it like hr0 * 0.1 + max(ir2, 5)") from None
        self.text = text
        self.places: frozenset[Place] = frozenset()
        self._compiled = self._compile(tree.body, 0)

    def at(self, seconds: float, look: Look) -> float:
        """The value *seconds* after the start, with what *look* gives for other places.

        Raises:
            ArithmeticError: it cannot be computed, or is not finite.
        """
        try:
            value = self._compiled(seconds, look)
        except ValueError as error:
            raise ArithmeticError(f"{self.text} cannot be computed: {error}") from None
        if not math.isfinite(value):
            raise ArithmeticError(f"{self.text} is {value}")
        return value

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    def _compile(self, node: ast.expr, depth: int) -> _Compiled:
        if depth > DEEPEST:
            raise ValueError(f"it nests more than {DEEPEST} deep")
        if isinstance(node, ast.Constant):
            return _constant(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            operand = self._compile(node.operand, depth + 1)
            return operand if isinstance(node.op, ast.UAdd) else lambda t, look: -operand(t, look)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            combine = _OPERATORS[type(node.op)]
            left, right = self._compile(node.left, depth + 1), self._compile(node.right, depth + 1)
            return lambda t, look: combine(left(t, look), right(t, look))
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise ValueError(f"{ast.unparse(node)!r} is no arithmetic: + - * / // % ** and {_functions()} are")

    def _name(self, name: str) -> _Compiled:
        if name == TIME:
            return lambda t, look: t
        if not (match := _PLACE.fullmatch(name)) or int(match[2]) > 0xFFFF:
            raise ValueError(f"{name!r} is no register: write hr0, ir2, co3 or di4, or t for the seconds")
        place = _TABLES[match[1]], int(match[2])
        self.places |= {place}
        return lambda t, look: look(place)

    def _call(self, node: ast.Call, depth: int) -> _Compiled:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in _FUNCTIONS:
            raise ValueError(f"there is no function {name!r}{suggestion(name, _FUNCTIONS)}")
        function, fewest, most = _FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            how_many = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ValueError(f"{name} takes {how_many} arguments")
        arguments = [self._compile(argument, depth + 1) for argument in node.args]
        return lambda t, look: function(*[argument(t, look) for argument in arguments])


def _constant(node: ast.Constant) -> _Compiled:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise ValueError(f"{node.value!r} is no number")
    try:
        number = float(node.value)
    except OverflowError:
        raise ValueError("a number in it is too large") from None
    return lambda t, look: number


def _functions() -> str:
    return ", ".join(_FUNCTIONS)
