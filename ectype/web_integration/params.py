"""Params of forms and URLs, nested as Plug nests them, and never more of them than there may be.

`user[name]=Ada&user[posts][0][title]=Notes` is `{"user": {"name": "Ada", "posts": {"0": {"title": "Notes"}}}}`: what
`cast`, `cast_assoc` and `cast_embed` take. The rules are those of `Plug.Conn.Query`
(https://hexdocs.pm/plug/Plug.Conn.Query.html).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote_to_bytes

from ectype.errors import CastError, ConfigError
from ectype.types.documents import is_too_deep
from ectype.web_integration.payload import decode_json

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORM: Final = "application/x-www-form-urlencoded"


class ParamsError(CastError):
    """Params that cannot be read: no percent-encoding, no UTF-8, no JSON object. The web layer answers 400."""


class ParamsTooLargeError(ParamsError):
    """More params, or deeper ones, than the limits allow. The web layer answers 413."""


class UnsupportedMediaTypeError(ParamsError):
    """A body of a media type that holds no params. The web layer answers 415."""


@dataclass(frozen=True, slots=True)
class ParamLimits:
    """How much a client may send; what is more is refused before it is taken apart.

    Attributes:
        size: bytes of the text, encoded.
        count: how many params: pairs of a name and a value.
        depth: how deep they may nest: `user[posts][0][title]` has a depth of 4.

    Raises:
        ConfigError: one of them is no positive int; or the depth is more than 64, which is what changesets take.
    """

    size: int = 1_000_000
    count: int = 1_000
    depth: int = 32

    def __post_init__(self) -> None:
        for name in ("size", "count", "depth"):
            value: object = getattr(self, name)
            if value.__class__ is not int or cast("int", value) < 1 or (name == "depth" and cast("int", value) > 64):
                raise ConfigError(
                    f"ParamLimits(`{name}`) is a positive int{', at most 64' * (name == 'depth')}, got {value!r:.60}",
                    hint="write `ParamLimits(size=1_000_000, count=1_000, depth=32)`",
                )


LIMITS: Final = ParamLimits()
"""The limits where none are given."""


class HasBody(Protocol):
    """What is needed of a request: Starlette's, FastAPI's and Litestar's have it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        ...

    def stream(self) -> AsyncIterator[bytes]:
        """Give the body in pieces."""
        ...


def decode_params(text: str | bytes, *, limits: ParamLimits = LIMITS) -> dict[str, Any]:
    """Return the nested params of a query string or an encoded form.

    `a[b]` is a key in a mapping, `a[]` one more element of a list, `a[][b]` one more mapping in a list. Of two that
    contradict each other the later one stands, as of two of one name. Values are texts.

    Raises:
        ParamsError: what follows a `%` is no pair of hexadecimal digits, or it is not UTF-8.
        ParamsTooLargeError: it is more than the limits allow.

    >>> decode_params("user[name]=Ada&user[tags][]=a&user[tags][]=b")
    {'user': {'name': 'Ada', 'tags': ['a', 'b']}}
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    _check("size", len(raw), limits.size)
    _check("count", raw.count(b"&") + 1, limits.count)
    pairs = [piece.partition(b"=") for piece in raw.split(b"&") if piece]
    return nest_params([(_decoded(name), _decoded(value)) for name, _, value in pairs], limits=limits)


def nest_params(pairs: Iterable[tuple[str, Any]], *, limits: ParamLimits = LIMITS) -> dict[str, Any]:
    """Return the nested params of names and values that a framework has decoded, as of a form with files.

    Values are kept as they are. The names nest as in `decode_params`.

    Raises:
        ParamsTooLargeError: there are more than the limits allow.

    Example:
        params = nest_params((await request.form()).multi_items())

    >>> nest_params([("posts[][title]", "a"), ("posts[][title]", "b")])
    {'posts': [{'title': 'a'}, {'title': 'b'}]}
    """
    found: dict[str, Any] = {}
    for position, (name, value) in enumerate(pairs, start=1):
        _check("count", position, limits.count)
        _check("depth", name.count("[") + 1, limits.depth)
        _put(found, _path(name), value)
    return found


async def read_params(request: HasBody, *, limits: ParamLimits = LIMITS) -> dict[str, Any]:
    """Return the params in a request's body: of an encoded form, or a JSON object. An empty body has none.

    The body is not read further than the limits allow.

    Raises:
        ParamsError: it is no encoded form, or no JSON object.
        ParamsTooLargeError: it is more than the limits allow.
        UnsupportedMediaTypeError: it is neither of the two.

    Example:
        params = await read_params(request)
        user = await repo.insert(registration(params.get("user") or {}))
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        _check("size", len(body), limits.size)
    if not body:
        return {}
    if kind == _FORM:
        return decode_params(bytes(body), limits=limits)
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return _object(bytes(body), limits)
    raise UnsupportedMediaTypeError(
        f"params come as {_FORM} or application/json, and this body is {kind or 'of no type'!r:.80}",
        hint="of a form with files take `nest_params((await request.form()).multi_items())`",
    )


def _object(body: bytes, limits: ParamLimits) -> dict[str, Any]:
    try:
        value = decode_json(body.decode())
    except ValueError as exc:  # UnicodeDecodeError is one, and an int of too many digits
        raise ParamsError("the body is no JSON") from exc
    if not isinstance(value, dict):
        raise ParamsError("the body is JSON, and no object", hint='send `{"name": "Ada"}`')
    if is_too_deep(value, limits.depth):
        raise ParamsTooLargeError(f"the params nest deeper than {limits.depth}")
    return cast("dict[str, Any]", value)


_WHAT: Final = {"size": "bytes", "count": "params", "depth": "levels"}


def _check(limit: str, got: int, most: int) -> None:
    if got > most:
        raise ParamsTooLargeError(
            f"there may be {most:,} {_WHAT[limit]} of params, and there are more",
            hint=f"send less, or raise the limit: `limits=ParamLimits({limit}=…)`",
        )


def _decoded(piece: bytes) -> str:
    text = piece.replace(b"+", b" ")
    if b"%" in text:
        if _BROKEN_ESCAPE.search(text.decode("latin-1")):
            raise ParamsError("a `%` in the params is not followed by two hexadecimal digits")
        text = unquote_to_bytes(text)
    try:
        return text.decode()
    except UnicodeDecodeError as exc:
        raise ParamsError("the params are not UTF-8") from exc


def _path(name: str) -> list[str]:
    """Return the keys that a name goes through; "" stands for one more element of a list.

    >>> _path("user[posts][][title]"), _path("user[name"), _path("a]")
    (['user', 'posts', '', 'title'], ['user[name'], ['a]'])
    """
    head, bracket, rest = name.partition("[")
    if not bracket or not rest.endswith("]"):
        return [name]
    return [head, *rest[:-1].split("][")]


def _put(found: dict[str, Any], path: list[str], value: Any) -> None:
    place: Any = found
    for position, key in enumerate(path[:-1]):
        # The first key is a name, though it be empty.
        held: Any = [] if path[position + 1] == "" else {}
        if position and key == "":
            place.append(held)
            place = held
            continue
        known = place.get(key)
        if known.__class__ is held.__class__:
            held = known
        else:
            place[key] = held
        place = held
    if len(path) > 1 and path[-1] == "":
        place.append(value)
    else:
        place[path[-1]] = value
