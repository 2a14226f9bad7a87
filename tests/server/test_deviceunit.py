"""What else than tables a unit of a device file has: identification, files, queues."""

from __future__ import annotations

import pytest

from support.devicefiles import problems, unit


def test_a_unit_has_identification_files_and_queues() -> None:
    tables = unit(
        "[units.1]\nserver_id = '07ff'\nexception_status = 5\ndiagnostics = 'none'\n"
        "[units.1.identification]\nvendor_name = 'ACME'\n128 = 'own'\n"
        "[units.1.files]\n4 = [1, 2, 3]\n[units.1.fifos]\n1246 = [440]"
    )
    assert tables.identification == {0: b"ACME", 128: b"own"}
    assert (tables.files, tables.fifos) == ({4: [1, 2, 3]}, {1246: [440]})
    assert (tables.server_id, tables.exception_status, tables.diagnostics) == (b"\x07\xff", 5, "none")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[units.1.identification]\nvendor = 'x'",
            'identification.vendor: unknown key; did you mean "vendor_url"?',
        ),
        ("[units.1.identification]\nvendor_name = 3", "identification.vendor_name: is text in quotes, not 3"),
        ("[units.1.files]\n0 = [1]", "files.0: its number is 1 to 65535, not 0"),
        ("[units.1.files]\n1 = 5", "files.1: is a list of whole numbers from 0 to 65535, not 5"),
        (
            "[units.1.files]\n1 = [1, 70000]",
            "files.1: is a list of whole numbers from 0 to 65535, and has 70000",
        ),
        ("[units.1]\nlargest_read = 126", "largest_read: is 1 to 125, not 126"),
        ("[units.1]\nholes = 'x'", 'holes: "x" cannot be; known are refused, silent, zero'),
        ("[units.1]\nserver_id = 'x'", 'server_id: is hexadecimal such as "0d0a", not "x"'),
    ],
)
def test_what_is_wrong_with_what_else_a_unit_has_is_said(text: str, problem: str) -> None:
    assert problems(f"{text}\n[units.1.coil]\n0 = true")[0] == f"units.1.{problem}"


def test_an_object_that_no_answer_could_hold_is_said() -> None:
    text = f"[units.1.identification]\nvendor_name = '{'x' * 245}'\n[units.1.coil]\n0 = true"
    assert problems(text) == ["units.1.identification.vendor_name: has 245 bytes, and 244 fit into an answer"]
