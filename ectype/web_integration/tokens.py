"""Signed tokens that say who somebody is for a while, as Phoenix.Token makes them: signed, dated, and readable by all.

A token is base64url of a version byte, when it was signed (milliseconds since 1970, eight bytes), JSON, and an
HMAC-SHA256 over all of it. The key is PBKDF2-HMAC-SHA256 of the secret and the salt, 1,000 rounds, as in
`Plug.Crypto.KeyGenerator`. It holds only letters of URLs, so that it may stand in a query, a header or a subprotocol.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import timedelta
from math import isfinite
from time import time
from typing import Any, Final, Literal, TypeAlias, cast, final

from ectype.errors import ConfigError, EctypeError
from ectype.web_integration.payload import PayloadError

Secret: TypeAlias = str | bytes | tuple[str | bytes, ...]
"""What signs tokens; of several the first one signs, and all are accepted, so that a secret can be changed."""
Reason: TypeAlias = Literal["missing", "invalid", "expired"]

VERSION: Final = 1
ROUNDS: Final = 1_000
MIN_SECRET_BYTES: Final = 32
MAX_LENGTH: Final = 4_096
"""Characters of a token: it travels in headers and URLs."""
MAX_SKEW: Final = 60.0
"""Seconds that the clock of the host that signed may be ahead of this one's."""
_MAC_BYTES: Final = 32
_HEAD: Final = 9
_CONTEXT: Final = b"ectype token\0"
_MAX_DEPTH: Final = 32


