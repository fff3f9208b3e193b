"""The browser's session in `connect`: only for a page that shows the session's CSRF token.

A browser sends the session's cookie with a socket wherever the page came from; the token, only the site's own pages
know. It stands in the session, and each page gets it under another mask, so that what a page compresses to tells
nothing of it (BREACH).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final, cast

from starlette.requests import HTTPConnection

from ectype.web_integration.channels.errors import ChannelError

PARAM: Final = "_csrf_token"
"""The parameter of the socket, and the key of the session."""
_BYTES: Final = 24


def csrf_token(request: HTTPConnection) -> str:
    """Return the token that a page gives its socket, which then finds the session in `info.session`.

    The page writes `new Socket("/socket", {params: {_csrf_token: "…"}})`. The secret behind it is put into the
    session the first time; it needs Starlette's `SessionMiddleware`, or another that sets `scope["session"]`.

    Raises:
        ChannelError: the request has no session.
    """
    session = cast("dict[str, Any] | None", request.scope.get("session"))
    if session is None:
        raise ChannelError(
            "csrf_token was asked for in a request without a session",
            hint="add Middleware(SessionMiddleware, secret_key=…) of Starlette to the application",
        )
    known = _decoded(session.get(PARAM))
    if known is None:
        known = secrets.token_bytes(_BYTES)
        session[PARAM] = _encoded(known)
    mask = secrets.token_bytes(_BYTES)
    return _encoded(mask + _xor(known, mask))


def session_of(request: HTTPConnection, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the session of a request whose parameters hold the session's CSRF token, else None."""
    session = cast("Mapping[str, Any] | None", request.scope.get("session"))
    if session is None:
        return None
    known, shown = _decoded(session.get(PARAM)), _decoded(params.get(PARAM), size=2 * _BYTES)
    if known is None or shown is None:
        return None
    told = _xor(shown[:_BYTES], shown[_BYTES:])
    return session if hmac.compare_digest(told, known) else None


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def _decoded(text: object, *, size: int = _BYTES) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == size else None
