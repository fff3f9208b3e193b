"""What logs and telemetry may show of a client's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast, final

from ectype.errors import ConfigError

FILTERED: Final = "[FILTERED]"
SECRET_WORDS: Final = ("password", "secret", "token")


@final
class ParamFilter:
    """Masks parameters for logs and telemetry: the values of keys that speak of a secret, at any depth.

    A key speaks of one when it contains `password`, `secret` or `token`, or one of the words given, in any case. Bytes
    are shown by their length.

    Args:
        words: further ones.
        keep: given, the values of these keys are shown and no others; what the words mask stays masked in them too.

    Raises:
        ConfigError: a word is no text, or an empty one; `keep` is a text.

    >>> ParamFilter("iban")({"user": {"name": "ada", "password": "pa55", "IBAN": "AT61"}})
    {'user': {'name': 'ada', 'password': '[FILTERED]', 'IBAN': '[FILTERED]'}}
    >>> ParamFilter(keep=["id"])({"id": 7, "body": "hi"})
    {'id': 7, 'body': '[FILTERED]'}
    """

    __slots__ = ("_keep", "_words")

    def __init__(self, *words: str, keep: Iterable[str] | None = None) -> None:
        if isinstance(keep, str):
            raise ConfigError(f"`keep` of ParamFilter is a list, got {keep!r:.60}", hint=f'write keep=["{keep:.60}"]')
        kept = None if keep is None else frozenset(keep)
        for word in (*words, *(kept or ())):
            given: Any = word
            if not isinstance(given, str) or not given:
                raise ConfigError(
                    f"a word of ParamFilter is a text, got {given!r:.60}", hint='write ParamFilter("iban", keep=["id"])'
                )
        self._words = (*SECRET_WORDS, *(word.lower() for word in words))
        self._keep = kept

    def __call__(self, params: object) -> object:
        """Return the parameters as they may be shown; they stay what they are."""
        return self._masked(params, shown=self._keep is None)

    def _masked(self, params: object, *, shown: bool) -> object:
        match params:
            case Mapping():
                return {
                    key: FILTERED if self._secret(key) else self._masked(value, shown=shown or self._kept(key))
                    for key, value in cast("Mapping[object, object]", params).items()
                }
            case list() | tuple():
                return [self._masked(value, shown=shown) for value in cast("list[object]", params)]
            case bytes():
                return f"<{len(params)} bytes>"
            case _:
                return params if shown else FILTERED

    def _secret(self, key: object) -> bool:
        return isinstance(key, str) and any(word in key.lower() for word in self._words)

    def _kept(self, key: object) -> bool:
        return self._keep is not None and key in self._keep


SECRETS: Final = ParamFilter()
"""The filter where none is given."""
