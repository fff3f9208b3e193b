"""What ties repos to an application: opened when it starts, closed when it stops; in tests, one owner a request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ectype.adapters.sandbox import HasConnections, owners_in, sandbox_of
from ectype.adapters.sandbox_owner import OWNER_SECONDS, Owner
from ectype.errors import ConfigError, OwnershipError
from ectype.web_integration.bodies import refuse_struct_bodies

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[None]]


def repo_lifespan(*repos: AbstractAsyncContextManager[Any]) -> Lifespan:
    """Return a `lifespan` for Starlette that opens the repos in order and closes them in reverse.

    A repo that cannot be opened stops the application's start with its own error, after those before it were closed.
    Any asynchronous context manager will do. The start also stops at a route of FastAPI's that asks for a struct inside
    a model: no values from outside make one.

    Raises:
        SchemaError: at the start, for such a route.

        app = Starlette(routes=[...], lifespan=repo_lifespan(repo))
    """

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncGenerator[None, None]:
        refuse_struct_bodies(app)
        async with AsyncExitStack() as stack:
            for repo in repos:
                await stack.enter_async_context(repo)
            yield

    return lifespan


class SandboxMiddleware:
    """Lets a request, or a WebSocket, work for the owner of the sandbox that its header names. For tests only.

    A request without the header passes as it is: its statements then have no owner, unless one is shared. One whose
    token was not signed by these repos, has expired or names an owner that has ended is answered with 403.

    With `path`, tests in another process can do without Python: POST there opens an owner and answers with the value
    of the header; DELETE with that header ends it (200; 410 when it has ended already).

    Args:
        app: the application.
        repos: those that were made with `sandbox=True`.
        header: the header's name; "user-agent" for browsers that cannot send others with a WebSocket.
        path: where owners are opened and ended; None for nowhere.
        timeout: how many seconds an owner that was opened there may live.

    Raises:
        ConfigError: no repo, or one that is no sandbox.

    Example:
        app.add_middleware(SandboxMiddleware, repo)
        browser.new_context(extra_http_headers={"x-ectype-sandbox": owner.header()})
    """

    def __init__(
        self,
        app: ASGIApp,
        *repos: HasConnections,
        header: str = "x-ectype-sandbox",
        path: str | None = None,
        timeout: float = OWNER_SECONDS,
    ) -> None:
        if not repos:
            raise ConfigError(
                "SandboxMiddleware has no repo", hint="write `app.add_middleware(SandboxMiddleware, repo)`"
            )
        self._app = app
        self._repos = repos
        self._sandboxes = [sandbox_of(repo) for repo in repos]
        self._header = header.lower().encode("latin-1")
        self._path = path
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif self._path is not None and scope["type"] == "http" and scope["path"] == self._path:
            await (await self._session(Request(scope, receive)))(scope, receive, send)
        else:
            await self._pass(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = self._given(scope)
        with ExitStack() as stack:
            try:
                for owner in [] if given is None else owners_in(self._repos, given):
                    stack.enter_context(owner.active())
            except OwnershipError as exc:
                if scope["type"] == "websocket":
                    # Before it is accepted, this is a 403. https://asgi.readthedocs.io/en/latest/specs/www.html#close-send-event
                    await send({"type": "websocket.close", "code": 1008, "reason": exc.message})
                else:
                    await PlainTextResponse(str(exc), 403)(scope, receive, send)
                return
            await self._app(scope, receive, send)

    def _given(self, scope: Scope) -> str | None:
        found = [value for name, value in scope["headers"] if name == self._header]
        given = found[-1].decode("latin-1") if found else None
        # A User-Agent without a token is that of somebody else.
        return None if given is None or (self._header == b"user-agent" and "ectype-sandbox/" not in given) else given

    async def _session(self, request: Request) -> Response:
        if request.method == "POST":
            return PlainTextResponse(await self._opened())
        if request.method == "DELETE":
            return await self._ended(self._given(request.scope) or "")
        return PlainTextResponse("POST opens an owner, DELETE ends it", 405, {"allow": "POST, DELETE"})

    async def _opened(self) -> str:
        async with AsyncExitStack() as undo:
            owners: list[Owner] = []
            for one in self._sandboxes:
                owner = await one.start(name="a browser", shared=False, isolation=None, timeout=self._timeout)
                undo.push_async_callback(owner.stop)
                owners.append(owner)
            undo.pop_all()
        return " ".join(owner.header() for owner in owners)

    async def _ended(self, given: str) -> Response:
        try:
            owners = owners_in(self._repos, given)
        except OwnershipError as exc:
            return PlainTextResponse(str(exc), 410)
        for owner in owners:
            await owner.stop()
        return PlainTextResponse("")
