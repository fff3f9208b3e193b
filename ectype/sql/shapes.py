"""The shapes of writes: what decides their text, and so their own cache keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ectype.errors import QueryError
from ectype.expr.nodes import Expression
from ectype.expr.operand import Assignment
from ectype.query.ast import OnConflict
from ectype.query.scope import refuse_virtual
from ectype.schema.meta import SchemaInfo


@dataclass(frozen=True, slots=True)
class InsertShape:
    """An INSERT.

    Attributes:
        info: the schema.
        fields: the field names that are sent, in order.
        returning: the field names that come back.
        on_conflict: what a conflict does, or None.
        prefix: the schema or attached database, or None for the default.
        table: where the row stands when that is not the schema's own table: this one, in exactly `prefix`.
    """

    info: SchemaInfo
    fields: tuple[str, ...]
    returning: tuple[str, ...] = ()
    on_conflict: OnConflict | None = None
    prefix: str | None = None
    table: str | None = None


@dataclass(frozen=True, slots=True)
class KeyedShape:
    """An UPDATE or DELETE of one row by its key; an UPDATE sets `fields`, and what is in `nulls` must be NULL.

    Prefix and table are as for an INSERT.
    """

    verb: str
    info: SchemaInfo
    fields: tuple[str, ...]
    keys: tuple[str, ...]
    returning: tuple[str, ...] = ()
    prefix: str | None = None
    table: str | None = None
    nulls: tuple[str, ...] = ()


def assigned(info: SchemaInfo, assignments: Sequence[Assignment[Any]]) -> tuple[tuple[str, Expression], ...]:
    """Return the fields and nodes of assignments.

    Raises:
        QueryError: for none, one of another schema or of a virtual field, or two of one column.
    """
    if not assignments:
        raise QueryError("nothing is assigned", hint=f"pass at least one: `{info.name}.….set(…)`")
    for one in assignments:
        if not isinstance(one, Assignment):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"an assignment was expected, got {one!r:.80}", hint="write `Post.title.set('x')`")
        if getattr(one.column.source, "info", None) is not info:
            raise QueryError(f"{one!r} assigns to another schema than {info.name}")
        refuse_virtual(one.column)
    names = [one.column.name for one in assignments]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(f"`{info.name}.{name}` is assigned twice", hint="assign once what it should become")
    return tuple((one.column.name, one.node) for one in assignments)
