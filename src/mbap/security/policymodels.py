"""The models of a policy file, as it is written; `policyfile` makes the policy of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mbap.addresses import Table
from mbap.filefaults import Path, suggestion
from mbap.filemodel import FileModel
from mbap.security.accesses import Ranges, parse_ranges, parse_references
from mbap.security.functions import GROUPS, NAMES, Functions
from mbap.security.policyfaults import network_faults, point_faults, rule_faults
from mbap.security.policytext import TABLE_KEYS, VERSION
from mbap.security.rates import MOST, PER, Per, Rate, parse_rate
from mbap.security.rules import SEVERITIES, Answer, Log, Severity, parse_answer
from mbap.security.schedules import parse_clock, parse_days, time_zone
from mbap.security.sources import NO_ROLE
from mbap.values import TYPES, Encoding
from mbap.values.orders import order_kind

T = TypeVar("T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRINGS: Final = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_RANGES: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\d+(-\d+)?(,\s*\d+(-\d+)?)*$"},
        {"type": "array", "items": {"type": ["integer", "string"]}},
    ]
}


def _texts(value: object) -> tuple[str, ...]:
    """One text, or a list of them."""
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str):
            raise ValueError("is text in quotes, or a list of texts")
    return tuple(texts)


def _words(value: object) -> tuple[str, ...]:
    """The same, where no text may be empty."""
    texts = _texts(value)
    if not texts or "" in texts:
        raise ValueError("is empty")
    return texts


def _roles(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts:
        raise ValueError(f'is an empty list: "{NO_ROLE}" stands for clients without a role')
    return texts


def _numbers(value: object) -> str:
    """Numbers and ranges of them, however they are written, as one text."""
    parts = value if isinstance(value, list) else [value]
    if not parts or any(isinstance(part, bool) or not isinstance(part, (int, str)) for part in parts):
        raise ValueError('is a number, or text such as "0-99,200", or a list of both')
    return ",".join(map(str, parts))


def _functions(value: object) -> Functions:
    parts = value if isinstance(value, list) else [value]
    if not parts or any(isinstance(part, bool) or not isinstance(part, (int, str)) for part in parts):
        raise ValueError('is a number, a name or a group such as "read", or a list of them')
    return Functions(map(str, parts))


def _unit(value: object) -> Ranges | str:
    return "any" if value == "any" else parse_ranges(_numbers(value), 255, "units")


def _addresses(value: object) -> dict[Table, Ranges]:
    if isinstance(value, (str, list)):
        return parse_references(_words(value))
    if not isinstance(value, dict) or not value:
        raise ValueError(
            'is a table by kind of data, { holding = "0-199", coil = "0-31" }, or "40001-40200", "hr0..199"'
        )
    return {_table(key): parse_ranges(_numbers(one), 0xFFFF, "addresses") for key, one in value.items()}


def _table(key: str) -> Table:
    found = TABLE_KEYS.get(key) or TABLE_KEYS.get(key.removesuffix("s"))
    if found is None:
        raise ValueError(f'"{key}" is no table{suggestion(key, TABLE_KEYS)}')
    return found


def _text(parse: Callable[[str], T]) -> Callable[[object], T]:
    """What reads a text with *parse*, which complains about what it says."""

    def read(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError("is text in quotes")
        return parse(value)

    return read


def _days(value: object) -> tuple[int, ...]:
    return parse_days(_words(value))


def _zone(name: str) -> str:
    time_zone(name)
    return name


def _expires(value: object) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("is a date and time with its zone, without quotes: 2027-06-30T18:00:00Z")
    return (value - _EPOCH) // timedelta(microseconds=1)


def _limits_of_values(value: object) -> object:
    if not isinstance(value, list) or any(not isinstance(one, (bool, int, float)) for one in value):
        raise ValueError("is a list of values: [0, 1, 5]")
    return tuple(value)


def _order(value: str) -> str:
    order_kind(value)
    return value


def _type(value: str) -> str:
    if value not in TYPES or TYPES[value].family == "text":
        numbers = [name for name, facts in TYPES.items() if facts.family != "text"]
        raise ValueError(f'"{value}" is no type of numbers{suggestion(value, numbers)}')
    return value


Texts = Annotated[Any, BeforeValidator(_words), WithJsonSchema(_STRINGS)]
Roles = Annotated[Any, BeforeValidator(_roles), WithJsonSchema(_STRINGS)]
UnitRanges = Annotated[Any, BeforeValidator(_unit), WithJsonSchema(_RANGES)]
Span = Annotated[
    Any,
    BeforeValidator(lambda value: parse_ranges(_numbers(value), 0xFFFF, "addresses")),
    WithJsonSchema(_RANGES),
]
AddressTable = Annotated[
    Any,
    BeforeValidator(_addresses),
    WithJsonSchema(
        {"anyOf": [{"type": "object", "properties": dict.fromkeys(TABLE_KEYS, _RANGES)}, _STRINGS]}
    ),
]
FunctionList = Annotated[
    Any,
    BeforeValidator(_functions),
    WithJsonSchema({"anyOf": [{"enum": [*GROUPS, *NAMES]}, {"type": ["integer", "string", "array"]}]}),
]
AnswerText = Annotated[
    Any,
    BeforeValidator(_text(parse_answer)),
    WithJsonSchema({"type": "string", "pattern": "^(exception [0-9A-Fa-f]{1,2}|drop|close|reset)$"}),
]
RateText = Annotated[
    str, AfterValidator(lambda text: str(parse_rate(text))), Field(examples=["50/s", "6/min"])
]
Clock = Annotated[Any, BeforeValidator(_text(parse_clock)), WithJsonSchema({"type": "string"})]
Days = Annotated[Any, BeforeValidator(_days), WithJsonSchema(_STRINGS)]
Expiry = Annotated[Any, BeforeValidator(_expires), WithJsonSchema({"type": "string", "format": "date-time"})]
Values = Annotated[Any, BeforeValidator(_limits_of_values), WithJsonSchema({"type": "array"})]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class DefaultModel(FileModel):
    """`[default]`: what holds where no rule says otherwise."""

    action: Literal["deny"] = "deny"
    """What no rule is about is refused; it cannot be otherwise."""
    answer: AnswerText = Answer()
    """What is refused gets this: "exception 01", "drop", "close" or "reset"."""
    log: Log = "each"
    """How what is refused is written down: none, summary (once a minute), each, values."""
    severity: Severity = "medium"
    lines_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 10
    """So many lines a minute for the same rule, client, unit and function; then their number."""
    unknown_source: Literal["close", "answer"] = "close"
    """`close` ends connections from where no rule allows anything, before they are read."""


class DeviceModel(FileModel):
    """`[devices.NAME]`: what a rule's `to` names."""

    connect: str = ""
    """Its endpoint: 10.2.0.11:502."""
    units: UnitRanges | None = None
    """What it is asked for as; a rule without `unit` is about these."""


