"""What `on_delete` says of the rows that belong to one that is deleted: it happens first, in the same transaction."""

from __future__ import annotations

from typing import Any

from ectype.errors import SchemaError
from ectype.expr.predicates import and_
from ectype.query.associated import counted
from ectype.query.builder import from_
from ectype.repo.bulk import delete_all, update_all
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.join_rows import rows_between
from ectype.schema.associations import Association
from ectype.schema.meta import SchemaInfo, meta
from ectype.schema.targets import related_model, related_source


async def let_go(engine: Engine, info: SchemaInfo, data: Any, call: Call) -> None:
    """Delete the rows that belong to a struct, or take their foreign keys away, where an association says so.

    One statement an association; rows are not deleted one by one, so what hangs on them is left to the database.

    Raises:
        SchemaError: a foreign key is to become NULL that is never None.
    """
    down = call.below(call.prefix or meta(data).prefix)
    for name in info.letting_go:
        association: Association = info.associations[name]
        keys = [getattr(data, key, None) for key in association.owner_keys]
        if None in keys:
            continue
        join = association.join
        if join is not None:
            values = dict(zip(join.owner_keys, keys, strict=True))
            await delete_all(engine, rows_between(association, values), call=down, operation="on_delete")
            continue
        columns = [related_source(association).columns[key] for key in association.related_keys]
        query: Any = from_(related_model(association))
        query = query.where(and_(*[column == value for column, value in zip(columns, keys, strict=True)]))
        query = counted(association, query)
        if association.options.on_delete == "delete_all":
            await delete_all(engine, query, call=down, operation="on_delete")
        else:
            _check_nullable(association)
            await update_all(
                engine, query, tuple([column.set(None) for column in columns]), call=down, operation="on_delete"
            )


def _check_nullable(association: Association) -> None:
    for name in association.related_keys:
        if not association.related.fields[name].nullable:
            raise SchemaError(
                f'the `on_delete` of `{association.label}` is "nilify_all", and `{association.related.name}.{name}` '
                "is never None",
                hint=f'write `{name}: Field[int | None]`, or `on_delete="delete_all"`',
            )
