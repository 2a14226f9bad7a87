"""The list of materials: Python packages, and what the page has from npm."""

from __future__ import annotations

import json
import subprocess
import sys

from supply.sbom import VERSIONS, with_page


def document() -> dict[str, object]:
    return {
        "components": [{"bom-ref": "click==8.1"}],
        "metadata": {"component": {"bom-ref": "root"}},
        "dependencies": [{"ref": "root", "dependsOn": ["click==8.1"]}, {"ref": "click==8.1"}],
    }


def test_the_files_of_the_page_are_materials_of_mbap() -> None:
    made = with_page(document(), {"htm": "3.1.1"})
    assert made["components"][1] == {
        "type": "library",
        "bom-ref": "pkg:npm/htm@3.1.1",
        "name": "htm",
        "version": "3.1.1",
        "purl": "pkg:npm/htm@3.1.1",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    assert made["dependencies"][0]["dependsOn"] == ["click==8.1", "pkg:npm/htm@3.1.1"]
    assert made["dependencies"][-1] == {"ref": "pkg:npm/htm@3.1.1"}


def test_it_is_cyclonedx_and_the_same_every_time() -> None:
    command = [sys.executable, "-m", "supply.sbom", sys.executable]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in "ab")
    made = json.loads(first)
    assert first == second
    assert (made["bomFormat"], made["metadata"]["component"]["name"]) == ("CycloneDX", "mbap")
    names = {part["name"] for part in made["components"]}
    assert {"click", "pydantic", *json.loads(VERSIONS.read_text(encoding="utf-8"))} <= names
