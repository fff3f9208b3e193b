"""A TCP proxy on loopback that can lose what it should carry: no reset, no end, nothing, as a cut cable does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Proxy:
    """Carries bytes between its clients and a PostgreSQL server.

    Attributes:
        carries: cleared, the bytes that come are kept back and nobody is told; set again, they go on.
        answers: the same for what the server says alone.
        ends: cleared, nobody hears that the server has hung up.
        heard: all that the server has sent, in order.
        connects: how many clients have come.
        said: all that clients have sent, in order.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.carries = asyncio.Event()
        self.carries.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.ends = asyncio.Event()
        self.ends.set()
        self.heard = bytearray()
        self.connects = 0
        self.said = bytearray()
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there: asyncio.StreamWriter | None = None
        try:
            await self.carries.wait()
            answers, there = await self._reach()
            ways = [
                asyncio.create_task(self._carry(reader, there, spoken=True)),
                asyncio.create_task(self._carry(answers, writer, spoken=False)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, there):
                if one is not None:
                    one.close()
                    with suppress(OSError, asyncio.CancelledError):
                        await one.wait_closed()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, spoken: bool) -> None:
        while data := await source.read(65_536):
            if spoken:
                self.said += data
            await self.carries.wait()
            if not spoken:
                await self.answers.wait()
                self.heard += data
            target.write(data)
            await target.drain()
        if not spoken:
            await self.ends.wait()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._url)
        folder = parse_qs(parts.query).get("host")
        if folder is not None:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{parts.port or 5432}")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(url: str, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Proxy]:
    """Open a proxy to the server of a URL; its own `url` leads through it."""
    proxy = Proxy(url)
    server = await asyncio.start_server(proxy.serve, host, port)
    parts = urlsplit(url)
    address = f"{host}:{server.sockets[0].getsockname()[1]}"
    user = parts.netloc.rpartition("@")[0] or "postgres"
    proxy.url = urlunsplit(parts._replace(netloc=f"{user}@{address}", query=""))
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
