"""What `structure`, `column` and `database_object` declare, as the DDL of one database."""

from __future__ import annotations

from typing import Any, Final, cast

from ectype.errors import CastError, SchemaError, UnsupportedError
from ectype.expr.nodes import ColumnRef
from ectype.expr.operand import Expr, Order
from ectype.schema.columns import NO_DEFAULT, ColumnStructure
from ectype.schema.database_objects import DatabaseObject
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.table_parts import Check, Exclusion, ForeignKey, Index
from ectype.sql.ddl_columns import collation_text
from ectype.sql.ddl_constraints import ACTIONS
from ectype.sql.ddl_names import quote
from ectype.sql.ddl_types import STRICT_TYPES, literal_text, primary_key_text
from ectype.sql.dialect import Dialect
from ectype.sql.expression_text import column_name, expression_text, order_text
from ectype.types.base import Target


def index_text(model: object, one: Index[Any], dialect: Dialect) -> str:
    """Return the statement that makes an index of a structure.

    Raises:
        UnsupportedError: this database has no such index.
    """
    info = schema_info(model)
    _check_index(one, dialect)
    kind = "UNIQUE INDEX" if one.unique else "INDEX"
    using = "" if one.using == "btree" else f" USING {one.using}"
    terms = ", ".join(_term(info, term, one, dialect) for term in one.terms)
    include = ", ".join(column_name(info, column.name, dialect) for column in one.include)
    text = f"CREATE {kind} {quote(one.name, dialect, what='index')} ON {table_name(info, dialect)}{using} ({terms})"
    text += f" INCLUDE ({include})" if include else ""
    text += "" if one.nulls_distinct else " NULLS NOT DISTINCT"
    return text if one.where is None else f"{text} WHERE {expression_text(info, one.where, dialect)}"


def _term(info: SchemaInfo, term: Expr[Any, Any] | Order[Any], one: Index[Any], dialect: Dialect) -> str:
    text, words = order_text(info, term, dialect) if isinstance(term, Order) else (None, "")
    if "NULLS" in words and not dialect.index_options:
        raise UnsupportedError(
            f"{dialect.name} does not say where an index puts NULL, as `{one.name}` asks for",
            hint="leave `nulls=` out of the index",
        )
    node = term.node.operand if isinstance(term, Order) else term.node
    if isinstance(node, ColumnRef):
        return column_name(info, node.name, dialect) + words
    return f"({text or expression_text(info, cast('Expr[Any, Any]', term), dialect)}){words}"


def _check_index(one: Index[Any], dialect: Dialect) -> None:
    if not dialect.index_options:
        for wanted, option in (
            (one.using != "btree", f'`using="{one.using}"`'),
            (bool(one.include), "`include`"),
            (not one.nulls_distinct, "`nulls_distinct=False`"),
        ):
            if wanted:
                raise UnsupportedError(
                    f"{dialect.name} has no index with {option}, as `{one.name}` asks for",
                    hint=f"declare the structure without {option} where the application runs on {dialect.name} too",
                )
    if not one.nulls_distinct and dialect.version < (15, 0):
        raise UnsupportedError(
            f"{dialect.name} {dialect.version[0]} has no `nulls_distinct=False`, as `{one.name}` asks for",
            hint="PostgreSQL 15 has it; before, add an index over the rows with NULL: `unique(…, where=….is_null())`",
        )


def constraint_text(model: object, one: Check[Any] | Exclusion[Any] | ForeignKey[Any], dialect: Dialect) -> str:
    """Return a check, an exclusion or a foreign key as it stands in CREATE TABLE, and in ALTER TABLE after ADD.

    Raises:
        UnsupportedError: this database has no such constraint.
    """
    info = schema_info(model)
    head = f"CONSTRAINT {quote(one.name, dialect, what='constraint')} "
    if isinstance(one, Check):
        return f"{head}CHECK ({expression_text(info, one.condition, dialect)})"
    if isinstance(one, ForeignKey):
        return head + _foreign_key(info, one, dialect)
    if not dialect.exclusion_constraints:
        raise UnsupportedError(
            f"{dialect.name} has no exclusion constraints, as `{one.name}` is one",
            hint="check before the insert, in an IMMEDIATE transaction, or by a trigger that raises",
        )
    pairs = ", ".join(f"{_element(info, element, dialect)} WITH {op}" for element, op in one.elements)
    text = f"{head}EXCLUDE USING {one.using} ({pairs})"
    return text if one.where is None else f"{text} WHERE ({expression_text(info, one.where, dialect)})"


def _element(info: SchemaInfo, element: Expr[Any, Any], dialect: Dialect) -> str:
    text = expression_text(info, element, dialect)
    return text if isinstance(element.node, ColumnRef) else f"({text})"


def _foreign_key(info: SchemaInfo, one: ForeignKey[Any], dialect: Dialect) -> str:
    related, fields = one.related
    here = ", ".join(column_name(info, name, dialect) for name in one.fields)
    there = ", ".join(column_name(related, name, dialect) for name in fields)
    text = f"FOREIGN KEY ({here}) REFERENCES {table_name(related, dialect)} ({there})"
    text += "" if one.on_delete == "nothing" else f" ON DELETE {ACTIONS[one.on_delete]}"
    text += "" if one.on_update == "nothing" else f" ON UPDATE {ACTIONS[one.on_update]}"
    return text if one.deferrable is None else f"{text} DEFERRABLE INITIALLY {one.deferrable.upper()}"


