"""Fields that a query of whole structs leaves out, `field(load_in_query=False)`: what reading one says."""

from __future__ import annotations

from typing import Any

from ectype.errors import SchemaError
from ectype.schema.meta import SchemaInfo, meta


class UnreadFieldError(SchemaError, AttributeError):
    """A field with `load_in_query=False` was read of a struct that came without it."""


class UnreadSlot:
    """The member on the instance: its value, or UnreadFieldError with the lines that read it."""

    __slots__ = ("get", "info", "name", "set")

    def __init__(self, info: SchemaInfo, name: str, slot: Any) -> None:
        self.info = info
        self.name = name
        self.get = slot.__get__
        self.set = slot.__set__

    def __get__(self, instance: object, owner: object = None) -> object:
        try:
            return self.get(instance)
        except AttributeError:
            raise _unread(instance, self.info, self.name) from None

    def __set__(self, instance: object, value: object) -> None:
        self.set(instance, value)


def _unread(instance: object, info: SchemaInfo, name: str) -> UnreadFieldError:
    member = f"{info.name}.{name}"
    if meta(instance).state == "built":
        return UnreadFieldError(f"`{member}` has no value: this struct was built here, and none was given")
    key = info.primary_key[0] if info.primary_key else "…"
    return UnreadFieldError(
        f"`{member}` was not read: a query of whole structs leaves it out (`load_in_query=False`)",
        hint=f"ask for it, with the struct or alone:\n\n    query.select_merge({member}.set({member}))\n"
        f"    await repo.one(from_({info.name}).where({info.name}.{key} == …).select({member}))",
    )
