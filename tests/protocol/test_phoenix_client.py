"""The stock `phoenix` client of npm, under node, against our server: what it sees is what a browser would see."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.protocol.serving import TOPOLOGIES, bus, serve

HERE = Path(__file__).parent
CLIENTS = [(version, transport) for version in ("1.8", "1.7") for transport in ("websocket", "longpoll")]
SCENARIOS = re.findall(r"^  async (\w+)\(\)\{(?: // (\S+))?$", (HERE / "client.mjs").read_text(), re.MULTILINE)
MATRIX = [
    (version, transport, name)
    for version, transport in CLIENTS
    for name, only in SCENARIOS
    if only in ("", version, transport)
]
Results = dict[tuple[str, str, str], dict[str, object]]

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, so the stock phoenix client cannot run")
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if _installed() != wanted:
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=90)
        except subprocess.CalledProcessError as exc:
            pytest.skip(f"npm could not install the phoenix client: {exc.stderr.strip()[-300:]}")
        except subprocess.TimeoutExpired:
            pytest.skip("npm could not install the phoenix client within 90 s")
    assert _installed() == wanted, "remove tests/protocol/node_modules"
    return node


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in json.loads((HERE / "package.json").read_text())["dependencies"]:
        package = HERE / "node_modules" / name / "package.json"
        if package.exists():
            known = json.loads(package.read_text())
            found[name] = known["version"] if known["name"] == name else f"npm:{known['name']}@{known['version']}"
    return found


@pytest.fixture(scope="module", params=TOPOLOGIES)
def results(request: pytest.FixtureRequest, node: str) -> Results:
    rows: Results = {}
    with bus(request.param, request) as (url, channel, count), ExitStack() as stack:
        addresses = ",".join(stack.enter_context(serve("chat_app.py", "0", url, channel)) for _ in range(count))
        for version, transport in CLIENTS:
            names = [name for one, other, name in MATRIX if (one, other) == (version, transport)]
            command = [node, "client.mjs", addresses, version, transport, *names]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=110, check=False)
            assert done.returncode == 0, done.stderr
            for line in done.stdout.splitlines():
                row = json.loads(line)
                rows[version, transport, row["name"]] = row
    return rows


@pytest.mark.timeout(480)
@pytest.mark.parametrize(("version", "transport", "scenario"), MATRIX)
def test_the_stock_client_sees_what_it_sees_from_phoenix(
    version: str, transport: str, scenario: str, results: Results
) -> None:
    row = results[version, transport, scenario]
    assert row["ok"], row["error"]


@pytest.mark.parametrize(("version", "transport"), CLIENTS)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_stock_client_comes_back_to_a_server_that_was_restarted(
    topology: str, version: str, transport: str, node: str, request: pytest.FixtureRequest
) -> None:
    with bus(topology, request) as (url, channel, count), ExitStack() as stack:
        with ExitStack() as first:
            addresses = [first.enter_context(serve("chat_app.py", "0", url, channel)) for _ in range(count)]
            scenario = "a_restarted_server_is_come_back_to"
            command = [node, "client.mjs", ",".join(addresses), version, transport, scenario]
            client = stack.enter_context(subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True))
            stack.callback(client.kill)
            assert client.stdout is not None
            ready = client.stdout.readline().strip()
        assert ready == "ready", ready
        with ExitStack() as second:
            for address in addresses:
                second.enter_context(serve("chat_app.py", address.partition(":")[2], url, channel))
            row = json.loads(client.stdout.readline())
            assert row["ok"], row["error"]
            assert client.wait(20) == 0
