"""One reason why a field was refused: a message with gaps, and the metadata that fills them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, final

from ectype.errors import FrozenError, SchemaError

_GAP: Final = re.compile(r"%\{(\w+)\}")


class Translations(Protocol):
    """A catalogue of messages, as `gettext.translation(…)` gives it."""

    def gettext(self, message: str, /) -> str:
        """Return the translation of a message."""
        ...

    def ngettext(self, msgid1: str, msgid2: str, n: int, /) -> str:
        """Return the form of a message that fits a number."""
        ...


Translate: TypeAlias = Translations | Callable[[str], str]
"""Who translates: a catalogue, or a function of the message. Only a catalogue knows plural forms."""


@final
class Error:
    """Why a field was refused, in Ecto's words, so that its translations fit.

    Attributes:
        message: the text with its gaps, as `should be at least %{count} character(s)`: the key of a translation.
        meta: what fills the gaps, and what refused it, as `{"count": 3, "validation": "length", "kind": "min"}`.

    >>> error = Error("should be at least %{count} character(s)", count=3, validation="length", kind="min")
    >>> str(error), error.meta["kind"], error.code
    ('should be at least 3 character(s)', 'min', 'length.min')
    """

    __slots__ = ("message", "meta")
    __match_args__ = ("message", "meta")

    message: str
    meta: Mapping[str, Any]

    def __init__(self, message: str, /, **meta: Any) -> None:
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "meta", MappingProxyType(meta))

    @property
    def code(self) -> str:
        """The word for programs: `length.min`, `required`, `unique`; a `code` of the metadata itself wins.

        What has none of them is `custom`.
        """
        meta = self.meta
        for key in ("code", "validation", "constraint"):
            if key in meta:
                kind = meta.get("kind") if key == "validation" else None
                return f"{meta[key]}" if kind is None else f"{meta[key]}.{kind}"
        return "stale" if meta.get("stale") is True else "custom"

    def text(self, translate: Translate | None = None) -> str:
        """Return the message for people, with its gaps filled; a gap that the metadata does not know stays.

        Args:
            translate: a catalogue of gettext, whose plural forms are chosen by `count`; or a function that is given
                the message and returns its translation. The template is `ectype/locale/ectype.pot`.

        Raises:
            SchemaError: `translate` is neither.

        Example:
            error.text(gettext.translation("ectype", "locale", ["de"]))
        """
        message = self.message if translate is None else self._translated(translate)
        return _GAP.sub(lambda gap: str(self.meta.get(gap[1], gap[0])), message)

    def _translated(self, translate: Any) -> str:
        count = self.meta.get("count")
        if callable(translate):
            found: object = translate(self.message)
        elif not hasattr(translate, "ngettext"):
            raise SchemaError(
                f"`translate` is a catalogue of gettext or a function, got {translate!r:.60}",
                hint='write `error.text(gettext.translation("ectype", "locale", ["de"]))`',
            )
        elif count.__class__ is int:
            found = translate.ngettext(self.message, self.message, count)
        else:
            found = translate.gettext(self.message)
        return str(found)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenError(f"an Error is frozen: `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise FrozenError(f"an Error is frozen: `{name}` cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Error) and (self.message, self.meta) == (other.message, other.meta)

    def __hash__(self) -> int:
        return hash(self.message)

    def __str__(self) -> str:
        """The message with its gaps filled; a gap that the metadata does not know stays as it is."""
        return self.text()

    def __repr__(self) -> str:
        known = "".join(f", {key}={value!r}" for key, value in self.meta.items())
        return f"Error({self.message!r}{known})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.message, dict(self.meta))


FieldError: TypeAlias = tuple[str, Error]
"""A key, mostly a field's name, and why it was refused."""

Message: TypeAlias = str | Error | tuple[str, Mapping[str, Any]]
"""What `message=` takes: a text; or one with metadata, which is kept beside that of the validation."""


def _made(message: str, meta: dict[str, Any]) -> Error:
    return Error(message, **meta)


def refusal(default: str, message: Message | None, **meta: Any) -> Error:
    """Return the error of a validation: its own message, or the one the caller gave, with the metadata of both.

    Raises:
        SchemaError: the message is neither a text nor one with metadata.
    """
    match message:
        case None:
            return Error(default, **meta)
        case str():
            return Error(message, **meta)
        case Error():
            return Error(message.message, **{**meta, **message.meta})
        case (str() as text, Mapping() as more):
            return Error(text, **{**meta, **more})
        case _:
            raise SchemaError(
                f"a message is a text, got {message!r:.60}",
                hint='write `message="is odd"`, or with metadata `message=Error("is odd", code="odd")`',
            )
