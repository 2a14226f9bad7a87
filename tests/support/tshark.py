"""tshark as the judge: what it finds in recorded traffic, and what it has against it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from support import peers
from support.recording import Recording

FIELDS = (
    "frame.number",
    "tcp.dstport",
    "modbus.func_code",
    "modbus.request_frame",
    "modbus.exception_code",
    "_ws.malformed",
    "_ws.expert.severity",
)
_ERRORS = ("Error", "8388608")


def dissected(capture: Path, fields: Sequence[str] = FIELDS) -> list[dict[str, str]]:
    """What tshark finds in each frame of *capture*; several values of a field come with commas."""
    command = [peers.require("tshark"), "-n", "-r", str(capture), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def functions_by_tshark(tshark: str, path: Path) -> Counter[int]:
    """ADUs per function code in Wireshark's eyes; several in one segment come with commas."""
    command = [tshark, "-r", str(path), "-T", "fields", "-e", "modbus.func_code"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return Counter(int(code) for code in re.findall(r"\d+", printed))


def frames_by_tshark(tshark: str, path: Path, text: str) -> set[int]:
    """The numbers of the frames that Wireshark's filter *text* shows."""
    command = [tshark, "-n", "-r", str(path), "-Y", text, "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(map(int, done.stdout.split()))


def judge(record: Recording, capture: Path) -> list[dict[str, str]]:
    """Fail unless all that passed is Modbus without a fault, and each request has its answer.

    Gives the frames; *capture* is the file to write on the way.
    """
    record.write_pcap(capture)
    found = dissected(capture)
    queries = [frame for frame in found if frame["tcp.dstport"] == "502" and frame["modbus.func_code"]]
    answers = [frame for frame in found if frame["modbus.request_frame"] or frame["modbus.exception_code"]]
    assert len(queries) == len(answers) > 0
    assert len(queries) + len(answers) == len(found)
    assert not any(frame["_ws.malformed"] or frame["_ws.expert.severity"] in _ERRORS for frame in found)
    return found
