"""SQLite builds a table anew where it has no ALTER TABLE: nothing that the command does not speak of may change."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import migrations
from ectype.adapters.registry import adapter_for
from ectype.errors import ConstraintError, IrreversibleError
from ectype.migrations import Migration, Raw, references, was
from ectype.migrations.catalog_reading import read_catalog
from ectype.migrations.sqlite_table import read_definition
from tests.integration.migrations.conftest import Place
from tests.integration.migrations.snapshot import snapshot

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = on_sqlite

WRITTEN = """
CREATE TABLE "odd "" name" ( -- a remark, with a comma and a (
  id integer PRIMARY KEY AUTOINCREMENT, /* the key ) */
  [first name] TEXT NOT NULL DEFAULT 'a, (b' COLLATE NOCASE UNIQUE,
  `second` TEXT CONSTRAINT short CHECK (length("second") < 10 AND "second" <> ')'),
  amount INTEGER DEFAULT (1 + 2) CONSTRAINT "amount known" NOT NULL ON CONFLICT ROLLBACK,
  twice INTEGER GENERATED ALWAYS AS (amount * 2) STORED,
  thrice INTEGER AS (amount * 3) VIRTUAL,
  parent INTEGER CONSTRAINT parent_key REFERENCES "odd "" name" (id) ON DELETE SET NULL ON UPDATE CASCADE
    NOT DEFERRABLE,
  word TEXT DEFAULT NULL,
  CONSTRAINT pair UNIQUE (amount, word) ON CONFLICT ABORT,
  CHECK (amount <> 7) CONSTRAINT small CHECK (amount < 1000),
  FOREIGN KEY (word) REFERENCES words (word) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
) STRICT"""

OBJECTS = [
    "CREATE TABLE words (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    WRITTEN,
    'CREATE TABLE children (id INTEGER PRIMARY KEY, odd INTEGER REFERENCES "odd "" name" (id)'
    " ON DELETE CASCADE) STRICT",
    "CREATE TABLE log (line TEXT) STRICT",
    'CREATE INDEX plain ON "odd "" name" (amount DESC, `second` COLLATE RTRIM)',
    'CREATE UNIQUE INDEX part ON "odd "" name" (lower([first name])) WHERE amount > 1',
    'CREATE TRIGGER noted AFTER DELETE ON "odd "" name" BEGIN INSERT INTO log VALUES (old.id); END',
    'CREATE TRIGGER counted AFTER INSERT ON children BEGIN UPDATE "odd "" name" SET amount = amount + 1'
    " WHERE id = new.odd; END",
    'CREATE VIEW seen AS SELECT o.id, o.amount, c.id AS child FROM "odd "" name" o'
    " LEFT JOIN children c ON c.odd = o.id",
    "CREATE TRIGGER through INSTEAD OF DELETE ON seen BEGIN DELETE FROM children WHERE id = old.child; END",
    "INSERT INTO words VALUES ('w')",
    "INSERT INTO \"odd \"\" name\" (id, [first name], amount, word) VALUES (5, 'Ada', 10, 'w'), (9, 'Bob', 20, NULL)",
    'UPDATE "odd "" name" SET parent = 5 WHERE id = 9',
    'INSERT INTO "odd "" name" (id, [first name], amount) VALUES (40, \'gone\', 40)',
    'DELETE FROM "odd "" name" WHERE id = 40',
    "INSERT INTO children (odd) VALUES (5), (9)",
]
ALL = 'SELECT id, [first name], `second`, amount, twice, thrice, parent, word FROM "odd "" name" ORDER BY id'
NAME = 'odd " name'


@pytest.fixture
async def odd(connection):
    for sql in OBJECTS:
        await connection.execute(sql)


async def run(repo: Any, change: Any, version: int = 2) -> None:
    assert await migrations.up(repo, version, change)


def to_text(m: Migration) -> None:
    with m.alter_table(NAME) as t:
        t.modify(
            "second",
            str,
            null=False,
            default="x",
            using=Raw("ifnull(second, '-')"),
            from_=was(str, null=True, default=None),
        )


CHANGES = {
    "default": (lambda t: t.modify("amount", int, default=5, from_=was(int, default=Raw("1 + 2")))),
    "null": (lambda t: t.modify("word", str, null=True, from_=was(str, null=True))),
    "key": (lambda t: t.column("other", references("words", column="word", type=str), default="w")),
}


@pytest.mark.parametrize("do", CHANGES.values(), ids=CHANGES)
async def test_all_that_belongs_to_a_table_outlives_its_rebuild(do, repo, odd, connection, rows):
    def change(m):
        with m.alter_table(NAME) as t:
            do(t)

    before, had = await snapshot(connection, repo.adapter), await rows(ALL)
    await run(repo, change)
    assert await rows(ALL) == had
    changed = await snapshot(connection, repo.adapter)
    assert changed[1] == before[1]
    text = (await rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'odd \" name'"))[0][0]
    assert text.endswith("STRICT")
    for kept in (
        "AUTOINCREMENT",
        "ON CONFLICT ROLLBACK",
        "'a, (b'",
        "COLLATE NOCASE UNIQUE",
        "DEFERRABLE INITIALLY DEFERRED",
    ):
        assert kept in text
    assert await migrations.down(repo, 2, change)
    assert await snapshot(connection, repo.adapter) == before
    assert await rows(ALL) == had
    # AUTOINCREMENT goes on after the highest key that ever was, not after the highest that is.
    await connection.execute('INSERT INTO "odd "" name" ([first name], amount) VALUES (\'new\', 1)')
    assert (await rows(ALL))[-1][0] == 41
    # Foreign keys act, triggers fire and views read as before.
    await connection.execute('DELETE FROM "odd "" name" WHERE id = 5')
    assert await rows("SELECT odd FROM children") == [(9,)]
    assert await rows("SELECT line FROM log ORDER BY line") == [("40",), ("5",)]
    assert await rows("SELECT amount FROM seen WHERE id = 9") == [(21,)]


async def test_foreign_keys_act_again_in_the_migration_after_a_rebuild(repo, odd, write, folder, rows):
    write(
        "2_rebuild", "with m.alter_table('children') as t:\n    t.modify('odd', int, null=False, from_=int)", text=None
    )
    write("3_delete", """m.execute('DELETE FROM "odd "" name" WHERE id = 5', '')""")
    assert await migrations.migrate(repo, folder) == [2, 3]
    assert await rows("SELECT odd FROM children") == [(9,)]


async def test_a_migration_that_fails_after_a_rebuild_leaves_everything_as_it_was(repo, odd, connection, rows):
    def fails(m):
        to_text(m)
        m.execute("INSERT INTO nothing VALUES (1)", "")

    before, had = await snapshot(connection, repo.adapter), await rows(ALL)
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.up(repo, 2, fails)
    assert caught.value.unchanged
    assert await snapshot(connection, repo.adapter) == before
    assert await rows(ALL) == had


async def test_a_removed_column_takes_its_indexes_and_constraints_along(repo, odd, connection, rows):
    def change(m):
        with m.alter_table(NAME) as t:
            t.remove("word")

    await run(repo, change)
    catalog = await read_catalog(connection, repo.adapter)
    table = next(one for one in catalog.tables if one.name == NAME)
    assert "word" not in [column.name for column in table.columns]
    assert [key.table for key in table.foreign_keys] == [NAME]
    assert (await rows('SELECT id, amount FROM "odd "" name" ORDER BY id')) == [(5, 11), (9, 21)]


def alter(m: Migration, table: str, do: Any) -> None:
    with m.alter_table(table) as t:
        do(t)


MISTAKES = [
    (
        lambda m: alter(m, NAME, lambda t: t.modify("nothing", int)),
        'the table `odd " name` has no column `nothing`',
    ),
    (lambda m: alter(m, "nothing", lambda t: t.modify("a", int)), "there is no table `nothing`"),
    (lambda m: m.drop_constraint(NAME, "nothing"), 'the table `odd " name` has no constraint `nothing`'),
    (lambda m: m.rename_constraint(NAME, "short", to="small"), "has a constraint `small` already"),
    (lambda m: m.create_constraint(NAME, "small", check="true"), "has a constraint `small` already"),
    (lambda m: m.rename_index("nothing", to="x"), "there is no index `nothing`"),
    (
        lambda m: alter(m, NAME, lambda t: t.modify("word", str, null=False)),
        "NOT NULL constraint failed",
    ),
    (lambda m: m.create_constraint(NAME, "big", check="amount > 100"), "CHECK constraint failed: big"),
    (
        lambda m: alter(m, NAME, lambda t: t.modify("first name", int)),
        "cannot store TEXT value in INTEGER column",
    ),
    (
        lambda m: alter(
            m,
            "children",
            lambda t: t.modify("odd", references("words", column="word", type=str), from_=references("x", name="y")),
        ),
        "2 rows reference from `children` what is not in `words`",
    ),
    (
        lambda m: alter(m, "children", lambda t: t.remove("odd")),
        "the INSERT trigger of `children` no longer works: no such column: new.odd",
    ),
    (
        lambda m: m.execute("DROP TRIGGER counted", "") or alter(m, "children", lambda t: t.remove("odd")),
        "error in view seen after drop column: no such column: c.odd",
    ),
    (
        lambda m: (
            m.execute('CREATE VIEW seconds AS SELECT second FROM "odd "" name"', "")
            or alter(m, NAME, lambda t: t.remove("second"))
        ),
        "the view `seconds` no longer works: no such column: second",
    ),
    (lambda m: alter(m, NAME, lambda t: t.column("amount", int, null=False)), "has a column `amount` already"),
    (
        lambda m: (
            m.execute('DELETE FROM "odd "" name" WHERE id = 5', "")
            or alter(m, NAME, lambda t: t.modify("amount", int, default=1))
        ),
        '1 row references from `children` what is not in `odd " name`',
    ),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
async def test_what_does_not_fit_the_table_or_its_rows_is_refused_and_undone(
    change, message, repo, odd, connection, rows
):
    before, had = await snapshot(connection, repo.adapter), await rows(ALL)
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.up(repo, 2, change)
    assert message in str(caught.value)
    assert caught.value.unchanged
    assert await snapshot(connection, repo.adapter) == before
    assert await rows(ALL) == had


async def test_what_was_wrong_before_is_not_held_against_a_rebuild(repo, connection, rows):
    for sql in (
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE kids (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parents (id), n INTEGER)",
        "PRAGMA foreign_keys = OFF",
        "INSERT INTO kids (p) VALUES (1), (2)",
        "PRAGMA foreign_keys = ON",
        "CREATE VIEW wrong AS SELECT x FROM nowhere",
    ):
        await connection.execute(sql)
    await run(repo, lambda m: alter(m, "kids", lambda t: t.modify("n", int, default=4)))
    assert await rows("SELECT p FROM kids ORDER BY id") == [(1,), (2,)]


async def test_a_virtual_table_is_never_built_anew(repo, connection):
    await connection.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
    with pytest.raises(migrations.MigrationFailedError, match="no table that can be built anew: CREATE VIRTUAL"):
        await migrations.up(repo, 2, lambda m: alter(m, "words", lambda t: t.modify("word", str)))


async def test_rows_keep_their_numbers_where_no_key_holds_them(repo, connection, rows):
    await connection.execute("CREATE TABLE keyless (a TEXT)")
    await connection.execute("INSERT INTO keyless (rowid, a) VALUES (7, 'x'), (9, 'y')")
    await run(repo, lambda m: alter(m, "keyless", lambda t: t.modify("a", str, default="z")))
    assert await rows("SELECT rowid, a FROM keyless ORDER BY 1") == [(7, "x"), (9, "y")]
    # A table that was not STRICT does not become it.
    assert await rows("SELECT strict FROM pragma_table_list('keyless')") == [(0,)]


async def test_changes_of_one_block_are_one_rebuild(repo, odd, connection, rows):
    def change(m):
        with m.alter_table(NAME) as t:
            t.modify("amount", int, default=5)
            t.modify("word", str, default="w")
            t.column("more", str, null=False, default=Raw("hex(7)"))
            t.remove("second")

    await run(repo, change)
    assert await rows('SELECT amount, more FROM "odd "" name" ORDER BY id') == [(11, "37"), (21, "37")]


async def test_what_modify_does_not_know_cannot_be_rolled_back(repo, odd):
    await run(repo, lambda m: alter(m, NAME, lambda t: t.modify("amount", int, default=5)))
    with pytest.raises(IrreversibleError) as caught:
        await migrations.down(repo, 2, lambda m: alter(m, NAME, lambda t: t.modify("amount", int, default=5)))
    assert 't.modify("amount") in m.alter_table("odd " name")' in caught.value.message


async def test_a_constraint_refuses_after_the_rebuild_by_its_name(repo, odd, connection):
    await run(repo, lambda m: m.create_constraint(NAME, "even", check="amount > 5"))
    with pytest.raises(ConstraintError) as caught:
        await connection.execute('INSERT INTO "odd "" name" ([first name], amount) VALUES (\'q\', 2)')
    assert caught.value.constraint == "even"


def test_a_table_that_is_taken_apart_and_put_together_is_the_same_table(database_url):
    for sql in [
        WRITTEN,
        OBJECTS[0],
        "CREATE TABLE a(b, c AS (b) , PRIMARY KEY(b))",
        "create table a (b int check (b>1) check(b<9) not null)",
    ]:
        one, other = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
        definition = read_definition(sql)
        one.execute(sql)
        other.execute(definition.text(definition.name))
        for pragma in ("table_xinfo", "foreign_key_list", "index_list"):
            asked = f"SELECT * FROM pragma_{pragma}(?)"
            found = [db.execute(asked, (definition.name,)).fetchall() for db in (one, other)]
            assert found[0] == found[1]
        one.close()
        other.close()


# --- random tables

KINDS = {
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5),
    bytes: st.binary(max_size=4),
    float: st.floats(allow_nan=False, allow_infinity=False),
}
NAMES = ["a", "b b", 'c"c', "check", "Ünïcode"]


@st.composite
def populated(draw: Any) -> Any:
    """A table of some columns, rows for it, and changes of it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    columns = {name: (draw(st.sampled_from(list(KINDS))), draw(st.booleans())) for name in names}
    rows = draw(
        st.lists(
            st.tuples(*(KINDS[kind] if filled else st.none() | KINDS[kind] for kind, filled in columns.values())),
            max_size=12,
        )
    )
    changes = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["default", "null", "check", "index", "unindexed", "key"]), st.sampled_from(names)
            ),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    return columns, rows, changes


