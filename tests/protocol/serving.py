"""How the tests serve an application in processes of its own, and over what these talk."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.databases import PostgresServer

HERE = Path(__file__).parent
REDIS_VARIABLE = "ECTYPE_TEST_REDIS_URL"
TOPOLOGIES = [
    "one process",
    pytest.param("two over PostgreSQL", marks=pytest.mark.postgres),
    "two over Redis",
]


@contextmanager
def serve(*command: str) -> Iterator[str]:
    """Run an application until the block ends; gives its address."""
    whole = [sys.executable, "-W", "error", *command]
    with subprocess.Popen(whole, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            assert address, "the server did not start: its error is above"
            yield address
        finally:
            server.stdin.close()
            try:
                assert server.wait(60) == 0
            finally:
                server.kill()


@contextmanager
def bus(topology: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, str, int]]:
    """Give the URL of what the processes talk over, the channel on it, and how many processes there are."""
    channel = f"test_{uuid.uuid4().hex[:12]}"
    with ExitStack() as stack:
        url, count = "local", 1
        if topology == "two over PostgreSQL":
            database: PostgresServer = request.getfixturevalue("postgres_server")
            url, count = database.create_database(), 2
            stack.callback(database.drop_database, url)
        elif topology == "two over Redis":
            redis = os.environ.get(REDIS_VARIABLE)
            if not redis:
                pytest.skip(f"no Redis: {REDIS_VARIABLE} names none")
            url, count = redis, 2
        yield url, channel, count
