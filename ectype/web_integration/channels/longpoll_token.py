"""The token of a long-poll session: which session, of which process, signed and with an age."""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple, final

from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.tokens import MIN_SECRET_BYTES, TokenError, Tokens

_PURPOSE: Final = "ectype long-poll session"


class SessionId(NamedTuple):
    """Where a session lives: the process, and the topic that it hears requests of other processes on."""

    node: str
    topic: str


@final
class SessionTokens:
    """Signs and verifies session tokens.

    Args:
        secret: the same in every process that may be asked, at least 32 bytes; None makes a random one, so that
            only this process knows its tokens.
        max_age: seconds that a token is taken for.

    Raises:
        ChannelError: the secret is too short.
    """

    __slots__ = ("_max_age", "_tokens")

    def __init__(self, secret: str | None, *, max_age: float) -> None:
        known = secrets.token_bytes(MIN_SECRET_BYTES) if secret is None else secret.encode()
        if len(known) < MIN_SECRET_BYTES:
            raise ChannelError(
                f"the secret of long polling has {len(known)} bytes, and needs {MIN_SECRET_BYTES}",
                hint="make one with python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
        self._tokens = Tokens(known, salt=_PURPOSE)
        self._max_age = max_age

    def sign(self, session: SessionId) -> str:
        """Return the token of a session, of letters, digits, `-` and `_`."""
        return self._tokens.sign(list(session))

    def verify(self, token: str) -> SessionId | None:
        """Return the session of a token, or None when it is not ours, was changed, or is too old."""
        try:
            found: Any = self._tokens.verify(token, max_age=self._max_age)
        except TokenError:
            return None
        return SessionId(*found)