def made(columns: Any) -> Any:
    def change(m: Migration) -> None:
        with m.create_table("parents") as t:
            t.column("word", str)
        with m.create_table("things") as t:
            for name, (kind, filled) in columns.items():
                t.column(name, kind, null=not filled)
            t.references("parent", "parents", on_delete="cascade")
        with m.create_table("parts") as t:
            t.references("thing", "things", on_delete="cascade", null=False)

    return change


def changed(columns: Any, changes: Any) -> Any:
    def change(m: Migration) -> None:
        for number, (what, name) in enumerate(changes):
            kind, filled = columns[name]
            if what == "check":
                m.create_constraint("things", f"check_{number}", check="id > 0")
            elif what == "index":
                m.create_index("things", name, name=f"index_{number}")
            elif what == "key":
                m.create_constraint("things", f"key_{number}", foreign_key="parent", references=references("parents"))
            elif what == "unindexed":
                m.create_constraint("things", f"unique_{number}", unique=["id", name])
            else:
                with m.alter_table("things") as t:
                    if what == "default":
                        t.modify(name, kind, default=kind(), from_=was(kind, default=None))
                    elif not filled:
                        t.modify(name, kind, null=True, default=kind(), from_=was(kind, null=True, default=None))
                    else:
                        t.modify(name, kind, null=True, from_=was(kind, null=False))

    return change


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=populated())
async def test_no_row_is_lost_in_the_rebuild_of_any_populated_table(data, database_url, tmp_path_factory):
    columns, rows, changes = data
    path: Path = tmp_path_factory.mktemp("random") / "test.db"
    repo = Place(adapter_for(f"sqlite:///{path}"))
    await migrations.up(repo, 1, made(columns))
    connection = await repo.adapter.connect(10)
    try:
        await connection.execute("INSERT INTO parents (word) VALUES ('p')")
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        signs = ", ".join("?" for _ in columns)
        for row in rows:
            await connection.execute(f"INSERT INTO things ({names}, parent) VALUES ({signs}, 1)", row)
        await connection.execute("INSERT INTO parts (thing) SELECT id FROM things")
        everything = f"SELECT id, {names}, parent FROM things ORDER BY id"
        had = await connection.fetch(everything, (), list)
        before = await snapshot(connection, repo.adapter)
        change = changed(columns, changes)
        assert await migrations.up(repo, 2, change)
        assert await connection.fetch(everything, (), list) == had
        assert await connection.fetch("SELECT count(*) FROM parts", (), list) == [(len(rows),)]
        assert await connection.fetch("SELECT * FROM pragma_foreign_key_check", (), list) == []
        assert await migrations.down(repo, 2, change)
        assert await connection.fetch(everything, (), list) == had
        assert await snapshot(connection, repo.adapter) == before
        await connection.execute("DELETE FROM parents")
        assert await connection.fetch("SELECT count(*) FROM parts", (), list) == [(0,)]
    finally:
        await connection.close()


