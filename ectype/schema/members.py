"""Which field of a schema a column means; or the refusal, with the line to write instead."""

from __future__ import annotations

from typing import Any, cast

from ectype.errors import SchemaError
from ectype.expr.operand import Column
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import Rel


def field_name(info: SchemaInfo, column: Any) -> str:
    """Return the name of the field that a column stands for.

    Raises:
        SchemaError: it is a column of another schema, an association, or no column at all.
    """
    if column.__class__ is Column and column.node.source is info.source:
        return column.name
    if isinstance(column, Column) and getattr(column.reference.source, "info", None) is info:
        if column.name in info.embeds:
            raise embed_instead(info, column.name)
        return column.name
    if info.schemaless and isinstance(column, str) and column in info.declarations:
        if column in info.embeds:
            raise embed_instead(info, column)
        return column
    raise _refused(info, column)


def embed_instead(info: SchemaInfo, name: str) -> SchemaError:
    """Return the error for an embed where a field was expected."""
    label = repr(name) if info.schemaless else f"{info.name}.{name}"
    return SchemaError(
        f"`{label}` is an embed, and a field of {info.name} was expected",
        hint=f"write `cast_embed({label})` for params, `put_embed({label}, …)` to set it, `get_embed({label})` to read",
    )


def _refused(info: SchemaInfo, column: Any) -> SchemaError:
    if info.schemaless:
        if isinstance(column, str):
            return SchemaError(f"`types` has no field {column!r:.60}", hint=info.suggest(column))
        return SchemaError(
            f"the fields of a changeset without a schema are named by text, got {column!r:.60}",
            hint=info.suggest(getattr(column, "name", "")),
        )
    if isinstance(column, Column):
        one = cast("Column[Any, Any]", column)
        return SchemaError(f"`{one!r}` is no column of {info.name}", hint=_instead(info, one.name))
    if isinstance(column, Rel):
        return _association(info, cast("Rel[Any, Any]", column))
    if isinstance(column, str):
        hint = _instead(info, column)
        return SchemaError(f"a column of {info.name} was expected, got the text {column!r:.60}", hint=hint)
    return SchemaError(
        f"a column of {info.name} was expected, got {column!r:.60}", hint=f"write `{info.name}.<field>`, as in a query"
    )


def _instead(info: SchemaInfo, name: str) -> str:
    return f"write `{info.name}.{name}`" if name in info.declarations else info.suggest(name)


def _association(info: SchemaInfo, rel: Rel[Any, Any]) -> SchemaError:
    one = rel.hops[0].association
    if one.kind == "belongs_to":
        named = " and ".join(f"`{one.owner.name}.{key}`" for key in one.owner_keys)
        fix = f"name its foreign key instead: {named}; or write `put_assoc({rel!r}, …)`, or `cast_assoc({rel!r})`"
    else:
        fix = f"write `put_assoc({rel!r}, […])`, or `cast_assoc({rel!r})` for params"
    return SchemaError(f"`{rel!r}` is an association, and a column of {info.name} was expected", hint=fix)
