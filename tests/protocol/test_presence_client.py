"""The stock `phoenix` client's `Presence` and broadcasts, between processes over each bus."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.databases import PostgresServer
from tests.protocol.test_phoenix_client import node as node  # a fixture

HERE = Path(__file__).parent
SCENARIOS = re.findall(r"^  async (\w+)\(\)\{$", (HERE / "presence.mjs").read_text(), re.MULTILINE)
REDIS_VARIABLE = "ECTYPE_TEST_REDIS_URL"

pytestmark = pytest.mark.node


@contextmanager
def served(url: str, channel: str) -> Iterator[str]:
    command = [sys.executable, "-W", "error", "presence_app.py", url, channel]
    with subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            assert address, "the server did not start: its error is above"
            yield address
        finally:
            server.stdin.close()
            try:
                assert server.wait(30) == 0
            finally:
                server.kill()


@pytest.fixture(
    scope="module",
    params=[
        "one process",
        pytest.param("two over PostgreSQL", marks=pytest.mark.postgres),
        "two over Redis",
    ],
)
def results(request: pytest.FixtureRequest, node: str) -> Iterator[dict[str, dict[str, object]]]:
    url, count = "local", 1
    with ExitStack() as stack:
        if request.param == "two over PostgreSQL":
            database: PostgresServer = request.getfixturevalue("postgres_server")
            url, count = database.create_database(), 2
            stack.callback(database.drop_database, url)
        elif request.param == "two over Redis":
            redis = os.environ.get(REDIS_VARIABLE)
            if not redis:
                pytest.skip(f"no Redis: {REDIS_VARIABLE} names none")
            url, count = redis, 2
        channel = f"test_{uuid.uuid4().hex[:12]}"
        addresses = [stack.enter_context(served(url, channel)) for _ in range(count)]
        command = [node, "presence.mjs", addresses[0], addresses[-1]]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        yield {row["name"]: row for row in rows}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_stock_client_follows_presences_and_broadcasts_of_all_processes(
    scenario: str, results: dict[str, dict[str, object]]
) -> None:
    assert results[scenario]["ok"], results[scenario]["error"]