# --- random texts of tables

GAPS = st.sampled_from([" ", "\n  ", "\t", " /* , ( ' */ ", " -- it's a ( remark,\n "])
ENDS = st.sampled_from(["", "", " ON CONFLICT ABORT"])
CLAUSES = [
    "NOT NULL{end}",
    "CONSTRAINT n{n} NOT NULL",
    "UNIQUE{end}",
    "DEFAULT -1",
    "DEFAULT 'a, )'",
    "DEFAULT (abs(1) + 2)",
    "DEFAULT NULL",
    "COLLATE NOCASE",
    "CHECK ({name} <> 'x,(')",
    'CONSTRAINT "check {n}" CHECK ({name} IN (1, 2))',
    "REFERENCES other (id) ON DELETE SET NULL ON UPDATE SET DEFAULT NOT DEFERRABLE",
    "CONSTRAINT fk{n} REFERENCES other DEFERRABLE INITIALLY DEFERRED",
]
TABLE_CLAUSES = [
    "UNIQUE ({name} COLLATE RTRIM DESC){end}",
    "CONSTRAINT [unique {n}] UNIQUE ({name})",
    "CHECK ({name} IS NOT NULL)",
    "CONSTRAINT key{n} FOREIGN KEY ({name}) REFERENCES other (id) MATCH SIMPLE ON DELETE CASCADE",
]