class PointModel(FileModel):
    """`[points.NAME]`: a quantity that may be written within limits."""

    table: Literal["holding", "coil"] = "holding"
    address: Span
    """Its zero-based addresses: 100, or "100-103" for two values of two registers."""
    type: Annotated[str, AfterValidator(_type)] | None = None
    """uint16 when not given; none for coils."""
    word_order: Annotated[str, AfterValidator(_order)] | None = None
    scale: Finite = 1.0
    """value = raw * scale + offset; the limits are of the value."""
    offset: Finite = 0.0
    min: Finite | None = None
    max: Finite | None = None
    in_: Values = Field(default=(), alias="in")
    """The only values that may be written."""
    max_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """How far from the last value that was read or written through the firewall."""
    bits: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None
    """Which bits of a register may change."""
    first: Literal["allow", "deny"] = "deny"
    """What becomes of a write while the last value is not known, with max_step or bits."""

    def encoding(self) -> Encoding | None:
        """How a value lies in registers.

        Raises:
            ValueError: the parts do not go together.
        """
        if self.table == "coil":
            return None
        return Encoding(self.type or "uint16", self.word_order or "", self.scale, self.offset)


class ScheduleModel(FileModel):
    """`[schedules.NAME]`: hours of some days."""

    days: Days = tuple(range(7))
    """"mon-fri", ["mon", "sat"]; every day when not given."""
    from_: Clock = Field(default=0, alias="from")
    to: Clock = 24 * 60
    """Itself outside; before `from` it is on the next day."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class SourceModel(FileModel):
    """`from`: who is meant; all that is given has to hold."""

    net: Texts | None = None
    """Names of [networks], networks, addresses."""
    role: Roles | None = None
    """Exact roles of certificates; "" is no role."""
    subject: Texts | None = None
    fingerprint: Texts | None = None
    """SHA-256 in hexadecimal."""
    issuer: Texts | None = None
    listener: Texts | None = None
    """tls://0.0.0.0:802, or only tls."""


