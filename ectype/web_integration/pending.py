"""The page of a developer whose database is behind: which migrations are pending, and a button that applies them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from http import HTTPStatus
from typing import Any, Final, Protocol, final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ectype.errors import ConfigError, ConnectError, EctypeError
from ectype.web_integration.params import ParamLimits, ParamsError, read_params

logger = logging.getLogger("ectype.web")

ACTION: Final = "/_ectype/migrate"
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class MigrationState(Protocol):
    """What is shown of a migration: `MigrationStatus` has it."""

    @property
    def version(self) -> int:
        """Its number."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def state(self) -> str:
        """`up` when it is applied."""
        ...


@final
class PendingMigrations:
    """ASGI middleware for development: while migrations are pending, every request is answered by a page that says so.

    The page has a button that applies them; clients that want no HTML get 503 as problem details. The folder is looked
    at with every request, so that a new migration is seen at once. Not `enabled`, it looks at nothing and has no
    button. While the database cannot be reached, requests pass, and are answered as without it.

    Args:
        app: the application behind.
        status: returns all migrations with their states.
        migrate: applies those that are pending.
        enabled: whether this is development; say it, from your own settings.

    Raises:
        ConfigError: `enabled` is no bool.

    Example:
        app = Starlette(
            routes=[...],
            middleware=[
                Middleware(
                    PendingMigrations,
                    status=lambda: migrations.status(repo),
                    migrate=lambda: migrations.migrate(repo),
                    enabled=settings.debug,
                )
            ],
        )
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        status: Callable[[], Awaitable[Sequence[MigrationState]]],
        migrate: Callable[[], Awaitable[object]],
        enabled: bool,
    ) -> None:
        given: Any = enabled
        if not isinstance(given, bool):
            raise ConfigError(
                f"`enabled` says whether this is development, and is a bool, got {given!r:.60}",
                hint='write `enabled=os.environ.get("APP_ENV") == "development"`',
            )
        self.app = app
        self._status = status
        self._migrate = migrate
        self._enabled = enabled
        # Only who was shown the page can press its button: another site's page cannot read it.
        self._token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if not self._enabled or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        pressed = request.method == "POST" and request.url.path.endswith(ACTION)
        answer = await (self._pressed(request) if pressed else self._looked(request))
        if answer is None:
            await self.app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _looked(self, request: Request) -> Response | None:
        try:
            pending = [one for one in await self._status() if one.state != "up"]
        except ConnectError:
            return None
        except EctypeError as exc:
            return self._failed(request, "The migrations cannot be read", exc)
        return self._page(request, pending) if pending else None

    async def _pressed(self, request: Request) -> Response:
        if not await self._allowed(request):
            return _problem(HTTPStatus.FORBIDDEN, {"detail": "reload the page and press its button"})
        try:
            await self._migrate()
        except EctypeError as exc:
            logger.warning("the migrations failed from the page of a developer: %s", exc.message)
            return self._failed(request, "The migrations failed", exc)
        return RedirectResponse(request.scope.get("root_path", "") + "/", HTTPStatus.SEE_OTHER)

    async def _allowed(self, request: Request) -> bool:
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return False
        try:
            given: object = (await read_params(request, limits=ParamLimits(1_000, 10, 1))).get("token")
        except ParamsError:
            return False
        return isinstance(given, str) and secrets.compare_digest(given.encode(), self._token.encode())

    def _page(self, request: Request, pending: Sequence[MigrationState]) -> Response:
        named = [(str(one.version), one.name, one.state) for one in pending]
        if not _wants_html(request):
            listed = [{"version": version, "name": name, "state": state} for version, name, state in named]
            return _problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                {"detail": "migrations are pending: run `ectype migrate`", "migrations": listed},
            )
        rows = "".join(
            f"<tr><td>{escape(version)}</td><td>{escape(name)}</td><td>{escape(state)}</td></tr>"
            for version, name, state in named
        )
        count = "1 migration is pending" if len(named) == 1 else f"{len(named)} migrations are pending"
        return _html(count, f"<table>{rows}</table>{self._button(request)}<p>or run <code>ectype migrate</code></p>")

    def _failed(self, request: Request, title: str, exc: EctypeError) -> Response:
        if not _wants_html(request):
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, {"detail": f"{title}: {exc.message}", "hint": exc.hint})
        hint = "" if exc.hint is None else f"<p>hint:</p><pre>{escape(exc.hint)}</pre>"
        return _html(title, f"<pre>{escape(exc.message)}</pre>{hint}{self._button(request)}")

    def _button(self, request: Request) -> str:
        action = escape(request.scope.get("root_path", "") + ACTION)
        return (
            f'<form method="post" action="{action}"><input type="hidden" name="token" value="{self._token}">'
            "<button>Run the migrations</button></form>"
        )


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _problem(status: HTTPStatus, members: dict[str, Any]) -> Response:
    content = {"type": "about:blank", "title": status.phrase, "status": int(status), **members}
    return JSONResponse(content, status, headers=_HEADERS, media_type="application/problem+json")


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:3rem auto;padding:0 1rem}"
    "td{padding:.2rem 1rem .2rem 0}pre{white-space:pre-wrap}button{font:inherit;padding:.4rem 1rem;margin:1rem 0}"
)


def _html(title: str, body: str) -> Response:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(page, HTTPStatus.SERVICE_UNAVAILABLE, headers=_HEADERS)
