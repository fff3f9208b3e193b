"""What stands in FROM, JOIN and UPDATE without a SELECT of its own: tables, SQL text, constant rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from ectype.errors import CastError, UnsupportedError
from ectype.query.sources import FragmentSource, ValuesSource
from ectype.schema.meta import FieldInfo, SchemaInfo
from ectype.schema.sources import TableSource
from ectype.sql.dialect import Dialect
from ectype.sql.lower import Lowering, Scope, cast_text, quoted, render
from ectype.sql.params import Dumper, array_literal, hidden, travels_as


def table(scope: Scope, source: TableSource, prefix: str | None) -> exp.Expr:
    """Return a table under a name of this scope, with its hint; its own prefix wins over the schema's and `prefix`."""
    tree = place(source, scope.dialect, prefix)
    tree.set("alias", exp.TableAlias(this=quoted(scope.add(source), scope.dialect)))
    return tree if source.hint is None else exp.Var(this=f"{render(tree, scope.dialect)} {source.hint}")


def place(source: TableSource, dialect: Dialect, prefix: str | None) -> exp.Expr:
    """Return the name of a table, with its prefix."""
    known = source.prefix or source.info.prefix or prefix
    return exp.Table(this=quoted(source.table or "", dialect), db=None if known is None else quoted(known, dialect))


def fragment(scope: Scope, inside: Scope, source: FragmentSource, offset: int) -> exp.Expr:
    """Return SQL text that gives rows; `inside` is what its columns marked with `outer` may see.

    Raises:
        UnsupportedError: for named columns, where the database takes none.
    """
    dialect, info = scope.dialect, source.info
    text = Lowering(inside, offset).fragment_text(source.node)
    columns = [quoted(info.fields[name].source, dialect) for name in source.names]
    if columns and not dialect.column_aliases:
        raise UnsupportedError(
            f"{dialect.name} cannot name the columns of a fragment, as `columns=` of {info.name} asks for",
            hint='name the fields after the columns: `n: Field[int] = field(source="value")`',
        )
    alias = exp.TableAlias(this=quoted(scope.add(source), dialect), columns=columns)
    return exp.Var(this=f"{text} AS {render(alias, dialect)}")


def constants(scope: Scope, source: ValuesSource, offset: int) -> exp.Expr:
    """Return constant rows: one array a column where the database has arrays, else one JSON text for all."""
    dialect, info = scope.dialect, source.info
    name = quoted(scope.add(source), dialect)
    fields = [info.fields[one] for one in info.column_names]
    columns = [quoted(one.name, dialect) for one in fields]
    secret = [index for index, one in enumerate(fields) if one.name in info.hidden]
    if not dialect.unnest_insert:
        scope.redacted.update(range(offset, offset + len(fields)) if secret else ())
        return exp.Var(this=f"{_listed(scope, info, fields, columns, offset)} AS {render(name, dialect)}")
    scope.redacted.update(offset + index for index in secret)
    arrays: list[str] = []
    for index, one in enumerate(fields):
        codec = one.type.codec(dialect.target)
        dump = _array_dumper(info, one, index, codec.dump, as_literal=codec.column.endswith("[]"))
        mark = scope.placeholder(offset + index, dump)
        arrays.append(f"{mark.this}::{travels_as(codec)}[]")
    rows = f"unnest({', '.join(arrays)})"
    if not any(_is_cast_back(one, dialect) for one in fields):
        return exp.Var(this=f"{rows} AS {render(exp.TableAlias(this=name, columns=columns), dialect)}")
    picks = [
        render(_picked(one, index, column, scope), dialect)
        for index, (one, column) in enumerate(zip(fields, columns, strict=True))
    ]
    given = ", ".join(f"c{index}" for index in range(len(fields)))
    return exp.Var(this=f"(SELECT {', '.join(picks)} FROM {rows} AS u({given})) AS {render(name, dialect)}")


def _picked(field: FieldInfo, index: int, column: exp.Identifier, scope: Scope) -> exp.Expr:
    node: exp.Expr = exp.Var(this=f"u.c{index}")
    if _is_cast_back(field, scope.dialect):
        node = cast_text(node, field.type.codec(scope.dialect.target).column)
    return exp.Alias(this=node, alias=column)


def _is_cast_back(field: FieldInfo, dialect: Dialect) -> bool:
    codec = field.type.codec(dialect.target)
    return travels_as(codec) != codec.column


def _listed(scope: Scope, info: SchemaInfo, fields: list[FieldInfo], columns: list[exp.Identifier], offset: int) -> str:
    """Return the rows of one JSON text. It travels as the last column's parameter, those before it are not read."""
    dialect = scope.dialect
    codecs = [one.type.codec(dialect.target) for one in fields]
    for one, codec in zip(fields, codecs, strict=True):
        if codec.column == "BLOB":
            raise UnsupportedError(
                f"{dialect.name} sends constant rows as JSON, which has no bytes for `{info.name}.{one.name}`",
                hint="compare one by one, or keep the rows in a temporary table",
            )
    for index in range(len(fields) - 1):
        scope.placeholder(offset + index, _nothing)
    dumpers = [_named(info, one, codec.dump) for one, codec in zip(fields, codecs, strict=True)]
    mark = scope.placeholder(offset + len(fields) - 1, _rows_dumper(dumpers))
    picks = [f"json_extract(value, '$[{index}]') AS {render(column, dialect)}" for index, column in enumerate(columns)]
    return f"(SELECT {', '.join(picks)} FROM json_each({mark.this}))"


def _nothing(_rows: Any) -> None:
    return None


def _rows_dumper(dumpers: list[Dumper]) -> Dumper:
    def dump_rows(rows: Any) -> str:
        return json.dumps([[dump(value) for dump, value in zip(dumpers, row, strict=True)] for row in rows])

    return dump_rows


def _array_dumper(info: SchemaInfo, field: FieldInfo, index: int, dump: Dumper, *, as_literal: bool) -> Dumper:
    one = _named(info, field, (lambda value: array_literal(dump(value))) if as_literal else dump)

    def dump_column(rows: Any) -> list[Any]:
        return [one(row[index]) for row in rows]

    return dump_column


def _named(info: SchemaInfo, field: FieldInfo, dump: Callable[[Any], Any]) -> Dumper:
    """Return a dumper whose refusal says which column of the constant rows it was."""
    place = f"in the constant rows' column `{info.name}.{field.name}`"

    def dump_named(value: Any) -> Any:
        if value is None:
            return None
        try:
            return dump(value)
        except CastError as exc:
            exc.add_note(place)
            raise

    return hidden(dump_named, place) if field.name in info.redacted else dump_named
