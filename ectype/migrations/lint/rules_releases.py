"""C01: what breaks the release that still runs; P01 to P05: what will be regretted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ectype.migrations.lint.facts import Fact, NewColumn
from ectype.migrations.lint.findings import Recipe
from ectype.migrations.lint.scene import Found, Scene, change, one, up

MAX_IDENTIFIER: Final = 63
SMALL: Final = frozenset({"integer", "smallint", "serial", "smallserial"})


def required_column(fact: Fact, scene: Scene) -> Iterator[Found]:
    """C01 of ADD COLUMN … NOT NULL without a default."""
    column, table = fact.column, fact.table
    if column is None or scene.is_new(table):
        return
    if not column.not_null or column.default is not None or column.stored or column.numbered:
        return
    name = f"{table}_{column.name}_not_null"
    yield Found(
        "C01",
        f"it adds the column `{column.name}` to `{table}`, which must have a value and has no default",
        "rows that are there make it fail, and so does every INSERT of the release that still runs",
        Recipe(
            (
                ("the column without NOT NULL, and code that fills it", change(
                    f'with m.alter_table("{table}") as t:\n    t.column("{column.name}", "{column.type}")'
                )),
                ("fill the others, in batches where the table is large", up(
                    f"m.execute('UPDATE \"{table}\" SET \"{column.name}\" = … WHERE \"{column.name}\" IS NULL')",
                    down="pass",
                )),
                ("when all code fills it, and then SET NOT NULL as L05 says", change(
                    f'm.create_constraint("{table}", "{name}", check="{column.name} IS NOT NULL", validate=False)'
                )),
            )
        ),
        table,
    )  # fmt: skip


def nullable(fact: Fact, scene: Scene) -> Iterator[Found]:
    """C01, as a warning, of DROP NOT NULL and DROP DEFAULT."""
    if scene.is_new(fact.table):
        return
    if fact.kind == "drop default":
        what, why = "takes the default from", "an INSERT of the release that still runs may count on it"
    else:
        what, why = "lets NULL into", "the release that still runs may read it and not expect it"
    yield Found(
        "C01",
        f"it {what} `{fact.name}` of `{fact.table}`",
        why,
        one("# lint: ok C01 the release before gives the column and takes NULL"),
        fact.table,
        "warning",
    )


def drops_object(fact: Fact, scene: Scene) -> Iterator[Found]:  # noqa: ARG001  # one signature for all rules
    """C01 of what queries may name."""
    if fact.to in ("database", "schema", "materialized view", "sequence"):
        return
    yield Found(
        "C01",
        f"it removes the {fact.to} `{fact.name}`",
        "the release that still runs may use it, and what it does with it fails",
        one("# release code that uses it no more, and then:\n# lint: ok C01 unused since the release before"),
        severity="error" if fact.to in ("view", "function", "procedure", "type", "domain") else "warning",
    )


def renames_object(fact: Fact, scene: Scene) -> Iterator[Found]:
    """C01 of another name, or another schema."""
    if fact.kind == "move" and fact.text == "table" and scene.is_new(fact.table):
        return
    what = f"value of `{fact.name}`" if fact.kind == "rename value" else f"{fact.text} `{fact.name}`"
    how = "moves" if fact.kind == "move" else "renames"
    yield Found(
        "C01",
        f"it {how} the {what} to `{fact.to}`",
        "the release that still runs asks for the old name",
        one("# release code that takes both, and then:\n# lint: ok C01 no release uses the old name"),
        fact.table,
    )


def columns(fact: Fact, scene: Scene) -> Iterator[Found]:
    """P01 to P04 of each new column."""
    if not scene.is_postgres or not scene.written:
        return
    for column in (*fact.new_columns, *((fact.column,) if fact.column is not None else ())):
        yield from _column(fact.table, column)


def _column(table: str, column: NewColumn) -> Iterator[Found]:
    base = column.type.partition("(")[0]
    where = f"`{column.name}` of `{table}`"
    if base in SMALL:
        yield Found(
            "P01",
            f"{where} is {column.type}",
            "it ends at 2,147,483,647 or earlier, and a wider type means a rewrite then (L04)",
            one(f't.column("{column.name}", int)  # bigint'),
            table,
        )
    if (base in ("char", "varchar") and "(" in column.type) or base == "char":
        yield Found(
            "P02",
            f"{where} is {column.type}",
            "another length needs a lock, or a rewrite; char(n) pads with spaces besides",
            one(f't.column("{column.name}", str)  # text, and validate_length in the changeset'),
            table,
        )
    if base == "timestamp":
        yield Found(
            "P03",
            f"{where} is {column.type}",
            "what moment it means depends on who reads it; ectype's datetimes are aware",
            one(f't.column("{column.name}", datetime)  # timestamptz'),
            table,
        )
    if base in ("serial", "smallserial", "bigserial"):
        yield Found(
            "P04",
            f"{where} is {column.type}",
            "its sequence has rights and an owner of its own, and an INSERT may give any number",
            one(f't.column("{column.name}", int, identity="by_default")'),
            table,
        )


def long_names(scene: Scene) -> Iterator[Found]:
    """P05 of a statement's text."""
    if not scene.is_postgres or not scene.written:
        return
    names = {token.name for token in scene.tokens if token.kind in ("word", "name")}
    for name in sorted(name for name in names if len(name.encode()) > MAX_IDENTIFIER):
        yield Found(
            "P05",
            f"the name `{name}` has {len(name.encode())} bytes",
            f"PostgreSQL cuts it to {MAX_IDENTIFIER} and goes on, so that two long names become one",
            one(f"# a shorter name, as {name[:40]}"),
        )