class TokenError(EctypeError):
    """A token that is not believed. The web layer answers 401, and says no more than that.

    Attributes:
        reason: `missing` when there is none, `expired` when it was ours and is too old, else `invalid`.
    """

    def __init__(self, message: str, *, reason: Reason, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason: Reason = reason


@final
class Tokens:
    """Signs tokens for one purpose and verifies them: one of another purpose or secret is never believed.

    Whoever holds a token can read what it says; it is signed, not encrypted. What it says stays true until it expires:
    to take one back earlier, keep a version of your own in it and compare that.

    Args:
        secret: at least 32 bytes, from the program's configuration. Of several the first one signs, and all are
            accepted.
        salt: the purpose, as `"user socket"`. It is no secret.

    Raises:
        ConfigError: the secret is too short, or the salt is empty.

    Example:
        tokens = Tokens(os.environ["SECRET_KEY"], salt="user socket")
        token = tokens.sign(user.id)
        user_id = tokens.verify(token, max_age=1_209_600)
    """

    __slots__ = ("_keys", "_salt")

    def __init__(self, secret: Secret, *, salt: str) -> None:
        given: Any = salt
        if not isinstance(given, str) or not given:
            raise ConfigError(
                f"the salt of tokens is a text that says their purpose, got {given!r:.60}",
                hint='write `Tokens(secret, salt="user socket")`',
            )
        self._salt = salt
        context = b"ectype\0" + salt.encode("utf-8", "surrogatepass")
        self._keys = tuple([hashlib.pbkdf2_hmac("sha256", key, context, ROUNDS) for key in _secrets(secret)])

    def sign(self, data: Any, *, signed_at: float | None = None) -> str:
        """Return a token that says this, from now on.

        Args:
            data: JSON: None, bool, int, finite float, str, list, and dict with keys of str. It comes back as it was.
            signed_at: the moment from which its age counts, in seconds since 1970; now when not given.

        Raises:
            PayloadError: for anything else, which would not come back as it was; or more than a token may hold.
            ConfigError: `signed_at` is no such moment.
        """
        fault = _fault(data, "data", 0)
        if fault is not None:
            raise PayloadError(
                f"a token cannot hold this: {fault}",
                hint="sign JSON: `tokens.sign(str(user.id))` for a UUID, `list(…)` for a tuple, `.value` for an enum",
            )
        moment = time() if signed_at is None else _seconds("signed_at", signed_at)
        if not 0 <= moment < 2**40:
            raise ConfigError(f"`signed_at` counts seconds since 1970, got {signed_at!r:.60}", hint="leave it out")
        try:
            text = json.dumps(data, separators=(",", ":")).encode()
        except ValueError as exc:  # an int of more digits than Python writes
            raise PayloadError(f"a token cannot hold this: {exc}", hint="sign less") from exc
        body = bytes([VERSION]) + int(moment * 1000).to_bytes(8, "big") + text
        token = urlsafe_b64encode(body + _mac(body, self._keys[0])).rstrip(b"=").decode()
        if len(token) > MAX_LENGTH:
            raise PayloadError(
                f"a token holds at most {MAX_LENGTH} characters, and this one would have {len(token)}",
                hint="sign a key, as `user.id`, and look up the rest",
            )
        return token

    def verify(self, token: object, *, max_age: float | timedelta | None) -> Any:
        """Return what a token says, when it is ours and young enough.

        Args:
            token: what a client sent; None where it sent none.
            max_age: how old it may be, in seconds or as a timedelta; None for tokens that never expire.

        Raises:
            TokenError: it is missing, expired, or not ours; which of them stands in `reason`.
            ConfigError: `max_age` is no number.
        """
        allowed = None if max_age is None else _seconds("max_age", max_age)
        if token is None or token == "":
            raise TokenError("there is no token", reason="missing")
        body = self._checked(_decoded(token))
        signed, now = int.from_bytes(body[1:_HEAD], "big") / 1000, time()
        if body[0] != VERSION or signed > now + MAX_SKEW:
            raise _invalid()
        if allowed is not None and signed + allowed <= now:
            raise TokenError("the token has expired", reason="expired")
        return json.loads(body[_HEAD:])

    def _checked(self, raw: bytes) -> bytes:
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not any([hmac.compare_digest(mac, _mac(body, key)) for key in self._keys]):  # noqa: C419  # all, in equal time
            raise _invalid()
        return body

    def __repr__(self) -> str:
        return f"Tokens(salt={self._salt!r})"

    def __reduce__(self) -> Any:
        raise TypeError("Tokens hold keys, and are not pickled: make them where they are needed")


def _secrets(secret: object) -> list[bytes]:
    listed = cast("tuple[object, ...]", secret) if isinstance(secret, tuple) else (secret,)
    keys = [one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in listed]
    if not keys or any(not isinstance(key, bytes) or len(key) < MIN_SECRET_BYTES for key in keys):
        raise ConfigError(
            f"`secret` signs tokens, and has at least {MIN_SECRET_BYTES} bytes",
            hint="make one with `secrets.token_urlsafe(32)`, and read it from the program's configuration",
        )
    return cast("list[bytes]", keys)


def _seconds(name: str, value: object) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ConfigError(f"`{name}` is a number of seconds, got {value!r:.60}", hint=f"write `{name}=86_400`")
    return float(value)


def _decoded(token: object) -> bytes:
    if not isinstance(token, str) or len(token) > MAX_LENGTH or not token.isascii():
        raise _invalid()
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (Base64Error, ValueError):
        raise _invalid() from None
    # Python skips what is not of the alphabet, so that one token could be written in many ways.
    if len(raw) < _HEAD + _MAC_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise _invalid()
    return raw


def _mac(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _CONTEXT + body, "sha256")


def _invalid() -> TokenError:
    return TokenError("this is no token of ours for this purpose, or it was changed", reason="invalid")


def _fault(value: Any, path: str, depth: int) -> str | None:
    """Return where a value holds what JSON would not give back as it was; None for nothing."""
    kind = value.__class__
    if value is None or kind in (bool, int, str):
        return None
    if kind is float:
        return None if isfinite(value) else f"{path} is {value}"
    if depth >= _MAX_DEPTH:
        return f"{path} is nested too deeply, or holds itself"
    if kind is list:
        found = (_fault(one, f"{path}[{position}]", depth + 1) for position, one in enumerate(value))
        return next((fault for fault in found if fault is not None), None)
    if kind is dict:
        for key, one in value.items():
            if key.__class__ is not str:
                return f"{path} has a key of type {key.__class__.__name__}"
            if (fault := _fault(one, f"{path}[{key!r:.40}]", depth + 1)) is not None:
                return fault
        return None
    return f"{path} is of type {kind.__name__}"
