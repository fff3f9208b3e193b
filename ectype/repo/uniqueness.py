"""Whether another row has the values of a changeset already: asked beforehand, for a form, and no proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ectype.errors import QueryError, SchemaError
from ectype.expr.predicates import and_
from ectype.query.builder import Query, from_
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.reader import has_rows
from ectype.repo.reloading import table_of
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import Validation
from ectype.schema.field_error import Message, refusal
from ectype.schema.members import field_name
from ectype.schema.messages import TAKEN
from ectype.schema.meta import SchemaInfo, meta
from ectype.schema.reading import get_field
from ectype.schema.validations import validated


async def validate_unique(
    engine: Engine,
    changeset: Changeset[Any],
    columns: Sequence[Any],
    *,
    message: Message | None,
    error_key: Any,
    nulls_distinct: bool,
    query: Query[Any, Any, Any] | None,
    call: Call,
) -> Changeset[Any]:
    """Return the changeset, with an error when another row has these values.

    Raises:
        SchemaError: no column, or one of another schema; a query over another table.
    """
    info = changeset.info
    if not columns:
        raise SchemaError(
            "`unsafe_validate_unique` needs a column",
            hint=f"write `repo.unsafe_validate_unique(changeset, {info.name}.<field>)`",
        )
    names = tuple(dict.fromkeys([field_name(info, column) for column in columns]))
    key = names[0] if error_key is None else error_key if isinstance(error_key, str) else field_name(info, error_key)
    done = Validation(names[0], "unsafe_unique", names)
    wanted = {name: get_field(changeset, info.source.columns[name], None) for name in names}
    settled = (
        not any(name in changeset.changes for name in names)
        or any(name in names for name, _ in changeset.errors)
        or (nulls_distinct and None in wanted.values())
    )
    if settled:
        return validated(changeset, done)
    asked = call.below(call.prefix or meta(changeset.data).prefix)
    if not await has_rows(engine, _others(changeset, wanted, query), asked, "unsafe_unique"):
        return validated(changeset, done)
    error = refusal(TAKEN, message, validation="unsafe_unique", fields=names)
    return validated(changeset, done, error, key)


def _others(
    changeset: Changeset[Any], wanted: dict[str, Any], query: Query[Any, Any, Any] | None
) -> Query[Any, Any, Any]:
    """Return the query of the rows with these values, without the one that the changeset is of."""
    info, data = changeset.info, changeset.data
    where = meta(data)
    rows = from_(table_of(info, where.source, where.prefix)) if query is None else _checked(query, info)
    columns = rows.node.sources[0].columns
    rows = rows.where(
        *[columns[name].is_null() if value is None else columns[name] == value for name, value in wanted.items()]
    )
    if meta(data).state != "loaded" or not info.primary_key:
        return rows
    itself = [columns[name] == getattr(data, name) for name in info.primary_key]
    return rows.where(~and_(*itself))


def _checked(query: Any, info: SchemaInfo) -> Query[Any, Any, Any]:
    first = getattr(getattr(query, "node", None), "sources", (None,))[0]
    if not isinstance(query, Query) or getattr(first, "info", None) is not info:
        raise QueryError(
            f"`query=` is a query of {info.name}, got {query!r:.80}",
            hint=f"write `query=from_({info.name}).where(…)`",
        )
    return query  # pyright: ignore[reportUnknownVariableType]  # of any rows
