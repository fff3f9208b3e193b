"""Signed words that name an owner of the sandbox: what a browser sends, so that its request works for one test."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TypeVar

from ectype.errors import OwnershipError

T = TypeVar("T")

PREFIX = "ectype-sandbox/"
"""What stands before the token, so that it can ride in a header of its own or at the end of a User-Agent."""

_FOUND = re.compile(rf"{re.escape(PREFIX)}(?P<payload>[\w-]+)\.(?P<signature>[\w-]+)")


def sign(key: bytes, owner: str, expires: int) -> str:
    """Return the text for a header.

    Args:
        key: the secret of the sandbox that will read it.
        owner: which owner it names.
        expires: the time (seconds since 1970) from which on it is refused.
    """
    payload = f"{expires}.{owner}".encode()
    return f"{PREFIX}{_text(payload)}.{_text(_signature(key, payload))}"


def read(keys: Mapping[bytes, T], header: str, now: float) -> list[tuple[T, str]]:
    """Return, for each token of a header, what its key stands for and the owner that it names.

    Args:
        keys: the secrets that may have signed it, and what each stands for.
        header: the value of the header.
        now: the time, in seconds since 1970.

    Raises:
        OwnershipError: it holds no token, or one that nobody here signed, or that has expired.
    """
    found = list(_FOUND.finditer(header))
    if not found:
        raise OwnershipError("the header names no owner of the sandbox", hint="send what `owner.header()` gives")
    return [_read_one(keys, match["payload"], match["signature"], now) for match in found]


def _read_one(keys: Mapping[bytes, T], payload_text: str, signature_text: str, now: float) -> tuple[T, str]:
    payload, signature = _bytes(payload_text), _bytes(signature_text)
    whose = [one for key, one in keys.items() if hmac.compare_digest(_signature(key, payload), signature)]
    if not whose:
        raise OwnershipError(
            "the header's token was not signed by this sandbox",
            hint="send what `owner.header()` gives, to the process that gave it",
        )
    expires, _, owner = payload.decode().partition(".")
    if now >= int(expires):
        raise OwnershipError("the header's token has expired", hint="call `owner.header()` anew in each test")
    return whose[0], owner


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
