"""The demo does the library's main job on real input, on both databases."""

import asyncio
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import uvicorn
import websockets

from ectype import Repo, change, from_
from examples.depot.schemas import Distribution
from examples.depot.serve import application

ROOT = Path(__file__).parents[2]


def depot(url: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "examples.depot", "--database", url],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_first_scan_prints_every_table_and_the_next_what_changed_since(database_url: str):
    first = await asyncio.to_thread(depot, database_url)
    for title in (
        "The largest distributions",
        "needs, directly or through others",
        "Files by suffix",
        "What nothing else depends on",
    ):
        assert title in first
    assert re.search(r"scan 1 .* distributions", first)
    installed = {one.metadata["Name"] for one in distributions()}
    assert len([name for name in installed if name in first]) > 5

    async with Repo(database_url) as repo:
        rich = await repo.get_by_or_raise(Distribution, Distribution.name == "rich")
        await repo.update(change(rich, Distribution.version.set("0.1")))
        await repo.delete_all(from_(Distribution).where(Distribution.name == "typer"))
        await repo.insert(Distribution(name="ghost", version="1.0"))

    second = await asyncio.to_thread(depot, database_url)
    assert "What changed since the scan before" in second
    assert re.search(r"~ .* rich .* 0\.1 ", second)
    assert re.search(r"\+ .* typer ", second)
    assert re.search(r"- .* ghost .* 1\.0 ", second)

    assert "nothing changed since the scan before" in await asyncio.to_thread(depot, database_url)


async def test_a_database_that_is_not_there_is_said_in_a_sentence_without_a_traceback():
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "examples.depot", "--database", "postgresql://ada:secret@127.0.0.1:1/depot"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "no connection to postgresql://ada:***@127.0.0.1:1/depot" in done.stdout.replace("\n", " ")
    assert "hint:" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr


async def test_a_scan_that_one_page_asks_for_reaches_every_open_page(sqlite_url: str):
    server = uvicorn.Server(uvicorn.Config(application(sqlite_url), port=0, log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.02)
            assert not serving.done()
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/socket/websocket?vsn=2.0.0"
        async with websockets.connect(url) as asking, websockets.connect(url) as watching:
            for socket in (asking, watching):
                await socket.send(json.dumps(["1", "1", "depot:inventory", "phx_join", {}]))
                assert (await frame(socket))[3] == "phx_reply"
            await asking.send(json.dumps(["1", "2", "depot:inventory", "scan", {}]))
            told = await frame(watching)
            assert told[3] == "scanned"
            assert told[4]["scan"]["id"] == 1
            assert told[4]["distributions"]
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 20)


async def frame(socket: Any) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 60))
