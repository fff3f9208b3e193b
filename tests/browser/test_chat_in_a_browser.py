"""`examples/chat` in a real Chromium: two people talk, in one process or in two over each bus."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, sleep

import pytest

from examples.chat import client
from tests.databases import PostgresServer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCREENSHOTS = ROOT / "build" / "screenshots"
STEPS = re.findall(r"^  async (\w+)\(\)\{$", (HERE / "chat.mjs").read_text(), re.MULTILINE)
REDIS_VARIABLE = "ECTYPE_TEST_REDIS_URL"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
START_SECONDS = 60

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip("Chromium is not installed, so the chat cannot be looked at (Debian: apt install chromium)")
    return found


@pytest.fixture(scope="module")
def node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, so the chat has no phoenix client")
    client.install()
    missing = client.missing()
    if missing is not None:
        pytest.skip(missing)
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["playwright-core"]
    package = HERE / "node_modules" / "playwright-core" / "package.json"
    if not package.exists() or json.loads(package.read_text())["version"] != wanted:
        try:
            command = [npm, *client.INSTALL, "--ignore-scripts"]
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=120)
        except (subprocess.SubprocessError, OSError) as exc:
            pytest.skip(f"npm could not install playwright-core: {exc}")
    return node


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def chat(port: int, folder: Path, secret: str, *arguments: str) -> Iterator[str]:
    """Serve the chat until the block ends."""
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHAT_SECRET": secret}
    command = [sys.executable, "-m", "examples.chat", "--port", str(port), *arguments]
    with (
        (folder / f"{port}.log").open("ab") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            await_answer(address, server, folder / f"{port}.log")
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(40)
            finally:
                server.kill()


def await_answer(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = monotonic() + START_SECONDS
    while monotonic() < end:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        sleep(0.1)
    raise AssertionError(f"the chat did not start: {log.read_text()}")


@pytest.fixture(
    scope="module",
    params=[
        "one-process",
        pytest.param("two-over-postgresql", marks=pytest.mark.postgres),
        "two-over-redis",
    ],
)
def results(
    request: pytest.FixtureRequest, node: str, chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, object]]:
    folder, secret = tmp_path_factory.mktemp("chat"), token_urlsafe(32)
    arguments = ["--database", f"sqlite:///{folder / 'chat.db'}"]
    with ExitStack() as stack:
        if request.param == "two-over-postgresql":
            database: PostgresServer = request.getfixturevalue("postgres_server")
            url = database.create_database()
            stack.callback(database.drop_database, url)
            arguments = ["--database", url]
        elif request.param == "two-over-redis":
            redis = os.environ.get(REDIS_VARIABLE)
            if not redis:
                pytest.skip(f"no Redis: {REDIS_VARIABLE} names none")
            arguments += ["--redis", redis]
        ports = [free_port() for _ in range(1 if request.param == "one-process" else 2)]
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        screenshot = SCREENSHOTS / f"chat-{request.param}.png"
        screenshot.unlink(missing_ok=True)
        with ExitStack() as first:
            addresses = [first.enter_context(chat(port, folder, secret, *arguments)) for port in ports]
            command = [node, "chat.mjs", chromium, addresses[0], addresses[-1], str(screenshot)]
            browser = stack.enter_context(subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True))
            stack.callback(browser.kill)
            assert browser.stdout is not None
            lines = []
            for line in browser.stdout:
                if line.strip() == "restart":
                    break
                lines.append(line)
        with ExitStack() as second:
            for port in ports:
                second.enter_context(chat(port, folder, secret, *arguments))
            lines += browser.stdout.readlines()
        assert browser.wait(60) == 0
    rows = [json.loads(line) for line in lines]
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("step", STEPS)
def test_two_browsers_chat(step: str, results: dict[str, dict[str, object]]) -> None:
    assert results[step]["ok"], results[step]["error"]
