"""The fields of the function codes that few devices have: diagnostics, files, queues, identification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mbap.addresses import Table, describe
from mbap.protocol.fields import ANSWERS_02, ANSWERS_03, Cursor, bit_list, registers
from mbap.protocol.pdu.diagnostics import GIVING_A_WORD, LONGEST_DATA, SubFunction
from mbap.protocol.pdu.fifo import MOST_QUEUED
from mbap.protocol.pdu.files import (
    MOST_READ_BYTES,
    MOST_WRITTEN_BYTES,
    RECORDS,
    REFERENCE_TYPE,
)
from mbap.protocol.pdu.identification import (
    CANOPEN,
    CONFORMITY_LEVELS,
    DEVICE_IDENTIFICATION,
    INDIVIDUAL_ACCESS,
    LAST,
    MORE,
    ObjectId,
    ReadDeviceIdCode,
)
from mbap.protocol.pdu.status import BUSY, LONGEST_SERVER_ID, MOST_EVENTS, READY

_SUB_FUNCTIONS: Final = {one.value: one.name.lower().replace("_", " ") for one in SubFunction}
_OBJECTS: Final = {one.value: one.name.lower().replace("_", " ") for one in ObjectId}
_CODES: Final = {one.value: one.name.lower() for one in ReadDeviceIdCode}
_CODES[4] = "one object"
_RECEIVED: Final = {1: "communication error", 4: "character overrun", 5: "listening only", 6: "broadcast"}
_SENT: Final = {
    0: "exception 01 to 03",
    1: "exception 04",
    2: "exception 05 or 06",
    3: "exception 07",
    4: "write timeout",
    5: "listening only",
}


def event_meaning(event: int) -> str:
    """What one byte of the event log says (section 6.10)."""
    if event & 0x80:
        return f"message received{_flags(event, _RECEIVED)}"
    if event & 0x40:
        return f"message sent{_flags(event, _SENT)}"
    return {0: "communications restarted", 4: "listening only from here on"}.get(event, "not defined")


def _flags(event: int, names: dict[int, str]) -> str:
    return "".join(f", {name}" for bit, name in names.items() if event >> bit & 1)


def _nothing(cursor: Cursor) -> None:
    """A request that is a function code alone."""


def _exception_status(cursor: Cursor) -> None:
    cursor.number("status", 1, lambda value: f"{bit_list(value)} on, of eight outputs")


def _status(cursor: Cursor) -> None:
    words = {BUSY: "busy with a program command", READY: "not busy"}
    status = cursor.number("status", 2, lambda value: words.get(value, "neither busy nor not"))
    cursor.check(status in words, f"status is {status:04X}, and FFFF (busy) or 0000 is possible")


def _event_counter(cursor: Cursor) -> None:
    _status(cursor)
    cursor.number("event count", 2, "requests carried out")


def _event_log(cursor: Cursor) -> None:
    size = _filling_count(cursor, 6, 6 + MOST_EVENTS, "")
    _event_counter(cursor)
    cursor.number("message count", 2, "messages processed")
    for _ in range(min(cursor.left, max(0, size - 6))):
        cursor.number("event", 1, event_meaning)


def _server_id(cursor: Cursor) -> None:
    size = _filling_count(cursor, 0, LONGEST_SERVER_ID, "")
    if size:
        cursor.text(
            "server id", size, quoted, "identifier, FF (runs) or 00, and more: the device's manual parts them"
        )


def quoted(data: bytes) -> str:
    """*data* as text; what is no plain ASCII is escaped: it must not act on a terminal."""
    return repr(data)[1:]


def _filling_count(cursor: Cursor, least: int, most: int, answered: str) -> int:
    """A byte count that should be that of all that follows; how many bytes to go on with."""
    said = cursor.number("byte count", 1)
    cursor.check(least <= said <= most, f"byte count is {said}, and {least} to {most} is possible{answered}")
    cursor.check(said == cursor.left, f"byte count is {said}, and {cursor.left} follow{answered}")
    return min(said, cursor.left)


def _diagnostics_request(cursor: Cursor) -> None:
    code = _sub_function(cursor)
    if code in _SUB_FUNCTIONS and code != SubFunction.RETURN_QUERY_DATA:
        _diagnostics_word(cursor, code)
    else:
        _diagnostics_data(cursor, code)


def _diagnostics_response(cursor: Cursor) -> None:
    code = _sub_function(cursor)
    if code == SubFunction.RETURN_DIAGNOSTIC_REGISTER:
        cursor.number("register", 2, "the diagnostic register: each device has its own bits")
    elif code in GIVING_A_WORD:
        cursor.number("counter", 2, _SUB_FUNCTIONS[code].removeprefix("return "))
    elif code in _SUB_FUNCTIONS and code != SubFunction.RETURN_QUERY_DATA:
        _diagnostics_word(cursor, code)
    else:
        _diagnostics_data(cursor, code)


def _sub_function(cursor: Cursor) -> int:
    return cursor.number("sub-function", 2, lambda code: _SUB_FUNCTIONS.get(code, "reserved"))


def _diagnostics_word(cursor: Cursor, code: int) -> None:
    if code == SubFunction.CHANGE_ASCII_INPUT_DELIMITER:
        cursor.text("delimiter", 1, quoted, "ends ASCII frames from now on, after the carriage return")
        zero = cursor.number("data", 1)
        cursor.check(zero == 0, f"data is {zero:02X} after the delimiter, and 00 is possible: {ANSWERS_03}")
        return
    words = {0: ""}
    if code == SubFunction.RESTART_COMMUNICATIONS:
        words = {0: "keeps the event log", 0xFF00: "clears the event log too"}
    value = cursor.number("data", 2, lambda word: words.get(word, ""))
    possible = " or ".join(f"{word:04X}" for word in words)
    cursor.check(value in words, f"data is {value:04X}, and {possible} is possible: {ANSWERS_03}")


def _diagnostics_data(cursor: Cursor, code: int) -> None:
    size = cursor.left
    cursor.check(size <= LONGEST_DATA, f"data has {size} bytes, and {LONGEST_DATA} is most: {ANSWERS_03}")
    if code == SubFunction.RETURN_QUERY_DATA:
        whole = size > 0 and size % 2 == 0
        cursor.check(whole, f"data has {size} bytes, and an even number from 2 on is possible: {ANSWERS_03}")
    if size:
        cursor.opaque("data", size, "comes back" if code == 0 else "not taken apart")


def _read_files(cursor: Cursor) -> None:
    size = _filling_count(cursor, 7, MOST_READ_BYTES, f": {ANSWERS_03}")
    cursor.check(size % 7 == 0, f"byte count is {size}, and each group takes 7: {ANSWERS_03}")
    answer = 0
    while cursor.left:
        count = _file_group(cursor)
        cursor.check(count > 0, f"record length is 0, and at least 1 is possible: {ANSWERS_03}")
        answer += 2 + 2 * count
    fits = answer <= MOST_READ_BYTES
    cursor.check(fits, f"the answer would take {answer} bytes, and {MOST_READ_BYTES} fit: {ANSWERS_03}")


def _write_files(cursor: Cursor) -> None:
    _filling_count(cursor, 9, MOST_WRITTEN_BYTES, f": {ANSWERS_03}")
    while cursor.left:
        count = _file_group(cursor)
        right = count >= 1 and 2 * count <= cursor.left
        there = f"{cursor.left} bytes follow"
        cursor.check(right, f"record length is {count} registers, and {there}: {ANSWERS_03}")
        registers(cursor, min(2 * count, cursor.left - cursor.left % 2), None, None)
        if not right:
            return


def _file_group(cursor: Cursor) -> int:
    _reference_type(cursor, f": {ANSWERS_02}")
    file = cursor.number("file number")
    cursor.check(file > 0, f"file number is 0, and 1 to 65535 is possible: {ANSWERS_02}")
    record = cursor.number("record number")
    count = cursor.number("record length", 2, lambda count: _records_meaning(record, count))
    inside = record + count <= RECORDS
    cursor.check(inside, f"{count} from record {record} go beyond record {RECORDS - 1}: {ANSWERS_02}")
    return count


def _records_meaning(record: int, count: int) -> str:
    return f"records {record} to {record + count - 1}" if count > 1 else ""


def _reference_type(cursor: Cursor, answered: str = "") -> None:
    kind = cursor.number("reference type", 1)
    cursor.check(kind == REFERENCE_TYPE, f"reference type is {kind}, and only 6 is possible{answered}")


def _files_read(cursor: Cursor) -> None:
    _filling_count(cursor, 4, MOST_READ_BYTES, "")
    while cursor.left:
        size = cursor.number("group length", 1, lambda size: f"reference type and {size // 2} registers")
        right = size % 2 == 1 and 3 <= size <= cursor.left
        cursor.check(right, f"group length is {size}, and an odd one from 3 to {cursor.left} is possible")
        if not right:
            return
        _reference_type(cursor)
        registers(cursor, size - 1, None, None)


def _read_fifo(cursor: Cursor) -> None:
    cursor.number("pointer address", 2, lambda value: describe(Table.HOLDING_REGISTERS, value))


def _fifo(cursor: Cursor) -> None:
    size = cursor.number("byte count", 2)
    count = cursor.number("FIFO count", 2, lambda count: f"{count} registers queued, the oldest first")
    cursor.check(count <= MOST_QUEUED, f"FIFO count is {count}, and 0 to {MOST_QUEUED} is possible")
    wanted = 2 + 2 * count
    cursor.check(size == wanted, f"byte count is {size}, and the count with {count} registers takes {wanted}")
    cut = 2 * count > cursor.left
    cursor.check(not cut, f"FIFO count is {count} registers, and {cursor.left} bytes follow")
    registers(cursor, min(2 * count, cursor.left), None, None)


def _encapsulated(cursor: Cursor, identification: Callable[[Cursor], None]) -> None:
    names = {CANOPEN: "CANopen general reference", DEVICE_IDENTIFICATION: "read device identification"}
    kind = cursor.number("MEI type", 1, lambda value: names.get(value, "reserved"))
    if kind == DEVICE_IDENTIFICATION:
        identification(cursor)
    elif cursor.left:
        cursor.opaque("data", cursor.left, "not taken apart")


def _encapsulated_request(cursor: Cursor) -> None:
    _encapsulated(cursor, _identification_request)


def _encapsulated_response(cursor: Cursor) -> None:
    _encapsulated(cursor, _identification)


def _identification_request(cursor: Cursor) -> None:
    _device_id_code(cursor, f": {ANSWERS_03}")
    cursor.number("object id", 1, object_name)


def _device_id_code(cursor: Cursor, answered: str = "") -> int:
    code = cursor.number("device id code", 1, lambda value: _CODES.get(value, "not defined"))
    cursor.check(code in _CODES, f"device id code is {code}, and 1 to 4 is possible{answered}")
    return code


def object_name(number: int) -> str:
    """What the standard calls an object of the identification."""
    return _OBJECTS.get(number, "the device's own" if number >= 0x80 else "reserved")


def _identification(cursor: Cursor) -> None:
    _device_id_code(cursor)
    level = cursor.number("conformity", 1, _level_meaning)
    cursor.check(level in CONFORMITY_LEVELS, f"conformity is {level:02X}, and 1 to 3 or 81 to 83 is possible")
    words = {MORE: "there is more to ask for", LAST: "nothing follows"}
    more = cursor.number("more follows", 1, lambda value: words.get(value, "not defined"))
    cursor.check(more in words, f"more follows is {more:02X}, and FF or 00 is possible")
    cursor.number("next object id", 1, lambda number: object_name(number) if more else "")
    count = cursor.number("objects", 1)
    last = -1
    for _ in range(count):
        last = _object(cursor, last)


def _object(cursor: Cursor, before: int) -> int:
    number = cursor.number("object id", 1, object_name)
    cursor.check(number > before, f"object {number} comes after object {before}, and they go upwards")
    size = cursor.number("object length", 1)
    if size:
        cursor.text("object value", size, quoted)
    return number


def _level_meaning(level: int) -> str:
    name = _CODES.get(level & ~INDIVIDUAL_ACCESS & 0xFF, "not defined")
    return f"{name}, {'streams and single objects' if level & INDIVIDUAL_ACCESS else 'streams only'}"


RARER_REQUESTS: Final[dict[int, Callable[[Cursor], object]]] = {
    7: _nothing,
    8: _diagnostics_request,
    11: _nothing,
    12: _nothing,
    17: _nothing,
    20: _read_files,
    21: _write_files,
    24: _read_fifo,
    43: _encapsulated_request,
}
RARER_RESPONSES: Final[dict[int, Callable[[Cursor], object]]] = {
    7: _exception_status,
    8: _diagnostics_response,
    11: _event_counter,
    12: _event_log,
    17: _server_id,
    20: _files_read,
    21: _write_files,
    24: _fifo,
    43: _encapsulated_response,
}
