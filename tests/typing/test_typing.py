"""What the checkers promise: the accepted programs have no error, the refused ones have theirs on the marked line.

Each checker runs once over all programs, in strict mode, without a plugin.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCEPTED = sorted((HERE / "accepted").glob("*.py"))
REFUSED = sorted((HERE / "refused").glob("*.py"))
MARK = "# refused"
SECONDS = 110

Errors = dict[str, dict[int, str]]
"""Per file, the lines with an error and its text."""


def checked(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{command[2]} did not answer within {SECONDS} s")


@pytest.fixture(scope="session")
def pyright() -> Errors:
    pytest.importorskip("pyright", reason="pyright is not installed")
    done = checked([sys.executable, "-m", "pyright", "-p", str(HERE), "--pythonpath", sys.executable, "--outputjson"])
    start = done.stdout.find("{")
    if start < 0:
        pytest.skip(f"pyright did not start: {(done.stdout + done.stderr).strip()[-300:]}")
    found: Errors = {}
    for one in json.loads(done.stdout[start:])["generalDiagnostics"]:
        if one["severity"] == "error":
            line = one["range"]["start"]["line"] + 1
            found.setdefault(Path(one["file"]).name, {})[line] = one["message"]
    return found


@pytest.fixture(scope="session")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Errors:
    pytest.importorskip("mypy", reason="mypy is not installed")
    cache = tmp_path_factory.mktemp("mypy")
    done = checked(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--explicit-package-bases",
            "--no-error-summary",
            "--hide-error-context",
            "--cache-dir",
            str(cache),
            str(HERE / "accepted"),
            str(HERE / "refused"),
        ]
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: Errors = {}
    for line in done.stdout.splitlines():
        match = re.match(r"(.+?\.py):(\d+): error: (.*)", line)
        if match:
            found.setdefault(Path(match[1]).name, {})[int(match[2])] = match[3]
    return found


@pytest.mark.parametrize("program", ACCEPTED, ids=lambda path: path.stem)
def test_pyright_accepts(program: Path, pyright: Errors):
    assert pyright.get(program.name, {}) == {}


@pytest.mark.parametrize("program", ACCEPTED, ids=lambda path: path.stem)
def test_mypy_accepts(program: Path, mypy: Errors):
    assert mypy.get(program.name, {}) == {}


@pytest.mark.parametrize("program", REFUSED, ids=lambda path: path.stem.replace("_", " "))
def test_pyright_refuses(program: Path, pyright: Errors):
    assert set(pyright.get(program.name, {})) == marked(program)


@pytest.mark.parametrize("program", REFUSED, ids=lambda path: path.stem.replace("_", " "))
def test_mypy_refuses(program: Path, mypy: Errors):
    assert set(mypy.get(program.name, {})) == marked(program)


def marked(program: Path) -> set[int]:
    lines = program.read_text(encoding="utf-8").splitlines()
    found = {number for number, line in enumerate(lines, 1) if MARK in line}
    assert found, f"{program.name} marks no line with `{MARK}`"
    return found


def test_the_accepted_library_runs():
    done = checked([sys.executable, "-m", "tests.typing.accepted.library"])
    assert done.returncode == 0, done.stderr