@st.composite
def texts(draw: Any) -> str:
    """A CREATE TABLE as people write it."""
    names = draw(st.lists(st.sampled_from(['"a b"', "[c,d]", "`e`", "plain", '"not"']), min_size=1, unique=True))
    items: list[str] = []
    for n, name in enumerate(names):
        chosen = draw(st.lists(st.sampled_from(CLAUSES), max_size=4, unique_by=lambda text: text.split()[-1]))
        parts = [name, draw(st.sampled_from(["INTEGER", "text", "ANY"])), *chosen]
        items.append(draw(GAPS).join(parts).format(name=name, n=n, end=draw(ENDS)))
    wanted = draw(st.lists(st.sampled_from(TABLE_CLAUSES), max_size=3, unique=True))
    items += [text.format(name=names[0], n=f"t{n}", end=draw(ENDS)) for n, text in enumerate(wanted)]
    tail = draw(st.sampled_from(["", " STRICT", " strict "]))
    return f"CREATE TABLE{draw(GAPS)}t{draw(GAPS)}({draw(GAPS)}{(',' + draw(GAPS)).join(items)}{draw(GAPS)}){tail}"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=texts())
def test_any_table_that_is_taken_apart_and_put_together_is_the_same_table(sql, database_url):
    with closing(sqlite3.connect(":memory:")) as one, closing(sqlite3.connect(":memory:")) as other:
        one.execute(sql)
        definition = read_definition(sql)
        other.execute(definition.text("t"))
        for pragma in ("table_xinfo", "foreign_key_list", "index_list"):
            found = [db.execute(f"SELECT * FROM pragma_{pragma}('t')").fetchall() for db in (one, other)]
            assert found[0] == found[1]
        assert sql.upper().count("CHECK (") == definition.text("t").upper().count("CHECK (")
        for word in ("COLLATE", "ABORT", "DEFERRED", "MATCH"):
            assert sql.count(word) == definition.text("t").count(word)
        # Taken apart again, it is the same.
        assert read_definition(definition.text("t")) == definition


KILLED = """
import asyncio, sys
from ectype import migrations
from ectype.repo.repo import Repo

async def up(m):
    with m.alter_table("words") as t:
        t.modify("word", int, null=False)
    await m.flush()
    print("built", flush=True)
    await asyncio.Event().wait()

class Body:
    pass

Body.up = staticmethod(up)
asyncio.run(migrations.up(Repo(sys.argv[1]), 2, Body()))
"""


async def test_a_process_that_is_killed_after_a_rebuild_leaves_the_old_table(repo, database_url, connection, rows):
    def start(m):
        with m.create_table("words") as t:
            t.column("word", str)

    await migrations.up(repo, 1, start)
    await connection.execute("INSERT INTO words (word) VALUES ('1'), ('2')")
    before, had = await snapshot(connection, repo.adapter), await rows("SELECT * FROM words")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"built\n"
    finally:
        process.kill()
        await process.wait()
    assert await snapshot(connection, repo.adapter) == before
    assert await rows("SELECT * FROM words") == had
    assert await migrations.applied(repo) == [1]
    assert await migrations.up(repo, 2, lambda m: alter(m, "words", lambda t: t.modify("word", int, null=False)))
    assert [word for _, word in await rows("SELECT * FROM words")] == [1, 2]
