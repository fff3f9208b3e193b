import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app

SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of this test's own, where commands run, with no setting from outside."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
        "DATABASE_URL",
        "ECTYPE_URL",
        "ECTYPE_MIGRATIONS",
        "ECTYPE_REPO",
    ):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def ectype(project: Path) -> Callable[..., Outcome]:
    """Run a command line in this process."""

    def run(*arguments: str, **extra: str) -> Outcome:
        result = CliRunner().invoke(app, arguments, env=extra, prog_name="ectype", catch_exceptions=False)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process(project: Path) -> Callable[..., Outcome]:
    """Run `python -m ectype …` as a process in a pipe, and wait for its end."""

    def run(*arguments: str, input: str | None = None, cwd: Path | None = None, **extra: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "ectype", *arguments],
            cwd=cwd or project,
            env={**os.environ, **extra},
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
