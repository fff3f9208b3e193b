"""D01 to D04: what removes data, or the name by which the release that still runs knows it."""

from __future__ import annotations

from collections.abc import Iterator

from ectype.migrations.lint.facts import Fact
from ectype.migrations.lint.findings import Recipe
from ectype.migrations.lint.scene import UNKNOWN, Found, Scene, change, one, up
from ectype.migrations.lint.types import change as type_change


def drops_table(fact: Fact, scene: Scene) -> Iterator[Found]:
    """D01."""
    if scene.is_new(fact.table):
        return
    word = "removes" if fact.kind == "drop table" else "empties"
    yield Found(
        "D01",
        f"it {word} the table `{fact.table}` with all of its rows",
        "the rows are gone when it commits, no rollback brings them back, and the release that still runs reads them",
        Recipe(
            (
                ("release code that reads and writes it no more; then move it out of sight", change(
                    f'# lint: ok D03 no release uses it\nm.rename_table("{fact.table}", to="{fact.table}_unused")'
                )),
                ("when nobody missed it and a backup is kept", up(
                    f"# lint: ok D01 unused since the release before, backup kept\n"
                    f'm.drop_table("{fact.table}_unused")'
                )),
            )
        ),
        fact.table,
    )  # fmt: skip


def drops_column(fact: Fact, scene: Scene) -> Iterator[Found]:
    """D02."""
    if scene.is_new(fact.table):
        return
    yield Found(
        "D02",
        f"it removes the column `{fact.name}` of `{fact.table}` with its values",
        "the values are gone when it commits, and the release that still runs names the column in every query",
        Recipe(
            (
                ("let the database live without it, and release code whose schema leaves it out", change(
                    f'm.execute(\'ALTER TABLE "{fact.table}" ALTER COLUMN "{fact.name}" DROP NOT NULL\', "")'
                )),
                ("when that release runs everywhere", up(
                    f'with m.alter_table("{fact.table}") as t:\n'
                    f"    # lint: ok D02 the schema leaves it out since the release before\n"
                    f'    t.remove("{fact.name}")'
                )),
            )
        )
        if scene.is_postgres
        else one(
            up(
                "# release code whose schema leaves the column out, and only then:\n"
                f'with m.alter_table("{fact.table}") as t:\n'
                f"    # lint: ok D02 the schema leaves it out since the release before\n"
                f'    t.remove("{fact.name}")'
            )
        ),
        fact.table,
    )  # fmt: skip


def drops_database(fact: Fact, scene: Scene) -> Iterator[Found]:  # noqa: ARG001  # one signature for all rules
    """D01, of a database or a schema with all that is in it."""
    if fact.to not in ("database", "schema", "materialized view", "sequence"):
        return
    yield Found(
        "D01",
        f"it removes the {fact.to} `{fact.name}` and what is in it",
        "what is in it is gone when it commits, and no rollback brings it back",
        one(f"# take it out of the migration: ectype drop --yes-destroy {fact.name}")
        if fact.to == "database"
        else one(
            up(
                f"# lint: ok D01 nothing reads it since the release before\n"
                f"m.execute('DROP {fact.to.upper()} \"{fact.name}\"')"
            )
        ),
    )


