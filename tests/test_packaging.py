"""The wheel and the source distribution hold what they should, and the wheel works where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
VENDOR = "mbap/dashboard/static/vendor"
ASSETS = ["uPlot.esm.js", "uPlot.min.css", "standalone.module.js", "uplot.LICENSE", "htm.LICENSE"]


def run(*command: str | Path, folder: Path = ROOT, path: str | None = None) -> str:
    environment = os.environ | ({"PATH": path} if path is not None else {})
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(root: Path, into: Path, target: str, path: str | None = None) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, folder=root, path=path)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the source distribution unpacks to."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(ROOT, folder, "sdist")) as archive:
        archive.extractall(folder, filter="data")
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    return root


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The programs of a fresh environment: the wheel, beside what this environment has of its needs."""
    environment = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(scripts / "python")]
    run(*pip, "install", "-qq", "--no-deps", "--no-index", wheel)
    (site_packages,) = environment.rglob("site-packages")
    (site_packages / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def ours() -> set[str]:
    """Every file of the package's source."""
    files = (path for path in (SOURCE / "mbap").rglob("*") if path.is_file())
    return {path.relative_to(SOURCE).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_the_package_and_its_own_records(wheel: Path) -> None:
    assert {name for name in names(wheel) if ".dist-info/" not in name} == ours()


def test_the_wheel_is_marked_as_typed(wheel: Path) -> None:
    assert "mbap/py.typed" in names(wheel)


def test_the_wheel_holds_profiles(wheel: Path) -> None:
    assert any(name.startswith("mbap/profiles/") and name.endswith(".toml") for name in names(wheel))


@pytest.mark.parametrize("asset", ASSETS)
def test_the_wheel_holds_what_the_page_loads_from_npm(wheel: Path, asset: str) -> None:
    assert f"{VENDOR}/{asset}" in names(wheel)


def test_the_wheel_holds_the_licences(wheel: Path) -> None:
    licences = {Path(name).name for name in names(wheel) if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


def test_the_installed_command_tells_its_version(installed: Path) -> None:
    assert run(installed / "mbap", "--version").startswith("mbap ")


def test_the_installed_package_is_the_one_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import mbap; print(mbap.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_source_distribution_builds_the_same_wheel_without_npm(
    unpacked: Path, wheel: Path, tmp_path: Path
) -> None:
    again = build(unpacked, tmp_path / "again", "wheel", path="")
    assert names(again) == names(wheel)
