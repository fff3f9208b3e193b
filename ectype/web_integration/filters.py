"""What logs and telemetry may show of a client's parameters."""

from collections.abc import Mapping
from typing import cast

FILTERED = "[FILTERED]"
SECRET_WORDS = ("password", "secret", "token")


def filtered(params: object) -> object:
    """Return the parameters with the value of each key that speaks of a secret masked, at any depth.

    A key is masked when it contains `password`, `secret` or `token`, in any case; Phoenix masks `password` and
    `token` the same way. Bytes are shown by their length.

    >>> filtered({"user": {"name": "ada", "password": "pa55"}})
    {'user': {'name': 'ada', 'password': '[FILTERED]'}}
    """
    match params:
        case Mapping():
            return {
                key: FILTERED if _secret(key) else filtered(value)
                for key, value in cast("Mapping[object, object]", params).items()
            }
        case list() | tuple():
            return [filtered(value) for value in cast("list[object]", params)]
        case bytes():
            return f"<{len(params)} bytes>"
        case _:
            return params


def _secret(key: object) -> bool:
    return isinstance(key, str) and any(word in key.lower() for word in SECRET_WORDS)
