"""INSERT, UPDATE and DELETE statements. The frame is written here, expressions come from the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr.nodes import ColumnRef, Expression
from ectype.expr.operand import Expr
from ectype.query.ast import OnConflict
from ectype.query.planner import width
from ectype.schema.meta import SchemaInfo
from ectype.sql import numbers
from ectype.sql.compiler import subselect
from ectype.sql.depth import depth_told
from ectype.sql.dialect import Dialect
from ectype.sql.dump import dump_with
from ectype.sql.expression_text import expression_text
from ectype.sql.lower import Lowering, Scope, cast_text, quoted, read_as_text, render
from ectype.sql.params import Dumper, alike, cast_of, dumper_of, hidden
from ectype.sql.shapes import InsertShape, KeyedShape
from ectype.sql.statement import Column, Statement
from ectype.types.base import plain_as


def name(text: str, dialect: Dialect) -> str:
    """Return a quoted identifier as text."""
    return render(quoted(text, dialect), dialect)


def table_name(shape: InsertShape | KeyedShape, dialect: Dialect) -> str:
    """Return the table that is written, with its prefix. Raises QueryError for a shape, which has none."""
    info = shape.info
    table, prefix = written_place(shape)
    if table is None:
        raise QueryError(
            f"{info.name} has no table, so nothing can be written",
            hint=f"write the struct that holds it: `change(owner).put_embed(Owner.{info.name.lower()}, …)`"
            if info.embedded
            else f'give it one: `class {info.name}(Schema, table="…")`',
        )
    return name(table, dialect) if prefix is None else f"{name(prefix, dialect)}.{name(table, dialect)}"


def written_place(shape: InsertShape | KeyedShape) -> tuple[str | None, str | None]:
    """Return the table that is written, and where it is."""
    info = shape.info
    if shape.table is None:
        return info.table, info.prefix or shape.prefix
    return shape.table, shape.prefix


def column_of(info: SchemaInfo, field: str, dialect: Dialect) -> Column:
    """Return how a column of a schema is read from what `returning_clause` selects."""
    known = info.fields[field]
    codec = known.type.codec(dialect.target)
    as_text = dialect.text_select and codec.text_load is not None
    return Column(
        codec.text_load if as_text else codec.load,
        nullable=known.nullable,
        mutable=known.type.mutable,
        empty=known.type.empty,
        slow_load=codec.text_load_slow if as_text else None,
        inline=None if as_text else codec.inline,
        names=codec.names,
        name=f"{info.name}.{field}",
    )


def returning_clause(info: SchemaInfo, fields: Sequence[str], dialect: Dialect) -> str:
    """Return ` RETURNING …`, or nothing for no fields."""
    if not fields:
        return ""
    parts: list[str] = []
    for one in fields:
        tree: exp.Expr = quoted(info.fields[one].source, dialect)
        codec = info.fields[one].type.codec(dialect.target)
        if dialect.text_select and codec.text_load is not None:
            tree = read_as_text(tree, codec.column)
        elif codec.column == "REAL":
            # SQLite keeps a REAL that is whole as an integer, and RETURNING gives it as it is kept.
            tree = cast_text(tree, codec.column)
        parts.append(render(tree, dialect))
    return f" RETURNING {', '.join(parts)}"


def field_dumper(info: SchemaInfo, field: str, dialect: Dialect) -> Dumper:
    """Return how values of a field are sent, None as NULL; a refusal says which field refused."""
    dump = dumper_of(info.fields[field].type.codec(dialect.target))
    place = _place(info, field)

    # One function for what `named_dump` and another around NULL would do: a call less for each value of each row.
    def dump_or_null(value: Any) -> Any:
        if value is None:
            return None
        try:
            return dump(value)
        except Exception as exc:
            exc.add_note(place)
            raise

    made = plain_as(dump, alike(dump, dump_or_null))
    return hidden(made, place) if field in info.redacted else made


def _place(info: SchemaInfo, field: str) -> str:
    return f"in the field `{info.name}.{field}`"


def named_dump(info: SchemaInfo, field: str, dump: Dumper) -> Dumper:
    """Return a dumper whose refusal says which field refused, and shows nothing of a redacted one."""
    place = _place(info, field)

    def dump_named(value: Any) -> Any:
        try:
            return dump(value)
        except Exception as exc:
            exc.add_note(place)
            raise

    return hidden(dump, place) if field in info.redacted else plain_as(dump, alike(dump, dump_named))


@depth_told
def compile_insert(shape: InsertShape, dialect: Dialect, *, told: bool = False) -> Statement:
    """Return the INSERT of one row; its values come in the order of `fields`, those of a conflict after them.

    `told` adds a last column that says whether the row was inserted, where the database can tell.
    """
    info = shape.info
    scope = insert_scope(
        shape, dialect, {i: field_dumper(info, field, dialect) for i, field in enumerate(shape.fields)}
    )
    marks = ", ".join(f"{dialect.placeholder}{i + 1}{cast_of(dump)}" for i, dump in scope.dumpers.items())
    columns = ", ".join(name(info.fields[field].source, dialect) for field in shape.fields)
    body = f"({columns}) VALUES ({marks})" if shape.fields else "DEFAULT VALUES"
    into = table_name(shape, dialect)
    conflict = conflict_clause(shape, scope)
    sql = f"INSERT INTO {into}{' AS t0' if conflict else ''} {body}{conflict}"
    columns_back = tuple(column_of(info, field, dialect) for field in shape.returning)
    back = returning_clause(info, shape.returning, dialect)
    if told and dialect.upsert_tells:
        # A fresh row has no deleting transaction: https://www.postgresql.org/docs/current/ddl-system-columns.html
        back += ", (t0.xmax = 0)"
        columns_back = (*columns_back, Column(None, nullable=False))
    return Statement(
        sql + back,
        dump_with(scope.dumpers, scope.redacted),
        columns_back,
        redacted=frozenset(scope.redacted),
        operation="INSERT",
        place=written_place(shape),
    )


def insert_scope(shape: InsertShape, dialect: Dialect, dumpers: dict[int, Dumper]) -> Scope:
    """Return what the expressions of an INSERT can see: the row that is there, and the one that was to be written."""
    scope = Scope(dialect, dumpers, subselect(shape.prefix))
    scope.names[shape.info.source] = "t0"
    scope.names[shape.info.excluded] = "excluded"
    scope.redacted.update(i for i, field in enumerate(shape.fields) if field in shape.info.hidden)
    return scope


def conflict_clause(shape: InsertShape, scope: Scope, offset: int | None = None) -> str:
    """Return ` ON CONFLICT …`, or nothing; its values begin at `offset`, else after one for each field."""
    info, on_conflict, dialect = shape.info, shape.on_conflict, scope.dialect
    offset = len(shape.fields) if offset is None else offset
    if on_conflict is None:
        return ""
    if not shape.fields:
        raise QueryError(
            f"an upsert of {info.name} sends no values", hint="give it at least those of its conflict target"
        )
    head = f" ON CONFLICT{_target_text(info, on_conflict, dialect)}"
    if on_conflict.action == "nothing":
        return f"{head} DO NOTHING"
    terms: list[str] = []
    for field in on_conflict.replaced:
        column = name(info.fields[field].source, dialect)
        terms.append(f"{column} = excluded.{column}")
    for field, node in on_conflict.assignments:
        terms.append(f"{name(info.fields[field].source, dialect)} = {set_value(scope, info, field, node, offset)}")
        offset += width(node)
    sql = f"{head} DO UPDATE SET {', '.join(terms)}"
    if on_conflict.where is not None:
        sql += f" WHERE {render(Lowering(scope, offset).lower(on_conflict.where), dialect)}"
    return sql


def _target_text(info: SchemaInfo, on_conflict: OnConflict, dialect: Dialect) -> str:
    """Return by what a conflict is known, as it follows the words."""
    index = on_conflict.index
    if index is None:
        targets = ", ".join(name(info.fields[field].source, dialect) for field in on_conflict.targets)
        return f" ({targets})" if targets else ""
    terms = [
        name(info.fields[node.name].source, dialect)
        if isinstance(node, ColumnRef)
        else f"({expression_text(info, Expr(node, params), dialect)})"
        for node, params in index.terms
    ]
    where = "" if index.where is None else f" WHERE {expression_text(info, Expr(*index.where), dialect)}"
    return f" ({', '.join(terms)}){where}"


def set_value(scope: Scope, info: SchemaInfo, field: str, node: Expression, offset: int) -> str:
    """Return what a column is set to; a bare value is sent as one of the column's type."""
    numbers.check_stored(f"{info.name}.{field}", info.fields[field].type, node, scope.dialect)
    if field in info.hidden:
        scope.redacted.update(range(offset, offset + width(node)))
    dump = named_dump(info, field, dumper_of(info.fields[field].type.codec(scope.dialect.target)))
    return render(Lowering(scope, offset).lower(node, dump), scope.dialect)


