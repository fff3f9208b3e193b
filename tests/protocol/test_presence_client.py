"""The stock `phoenix` client's `Presence` and broadcasts, between processes over each bus."""

import json
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.protocol.serving import TOPOLOGIES, bus, serve
from tests.protocol.test_phoenix_client import CLIENTS
from tests.protocol.test_phoenix_client import node as node  # a fixture

HERE = Path(__file__).parent
SCENARIOS = re.findall(r"^  async (\w+)\(\)\{$", (HERE / "presence.mjs").read_text(), re.MULTILINE)
Results = dict[tuple[str, str, str], dict[str, object]]

pytestmark = pytest.mark.node


@pytest.fixture(scope="module", params=TOPOLOGIES)
def results(request: pytest.FixtureRequest, node: str) -> Results:
    rows: Results = {}
    with bus(request.param, request) as (url, channel, count), ExitStack() as stack:
        addresses = [stack.enter_context(serve("presence_app.py", url, channel)) for _ in range(count)]
        for version, transport in CLIENTS:
            command = [node, "presence.mjs", addresses[0], addresses[-1], version, transport]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=110, check=False)
            assert done.returncode == 0, done.stderr
            for line in done.stdout.splitlines():
                row = json.loads(line)
                rows[version, transport, row["name"]] = row
    return rows


@pytest.mark.timeout(480)
@pytest.mark.parametrize(("version", "transport"), CLIENTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_stock_client_follows_presences_and_broadcasts_of_all_processes(
    scenario: str, version: str, transport: str, results: Results
) -> None:
    row = results[version, transport, scenario]
    assert row["ok"], row["error"]
