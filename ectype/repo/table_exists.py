"""Whether a table is there: what a query of its name would find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ectype.errors import QueryError
from ectype.repo import raw
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.schema.schema import Schema
from ectype.schema.sources import TableSource
from ectype.types.base import Target

# Names of SQLite are the same in any case, as they are to a query.
TEXTS: Final[dict[Target, str]] = {
    "postgres": """\
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.oid = to_regclass(concat_ws('.', quote_ident({}::text), quote_ident({}::text))))""",
    "sqlite": """\
SELECT EXISTS (SELECT 1 FROM pragma_table_list AS t WHERE t.type <> 'shadow'
  AND lower(t.schema) = lower(coalesce({}, t.schema)) AND lower(t.name) = lower({}))""",
}
HINT: Final = 'give a schema, or the name of a table: `repo.table_exists(Post)`, `repo.table_exists("posts")`'


async def table_exists(engine: Engine, table: object, call: Call) -> bool:
    """Return whether a table or a view is there, by its name or by that of a schema's table.

    Raises:
        QueryError: for what has no table.
    """
    name, prefix = _place(table)
    if name.strip() == "":
        raise QueryError("`table_exists` got a name that is empty", hint=HINT)
    known = prefix or call.prefix or engine.prefix
    found: Any = await raw.query(engine, TEXTS[engine.dialect.target], (known, name), None, replace(call, prefix=None))
    return bool(found.rows[0][0])


def _place(table: object) -> tuple[str, str | None]:
    """Return the name of a table, and where it says itself that it is."""
    if isinstance(table, str):
        return table, None
    source: object = getattr(table, "__source__", None)
    if source is None or isinstance(table, Schema):
        raise QueryError(f"`table_exists` got {table!r:.80}, which is no table", hint=HINT)
    if not isinstance(source, TableSource) or source.table is None:
        raise QueryError(f"{table!r:.80} has no table that could be there", hint=HINT)
    return source.table, source.prefix or source.info.prefix