def compile_keyed(shape: KeyedShape, dialect: Dialect) -> Statement:
    """Return the UPDATE or DELETE of one row; values come in the order of `fields`, then of `keys`."""
    info = shape.info
    everything = (*shape.fields, *shape.keys)
    dumpers: dict[int, Dumper] = {i: field_dumper(info, field, dialect) for i, field in enumerate(everything)}
    terms = [
        f"{name(info.fields[one].source, dialect)} = {dialect.placeholder}{i + 1}{cast_of(dumpers[i])}"
        for i, one in enumerate(everything)
    ]
    sets, keys = terms[: len(shape.fields)], terms[len(shape.fields) :]
    keys += [f"{name(info.fields[one].source, dialect)} IS NULL" for one in shape.nulls]
    into = table_name(shape, dialect)
    head = f"UPDATE {into} SET {', '.join(sets)}" if shape.verb == "update" else f"DELETE FROM {into}"
    sql = f"{head} WHERE {' AND '.join(keys)}"
    return Statement(
        sql + returning_clause(info, shape.returning, dialect),
        dump_with(dumpers),
        tuple(column_of(info, field, dialect) for field in shape.returning),
        redacted=frozenset(i for i, field in enumerate(everything) if field in info.hidden),
        operation=shape.verb.upper(),
        place=written_place(shape),
    )