class RateModel(FileModel):
    """`rate`: how often."""

    requests: RateText | None = None
    burst: Annotated[int, Field(ge=1, le=MOST)] | None = None
    """So many at once; as many as the rate's number when not given."""
    writes: RateText | None = None
    burst_writes: Annotated[int, Field(ge=1, le=MOST)] | None = None
    per: Per = PER[0]
    """What has a rate of its own: each client's use of each unit, each client, or the rule."""

    def rate(self, kind: Literal["requests", "writes"]) -> Rate | None:
        """One of the two."""
        text, burst = (self.requests, self.burst) if kind == "requests" else (self.writes, self.burst_writes)
        return None if text is None else parse_rate(text, burst)


class RuleModel(FileModel):
    """`[[rules]]`: who may, or may not, do what to which device."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """What the log calls it; unique."""
    comment: str = ""
    ticket: str = ""
    enabled: bool = True
    expires: Expiry | None = None
    """From then on the rule does not hold, and is reported."""
    from_: SourceModel = Field(default=SourceModel(), alias="from")
    to: Texts | None = None
    """Names of [devices]; any when not given."""
    unit: UnitRanges | None = None
    """Numbers, or "any" in so many words: 1 to 255, and 0 too in a rule that denies."""
    function: FunctionList
    """Numbers, 8/0, names, groups: read, write, file, ident, diag-safe, diag-danger, vendor, all, ..."""
    address: AddressTable | None = None
    """By table, zero-based: { holding = "0-199" }; or references: "40001-40200". Anywhere when not given."""
    address_read: AddressTable | None = None
    """Instead of address for what a request reads."""
    address_write: AddressTable | None = None
    """Instead of address for what a request writes."""
    count: Annotated[int, Field(ge=1, le=2000)] | None = None
    """Most addresses of one request."""
    points: Texts | None = None
    """Names of [points]: may be written, within their limits."""
    rate: RateModel = RateModel()
    when: str = ""
    """The name of one of [schedules]."""
    armed: str = ""
    """The name of a maintenance window; the rule holds only while somebody has opened it."""
    action: Literal["allow", "deny", "alert"]
    answer: AnswerText | None = None
    log: Log | None = None
    severity: Annotated[Severity, Field(examples=list(SEVERITIES))] = "medium"


class PolicyModel(FileModel):
    """A policy file."""

    model_config = ConfigDict(json_schema_extra={"required": ["policy"]})

    policy: Literal[1] | None = None
    """The version of this format."""
    name: str = ""
    mode: Literal["enforce", "observe"] = "enforce"
    """observe decides and writes down, and lets everything through."""
    default: DefaultModel = DefaultModel()
    networks: dict[str, Texts] = Field(default_factory=dict)
    devices: dict[str, DeviceModel] = Field(default_factory=dict)
    points: dict[str, PointModel] = Field(default_factory=dict)
    schedules: dict[str, ScheduleModel] = Field(default_factory=dict)
    rules: list[RuleModel] = Field(default_factory=list)

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        """What is missing, what is there twice, what is named and is not there."""
        if self.policy is None and ("policy",) not in dropped:
            yield ("policy",), f"is missing: the version of the format, policy = {VERSION}"
        yield from network_faults(self.networks)
        yield from point_faults(self.points)
        kinds = ("networks", "devices", "points", "schedules")
        names = {kind: tuple(getattr(self, kind)) for kind in kinds}
        units = {name: () if one.units in (None, "any") else one.units for name, one in self.devices.items()}
        first: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            yield from rule_faults(number, rule, names, units, dropped)
            if first.setdefault(rule.id, number) != number:
                yield ("rules", number, "id"), f'"{rule.id}" is the id of rule {first[rule.id] + 1} already'


def one_of(values: Sequence[str] | None) -> tuple[str, ...]:
    """*values*, or none."""
    return tuple(values or ())
