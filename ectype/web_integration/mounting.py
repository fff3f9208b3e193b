"""What Litestar does otherwise than Starlette when it mounts an application: it adds a slash to every path."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def litestar_mount(app: ASGIApp) -> ASGIApp:
    """Return an application, as that of `socket_app`, as Litestar can mount it: it gets its paths without that slash.

    Example:
        sockets = litestar.asgi("/socket", is_mount=True, copy_scope=True)(
            litestar_mount(socket_app(UserSocket, pubsub=pubsub))
        )
        app = Litestar([sockets, ...])
    """

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        await app({**scope, "path": path.rstrip("/") or "/"}, receive, send)

    return mounted
