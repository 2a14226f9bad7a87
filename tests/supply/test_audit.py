"""What is installed with mbap, and what the audit makes of the answers about it."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from supply.audit import verdict
from supply.materials import materials

FOUND = {"click": "8.1.0", "rich": "13.0"}


def answer(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


def good(name: str) -> dict[str, object]:
    return {"name": name, "version": FOUND[name], "vulns": []}


def skipped(name: str) -> dict[str, object]:
    return {"name": name, "skip_reason": "Dependency not found"}


def test_materials_are_what_users_get_with_its_version() -> None:
    found = materials()
    assert found["click"] == version("click")
    assert {"pydantic", "pydantic-core", "starlette", "cryptography", "cffi"} <= set(found)


@pytest.mark.parametrize("name", ["mbap", "pytest", "ruff", "hypothesis", "bandit"])
def test_materials_are_neither_mbap_itself_nor_what_only_development_needs(name: str) -> None:
    assert name not in materials()


def test_nothing_known_passes() -> None:
    assert verdict(FOUND, answer(good("click"), good("rich"))) == (0, "2 packages audited")


def test_a_weakness_fails_and_names_the_version_that_is_repaired() -> None:
    weak = good("click") | {"vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["8.1.1"]}]}
    status, said = verdict(FOUND, answer(weak, good("rich")))
    assert status == 1
    assert "click 8.1.0 has PYSEC-2026-1; repaired in 8.1.1" in said


@pytest.mark.parametrize("text", ["", "no JSON", "{}", answer(), answer(skipped("click"), skipped("rich"))])
def test_a_service_that_cannot_be_reached_passes_with_a_note(text: str) -> None:
    assert verdict(FOUND, text) == (
        0,
        "note: the vulnerability service cannot be reached: 2 packages not audited",
    )


def test_packages_that_were_left_out_are_named() -> None:
    status, said = verdict(FOUND, answer(good("click"), skipped("rich")))
    assert (status, said) == (0, "note: 1 of 2 packages not audited: rich")
