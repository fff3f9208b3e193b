"""Which web pages may open a socket: the check of the `Origin` header, on by default.

A browser sends cookies with a WebSocket wherever the page came from (cross-site WebSocket hijacking), and neither
Starlette nor uvicorn looks at `Origin`. The rules are Phoenix's `check_origin`: a request without `Origin` comes from
no browser and passes; `True` wants the host that the request was sent to, `"exact"` its scheme and port too; a list
names the origins; a function decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ectype.errors import ConfigError

CheckOrigin: TypeAlias = bool | Literal["exact"] | Iterable[str] | Callable[[str], bool]

_HOST = r"(?P<host>\[[0-9a-f:.]+\]|[^\s:/?#@\\\[\]]+)(?::(?P<port>[0-9]{1,5}))?"
_ORIGIN = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_HOST}", re.IGNORECASE)
_ALLOWED = re.compile(rf"(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?//{_HOST}", re.IGNORECASE)
_HOST_HEADER = re.compile(_HOST, re.IGNORECASE)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HTTP = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class _Place:
    scheme: str | None
    host: str
    port: int | None

    def admits(self, origin: _Place) -> bool:
        if self.scheme is not None and self.scheme != origin.scheme:
            return False
        if self.port is not None and self.port != origin.port:
            return False
        if self.host.startswith("*."):
            return origin.host == self.host[2:] or origin.host.endswith(self.host[1:])
        return origin.host == self.host


class OriginCheck:
    """Decides about origins.

    Args:
        check: True: the origin's host must be the host of the request. `"exact"`: its scheme and port must be those of
            the request too. A list: it must fit one of the entries, `https://example.org`, `//example.org:8443` (any
            scheme) or `//*.example.org` (the domain and all below). False: everybody passes. A function: given the
            `Origin` header, it says whether it passes.

    Raises:
        ConfigError: an entry is none of these.
    """

    __slots__ = ("_allowed", "_decide", "_exact", "_same_host")

    def __init__(self, check: CheckOrigin) -> None:
        self._exact = check == "exact"
        self._same_host = check is True or self._exact
        self._decide = check if callable(check) else None
        listed = None if isinstance(check, bool) or callable(check) or self._exact else check
        self._allowed = None if listed is None else tuple(_entry(one) for one in _entries(listed))

    def allows(self, origin: str | None, *, host: str | None, scheme: str = "http") -> bool:
        """Return whether a request of this scheme with these `Origin` and `Host` headers may go on.

        >>> OriginCheck(True).allows("https://example.org", host="example.org:8000")
        True
        >>> OriginCheck(True).allows("https://evil.test", host="example.org")
        False
        """
        if origin is not None and self._decide is not None:
            return self._decide(origin)
        if origin is None or (self._allowed is None and not self._same_host):
            return True
        place = _place(_ORIGIN, origin)
        if place is None:
            return False
        if self._allowed is not None:
            return any(allowed.admits(place) for allowed in self._allowed)
        own = None if host is None else _HOST_HEADER.fullmatch(host)
        if own is None or own["host"].lower() != place.host:
            return False
        return not self._exact or (_HTTP.get(scheme, scheme), _port(scheme, own["port"])) == (place.scheme, place.port)


def _entries(check: Iterable[str]) -> Iterable[str]:
    if isinstance(check, str):
        raise ConfigError(f"check_origin is a list, got {check!r}", hint=f'write check_origin=["{check}"]')
    return check


def _entry(text: str) -> _Place:
    place = _place(_ALLOWED, text)
    if place is None or "*" in place.host.removeprefix("*."):
        raise ConfigError(
            f"check_origin has an entry that is no origin: {text!r}",
            hint='write "https://example.org", "//example.org" for any scheme, or "//*.example.org" for subdomains too',
        )
    return place


def _place(pattern: re.Pattern[str], text: str) -> _Place | None:
    match = pattern.fullmatch(text)
    if match is None:
        return None
    scheme, port = match["scheme"], match["port"]
    scheme = None if scheme is None else scheme.lower()
    return _Place(scheme, match["host"].lower(), _port(scheme, port))


def _port(scheme: str | None, port: str | None) -> int | None:
    return int(port) if port else _PORTS.get(scheme or "")
