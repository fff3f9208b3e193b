"""The chat without a browser: its pages, its worker processes, and what it says where it cannot be live."""

import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from examples.chat import client
from examples.chat.settings import Settings, kept_secret
from examples.chat.web import application

ROOT = Path(__file__).parents[2]
SECRET = "a secret of 32 bytes, for tests only"
CEILING_SECONDS = 60


@asynccontextmanager
async def pages(database: str) -> AsyncIterator[httpx.AsyncClient]:
    app = application(Settings(database=database, secret=SECRET))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://chat.test") as http,
    ):
        yield http


async def test_who_has_not_entered_is_asked_for_a_name_everywhere(sqlite_url: str):
    async with pages(sqlite_url) as http:
        for answer in (await http.get("/rooms/lobby"), await http.post("/rooms/lobby", data={"room[name]": "x"})):
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await http.get("/rooms/nowhere")).status_code == 404
        http.cookies.set("chat_user", "made up")
        assert (await http.get("/rooms/lobby")).status_code == 303


async def test_a_name_that_is_there_already_is_the_same_person(sqlite_url: str):
    async with pages(sqlite_url) as http:
        for _ in range(2):
            entered = await http.post("/", data={"user[name]": "ada"})
            assert entered.status_code == 303
            assert "HttpOnly" in entered.headers["set-cookie"]
        assert (await http.get("/")).headers["location"] == "/rooms/lobby"
        assert "Message, as ada" in (await http.get("/rooms/lobby")).text


async def test_a_form_shows_what_was_sent_and_every_error_beside_its_field(sqlite_url: str):
    async with pages(sqlite_url) as http:
        await http.post("/", data={"user[name]": "ada"})
        refused = await http.post("/rooms/lobby", data={"room[name]": '"><b>', "room[topic]": "t" * 81})
        assert refused.status_code == 422
        assert "may hold a-z, 0-9 and - only" in refused.text
        assert "should be at most 80 character(s)" in refused.text
        assert 'value="&#34;&gt;&lt;b&gt;"' in refused.text


@pytest.mark.parametrize("npm", ["/usr/bin/npm", None])
async def test_without_the_client_the_page_says_so_and_what_to_do(
    npm: str | None, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "package.json").write_text((client.HERE / "package.json").read_text())
    monkeypatch.setattr(client, "HERE", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: npm)
    async with pages(sqlite_url) as http:
        await http.post("/", data={"user[name]": "ada"})
        page = (await http.get("/rooms/lobby")).text
    assert "This page is not live:" in page
    assert ("node and npm are not installed" if npm is None else "npm install --no-package-lock") in page
    assert "<script" not in page


def test_the_secret_is_kept_where_only_its_owner_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHAT_SECRET", raising=False)
    first = kept_secret()
    assert len(first) >= 32
    assert kept_secret() == first
    assert (tmp_path / "chat.secret").stat().st_mode & 0o077 == 0
    assert first not in repr(Settings(database="sqlite:///chat.db", secret=first))


def test_several_processes_without_a_way_to_each_other_are_refused():
    command = [sys.executable, "-m", "examples.chat", "--processes", "2", "--database", "sqlite:///chat.db"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CEILING_SECONDS, check=False)
    assert done.returncode == 2
    assert "several processes need a way to each other" in done.stderr


@pytest.mark.postgres
async def test_two_worker_processes_behind_one_port_are_one_chat(fresh_postgres_url: str, tmp_path: Path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHAT_SECRET": SECRET, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "examples.chat", "--processes", "2"]
    command += ["--port", str(port), "--database", fresh_postgres_url]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(2 * CEILING_SECONDS):
            await two_workers_are_one_chat(port, tmp_path / "log")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(server.wait, CEILING_SECONDS)
        finally:
            server.kill()


async def two_workers_are_one_chat(port: int, log: Path) -> None:
    while log.read_text().count("Application startup complete") < 2:
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        await http.post("/", data={"user[name]": "ada"})
        page = (await http.get("/rooms/lobby")).text
    token = page.partition('data-token="')[2].partition('"')[0]
    # As many as it takes for both processes to have some of them.
    clients: list[Any] = []
    try:
        for _ in range(12):
            one = await entered(port, token)
            clients.append(one)
        await clients[0].send(json.dumps(["1", "2", "room:lobby", "message", {"body": "to all"}]))
        for one in clients:
            told = await until(one, "message")
            assert told["body"] == "to all"
        late = await entered(port, token)
        clients.append(late)
        seen: set[str] = set()
        while len(seen) < len(clients):
            frame = json.loads(await late.recv())
            told = {"presence_state": frame[4], "presence_diff": frame[4].get("joins")}.get(frame[3], {})
            seen |= {meta["phx_ref"] for person in told.values() for meta in person["metas"]}
    finally:
        for one in clients:
            await one.close()


async def entered(port: int, token: str) -> Any:
    protocols: Any = ["phoenix", "base64url.bearer.phx." + encoded(token)]
    url = f"ws://127.0.0.1:{port}/socket/websocket?vsn=2.0.0"
    one = await websockets.connect(url, subprotocols=protocols)
    await one.send(json.dumps(["1", "1", "room:lobby", "phx_join", {}]))
    assert (await until(one, "phx_reply"))["status"] == "ok"
    return one


def encoded(token: str) -> str:
    return base64.b64encode(token.encode()).decode().rstrip("=")


async def until(one: Any, event: str) -> Any:
    while True:
        frame = json.loads(await one.recv())
        if frame[3] == event:
            return frame[4]
