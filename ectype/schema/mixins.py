"""Mixins of schemas: plain classes whose members are filled for the caller, as `Timestamps` are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ectype.errors import SchemaError
from ectype.schema.meta import Declaration, FieldOptions
from ectype.types import annotations as notes


def mixin_values(mixins: tuple[type, ...]) -> dict[str, object]:
    """Return what stands on the right of the members of mixins; the nearest wins."""
    return {
        name: value
        for mixin in reversed(mixins)
        for one in reversed(mixin.__mro__)
        for name, value in one.__dict__.items()
    }


def check_mixins(
    name: str, mixins: tuple[type, ...], fields: Mapping[str, Declaration], namespace: Mapping[str, Any]
) -> None:
    """Raise SchemaError for a member of a mixin that the caller would have to give: checkers do not know of it."""
    if not mixins:
        return
    own = notes.read_annotations(namespace, {}, {})
    for one in fields.values():
        if one.name not in own and not _is_filled(one.options):
            owner = next(mixin for base in mixins for mixin in base.__mro__ if _declares(mixin, one.name))
            raise SchemaError(
                f"`{one.name}` of `class {name}` comes from the mixin {owner.__name__}, and nothing fills it",
                hint=f"give it there a value, `{one.name}: {one.text} = field(default=…)`, or declare it in {name}",
            )


def _declares(mixin: type, member: str) -> bool:
    return member in notes.read_class_annotations(mixin)


def _is_filled(options: FieldOptions) -> bool:
    return (
        options.has_default
        or options.default_factory is not None
        or options.autogenerate is not None
        or options.generated
        or options.read_after_writes
        or options.writable == "never"
    )
