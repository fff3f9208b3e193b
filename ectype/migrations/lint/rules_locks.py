"""L01 to L06: what keeps others from reading or writing a table on PostgreSQL, and how long.

Which statement takes which lock: https://www.postgresql.org/docs/current/explicit-locking.html and
https://www.postgresql.org/docs/current/sql-altertable.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ectype.migrations.lint.facts import Fact, NewColumn
from ectype.migrations.lint.findings import Recipe
from ectype.migrations.lint.rules_losses import new_column
from ectype.migrations.lint.scene import UNKNOWN, Found, Scene, change, column_words, one, up
from ectype.migrations.lint.types import change as type_change

LONGEST_WAIT_SECONDS: Final = 10
BY_HAND: Final = "-- by hand, outside of a migration"

# What gives one value for all rows of a statement, so that PostgreSQL keeps it beside the table.
STEADY: Final = frozenset(
    {
        "now", "transaction_timestamp", "statement_timestamp", "current_setting", "lower", "upper", "concat",
        "coalesce", "array", "row", "jsonb_build_object",
        "jsonb_build_array", "json_build_object", "json_build_array", "to_jsonb",
        "date_trunc", "make_interval", "make_date", "timezone", "to_timestamp", "md5", "length", "abs", "round",
    }
)  # fmt: skip


def index(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L01 of CREATE INDEX."""
    if not scene.is_postgres or fact.concurrently or scene.is_empty(fact.table):
        return
    columns = ", ".join(f'"{column}"' for column in fact.columns) or '"…"'
    options = f'name="{fact.name}", ' if fact.name else ""
    options += "unique=True, " if fact.unique else ""
    yield Found(
        "L01",
        f"it makes an index on `{fact.table}`",
        "nobody can write to the table until the index is built (SHARE lock)",
        one(
            "# in a migration of its own, since it runs outside a transaction\n"
            + change(f'm.create_index("{fact.table}", {columns}, {options}concurrently=True)')
        ),
        fact.table,
    )


