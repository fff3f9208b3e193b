"""COPY instead of an INSERT, where `insert_all` has so many rows that it is sooner done and means the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ectype.repo.call import Call
from ectype.repo.copying import prepared_copy
from ectype.repo.engine import Engine, Prepared
from ectype.repo.rows import Group
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement

ROWS: Final = 5_000
"""From how many rows on. On PostgreSQL 15, rows of six columns and about 100 bytes, the time of COPY by that of an
INSERT of arrays, the look at the table included (the median of many runs): 1,000 rows 1.09, 2,000 0.94, 5,000 0.84,
10,000 0.64, 50,000 0.54; the client's CPU is the same."""

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
    call: Call,
    otherwise: Callable[[], Callable[[], Awaitable[int]]],
) -> Callable[[], Awaitable[int]] | None:
    """Return the write of many rows by COPY, which is the one of `otherwise` where COPY would mean something else.

    It is None where COPY cannot do what is asked, or takes longer.
    """
    if shape.on_conflict is not None:
        return None
    told, copy = engine.plan(("copy_in", shape), lambda dialect: prepared_copy(shape, dialect))
    if copy.as_text:
        # In text it is slower than the INSERT.
        return None
    if any(one.startswith("numeric") for one in copy.types):
        # The driver takes 2 µs to make a Decimal binary: three times the client's CPU of an INSERT, which sends text.
        return None
    asked = engine.plan(("copy means the same",), _question)
    table = str(shape.table or shape.info.table)
    # Here, so that a value that does not fit is refused before anything is sent.
    columns = copy.dump(group.columns)

    async def write() -> int:
        name = ".".join(_quoted(part) for part in (shape.prefix, table) if part)
        if await engine.fetch(asked, (name, list(copy.columns), list(copy.types)), call) != [(True,)]:
            return await otherwise()()
        rows = zip(*columns, strict=True)
        return await engine.copy_in(told, table, copy.columns, rows, call, prefix=shape.prefix, as_text=False)

    return write


def _question(_dialect: Dialect) -> Prepared:
    return Prepared(_ASKED)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
