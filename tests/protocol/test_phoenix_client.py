"""The stock `phoenix` client of npm, under node, against our server: what it sees is what a browser would see."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCENARIOS = re.findall(r"^  async (\w+)\(\)\{$", (HERE / "client.mjs").read_text(), re.MULTILINE)

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, so the stock phoenix client cannot run")
    installed = HERE / "node_modules" / "phoenix" / "package.json"
    if not installed.exists():
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=90)
        except subprocess.CalledProcessError as exc:
            pytest.skip(f"npm could not install the phoenix client: {exc.stderr.strip()[-300:]}")
        except subprocess.TimeoutExpired:
            pytest.skip("npm could not install the phoenix client within 90 s")
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["phoenix"]
    assert json.loads(installed.read_text())["version"] == wanted, "remove tests/protocol/node_modules"
    return node


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-W", "error", "chat_app.py"]
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
                assert server.wait(20) == 0
            finally:
                server.kill()


@pytest.fixture(scope="module")
def results(node: str, address: str) -> dict[str, dict[str, object]]:
    command = [node, "client.mjs", address]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_stock_client_sees_what_it_sees_from_phoenix(scenario: str, results: dict[str, dict[str, object]]) -> None:
    assert results[scenario]["ok"], results[scenario]["error"]
