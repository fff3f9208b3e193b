"""Errors as JSON: the problem details of RFC 9457, with a pointer into the document that was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from math import isfinite
from typing import Any, Final, cast
from urllib.parse import quote

from ectype.schema.field_error import Error, Translate
from ectype.schema.messages import TEXTS

Path = tuple[str | int, ...]
"""Where an error belongs: the keys, and the positions in lists, that lead to it from the changeset."""

_OF_RULES: Final = frozenset(
    {"code", "constraint", "constraint_name", "count", "kind", "number", "stale", "type", "validation"}
)
"""The metadata of the library's own rules, which are no values."""
_MASK: Final = "<redacted>"


def masked(error: Error, secrets: Sequence[str]) -> Error:
    """Return an error as it may be shown: without the values of the redacted field that it is about."""
    if not secrets:
        return error
    meta = {key: value for key, value in error.meta.items() if key in _OF_RULES or not _tells(value, secrets)}
    message = error.message
    if message not in TEXTS:
        for secret in secrets:
            message = message.replace(secret, _MASK)
    return error if len(meta) == len(error.meta) and message == error.message else Error(message, **meta)


def _tells(value: object, secrets: Sequence[str]) -> bool:
    text = str(value)
    return any(secret in text for secret in secrets)


def problem(
    errors: Iterable[tuple[Path, Error]], *, kind: str, title: str | None, status: int, translate: Translate | None
) -> dict[str, Any]:
    """Return the problem details (https://www.rfc-editor.org/rfc/rfc9457) of errors that are found at paths."""
    return {
        "type": kind,
        "title": HTTPStatus(status).phrase if title is None else title,
        "status": status,
        "errors": [
            {
                "pointer": pointer(path),
                "detail": error.text(translate),
                "code": error.code,
                "meta": {key: plain(value) for key, value in error.meta.items()},
            }
            for path, error in errors
        ],
    }


def pointer(path: Path) -> str:
    """Return a path as a JSON pointer in a URI fragment (https://www.rfc-editor.org/rfc/rfc6901#section-6).

    >>> pointer(("posts", 0, "a/b"))
    '#/posts/0/a~1b'
    """
    return "#" + "".join(f"/{quote(str(part).replace('~', '~0').replace('/', '~1'), safe='~')}" for part in path)


def plain(value: object) -> Any:
    """Return a value of metadata as JSON can say it; what JSON does not know becomes text.

    >>> plain((1, {"a": float("inf")}))
    [1, {'a': 'inf'}]
    """
    if value is None or isinstance(value, bool | str | int):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(one) for one in cast("Iterable[Any]", value)]
    return str(value)
