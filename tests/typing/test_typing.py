"""What the checkers promise: the accepted programs have no error, the refused ones have theirs on the marked line.

Each checker runs once over all programs, in strict mode, without a plugin.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCEPTED = sorted((HERE / "accepted").glob("*.py"))
REFUSED = sorted((HERE / "refused").glob("*.py"))
RUNNABLE = [program for program in ACCEPTED if program.stem != "changesets"]
"""All but the one that applies an invalid changeset, which raises."""
MARK = "# refused"
BY_PYRIGHT = "# refused by pyright"
"""Marks what mypy does not see.

It reads `LiteralString` as `str`, a column among values as its value, and no options of classes with a metaclass.
"""
SECONDS = 110
DIAGNOSTIC = re.compile(r"(?P<file>.+?\.py):(?P<line>\d+): (?:error|warning): (?P<text>.*)")

Found: TypeAlias = Mapping[Path, Mapping[int, str]]
"""What a checker says: of each file the lines that it complains of, each with its text."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=ROOT, env=settings)


def checker(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip(name, reason=f"{name} is not installed")
    try:
        return run("-m", name, *arguments)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} did not answer within {SECONDS} s")


@pytest.fixture(scope="session")
def pyright() -> Found:
    done = checker("pyright", "-p", str(HERE), "--pythonpath", sys.executable, "--outputjson")
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        # It is a node program, which its Python package may have to download.
        pytest.skip(f"pyright did not start: {(done.stdout + done.stderr).strip()[-300:]}")
    assert report["summary"]["filesAnalyzed"] >= len(ACCEPTED) + len(REFUSED), done.stderr
    found: dict[Path, dict[int, str]] = {}
    for one in report["generalDiagnostics"]:
        found.setdefault(Path(one["file"]), {})[one["range"]["start"]["line"] + 1] = one["message"]
    return found


@pytest.fixture(scope="session")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Found:
    done = checker(
        "mypy",
        "--config-file=",
        "--strict",
        "--python-version=3.11",
        "--explicit-package-bases",
        f"--cache-dir={tmp_path_factory.mktemp('mypy')}",
        *map(str, ACCEPTED + REFUSED),
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert f"checked {len(ACCEPTED) + len(REFUSED)} source files" in done.stdout, done.stdout + done.stderr
    found: dict[Path, dict[int, str]] = {}
    for match in map(DIAGNOSTIC.match, done.stdout.splitlines()):
        if match:
            found.setdefault(ROOT / match["file"], {})[int(match["line"])] = match["text"]
    return found


def marked(program: Path, *marks: str) -> set[int]:
    lines = program.read_text(encoding="utf-8").splitlines()
    assert any(line.endswith((MARK, BY_PYRIGHT)) for line in lines), f"{program.name} marks no line with `{MARK}`"
    return {number for number, line in enumerate(lines, 1) if line.endswith(marks)}


def sentence(program: Path) -> str:
    return program.stem.replace("_", " ")


@pytest.mark.parametrize("program", ACCEPTED, ids=sentence)
def test_pyright_accepts(program: Path, pyright: Found):
    assert pyright.get(program, {}) == {}


@pytest.mark.parametrize("program", ACCEPTED, ids=sentence)
def test_mypy_accepts(program: Path, mypy: Found):
    assert mypy.get(program, {}) == {}


@pytest.mark.parametrize("program", RUNNABLE, ids=sentence)
def test_what_the_checkers_accept_runs(program: Path):
    done = run("-W", "error", "-m", f"tests.typing.accepted.{program.stem}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", REFUSED, ids=sentence)
def test_pyright_refuses(program: Path, pyright: Found):
    found = pyright.get(program, {})
    assert set(found) == marked(program, MARK, BY_PYRIGHT), found


@pytest.mark.parametrize("program", REFUSED, ids=sentence)
def test_mypy_refuses(program: Path, mypy: Found):
    found = mypy.get(program, {})
    assert set(found) == marked(program, MARK), found