def renames(fact: Fact, scene: Scene) -> Iterator[Found]:
    """D03."""
    if scene.is_new(fact.table):
        return
    if fact.kind == "rename table":
        yield Found(
            "D03",
            f"it gives the table `{fact.table}` the name `{fact.to}`",
            f"the release that still runs asks for `{fact.table}`, and all that it does with it fails",
            Recipe(
                (
                    ("leave the old name to the release that runs, as a view", change(
                        f"# lint: ok D03 the view keeps the old name\n"
                        f'm.rename_table("{fact.table}", to="{fact.to}")\n'
                        f"m.execute('CREATE VIEW \"{fact.table}\" AS SELECT * FROM \"{fact.to}\"', "
                        f"'DROP VIEW \"{fact.table}\"')"
                    )),
                    ("when nothing uses the old name", up(
                        f"# lint: ok C01 no release uses the old name\n"
                        f"m.execute('DROP VIEW \"{fact.table}\"')"
                    )),
                )
            ),
            fact.table,
        )  # fmt: skip
        return
    kind = scene.type_of(fact.table, fact.name)
    kind = "text" if kind == UNKNOWN else kind
    yield Found(
        "D03",
        f"it gives the column `{fact.name}` of `{fact.table}` the name `{fact.to}`",
        f"the release that still runs asks for `{fact.name}`, and all that it does with the table fails",
        Recipe(
            (
                (
                    "no migration at all: let the schema name the column",
                    f'{fact.to}: Field[…] = field(source="{fact.name}")',
                ),
            )
        )
        if not scene.is_postgres
        else Recipe(
            (
                ("a second column, and code that writes both; or no migration: `field(source=…)` in the schema", change(
                    f'with m.alter_table("{fact.table}") as t:\n    t.column("{fact.to}", "{kind}")'
                )),
                ("copy, in batches where the table is large", up(
                    f'm.execute(\'UPDATE "{fact.table}" SET "{fact.to}" = "{fact.name}" WHERE "{fact.to}" IS NULL\')',
                    down="pass"
                )),
                ("when no release reads the old one", up(
                    f'with m.alter_table("{fact.table}") as t:\n'
                    f"    # lint: ok D02 no release reads it\n"
                    f'    t.remove("{fact.name}")'
                )),
            )
        ),
        fact.table,
    )  # fmt: skip


def narrows(fact: Fact, scene: Scene) -> Iterator[Found]:
    """D04, where the old type is known."""
    old = scene.type_of(fact.table, fact.name)
    if scene.is_empty(fact.table) or old == UNKNOWN or type_change(old, fact.to) != "narrower":
        return
    yield Found(
        "D04",
        f"it makes `{fact.name}` of `{fact.table}` hold less: {old} becomes {fact.to}",
        "a row that does not fit makes the migration fail, or is cut; and the release that still runs writes such rows",
        new_column(fact.table, fact.name, fact.to),
        fact.table,
    )


def new_column(table: str, column: str, type_: str) -> Recipe:
    """Return the way from one type to another without a lock: a second column."""
    new = f"{column}_new"
    return Recipe(
        (
            ("a second column, kept up to date by a trigger: all of it, with a swap of the names, is written by "
             f"`ectype gen migration --from-diff --online {table}.{column}`; else", change(
                f'with m.alter_table("{table}") as t:\n    t.column("{new}", "{type_}")\n'
                f"m.execute(\n"
                f'    \'CREATE FUNCTION "{table}_{new}" () RETURNS trigger LANGUAGE plpgsql AS $$ \'\n'
                f'    \'BEGIN NEW."{new}" := NEW."{column}"; RETURN NEW; END $$; \'\n'
                f'    \'CREATE TRIGGER "{table}_{new}" BEFORE INSERT OR UPDATE ON "{table}" \'\n'
                f'    \'FOR EACH ROW EXECUTE FUNCTION "{table}_{new}" ()\',\n'
                f'    \'DROP TRIGGER "{table}_{new}" ON "{table}"; DROP FUNCTION "{table}_{new}" ()\',\n'
                f")"
            )),
            ("copy, in batches where the table is large; look at the rows that do not fit first", up(
                f'm.execute(\'UPDATE "{table}" SET "{new}" = "{column}"::{type_}\')', down="pass"
            )),
            ("release code that reads the new column (`field(source=…)` in the schema), then", up(
                f"m.execute('DROP TRIGGER \"{table}_{new}\" ON \"{table}\"')\n"
                f"# lint: ok C01 no release writes the old column alone\n"
                f"m.execute('DROP FUNCTION \"{table}_{new}\" ()')\n"
                f'with m.alter_table("{table}") as t:\n'
                f"    # lint: ok D02 no release reads it\n"
                f'    t.remove("{column}")'
            )),
        )
    )  # fmt: skip
