"""Facts about the `dev` script that need neither a network nor a second environment."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "dev"


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, in a root of its own: it has a .venv that works and is marked as installed."""
    loader = SourceFileLoader("dev", str(SCRIPT))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    for name, path in {
        "ROOT": ".",
        "VENV": ".venv",
        "INSTALLED": ".venv/installed",
        "ASSETS": "assets",
    }.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    for name in module.DESCRIBES_INSTALL:
        (tmp_path / name).write_text("as it was", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / "assets").touch()
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "pip_install", lambda extra: None)
    module.install("dev")
    return module


@pytest.fixture
def installs(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is installed from now on."""
    done: list[str] = []
    monkeypatch.setattr(dev, "pip_install", done.append)
    return done


def test_its_syntax_is_one_that_an_old_python_can_read() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".", maxsplit=1)[0] for name in plain + froms} <= sys.stdlib_module_names


def test_an_old_python_gets_one_sentence(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 6))
    monkeypatch.setattr(dev.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"^mbap needs Python 3\.11 or newer and this is 3\.9; install"):
        dev.main(["demo"])


def test_an_old_python_names_a_newer_one_that_is_there(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 6))
    monkeypatch.setattr(dev.shutil, "which", lambda name: name == "python3.12" or None)
    with pytest.raises(SystemExit, match=r"run: python3\.12 dev demo --for 5s$"):
        dev.main(["demo", "--for", "5s"])


def test_a_missing_venv_package_gets_the_command_that_installs_it(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"sudo apt install python3-venv"):
        dev.make_venv()


def test_a_failing_pip_gets_a_sentence(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(dev.subprocess, "call", lambda *args, **options: 1)
    with pytest.raises(SystemExit, match="Without a network it cannot"):
        dev.pip_install("dev")


def test_what_is_installed_is_not_installed_again(dev: ModuleType, installs: list[str]) -> None:
    dev.install("dev")
    assert installs == []


def test_what_the_tests_need_is_enough_for_the_demo(dev: ModuleType, installs: list[str]) -> None:
    dev.install("app")
    assert installs == []


@pytest.mark.parametrize("name", ["pyproject.toml", "package-lock.json", "hatch_build.py"])
def test_a_change_of_what_to_install_installs_again(dev: ModuleType, installs: list[str], name: str) -> None:
    (dev.ROOT / name).write_text("otherwise", encoding="utf-8")
    dev.install("app")
    assert installs == ["dev"]


def test_missing_assets_install_again(dev: ModuleType, installs: list[str]) -> None:
    dev.ASSETS.unlink()
    dev.install("dev")
    assert installs == ["dev"]


def test_a_python_that_went_away_makes_the_environment_anew(
    dev: ModuleType, installs: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[str] = []
    monkeypatch.setattr(dev, "PYTHON", tmp_path / "gone")
    monkeypatch.setattr(dev, "make_venv", lambda: made.append("venv"))
    dev.install("app")
    assert (made, installs) == (["venv"], ["app"])


def test_coverage_fails_when_a_report_is_below_its_limit_and_ends_with_pytests_own_line(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "run_and_show", lambda words: (0, "7 passed in 3.2s"))
    monkeypatch.setattr(dev.subprocess, "call", lambda words, **options: 2 * ("--fail-under=100" in words))
    assert dev.main(["coverage"]) == 2
    assert capsys.readouterr().out == "7 passed in 3.2s\n"


def test_what_a_command_prints_is_shown_and_its_last_line_kept(
    dev: ModuleType, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    script = "print('one'); print('two'); print(); raise SystemExit(3)"
    assert dev.run_and_show([sys.executable, "-c", script]) == (3, "two")
    assert capfdbinary.readouterr().out.split() == [b"one", b"two"]


def test_without_atheris_fuzzing_goes_on_and_says_so(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "install", lambda extra: None)
    monkeypatch.setattr(dev.subprocess, "call", lambda words, **options: 1)
    monkeypatch.setattr(dev, "become", lambda words, folder: words[-2:])
    assert dev.main(["fuzz", "--minutes", "20"]) == ["--minutes", "20"]
    assert "atheris does not install here" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["demo", "test", "bench"])
def test_what_follows_a_command_is_passed_on(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(dev, "become", lambda words, folder: words[-2:])
    assert dev.main([command, "--for", "5s"]) == ["--for", "5s"]


@pytest.mark.parametrize(
    ("words", "workers"),
    [((), True), (("--durations=9",), True), (("tests/collect",), False), (("-n0",), False)],
)
def test_all_tests_run_side_by_side_and_those_that_are_named_do_not(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], workers: bool
) -> None:
    monkeypatch.setattr(dev, "become", lambda words, folder: words)
    assert ("worksteal" in dev.main(["test", *words])) is workers


def test_robustness_installs_the_other_libraries_once_and_not_into_venv(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[list[str]] = []
    folder = tmp_path / ".venv-robustness"

    def call(command: list[str], **options: object) -> int:
        folder.mkdir(exist_ok=True)
        called.append(command)
        return 0

    monkeypatch.setattr(dev, "PEERS_VENV", folder)
    monkeypatch.setattr(dev, "newer_python", lambda: None)
    monkeypatch.setattr(dev.subprocess, "call", call)
    monkeypatch.setattr(dev, "become", lambda words, folder: words[-2:])
    for _ in range(2):
        assert dev.main(["robustness", "--number", "C19"]) == ["--number", "C19"]
    assert [command[2] for command in called] == ["venv", "pip"]
    assert all(str(folder) in " ".join(command) for command in called)


def test_robustness_takes_a_python_on_which_all_libraries_run_where_there_is_one(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/opt/{name}")
    monkeypatch.setattr(dev, "runs", lambda python: "3.12" not in python)
    assert dev.peers_python(["--only", "mbap"]) == ("/opt/python3.13", ["--only", "mbap"])


def test_robustness_runs_on_the_python_that_is_named(dev: ModuleType) -> None:
    assert dev.peers_python(["--python", sys.executable, "--only", "mbap"]) == (
        sys.executable,
        ["--only", "mbap"],
    )


def test_a_python_that_does_not_run_is_one_sentence(dev: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"is no Python 3\.11 or newer that runs"):
        dev.peers_python(["--python", str(tmp_path / "python3")])


def test_a_failed_step_of_the_check_does_not_stop_the_others(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fails(step: str) -> bool:
        tried.append(step)
        return False

    monkeypatch.setattr(dev, "passes", fails)
    assert (dev.main(["check"]), tried) == (1, list(dev.STEPS))


def test_a_step_of_the_check_that_fails_shows_its_output(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setitem(dev.STEPS, "types", ["no_such_module"])
    assert dev.main(["check", "types"]) == 1
    printed = capfdbinary.readouterr().out
    assert b"types      FAILED" in printed
    assert b"No module named no_such_module" in printed


def test_an_unknown_command_shows_the_usage(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="there is no command fly"):
        dev.main(["fly"])
    assert "usage: python3 dev" in capsys.readouterr().err


def test_it_works_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("usage: python3 dev")
