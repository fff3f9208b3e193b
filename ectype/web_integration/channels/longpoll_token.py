"""The token of a long-poll session: which session, of which process, signed and with an age."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from typing import Final, NamedTuple, cast, final

from ectype.web_integration.channels.errors import ChannelError

SECRET_BYTES: Final = 32
_PURPOSE: Final = b"ectype long-poll session, version 1"


class SessionId(NamedTuple):
    """Where a session lives: the process, and the topic that it hears requests of other processes on."""

    node: str
    topic: str


@final
class SessionTokens:
    """Signs and verifies session tokens with HMAC-SHA256, under a key derived from the secret.

    Args:
        secret: the same in every process that may be asked, at least 32 bytes; None makes a random one, so that
            only this process knows its tokens.
        max_age: seconds that a token is taken for.

    Raises:
        ChannelError: the secret is too short.
    """

    __slots__ = ("_key", "_max_age")

    def __init__(self, secret: str | None, *, max_age: float) -> None:
        known = secrets.token_bytes(SECRET_BYTES) if secret is None else secret.encode()
        if len(known) < SECRET_BYTES:
            raise ChannelError(
                f"the secret of long polling has {len(known)} bytes, and needs {SECRET_BYTES}",
                hint="make one with python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
        self._key = hmac.digest(known, _PURPOSE, hashlib.sha256)
        self._max_age = max_age

    def sign(self, session: SessionId) -> str:
        """Return the token of a session, of letters, digits, `-`, `_` and one dot."""
        body = _encode(json.dumps([*session, int(time.time())], separators=(",", ":")).encode())
        return f"{body}.{_encode(self._mac(body))}"

    def verify(self, token: str) -> SessionId | None:
        """Return the session of a token, or None when it is not ours, was changed, or is too old."""
        body, dot, mac = token.partition(".")
        if not dot or not token.isascii() or not hmac.compare_digest(_encode(self._mac(body)), mac):
            return None
        try:
            node, topic, signed_at = cast(
                "list[object]", json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            )
        except (binascii.Error, ValueError):
            return None
        if not (isinstance(node, str) and isinstance(topic, str) and isinstance(signed_at, int)):
            return None
        return SessionId(node, topic) if time.time() - signed_at <= self._max_age else None

    def _mac(self, body: str) -> bytes:
        return hmac.digest(self._key, body.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