def table_name(info: SchemaInfo, dialect: Dialect) -> str:
    """Return the table of a schema in quotes, with its prefix. Raises SchemaError for a shape."""
    if info.table is None:
        raise SchemaError(f"{info.name} has no table", hint=f'give it one: `class {info.name}(Schema, table="…")`')
    table = quote(info.table, dialect, what="table")
    return table if info.prefix is None else f"{quote(info.prefix, dialect, what='schema')}.{table}"


def column_text(model: object, field: str, dialect: Dialect) -> str:
    """Return a column as CREATE TABLE and ALTER TABLE say it: name, type, and what `column(…)` declares.

    Raises:
        SchemaError: its default has no literal, or is no value of its type.
        UnsupportedError: this database has no such column.
    """
    info = schema_info(model)
    known = info.field(field)
    name, db = column_name(info, field, dialect), known.options.db or ColumnStructure()
    if known.options.generated and known.options.autogenerate is None and db.type is None:
        return f"{name} {primary_key_text(dialect)}"
    parts = [name, _type(info, field, db, dialect)]
    parts += (
        [] if db.collation is None else [f"COLLATE {collation_text(f'`{info.name}.{field}`', db.collation, dialect)}"]
    )
    parts += [] if db.default is NO_DEFAULT else [f"DEFAULT {_default(info, field, db.default, dialect)}"]
    parts += _generated(info, field, db, dialect)
    parts += [] if known.nullable else ["NOT NULL"]
    return " ".join(parts)


def _type(info: SchemaInfo, field: str, db: ColumnStructure, dialect: Dialect) -> str:
    if db.type is None:
        codec = info.fields[field].type.codec(dialect.target)
        return codec.ddl or codec.column
    if dialect.target == "sqlite" and db.type.strip().upper() not in STRICT_TYPES:
        raise UnsupportedError(
            f"`{info.name}.{field}`: {dialect.name} has no type {db.type!r} in a STRICT table",
            hint=f"leave `type=` out, or give one of {', '.join(sorted(STRICT_TYPES))}",
        )
    return db.type.strip()


def _default(info: SchemaInfo, field: str, default: object, dialect: Dialect) -> str:
    if isinstance(default, Expr):
        return f"({expression_text(info, cast('Expr[Any, Any]', default), dialect)})"
    try:
        codec = info.fields[field].type.codec(dialect.target)
        return "NULL" if default is None else literal_text(codec.dump(default), dialect, codec.column)
    except CastError as exc:
        raise SchemaError(
            f"the default of `{info.name}.{field}` does not fit its type: {exc.message}",
            hint='give a value of its type, or SQL text: `column(default=fragment("now()"))`',
        ) from exc


def _generated(info: SchemaInfo, field: str, db: ColumnStructure, dialect: Dialect) -> list[str]:
    label = f"{info.name}.{field}"
    expression = db.computed(label)
    if expression is None:
        return []
    if not db.stored and dialect.version < dialect.virtual_columns_since:
        raise UnsupportedError(
            f"`{label}`: {dialect.name} {dialect.version[0]} keeps what it computes, and `stored=False` asks it not to",
            hint="PostgreSQL 18 can; before, drop `stored=False`",
        )
    how = "STORED" if db.stored else "VIRTUAL"
    return [f"GENERATED ALWAYS AS ({expression_text(info, expression, dialect)}) {how}"]


def comment_texts(model: object, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that write the comments of a schema's table beside it; SQLite keeps none."""
    info = schema_info(model)
    if not dialect.comments:
        return ()
    table = table_name(info, dialect)
    found: list[tuple[str, str | None]] = []
    for name in info.column_names:
        db = info.fields[name].options.db
        found.append((f"COLUMN {table}.{column_name(info, name, dialect)}", None if db is None else db.comment))
    if info.structure is not None:
        made = info.structure
        found.append((f"TABLE {table}", made.comment))
        prefix = "" if info.prefix is None else f"{quote(info.prefix, dialect, what='schema')}."
        found += [(f"INDEX {prefix}{quote(one.name, dialect, what='index')}", one.comment) for one in made.indexes]
        found += [
            (f"CONSTRAINT {quote(one.name, dialect, what='constraint')} ON {table}", one.comment)
            for one in (*made.checks, *made.exclusions, *made.foreign_keys)
        ]
    return tuple(f"COMMENT ON {what} IS {literal_text(text, dialect)}" for what, text in found if text is not None)


def object_texts(one: DatabaseObject, dialect: Dialect) -> tuple[str, str] | None:
    """Return the statements that make and remove a database object; None where this database is not meant to have it.

    Raises:
        UnsupportedError: this database has no objects of its kind.
    """
    if one.database is not None and one.database != dialect.target:
        return None
    if one.kind not in KINDS[dialect.target]:
        raise UnsupportedError(
            f"{dialect.name} has no {one.kind.replace('_', ' ')}, as `{one.name}` is one",
            hint=f"it has {' and '.join(f'{kind}s' for kind in KINDS[dialect.target])}",
        )
    if one.create:
        return one.create, one.drop
    name = quote(one.name, dialect, what=one.kind)
    if one.kind == "extension":
        within = "" if one.prefix is None else f" SCHEMA {quote(one.prefix, dialect, what='schema')}"
        return f"CREATE EXTENSION {name}{within}", f"DROP EXTENSION {name}"
    name = name if one.prefix is None else f"{quote(one.prefix, dialect, what='schema')}.{name}"
    values = ", ".join(literal_text(value, dialect) for value in one.values)
    return f"CREATE TYPE {name} AS ENUM ({values})", f"DROP TYPE {name}"


KINDS: Final[dict[Target, tuple[str, ...]]] = {
    "postgres": ("enum", "extension", "view", "materialized_view", "function", "trigger", "policy", "sequence"),
    "sqlite": ("view", "trigger"),
}
