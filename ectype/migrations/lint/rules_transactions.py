"""T01 to T03, and S01: what does not go with the one transaction that a migration is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ectype.migrations.lint.facts import Fact
from ectype.migrations.lint.findings import Recipe, Severity
from ectype.migrations.lint.scene import Found, Scene, change, one, up

SAFELY: Final = 't.modify("…", str, null=False)  # it builds the table anew safely'


# What the runner makes of it stands in `ectype/migrations/stepwise.py`.
STEPS: Final = "each statement becomes a step: when one fails, those before it are done, and the next run goes on there"


def concurrently(fact: Fact, scene: Scene) -> Iterator[Found]:
    """T01 of what builds an index while others write, beside other statements."""
    if not fact.concurrently or (scene.alone and not scene.bound):
        return
    what = "index" if fact.kind in ("create index", "drop index", "reindex") else "partition"
    columns = ", ".join(f'"{column}"' for column in fact.columns)
    known = {
        "create index": change(
            f'm.create_index("{fact.table}", {columns}, name="{fact.name}", '
            f"{'unique=True, ' if fact.unique else ''}concurrently=True)"
        ),
        "drop index": up(f'm.drop_index("{scene.tables.get(fact.name, "…")}", name="{fact.name}", concurrently=True)'),
    }
    yield Found(
        "T01",
        f"it has CONCURRENTLY (the {what} `{fact.name}`) {_beside(scene)}",
        _because(scene),
        one("# alone in its migration, which is then run outside a transaction\n" + known[fact.kind])
        if fact.kind in known
        else one("-- alone in its migration, which is then run outside a transaction\n…"),
        fact.table,
        _grave(scene),
    )


def outside(fact: Fact, scene: Scene) -> Iterator[Found]:
    """T01 of what refuses to run in a transaction, beside other statements."""
    if scene.alone and not scene.bound:
        return
    if fact.name in ("ATTACH", "DETACH", "VACUUM") or scene.is_postgres:
        yield Found(
            "T01",
            f"it runs {fact.name} {_beside(scene)}",
            _because(scene),
            one(f"-- alone in its migration, which is then run outside a transaction\n{fact.name} …"),
            severity=_grave(scene),
        )


def _beside(scene: Scene) -> str:
    return f"in a migration that {scene.bound}" if scene.bound else "beside other statements"


def _because(scene: Scene) -> str:
    return "it cannot be in a transaction, and such a migration is one" if scene.bound else STEPS


def _grave(scene: Scene) -> Severity:
    return "error" if scene.bound else "warning"


def transaction(fact: Fact, scene: Scene) -> Iterator[Found]:  # noqa: ARG001  # one signature for all rules
    """T01 of BEGIN, COMMIT and ROLLBACK in the text."""
    word = fact.name.partition(" ")[0]
    if word in ("SAVEPOINT", "RELEASE") or " TO " in f" {fact.name} ":
        return
    yield Found(
        "T01",
        f"its text holds {fact.name}",
        "a migration is one transaction together with its row of the journal; this ends it half-way",
        one("# take the line out; what must be committed first is a migration of its own"),
    )


def enum_value(fact: Fact, scene: Scene) -> Iterator[Found]:
    """T02: a value is used that the same transaction adds."""
    if fact.kind == "add value" or not scene.in_transaction:
        return
    used = sorted({token.value for token in scene.tokens if token.kind == "text"} & scene.added_values)
    for value in used:
        yield Found(
            "T02",
            f"it uses the value {value!r}, which this migration adds to an enum",
            "PostgreSQL lets nothing use the value before it is committed (55P04): the migration fails",
            Recipe(
                (
                    ("the value alone", up(f'm.add_enum_value("…", "{value}")', down="pass")),
                    ("what uses it, in the next migration", change("…")),
                )
            ),
            fact.table,
        )


def mixed(fact: Fact, scene: Scene) -> Iterator[Found]:
    """T03."""
    if not scene.in_transaction or not scene.is_postgres:
        return
    if scene.is_empty(fact.table) or not scene.changed - scene.created:
        return
    tables = ", ".join(f"`{table}`" for table in sorted(scene.changed - scene.created))
    yield Found(
        "T03",
        f"it changes rows of `{fact.table}` after it changed {tables}",
        "the locks of the change are kept until all rows are written, and nobody reads or writes meanwhile",
        Recipe(
            (
                ("the change of the table alone", change("…")),
                ("the rows in the next migration, in batches where the table is large", up(
                    "m.execute('UPDATE …')", down="pass"
                )),
            )
        ),
        fact.table,
    )  # fmt: skip


def changed_after(fact: Fact, scene: Scene) -> Iterator[Found]:
    """S01: a table takes the place of one that was dropped."""
    if scene.is_postgres or fact.to not in scene.dropped:
        return
    yield Found(
        "S01",
        f"it drops `{fact.to}` and gives another table its name",
        "with foreign keys on, DROP TABLE deletes or refuses the rows that reference it; indexes, triggers and views "
        "are gone with it",
        one(change(f'with m.alter_table("{fact.to}") as t:\n    {SAFELY}')),
        fact.to,
    )


def pragma(fact: Fact, scene: Scene) -> Iterator[Found]:
    """S01: switching foreign keys off does nothing in a transaction, and much outside of one."""
    if scene.is_postgres or fact.name.lower() != "foreign_keys" or not fact.text:
        return
    yield Found(
        "S01",
        "it switches foreign keys on or off",
        "SQLite ignores that within a transaction; outside of one, rows that lead nowhere are written unseen",
        one(change(f'with m.alter_table("…") as t:\n    {SAFELY}')),
    )
