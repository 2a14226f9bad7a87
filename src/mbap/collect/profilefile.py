"""The profile file: its models, and from a file that is right the plain `Profile`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mbap.addresses import Table, parse_reference
from mbap.collect.pointfaults import point_faults, shared_registers, span_of
from mbap.collect.quirksfile import QuirksModel
from mbap.collect.registermap import Kind, Point, Profile
from mbap.filefaults import Path, nearest, suggestion
from mbap.filemodel import Duration, FileModel, Name, load_toml, parse_toml, schema_of
from mbap.values import STRING_ORDERS, TYPES, Encoding
from mbap.values.orders import order_kind
from mbap.values.types import type_facts

TableName = Literal["input", "holding", "coil", "discrete"]
_RESERVED = "comm_"
_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def _type(value: str) -> str:
    type_facts(value)
    return value


def _order(value: str) -> str:
    order_kind(value)
    return value


def _point_order(value: str) -> str:
    return value if value.upper() in STRING_ORDERS else _order(value)


def _sentinel(value: object) -> object:
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or value == "default"):
        raise ValueError('a sentinel is a raw number such as 0x8000, or "default"')
    return value


def _reference(value: str) -> str:
    if parse_reference(value).bit is not None:
        raise ValueError(f'"{value}" names one bit: write the register here, and bit = ... beside it')
    return value


def _forbidden(value: str) -> str:
    parse_range(value)
    return value


def parse_range(text: str) -> tuple[Table, int, int]:
    """Table, first and last address of "holding 100..199" or "coil 7".

    Raises:
        ValueError: it is written otherwise, or goes beyond 65535.
    """
    words = text.split()
    first, dots, last = words[1].partition("..") if len(words) == 2 else ("", "", "")
    if not first.isdecimal() or not (last if dots else "0").isdecimal():
        raise ValueError(f'"{text}" is not a range: write "holding 100..199" or "coil 7"')
    if words[0] not in get_args(TableName):
        raise ValueError(f'"{words[0]}" is not a table{suggestion(words[0], get_args(TableName))}')
    start, end = int(first), int(last or first)
    if end < start or end > 0xFFFF:
        raise ValueError(f'"{text}": a range rises, and ends at 65535 at most')
    return Table(words[0]), start, end


_TypeName = Annotated[str, AfterValidator(_type), WithJsonSchema({"type": "string", "enum": list(TYPES)})]
_Order = Annotated[str, AfterValidator(_order), WithJsonSchema({"type": "string", "enum": list(_ORDERS)})]
_PointOrder = Annotated[
    str,
    AfterValidator(_point_order),
    WithJsonSchema({"type": "string", "examples": [*_ORDERS, *STRING_ORDERS]}),
]
_Sentinel = Annotated[
    Any, BeforeValidator(_sentinel), WithJsonSchema({"anyOf": [{"type": "number"}, {"const": "default"}]})
]
_Reference = Annotated[str, AfterValidator(_reference)]
_Range = Annotated[str, AfterValidator(_forbidden), Field(examples=["holding 100..199"])]
_Text = Annotated[str, Field(min_length=1)]


class HeadModel(FileModel):
    """`[profile]`: what the device is."""

    # Needed, but with a default: without it the points could not be checked when it is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: str = ""
    """What people call it: maker and model."""
    manufacturer: str = ""
    description: str = ""
    sources: list[_Text] = Field(default_factory=list)
    """Where the addresses come from: two that are independent make a profile trustworthy."""
    word_order: _Order = "ABCD"
    """For the whole device: ABCD, CDAB (registers exchanged), BADC (bytes exchanged) or DCBA (both)."""


class ReadModel(FileModel):
    """`[read]`: what must be known to read the device well."""

    largest: int = Field(default=125, ge=1, le=125)
    """Registers in one read."""
    largest_bits: int = Field(default=2000, ge=1, le=2000)
    """Coils or discrete inputs in one read."""
    gap: int = Field(default=10, ge=0, le=124)
    """Unwanted registers that are worth reading over to save a request."""
    gap_bits: int = Field(default=128, ge=0, le=1999)
    """The same for bits."""
    forbidden: list[_Range] = Field(default_factory=list)
    """What no read may touch: "holding 100..199", "coil 7"."""
    pause: Duration = 0.0
    """Between two requests."""
    connect_pause: Duration = 0.0
    """After connecting."""
    timeout: Duration | None = None
    """For one attempt; not given: the connection's."""


