"""A pgbouncer in transaction mode between the tests and their PostgreSQL server, on a free port of this machine."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
START_SECONDS = 20

needs_pgbouncer = pytest.mark.skipif(BINARY is None, reason="pgbouncer is not installed")


def _version() -> tuple[int, int]:
    if BINARY is None:
        return 0, 0
    said = subprocess.run([BINARY, "-V"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


KEEPS_NAMES = _version() >= (1, 21)
"""Whether it can keep prepared statements in transaction mode. https://www.pgbouncer.org/changelog.html"""

needs_named_statements = pytest.mark.skipif(
    not KEEPS_NAMES, reason="pgbouncer is not installed, or older than 1.21, which keeps prepared statements"
)


@contextmanager
def pooled(url: str, mode: str = "transaction", servers: int = 3, statements: int = 0) -> Iterator[str]:
    """Yield the URL of the same database through a pooler.

    It has `servers` connections to the server, and keeps `statements` prepared ones on each.
    """
    assert BINARY is not None
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    host = query["host"][0] if "host" in query else parts.hostname
    password = f" password={unquote(parts.password)}" if parts.password else ""
    user = unquote(parts.username or "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ectype-pgbouncer-"))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
[databases]
* = host={host} port={parts.port or 5432} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {servers}
logfile = {folder / "log"}
pidfile =
"""
        + (f"max_prepared_statements = {statements}\n" if KEEPS_NAMES else "")
    )
    as_user = _unprivileged()
    if as_user:
        os.chown(folder, as_user["user"], as_user["group"])
        settings.chmod(0o644)
    process = subprocess.Popen(
        [BINARY, settings], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user
    )
    try:
        _wait_for(port, process)
        yield f"postgresql://{user}@127.0.0.1:{port}{parts.path}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    pytest.skip(f"pgbouncer did not start here (status {process.poll()})")


def _unprivileged() -> dict[str, Any]:
    # It refuses to run as root.
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
