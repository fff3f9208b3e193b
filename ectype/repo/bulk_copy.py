"""COPY instead of an INSERT, where `insert_all` has so many rows that it is sooner done and means the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ectype.repo.call import Call
from ectype.repo.copying import prepared_copy
from ectype.repo.engine import Engine, Prepared
from ectype.repo.rows import Group
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement

ROWS: Final = 5_000
"""From how many rows on. On PostgreSQL 15, rows of six columns and about 100 bytes, the time of COPY by that of an
INSERT of arrays, the look at the table included (the best of many runs, and the median): 1,000 rows 0.95 and 0.83,
5,000 0.77 and 0.75, 10,000 0.74 and 0.63, 50,000 0.58 and 0.49."""

# An INSERT turns a value into its column's type, and a COPY takes it as it is; a COPY fills columns that only the
# database may fill, knows no rules and no policies of rows. https://www.postgresql.org/docs/current/sql-copy.html
_MEANS_THE_SAME: Final = """
SELECT c.relkind IN ('r', 'p') AND NOT c.relhasrules AND NOT c.relrowsecurity AND cardinality($2::text[]) = (
  SELECT count(*) FROM pg_catalog.pg_attribute AS a
  JOIN unnest($2::text[], $3::text[]) AS w(name, type) ON a.attname = w.name AND a.atttypid = w.type::regtype
  WHERE a.attrelid = c.oid AND a.attidentity <> 'a' AND a.attgenerated = '')
FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass($1)
"""
_ASKED: Final = Statement(_MEANS_THE_SAME, list, place=("pg_class", "pg_catalog"))


def copied(
    engine: Engine,
    shape: InsertShape,
    group: Group,
    values: Sequence[Any],
    call: Call,
    otherwise: Callable[[], Awaitable[int]],
) -> Callable[[], Awaitable[int]]:
    """Return the write of many rows of plain values: by COPY, or `otherwise` where that would mean something else.

    `values` are those of `group` column by column, dumped for an INSERT of arrays, which writes an array as a literal.
    """
    if shape.on_conflict is not None or shape.returning or shape.shared or len(group) < ROWS:
        return otherwise
    told, copy = engine.plan(("copy_in", shape), lambda dialect: prepared_copy(shape, dialect))
    if copy.as_text:
        # In text it is slower than the INSERT.
        return otherwise
    asked = engine.plan(("copy means the same",), _question)
    table = str(shape.table or shape.info.table)

    async def write() -> int:
        name = ".".join(_quoted(part) for part in (shape.prefix, table) if part)
        if await engine.fetch(asked, (name, list(copy.columns), list(copy.types)), call) != [(True,)]:
            return await otherwise()
        literals = any(one.endswith("[]") for one in copy.types)
        columns: Sequence[Any] = copy.dump(group.columns) if literals else values
        rows = zip(*columns, strict=True)
        return await engine.copy_in(told, table, copy.columns, rows, call, prefix=shape.prefix, as_text=False)

    return write


def _question(_dialect: Dialect) -> Prepared:
    return Prepared(_ASKED)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
