"""The compact form of a policy: one rule a line, words and `KEY=value`.

    HOST hmi=10.1.0.0/24
    ALLOW SRC=hmi DST=plc1 FC=3 REG=0-250
    DENY FC=8 LOG=YES

The first line that fits decides, and what none is about is refused. `REG` is the zero-based address,
in whichever table the function goes to. `docs/reference/policy-files.md` has every key.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mbap.addresses import Table
from mbap.filefaults import Fault, FileFaults, shown, suggestion
from mbap.security.accesses import Ranges, joined, parse_ranges
from mbap.security.functions import Functions
from mbap.security.policy import Policy
from mbap.security.policytext import TABLE_KEYS
from mbap.security.rates import MOST, PER, Limits, Per, parse_rate
from mbap.security.rules import ACTIONS, LOGS, SEVERITIES, Action, Default, Device, Log, Rule, parse_answer
from mbap.security.sources import NO_ROLE, Source
from mbap.server.networks import network_of

if TYPE_CHECKING:
    from mbap.server.networks import Network


W = TypeVar("W", bound=str)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES_OF: Final = {
    1: (Table.COILS,),
    2: (Table.DISCRETE_INPUTS,),
    3: (Table.HOLDING_REGISTERS,),
    4: (Table.INPUT_REGISTERS,),
    5: (Table.COILS,),
    6: (Table.HOLDING_REGISTERS,),
    15: (Table.COILS,),
    16: (Table.HOLDING_REGISTERS,),
    22: (Table.HOLDING_REGISTERS,),
    23: (Table.HOLDING_REGISTERS,),
    24: (Table.HOLDING_REGISTERS,),
}
PROTOCOLS: Final = {
    "modbus": (),
    "mbap": (),
    "any": (),
    "*": (),
    "tcp": ("tcp",),
    "tls": ("tls",),
    "mbaps": ("tls",),
    "udp": ("udp",),
    "rtu": ("rtu", "rtu+tcp"),
}
"""What `PROTO=` may say, and the listeners that are meant; Modbus is what all of them speak."""
ACTION_WORDS: Final = {action.upper(): action for action in ACTIONS}
_FIRST_WORDS: Final = (*ACTION_WORDS, "HOST", "DEFAULT", "MODE")


def parse_compact(text: str, file: str = "the policy") -> Policy:
    """The policy that *text* says; *file* is what faults call it.

    Raises:
        FileFaults: everything that is wrong with it, each with its line.
    """
    reader = _Reader()
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            reader.take(line, number)
        except ValueError as error:
            faults.append(Fault(file, number, "", str(error)))
    policy, more = reader.policy(file)
    if faults or more:
        raise FileFaults(sorted([*faults, *more], key=lambda fault: fault.line))
    return policy


def tables_of(functions: Functions) -> tuple[Table, ...]:
    """The tables to which *functions* go; all of them where they go to none that is known."""
    found = {table for code in functions.codes() for table in _TABLES_OF.get(code, ())}
    return tuple(table for table in Table if table in found) or tuple(Table)


@dataclass
class _Line:
    """One rule as it was read, before names are known."""

    number: int
    action: Action
    keys: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Reads the lines of one policy."""

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._units: dict[str, Ranges] = {}
        self._lines: list[_Line] = []
        self._default = Default()
        self._mode: Any = "enforce"

    def take(self, line: str, number: int) -> None:
        """Take in one line.

        Raises:
            ValueError: it cannot be read; a sentence.
        """
        words = _words(line)
        if not words:
            return
        first = words[0].upper()
        if first == "HOST":
            self._take_host(words[1:])
        elif first == "DEFAULT":
            self._take_default(words[1:])
        elif first == "MODE":
            self._take_mode(words[1:])
        elif first in ACTION_WORDS:
            self._lines.append(_Line(number, ACTION_WORDS[first], _keys(words[1:], _KEYS)))
        else:
            raise ValueError(
                f'a line begins with ALLOW, DENY, ALERT, HOST, DEFAULT or MODE, not "{words[0]}"'
                f"{suggestion(first, _FIRST_WORDS) if len(first) > 2 else ''}"
            )

    def _take_host(self, words: list[str]) -> None:
        if not words:
            raise ValueError("HOST gives a name to addresses: HOST hmi=10.1.0.0/24,10.1.9.7")
        name, _, addresses = words[0].partition("=")
        keys = _keys(words[1:], {"UNIT"})
        nets = tuple(part.strip() for part in addresses.split(",") if part.strip())
        if not name or not nets:
            raise ValueError(f"{shown(words[0])} gives no name to addresses: HOST hmi=10.1.0.0/24,10.1.9.7")
        if name in self._hosts:
            raise ValueError(f'HOST "{name}" is there already')
        for net in nets:
            network_of(net)
        self._hosts[name] = nets
        if "UNIT" in keys:
            self._units[name] = parse_ranges(keys["UNIT"], 255, "units")

    def _take_default(self, words: list[str]) -> None:
        if words and "=" not in words[0] and words.pop(0).upper() != "DENY":
            raise ValueError("what no rule is about is refused: DEFAULT can only be DENY")
        keys = _keys(words, {"ANSWER", "LOG", "SEVERITY", "LINES", "UNKNOWN"})
        default = Default()
        unknown = keys.get("UNKNOWN", default.unknown_source).lower()
        lines = keys.get("LINES", str(default.lines_per_minute))
        if not lines.isdecimal() or not 1 <= int(lines) <= 10_000:
            raise ValueError(f'LINES="{lines}" is a number of lines a minute, 1 to 10000')
        self._default = Default(
            parse_answer(keys["ANSWER"]) if "ANSWER" in keys else default.answer,
            _log(keys["LOG"]) if "LOG" in keys else default.log,
            _one_of(keys.get("SEVERITY", default.severity).lower(), SEVERITIES, "SEVERITY"),
            int(lines),
            "answer" if _one_of(unknown, ("close", "answer"), "UNKNOWN") == "answer" else "close",
        )

    def _take_mode(self, words: list[str]) -> None:
        if len(words) != 1 or words[0].lower() not in ("enforce", "observe"):
            raise ValueError("MODE is ENFORCE or OBSERVE")
        self._mode = words[0].lower()

    # --- the policy ---

    def policy(self, file: str) -> tuple[Policy, list[Fault]]:
        """The policy, and what is wrong with its rules."""
        faults: list[Fault] = []
        rules: dict[str, Rule] = {}
        devices = dict.fromkeys(self._units)
        for line in self._lines:
            try:
                rule = self._rule(line)
                if rule.id in rules:
                    raise ValueError(f'ID="{rule.id}" is there already')
                rules[rule.id] = rule
                devices |= dict.fromkeys(rule.to)
            except ValueError as error:
                faults.append(Fault(file, line.number, "", str(error)))
        networks = self._hosts
        return Policy(
            rules=tuple(rules.values()),
            mode=self._mode,
            default=self._default,
            networks=networks,
            devices={name: self._device(name) for name in devices},
        ), faults

    def _device(self, name: str) -> Device:
        addresses = self._hosts.get(name, ())
        connect = addresses[0] if len(addresses) == 1 and "/" not in addresses[0] else ""
        return Device(connect or (name if _is_address(name) else ""), self._units.get(name, ()))

    def _rule(self, line: _Line) -> Rule:
        keys, denies = line.keys, line.action == "deny"
        functions = Functions(_functions(keys.get("FC", "*")))
        to = () if keys.get("DST", "*") == "*" else _list(keys["DST"], "DST")
        if denies and (wrong := next((one for one in ("COUNT", "RATE", "WRITES") if one in keys), None)):
            raise ValueError(f"{wrong} limits what is allowed, and this rule denies")
        return Rule(
            id=keys.get("ID", f"line-{line.number}"),
            functions=functions,
            action=line.action,
            source=self._source(keys),
            to=to,
            units=self._rule_units(keys, to),
            addresses=None if "REG" not in keys else _registers(keys["REG"], functions),
            count=_number(keys, "COUNT", 2000),
            limits=_limits(keys),
            armed=keys.get("ARMED", ""),
            expires=_expires(keys["EXPIRES"]) if "EXPIRES" in keys else None,
            enabled=_yes(keys.get("ENABLED", "YES"), "ENABLED"),
            answer=parse_answer(keys["ANSWER"]) if "ANSWER" in keys else None,
            log=_log(keys["LOG"]) if "LOG" in keys else None,
            severity=_one_of(keys.get("SEVERITY", "medium").lower(), SEVERITIES, "SEVERITY"),
            comment=keys.get("COMMENT", ""),
            ticket=keys.get("TICKET", ""),
        )

    def _rule_units(self, keys: Mapping[str, str], to: tuple[str, ...]) -> Ranges | None:
        if keys.get("UNIT", "").lower() in ("*", "any"):
            return None
        if "UNIT" in keys:
            return parse_ranges(keys["UNIT"], 255, "units")
        known = [self._units.get(name, ()) for name in to]
        return joined([one for units in known for one in units]) if known and all(known) else None

    def _source(self, keys: Mapping[str, str]) -> Source:
        names = () if keys.get("SRC", "*") == "*" else _list(keys["SRC"], "SRC")
        nets = tuple(net for name in names for net in self._nets(name))
        roles = tuple(NO_ROLE if role == "-" else role for role in ([keys["ROLE"]] if "ROLE" in keys else []))
        return Source(names, nets, roles, listeners=self._listeners(keys))

    def _nets(self, name: str) -> list[Network]:
        if name in self._hosts:
            return [network_of(text) for text in self._hosts[name]]
        try:
            return [network_of(name)]
        except ValueError as error:
            if "/" in name or _is_address(name):
                raise
            near = suggestion(name, self._hosts)
            raise ValueError(f'SRC="{name}" is no host: write HOST {name}=ADDRESS{near}') from error

    @staticmethod
    def _listeners(keys: Mapping[str, str]) -> tuple[str, ...]:
        listeners = _list(keys["LISTENER"], "LISTENER") if "LISTENER" in keys else ()
        if "PROTO" not in keys:
            return listeners
        named = [word.lower() for word in _list(keys["PROTO"], "PROTO")]
        meant = [PROTOCOLS[_one_of(word, tuple(PROTOCOLS), "PROTO")] for word in named]
        return listeners + (tuple(one for some in meant for one in some) if all(meant) else ())


