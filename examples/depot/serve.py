"""The depot as a page that updates live: a scan made by anyone reaches every open page through a channel."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route

from ectype import Repo, from_, migrations
from ectype.web_integration import (
    Channel,
    Connected,
    ConnectInfo,
    Join,
    Joined,
    Params,
    Payload,
    PubSub,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    repo_errors,
    socket_app,
)
from examples.depot.queries import by_suffix, heaviest
from examples.depot.scan import scan
from examples.depot.schemas import Scan

HERE = Path(__file__).parent
TOPIC = "depot:inventory"


async def summary(repo: Repo) -> dict[str, object]:
    """Return what the page shows, as JSON values."""
    last = await repo.one(from_(Scan).order_by(Scan.id.desc()).limit(1).preload(Scan.changes))
    heavy = await repo.all(heaviest(12))
    suffixes = await repo.all(by_suffix(8))
    taken = None if last is None else {"id": last.id, "at": last.started_at.isoformat(), "files": last.files}
    changes = [] if last is None else last.changes
    return {
        "scan": taken,
        "distributions": [
            {"name": line.name, "version": line.version, "files": line.files, "size": line.size} for line in heavy
        ],
        "suffixes": [{"suffix": line.suffix, "size": line.size} for line in suffixes],
        "changes": [{"kind": one.kind, "name": one.name, "before": one.before, "after": one.after} for one in changes],
    }


def application(url: str) -> Starlette:
    """Return the page, and the socket that keeps it up to date."""
    repo = Repo(url)
    pubsub = PubSub(defer=repo.after_commit)

    class InventoryChannel(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined(await summary(repo))

        async def handle_in_scan(self, payload: Payload, socket: Socket) -> Reply:
            taken = await scan(repo)
            await self.broadcast("scanned", await summary(repo))
            return Reply({"scan": taken.id})

    class DepotSocket(SocketHandler):
        channels = {TOPIC: InventoryChannel}

        async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
            return Connected()

    async def page(request: Request) -> FileResponse:
        return FileResponse(HERE / "page.html")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None, None]:
        async with repo:
            await migrations.migrate(repo, HERE / "migrations")
            yield

    return Starlette(
        routes=[Route("/", page), Mount("/socket", socket_app(DepotSocket, pubsub=pubsub))],
        exception_handlers=repo_errors(),
        lifespan=lifespan,
    )


def serve(url: str, port: int) -> None:
    """Serve until interrupted."""
    uvicorn.run(application(url), host="127.0.0.1", port=port, log_level="info")