def drop_index(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L01 of DROP INDEX."""
    table = scene.tables.get(fact.name, "")
    if not scene.is_postgres or fact.concurrently or (table and scene.is_empty(table)):
        return
    yield Found(
        "L01",
        f"it drops the index `{fact.name}`",
        "it waits for every query on the table to end, and all that come after it wait too (ACCESS EXCLUSIVE lock)",
        one(
            "# in a migration of its own, since it runs outside a transaction\n"
            + up(f'm.drop_index("{table or "…"}", name="{fact.name}", concurrently=True)')
        ),
        table,
    )


def reindex(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L01 of REINDEX, and of detaching a partition."""
    if not scene.is_postgres or fact.concurrently:
        return
    if fact.kind == "detach":
        yield Found(
            "L01",
            f"it takes the partition `{fact.name}` out of `{fact.table}`",
            "nobody can read the table meanwhile (ACCESS EXCLUSIVE lock)",
            one(f"{BY_HAND}\nALTER TABLE {fact.table} DETACH PARTITION {fact.name} CONCURRENTLY"),
            fact.table,
        )
        return
    yield Found(
        "L01",
        f"it builds `{fact.name}` anew",
        "nobody can write to the table until the indexes are built, nor read with them",
        one(f"{BY_HAND}\nREINDEX {fact.to or 'INDEX'} CONCURRENTLY {fact.name}"),
        fact.table,
    )


def constraint(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L02 of ADD CONSTRAINT."""
    if not scene.is_postgres or fact.not_valid or fact.using_index or scene.is_empty(fact.table):
        return
    table, name = fact.table, fact.name or f"{fact.table}_{'_'.join(fact.columns) or 'check'}"
    match fact.constraint:
        case "check":
            if fact.to == "domain":
                yield _domain(fact)
                return
            made = f'm.create_constraint("{table}", "{name}", check={fact.text!r}, validate=False)'
            yield _unchecked(table, "a check", made, name)
        case "foreign key":
            column, to = (*fact.columns, "…")[0], (*fact.references_columns, "id")[0]
            made = (
                f'm.create_constraint(\n    "{table}", "{name}", foreign_key="{column}",\n'
                f'    references=references("{fact.references}", column="{to}"), validate=False,\n)'
            )
            yield _unchecked(table, f"a foreign key to `{fact.references}`", made, name)
        case "unique" | "primary key":
            yield _key(table, name, fact)
        case "not null":
            yield _not_null(table, fact.columns[0] if fact.columns else "…")
        case "exclude":
            yield Found(
                "L02",
                f"it adds an exclusion constraint to `{table}`",
                "all rows are read and an index is built while nobody can read or write the table "
                "(ACCESS EXCLUSIVE lock), and PostgreSQL knows no other way",
                one(
                    "# lint: ok L02 run in a quiet hour, on a table of this size\n"
                    "# or: a new table with the constraint\n"
                    + change(f'with m.create_table("{table}_new") as t:\n    t.exclude("{name}", "gist (…)")')
                ),
                table,
            )
        case None:
            return


def _unchecked(table: str, what: str, made: str, name: str) -> Found:
    return Found(
        "L02",
        f"it adds {what} to `{table}`",
        "all rows are checked while nobody can write to the table",
        Recipe(
            (
                ("for new rows only, which takes no time", change(made)),
                ("check the others in a migration of its own, while others read and write", change(
                    f'm.validate_constraint("{table}", "{name}")'
                )),
            )
        ),
        table,
    )  # fmt: skip


def _domain(fact: Fact) -> Found:
    return Found(
        "L02",
        f"it adds a check to the domain `{fact.name}`",
        "all rows of all tables that use the domain are checked while nobody can write to them",
        Recipe(
            (
                ("for new rows only", change(
                    f"m.execute('ALTER DOMAIN {fact.name} ADD CONSTRAINT … CHECK (…) NOT VALID', '…')"
                )),
                ("check the others", change(f"m.execute('ALTER DOMAIN {fact.name} VALIDATE CONSTRAINT …', '')")),
            )
        ),
    )  # fmt: skip


def _key(table: str, name: str, fact: Fact) -> Found:
    columns = ", ".join(f'"{column}"' for column in fact.columns) or '"…"'
    word = "unique" if fact.constraint == "unique" else "primary_key"
    return Found(
        "L02",
        f"it adds a {fact.constraint} constraint to `{table}`",
        "its index is built while nobody can read or write the table (ACCESS EXCLUSIVE lock)",
        Recipe(
            (
                ("the index, while others write", change(
                    f'm.create_index("{table}", {columns}, unique=True, name="{name}", concurrently=True)'
                )),
                ("the constraint takes it over, which takes no time", change(
                    f'm.create_constraint("{table}", "{name}", {word}=[{columns}], using_index="{name}")'
                )),
            )
        ),
        table,
    )  # fmt: skip


def validate(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L02 of a VALIDATE in the transaction that added the constraint."""
    if not scene.in_transaction or scene.is_empty(fact.table) or (fact.table, fact.name) not in scene.not_valid:
        return
    yield Found(
        "L02",
        f"it checks the rows of `{fact.name}` in the transaction that added it",
        "the lock of the ADD is kept until the end, so nobody can write to the table while its rows are read",
        one("# in a migration of its own\n" + change(f'm.validate_constraint("{fact.table}", "{fact.name}")')),
        fact.table,
    )


def new_columns(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L02 and L03 of ADD COLUMN."""
    column, table = fact.column, fact.table
    if column is None or not scene.is_postgres or scene.is_empty(table):
        return
    if column.stored or column.numbered or _is_volatile(column):
        yield _rewritten(table, column)
    for kind in sorted(column.constraint & {"unique", "primary key"}):
        name = f"{table}_{column.name}_key"
        added = Fact("add constraint", table, name, columns=(column.name,), constraint=kind)
        yield _after_column(table, column, _key(table, name, added))
    if "foreign key" in column.constraint and column.default is not None:
        name, to = f"{table}_{column.name}_fkey", column.references_column or "id"
        made = (
            f'm.create_constraint(\n    "{table}", "{name}", foreign_key="{column.name}",\n'
            f'    references=references("{column.references}", column="{to}"), validate=False,\n)'
        )
        what = f"a foreign key to `{column.references}`, with a default that all rows get,"
        yield _after_column(table, column, _unchecked(table, what, made, name))
    if "check" in column.constraint:
        name = f"{table}_{column.name}_check"
        made = f'm.create_constraint("{table}", "{name}", check={column.check!r}, validate=False)'
        what = "a check, with a new column,"
        yield _after_column(table, column, _unchecked(table, what, made, name))


def _after_column(table: str, column: NewColumn, found: Found) -> Found:
    """Return the finding with a recipe that makes the column first."""
    default = "" if column.default is None else f", default=Raw({column.default!r})"
    made = change(f'with m.alter_table("{table}") as t:\n    t.column({column_words(column)}{default})')
    return replace(found, recipe=Recipe((("the column alone, which takes no time", made), *found.recipe.steps)))


def _is_volatile(column: NewColumn) -> bool:
    return any(call not in STEADY for call in column.calls)


def _rewritten(table: str, column: NewColumn) -> Found:
    name = column.name
    if column.stored:
        what = f"it adds the computed column `{name}` to `{table}`"
        recipe = Recipe(
            (
                ("compute it when it is read: a view, a query, or `stored=False` on PostgreSQL 18", change(
                    f"m.create_view(\"{table}_computed\", 'SELECT *, … AS {name} FROM {table}')"
                )),
            )
        )  # fmt: skip
    elif column.numbered:
        what = f"it adds the column `{name}` to `{table}`, and numbers the rows that are there"
        recipe = Recipe(
            (
                ("a plain column that a sequence fills from now on", change(
                    f"m.execute('CREATE SEQUENCE \"{table}_{name}_seq\"', 'DROP SEQUENCE \"{table}_{name}_seq\"')\n"
                    f'with m.alter_table("{table}") as t:\n    t.column("{name}", int)\n'
                    f'm.execute(\'ALTER TABLE "{table}" ALTER COLUMN "{name}" '
                    f'SET DEFAULT nextval($s${table}_{name}_seq$s$)\','
                    f' \'ALTER TABLE "{table}" ALTER COLUMN "{name}" DROP DEFAULT\')'
                )),
                ("number the others, in batches where the table is large", up(
                    f'm.execute(\'UPDATE "{table}" SET "{name}" = DEFAULT WHERE "{name}" IS NULL\')', down="pass"
                )),
            )
        )  # fmt: skip
    else:
        what = (
            f"it adds the column `{name}` to `{table}` with a default that is computed for each row: {column.default}"
        )
        recipe = Recipe(
            (
                ("the column, and then its default, which new rows get", change(
                    f'with m.alter_table("{table}") as t:\n    t.column({column_words(column)})\n'
                    f'm.execute(\'ALTER TABLE "{table}" ALTER COLUMN "{name}" SET DEFAULT {column.default}\','
                    f' \'ALTER TABLE "{table}" ALTER COLUMN "{name}" DROP DEFAULT\')'
                )),
                ("fill the others, in batches where the table is large", up(
                    f'm.execute(\'UPDATE "{table}" SET "{name}" = DEFAULT WHERE "{name}" IS NULL\')', down="pass"
                )),
            )
        )  # fmt: skip
    return Found(
        "L03",
        what,
        "every row is written anew while nobody can read or write the table (ACCESS EXCLUSIVE lock)",
        recipe,
        table,
    )


def retyped(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L04 of a change of type."""
    old = scene.type_of(fact.table, fact.name)
    if not scene.is_postgres or scene.is_empty(fact.table):
        return
    if old != UNKNOWN and type_change(old, fact.to) == "free" and not fact.using:
        return
    was = "" if old == UNKNOWN else f" from {old}"
    yield Found(
        "L04",
        f"it changes the type of `{fact.name}` of `{fact.table}`{was} to {fact.to}",
        "every row, and every index of the column, is written anew while nobody can read or write the table "
        "(ACCESS EXCLUSIVE lock)" + (", unless the old type is as wide and kept alike" if old == UNKNOWN else ""),
        new_column(fact.table, fact.name, fact.to),
        fact.table,
    )


def rewrites(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L04 of the statements that write a table anew for other reasons."""
    if not scene.is_postgres or scene.is_empty(fact.table):
        return
    instead = {
        "VACUUM FULL": f"{BY_HAND}, with the extension pg_repack\npg_repack --table={fact.table}",
        "CLUSTER": f"{BY_HAND}, with the extension pg_repack\npg_repack --table={fact.table}",
        "REFRESH MATERIALIZED VIEW": "# it needs a unique index over all rows of the view\n"
        + change(f"m.execute('REFRESH MATERIALIZED VIEW CONCURRENTLY \"{fact.table}\"', '')"),
    }.get(fact.name, f"# lint: ok L04 run in a quiet hour, on a table of this size\n# {fact.name}")
    yield Found(
        "L04",
        f"`{fact.name}` writes `{fact.table}` anew",
        "nobody can read or write it meanwhile (ACCESS EXCLUSIVE lock)",
        one(instead),
        fact.table,
    )


def not_null(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L05."""
    if not scene.is_postgres or scene.is_empty(fact.table) or scene.has_not_null_check(fact.table, fact.name):
        return
    yield _not_null(fact.table, fact.name)


def _not_null(table: str, column: str) -> Found:
    name = f"{table}_{column}_not_null"
    return Found(
        "L05",
        f"it takes NULL from `{column}` of `{table}`",
        "all rows are read while nobody can read or write the table (ACCESS EXCLUSIVE lock)",
        Recipe(
            (
                ("a check for new rows only", change(
                    f'm.create_constraint("{table}", "{name}", check="{column} IS NOT NULL", validate=False)'
                )),
                ("check the others, while others read and write", change(
                    f'm.validate_constraint("{table}", "{name}")'
                )),
                ("PostgreSQL believes the check and reads no row; then it is not needed any more", change(
                    f'm.execute(\'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET NOT NULL\','
                    f' \'ALTER TABLE "{table}" ALTER COLUMN "{column}" DROP NOT NULL\')\n'
                    f'm.drop_constraint("{table}", "{name}", check="{column} IS NOT NULL")'
                )),
            )
        ),
        table,
    )  # fmt: skip


def settings(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L06."""
    if not scene.is_postgres or fact.name.lower() != "lock_timeout":
        return
    seconds = _seconds(fact.text)
    if seconds is not None and 0 < seconds <= LONGEST_WAIT_SECONDS:
        return
    yield Found(
        "L06",
        f"it sets lock_timeout to {fact.text}",
        "a statement that waits for a table makes all others wait behind it, reads too, for as long as that says",
        one("# take the line out: a run waits 2 s for a table, and tries ten times\nectype migrate --lock-timeout 2s"),
    )


def locks(fact: Fact, scene: Scene) -> Iterator[Found]:
    """L06 of LOCK TABLE."""
    if not scene.is_postgres or scene.is_empty(fact.table):
        return
    yield Found(
        "L06",
        f"it locks the table `{fact.table}` until the migration ends",
        "all others wait for that, however long the rest of the migration takes",
        one("# take the line out: each statement takes the lock that it needs, when it needs it"),
        fact.table,
    )


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"'?\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*'?", text.strip().lower())
    if match is None:
        return None
    scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
    return float(match[1]) * scale[match[2] or "ms"]