_KEYS: Final = frozenset(
    [
        "SRC",
        "DST",
        "UNIT",
        "FC",
        "REG",
        "ROLE",
        "PROTO",
        "LISTENER",
        "COUNT",
        "RATE",
        "BURST",
        "WRITES",
        "WBURST",
        "PER",
        "ARMED",
        "EXPIRES",
        "ENABLED",
        "ANSWER",
        "LOG",
        "SEVERITY",
        "ID",
        "COMMENT",
        "TICKET",
    ]
)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        raise ValueError("a quotation mark is not closed") from None


def _keys(words: list[str], known: frozenset[str] | set[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key.upper() not in known:
            raise ValueError(f'"{key}" is no key{suggestion(key.upper(), sorted(known))}')
        if not equals or not value:
            raise ValueError(f"{key.upper()} has no value: write {key.upper()}=..., without blanks")
        if key.upper() in keys:
            raise ValueError(f"{key.upper()} is there twice: write all its values behind one, with commas")
        keys[key.upper()] = value
    return keys


def _list(text: str, key: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if "" in parts or "*" in parts:
        raise ValueError(f"{key}={shown(text)} is no list: write names or addresses with commas, or * alone")
    return parts


def _functions(text: str) -> list[str]:
    """`03,05` and `5,6,15`: numbers may begin with 0."""
    return [part.strip().lstrip("0") or part for part in text.split(",")]


def _registers(text: str, functions: Functions) -> dict[Table, Ranges]:
    """`0-250`, of every table that the functions go to; `holding:0-199;coil:0-31`, of some."""
    if ":" not in text:
        ranges = parse_ranges(text, 0xFFFF, "addresses")
        return dict.fromkeys(tables_of(functions), ranges)
    found: dict[Table, Ranges] = {}
    for part in text.split(";"):
        name, _, ranges_of = part.partition(":")
        key = name.strip().lower()
        table = TABLE_KEYS.get(key) or TABLE_KEYS.get(key.removesuffix("s"))
        if table is None or table in found:
            raise ValueError(f'REG: "{name}" is no table, or is there twice{suggestion(key, TABLE_KEYS)}')
        found[table] = parse_ranges(ranges_of, 0xFFFF, "addresses")
    return found


def _limits(keys: Mapping[str, str]) -> Limits:
    for burst, rate in (("BURST", "RATE"), ("WBURST", "WRITES")):
        if burst in keys and rate not in keys:
            raise ValueError(f"{burst} goes with {rate}=, such as {rate}=50/s")
    requests = parse_rate(keys["RATE"], _number(keys, "BURST", MOST)) if "RATE" in keys else None
    writes = parse_rate(keys["WRITES"], _number(keys, "WBURST", MOST)) if "WRITES" in keys else None
    per: Per = _one_of(keys.get("PER", "unit").lower(), PER, "PER")
    return Limits(requests, writes, per)


def _number(keys: Mapping[str, str], key: str, most: int) -> int | None:
    text = keys.get(key)
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ValueError(f"{key}={text} is a number from 1 to {most}")
    return int(text)


def _log(text: str) -> Log:
    word = {"yes": "each", "no": "none"}.get(text.lower(), text.lower())
    return _one_of(word, LOGS, "LOG")


def _yes(text: str, key: str) -> bool:
    return _one_of(text.lower(), ("yes", "no"), key) == "yes"


def _one_of(word: str, known: tuple[W, ...], key: str) -> W:
    for one in known:
        if one == word:
            return one
    raise ValueError(f'{key}="{word}" is not known{suggestion(word, known)}')


def _expires(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError(f'EXPIRES="{text}" is a date and time with its zone: 2027-06-30T18:00:00Z')
    return (when - _EPOCH) // timedelta(microseconds=1)


def _is_address(text: str) -> bool:
    return text.replace(".", "").isdecimal() or ":" in text