class PointModel(FileModel):
    """`[points.NAME]`: one named quantity."""

    table: TableName | None = None
    address: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None
    """Zero-based, as on the wire."""
    reference: _Reference | None = None
    """A PLC reference, "40108", instead of table and address."""
    type: _TypeName | None = None
    """uint16 when not given, bool with a bit; none in a table of bits."""
    word_order: _PointOrder | None = None
    length: Annotated[int, Field(ge=1, le=125)] | None = None
    """Registers of a text."""
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    """One bit of a register; 0 is the lowest."""
    scale: float = 1.0
    """value = raw * scale + offset."""
    offset: float = 0.0
    sentinels: list[_Sentinel] = Field(default_factory=list)
    """Raw values that mean "no value"."""
    unit: str = ""
    """The engineering unit."""
    description: str = ""
    group: Name = "default"
    """Points of a group are read together, as often as the site file says."""
    kind: Literal["gauge", "counter", "state", "bits"] | None = None
    states: dict[str, _Text] = Field(default_factory=dict)
    """Names of the values of a state."""
    bits: dict[str, _Text] = Field(default_factory=dict)
    """Names of the bits of a bit field."""
    low: float | None = None
    """Below this a value is bad."""
    high: float | None = None
    """Above this a value is bad."""
    writable: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """The lowest and the highest value that may be written."""
    key: bool = False
    """One of the few values that an overview shows."""
    overlap: bool = False
    """It may share registers with other points."""

    def place(self) -> tuple[Table, int]:
        """Table and address, however they were given."""
        if self.reference is not None:
            location = parse_reference(self.reference)
            return location.table, location.address
        return Table(self.table or "holding"), self.address or 0

    def encoding(self, word_order: str) -> Encoding | None:
        """How it lies in registers; None in a table of bits.

        Raises:
            ValueError: the parts do not go together.
        """
        if self.place()[0].holds_bits:
            return None
        return Encoding(
            self.type or ("uint16" if self.bit is None else "bool"),
            self.word_order or word_order,
            self.scale,
            self.offset,
            self.length,
            self.bit,
            tuple(self.sentinels),
        )

    def point(self, name: str, word_order: str) -> Point:
        """The plain point; only for a model without faults."""
        table, address = self.place()
        return Point(
            name=name,
            table=table,
            address=address,
            encoding=self.encoding(word_order),
            unit=self.unit,
            description=self.description,
            group=self.group,
            kind=self.kind_meant(),
            states={int(number, 0): text for number, text in (self.states or self.bits).items()},
            low=self.low,
            high=self.high,
            writable=None if self.writable is None else (self.writable[0], self.writable[1]),
            key=self.key,
        )

    def kind_meant(self) -> Kind:
        """The kind said, or the one that its states or bits say."""
        if self.kind is not None:
            return Kind(self.kind)
        return Kind.STATE if self.states else Kind.BITS if self.bits else Kind.GAUGE


class ProfileModel(FileModel):
    """A device profile: what a kind of device has in its registers, and how it wants to be read."""

    model_config = ConfigDict(json_schema_extra={"required": ["profile", "points"]})

    profile: HeadModel = HeadModel()
    read: ReadModel = ReadModel()
    quirks: QuirksModel = QuirksModel()
    points: dict[Name, PointModel] = Field(default_factory=dict, json_schema_extra={"minProperties": 1})

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        """What is wrong within points, of points with the reads, and between points."""
        misspelled = any(path[0] == "profile" and nearest(str(path[-1]), ["name"]) for path in dropped)
        if not self.profile.name and not misspelled:
            yield ("profile", "name"), "is missing: what people call the device"
        if not self.points and not any(path[0] == "points" for path in dropped):
            yield ("points",), "there is none: a profile has at least one, [points.NAME]"
        yield from self._quirk_faults()
        order, spans = self.profile.word_order, []
        for name, model in self.points.items():
            if name.startswith(_RESERVED):
                yield ("points", name), f"names with {_RESERVED} are kept for the communication counters"
            faults = point_faults(model, order, self.limits(), self.forbidden())
            yield from ((("points", name, *path), text) for path, text in faults)
            if span := span_of(name, model, order):
                spans.append(span)
        yield from ((("points", name), text) for name, text in shared_registers(spans))

    def _quirk_faults(self) -> Iterator[tuple[Path, str]]:
        """What is wrong between quirks, and between them and the reads."""
        read, quirks = self.read, self.quirks
        if quirks.only_fc6 and quirks.only_fc16:
            yield ("quirks", "only_fc16"), "with only_fc6 it leaves no function code to write with"
        for key, quirk in (("largest", "largest_read"), ("largest_bits", "largest_bits")):
            most = getattr(quirks, quirk)
            if most and key in read.model_fields_set and getattr(read, key) > most:
                yield (
                    ("read", key),
                    f"is more than the {most} of quirks.{quirk}: leave one of them out",
                )
        for key in ("gap", "gap_bits"):
            if quirks.no_gaps and key in read.model_fields_set and getattr(read, key):
                yield (
                    ("read", key),
                    "with quirks.no_gaps no read goes over a gap: leave one of them out",
                )

    def limits(self) -> Mapping[bool, int]:
        """The largest read, by whether the table holds bits."""
        read, quirks = self.read, self.quirks
        return {
            False: min(read.largest, quirks.largest_read or read.largest),
            True: min(read.largest_bits, quirks.largest_bits or read.largest_bits),
        }

    def forbidden(self) -> tuple[tuple[Table, int, int], ...]:
        """Table, first and last of the ranges that no read may touch."""
        return tuple(parse_range(text) for text in self.read.forbidden)

    def to_profile(self, name: str) -> Profile:
        """The plain profile."""
        head, read = self.profile, self.read
        return Profile(
            name=name,
            title=head.name,
            points=tuple(model.point(key, head.word_order) for key, model in self.points.items()),
            manufacturer=head.manufacturer,
            description=head.description,
            sources=tuple(head.sources),
            largest=read.largest,
            largest_bits=read.largest_bits,
            gap=read.gap,
            gap_bits=read.gap_bits,
            forbidden=self.forbidden(),
            pause=read.pause,
            connect_pause=read.connect_pause,
            timeout=read.timeout,
            quirks=self.quirks.applied_to(),
        )


def read_profile(path: FilePath) -> Profile:
    """The profile in the file at *path*, named after the file.

    Raises:
        FileFaults: everything that is wrong with it.
    """
    return load_toml(path, ProfileModel).to_profile(path.stem)


def parse_profile(text: str, name: str) -> Profile:
    """The profile that the TOML *text* is, under *name*.

    Raises:
        FileFaults: everything that is wrong with it.
    """
    return parse_toml(text, ProfileModel, f"{name}.toml").to_profile(name)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a profile file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema_of(ProfileModel)}
