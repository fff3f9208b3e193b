"""`--online`: a column of a PostgreSQL table in use gets another type, while others read and write it."""

import asyncio
import itertools
from contextlib import suppress

import pytest

from ectype import (
    Field,
    check,
    column,
    database_object,
    field,
    fragment,
    index,
    migrations,
    primary_key,
    structure,
    unique,
)
from ectype.adapters.registry import adapter_for
from ectype.errors import DatabaseError, MigrationError, UnsupportedError
from ectype.migrations.lint.checking import lint
from tests.integration.diff.conftest import Project, fingerprint

pytestmark = pytest.mark.postgres

FROM, TO = "integer", "bigint"


def orders(kind, *, null=False, indexes=(), checks=(), base_options=None, extra=lambda base, order: None, **options):
    """The table `orders`, whose `total` has that type."""

    def declare(base):
        notes = {"id": Field[int], "note": Field[str | None], "total": Field[int | None if null else int]}
        members = {"id": primary_key(), "note": field(default=None)}
        members["total"] = field(db=column(type=kind, **options), **({"default": None} if null else {}))
        namespace = {**members, "__annotations__": notes, "__module__": __name__}
        Order = type(base)("Order", (base,), namespace, table="orders", **(base_options or {}))
        made = structure(Order, indexes=[make(Order) for make in indexes], checks=list(checks))
        return Order, made, extra(base, Order)

    return declare


async def begun(project, before, after, rows=100, values="g * 10"):
    """Make the table with rows, and write the files that give its column another type."""
    await project.write(before)
    await project.apply()
    await project.execute(
        f"INSERT INTO orders (note, total) SELECT 'n' || g, {values} FROM generate_series(1, {rows}) g"
    )
    start = fingerprint(await project.state())
    written = await project.write(after, online=["orders.total"])
    return start, [text for text in written if text]


def files(project):
    """The versions of the files by what they do: `main`, `build`, `check`, `finish`, `cleanup`."""
    found = {}
    for path in sorted(project.folder.glob("*_change_2*.py")):
        version, _, name = path.stem.partition("_change_2")
        found[name.strip("_") or "main"] = int(version)
    return found


async def to(project, name):
    await migrations.migrate(project, project.folder, to=files(project)[name])


async def fill(project, **options):
    (path,) = (project.folder / "backfills").glob("*.py")
    return await migrations.backfill(project, path.stem, project.folder, **options)


async def holds(project, declare):
    found = await project.diff(declare)
    assert (found.difference.steps, found.difference.unmanaged) == ([], [])


async def totals(project):
    return dict(await project.rows("SELECT id, total FROM orders"))


class Ledger:
    """What the rows must hold: every write goes here and into the table."""

    def __init__(self, project, rows):
        self._project = project
        self._next = itertools.count(rows + 1)
        self.wanted = dict(rows_of(rows))

    async def write(self, large=False):
        """Insert, update and delete a row, as an application does that knows nothing of the change."""
        added, changed, gone = next(self._next), min(self.wanted) + 1, min(self.wanted)
        value = 5_000_000_000 if large else added
        await self._project.execute(
            f"INSERT INTO orders (id, note, total) OVERRIDING SYSTEM VALUE VALUES ({added}, 'new{added}', {value})",
            f"UPDATE orders SET total = {value + 1} WHERE id = {changed}",
            f"DELETE FROM orders WHERE id = {gone}",
        )
        self.wanted |= {added: value, changed: value + 1}
        del self.wanted[gone]


def believed(state):
    """A state in which no constraint waits to be validated: what was validated stays so."""
    return str(state).replace("validate=False", "validate=True")


def rows_of(count):
    return ((number, number * 10) for number in range(1, count + 1))


SHAPES = {
    "plain": {},
    "with NULL": {"null": True},
    "with a default": {"default": 7},
    "with a comment": {"comment": "in cents"},
    "with an index": {"indexes": [lambda o: index(o.total)]},
    "with many indexes": {
        "indexes": [
            lambda o: unique(o.total, o.note),
            lambda o: index(o.note, include=[o.total], name="covering"),
            lambda o: index(o.total.desc(), name="largest_first", where=o.note == "x"),
        ]
    },
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_every_row_and_every_write_between_the_files_arrives_and_the_next_diff_is_empty(postgres, shape):
    _, written = await begun(postgres, orders(FROM, **shape), orders(TO, **shape))
    ledger = Ledger(postgres, 100)
    assert await lint(postgres.folder) == []
    await to(postgres, "main")
    await ledger.write()
    result = await fill(postgres, batch=7)
    assert result.batches > 5
    await ledger.write()
    await to(postgres, "check")
    await ledger.write()
    await to(postgres, "finish")
    assert await totals(postgres) == ledger.wanted
    # The column takes what the old one could not, at once.
    await ledger.write(large=True)
    await to(postgres, "cleanup")
    await ledger.write(large=True)
    assert await totals(postgres) == ledger.wanted
    await holds(postgres, orders(TO, **shape))
    assert len(written) == 4 + len(shape.get("indexes", ()))


async def test_the_files_are_those_that_a_careful_person_would_write(postgres):
    one = [lambda o: index(o.total)]
    _, (main, build, checked, finish, cleanup) = await begun(
        postgres, orders(FROM, indexes=one, default=7), orders(TO, indexes=one, default=8)
    )
    assert main == (
        "# `total` gets the type bigint in steps; next is: ectype backfill orders_total_bigint\n"
        'with m.alter_table("orders") as t:\n'
        '    t.column("total_new", int)\n'
        "m.create_constraint(\n"
        '    "orders",\n'
        '    "orders_total_backfilled",\n'
        '    check=\'"total_new" IS NOT DISTINCT FROM "total"::bigint\',\n'
        "    validate=False,\n"
        ")\n"
        'm.create_constraint("orders", "orders_total_new_not_null", '
        "check='\"total_new\" IS NOT NULL', validate=False)\n"
        "m.execute(\n"
        "    'CREATE FUNCTION \"orders_total_in_step\"() RETURNS trigger LANGUAGE plpgsql AS $$\\n'\n"
        '    "BEGIN\\n"\n'
        '    \'  NEW."total_new" := NEW."total"::bigint;\\n\'\n'
        '    "  RETURN NEW;\\n"\n'
        '    "END $$",\n'
        "    'DROP FUNCTION \"orders_total_in_step\"()',\n"
        ")\n"
        "m.execute(\n"
        '    \'CREATE TRIGGER "zz_orders_total_in_step" BEFORE INSERT OR UPDATE ON "orders"\\n\'\n'
        "    'FOR EACH ROW EXECUTE FUNCTION \"orders_total_in_step\"()',\n"
        '    \'DROP TRIGGER "zz_orders_total_in_step" ON "orders"\',\n'
        ")"
    )
    assert build == 'm.create_index("orders", "total_new", name="orders_total_index_new", concurrently=True)'
    assert checked == (
        "# it stops while a row is not in step: ectype backfill orders_total_bigint\n"
        'm.validate_constraint("orders", "orders_total_backfilled")\n'
        'm.validate_constraint("orders", "orders_total_new_not_null")'
    )
    assert finish == (
        'with m.alter_table("orders") as t:\n'
        '    t.modify("total_new", int, null=False, from_=was(int, null=True))\n'
        'm.drop_constraint("orders", "orders_total_backfilled", '
        'check=\'"total_new" IS NOT DISTINCT FROM "total"::bigint\')\n'
        'm.drop_constraint("orders", "orders_total_new_not_null", check=\'"total_new" IS NOT NULL\')\n'
        "# lint: ok C01 the names are swapped with it\n"
        'm.execute(\'DROP TRIGGER "zz_orders_total_in_step" ON "orders"\')\n'
        "# lint: ok C01 only that trigger ran it\n"
        "m.execute('DROP FUNCTION \"orders_total_in_step\"()')\n"
        "# lint: ok C01 it is the old column, which nobody writes any more\n"
        'with m.alter_table("orders") as t:\n'
        '    t.modify("total", "integer", null=True, from_=was("integer", null=False))\n'
        "# lint: ok D03 the other column has that name when it commits\n"
        'm.rename_column("orders", "total", to="total_old")\n'
        "# lint: ok D03 the other column has that name when it commits\n"
        'm.rename_column("orders", "total_new", to="total")\n'
        "# lint: ok C01 the column takes the default over\n"
        'with m.alter_table("orders") as t:\n'
        '    t.modify("total", int, default=8, from_=was(int, default=None))\n'
        'm.rename_index("orders_total_index", to="orders_total_index_old")\n'
        'm.rename_index("orders_total_index_new", to="orders_total_index")'
    )
    assert cleanup == (
        "# lint: ok D02 `total` holds its values\n"
        'with m.alter_table("orders") as t:\n'
        '    t.remove("total_old", "integer", default=Raw("7"))'
    )
    (path,) = (postgres.folder / "backfills").glob("*.py")
    assert path.read_text() == (
        '"""bring what is there in step: ectype backfill orders_total_bigint"""\n\n'
        "from ectype.migrations import Backfill\n\n"
        'backfill = Backfill(\n    "orders",\n'
        '    set=\'"total_new" = "total"::bigint\',\n'
        '    where=\'"total_new" IS DISTINCT FROM "total"::bigint\',\n'
        '    key="id",\n)\n'
    )


async def test_writers_that_never_stop_lose_nothing_and_meet_no_error(postgres):
    """A program inserts and updates all the while, and knows only the name of the column."""
    _, _ = await begun(postgres, orders(FROM), orders(TO), rows=2_000)
    written, done = {}, asyncio.Event()

    async def write(first):
        connection = await postgres.adapter.connect(10)
        try:
            for number in itertools.count(first, 4):
                if done.is_set():
                    return
                [[key]] = await connection.fetch(
                    "INSERT INTO orders (note, total) VALUES ('w', $1) RETURNING id", (number,), list
                )
                await connection.execute("UPDATE orders SET total = total + 1 WHERE id = $1", (key,))
                written[key] = number + 1
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for first in range(4):
            group.create_task(write(first))
        await to(postgres, "main")
        await fill(postgres, batch=200)
        await to(postgres, "check")
        await to(postgres, "finish")
        await asyncio.sleep(0.2)
        await to(postgres, "cleanup")
        done.set()
    assert len(written) > 20
    assert await totals(postgres) == dict(rows_of(2_000)) | written
    await holds(postgres, orders(TO))


async def test_what_follows_stops_while_rows_are_not_in_step_and_says_what_to_run(postgres):
    await begun(postgres, orders(FROM), orders(TO))
    with pytest.raises(migrations.MigrationFailedError, match="orders_total_backfilled") as caught:
        await postgres.apply()
    assert caught.value.unchanged
    assert await migrations.applied(postgres) == [
        *sorted(files(postgres).values())[:0],
        *await migrations.applied(postgres),
    ]
    assert files(postgres)["check"] not in await migrations.applied(postgres)
    text = next(postgres.folder.glob("*_change_2_check.py")).read_text()
    assert "# it stops while a row is not in step: ectype backfill orders_total_bigint" in text
    await fill(postgres)
    await postgres.apply()
    assert await totals(postgres) == dict(rows_of(100))
    await holds(postgres, orders(TO))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_each_file_can_be_rolled_back_with_what_was_written_since(postgres, shape):
    start, _ = await begun(postgres, orders(FROM, **shape), orders(TO, **shape))
    ledger = Ledger(postgres, 100)
    await to(postgres, "main")
    await fill(postgres)
    states = []
    for name in [one for one in files(postgres) if one != "main"]:
        states.append((name, fingerprint(await postgres.state())))
        await to(postgres, name)
        await ledger.write()
    for name, state in reversed(states):
        await migrations.rollback(postgres, postgres.folder)
        assert believed(fingerprint(await postgres.state())) == believed(state), name
        await ledger.write()
        assert await totals(postgres) == ledger.wanted
    await migrations.rollback(postgres, postgres.folder)
    assert fingerprint(await postgres.state()) == start
    assert await totals(postgres) == ledger.wanted
    # And once more, all the way: what is in step already is left as it is.
    await to(postgres, "main")
    await fill(postgres, restart=True)
    await postgres.apply()
    assert await totals(postgres) == ledger.wanted
    await holds(postgres, orders(TO, **shape))


# The types before and after, a value that only the later one holds, and what the database says to the way back.
LOST = [
    (FROM, TO, "5000000000", "integer out of range"),
    ("numeric(10,2)", "numeric(12,4)", "1.2345", "orders_total_backfilled"),
    ("varchar(5)", "integer", "1234567", "value too long for type character varying"),
    ("character(5)", "text", "'six letters and more'", "value too long for type character"),
    ("integer", "text", "'many'", "invalid input syntax for type integer"),
]


@pytest.mark.parametrize(("before", "after", "value", "said"), LOST, ids=[f"{one} to {two}" for one, two, *_ in LOST])
async def test_a_rollback_that_would_lose_a_value_is_refused_with_nothing_done(postgres, before, after, value, said):
    await begun(postgres, orders(before), orders(after), values="(g % 9 + 1)::text" if "char" in before else "g")
    await to(postgres, "main")
    await fill(postgres)
    await to(postgres, "finish")
    await postgres.execute(f"UPDATE orders SET total = {value} WHERE id = 7")
    wanted = await totals(postgres)
    for last in ("finish", "cleanup"):
        await to(postgres, last)
        with suppress(migrations.MigrationFailedError):
            # The old column may come back without a loss where it takes the value, only shorter.
            await migrations.rollback(postgres, postgres.folder, to=files(postgres)["cleanup"])
        state = fingerprint(await postgres.state())
        with pytest.raises(migrations.MigrationFailedError, match=said) as caught:
            await migrations.rollback(postgres, postgres.folder)
        assert caught.value.unchanged
        assert fingerprint(await postgres.state()) == state
        assert await totals(postgres) == wanted


async def test_a_value_that_does_not_fit_stops_the_backfill_and_is_still_there(postgres):
    before, after = orders("text"), orders("integer")
    await begun(postgres, before, after, values="CASE g WHEN 50 THEN 'fifty' ELSE g::text END")
    await to(postgres, "main")
    with pytest.raises(migrations.BackfillFailedError, match="invalid input syntax for type integer"):
        await fill(postgres, batch=20)
    # The program that writes what does not fit hears it at once, since no file could keep it.
    with pytest.raises(DatabaseError, match="invalid input syntax"):
        await postgres.execute("INSERT INTO orders (note, total) VALUES ('x', 'many')")
    assert (await totals(postgres))[50] == "fifty"
    await postgres.execute("UPDATE orders SET total = '50' WHERE id = 50")
    result = await fill(postgres)
    assert result.resumed
    await postgres.apply()
    assert await totals(postgres) == {number: number for number in range(1, 101)}
    await holds(postgres, after)


async def test_digits_that_the_new_type_rounds_come_back_from_the_old_column(postgres):
    """A rollback takes the new value only where the row was written since."""
    await begun(postgres, orders("numeric(10,2)"), orders("integer"), values="g + 0.25")
    await to(postgres, "main")
    await fill(postgres)
    await to(postgres, "finish")
    await postgres.execute("UPDATE orders SET total = 700 WHERE id = 7")
    await migrations.rollback(postgres, postgres.folder)
    found = await totals(postgres)
    assert (str(found[1]), str(found[7]), str(found[100])) == ("1.25", "700.00", "100.25")


# The types before and after, how a row is made of its number, and what becomes of the third.
PAIRS = [
    ("integer", "numeric", "g", "3"),
    ("integer", "text", "g", "3"),
    ("smallint", "integer", "g", "3"),
    ("text", "integer", "g::text", "3"),
    ("text", "uuid", "('00000000-0000-0000-0000-' || lpad(g::text, 12, '0'))", "00000000-0000-0000-0000-000000000003"),
    ("text", "jsonb", "'{\"n\": ' || g || '}'", '{"n": 3}'),
    ("text", "varchar(5)", "g::text", "3"),
    ("varchar(20)", "varchar(5)", "g::text", "3"),
    ("integer", "boolean", "g % 2", "true"),
    ("date", "timestamp without time zone", "date '2026-01-01' + g", "2026-01-04 00:00:00"),
    ("integer[]", "bigint[]", "ARRAY[g, g]", "{3,3}"),
    ("numeric(10,4)", "numeric(10,2)", "g + 0.0049", "3.00"),
    ("double precision", "real", "g + 0.5", "3.5"),
    ("text", "interval", "g || ' hours'", "03:00:00"),
]


@pytest.mark.parametrize(
    ("before", "after", "value", "third"), PAIRS, ids=[f"{one} to {two}" for one, two, *_ in PAIRS]
)
async def test_each_pair_of_types_goes_up_and_comes_back_with_all_rows(postgres, before, after, value, third):
    start, _ = await begun(postgres, orders(before), orders(after), rows=30, values=value)
    had = await postgres.rows("SELECT id, note, total::text FROM orders ORDER BY id")
    assert await lint(postgres.folder) == []
    await to(postgres, "main")
    await postgres.execute("UPDATE orders SET note = 'touched' WHERE id = 5")
    await fill(postgres, batch=4)
    await to(postgres, "finish")
    assert await postgres.rows("SELECT total::text FROM orders WHERE id = 3") == [(third,)]
    assert await postgres.rows("SELECT count(*), count(total) FROM orders") == [(30, 30)]
    await holds_before_cleanup(postgres, after)
    await migrations.rollback(postgres, postgres.folder, step=len(files(postgres)) - 1)
    assert fingerprint(await postgres.state()) == start
    back = await postgres.rows("SELECT id, note, total::text FROM orders ORDER BY id")
    assert back == [(key, "touched" if key == 5 else note, total) for key, note, total in had]


async def holds_before_cleanup(project, kind):
    [[found]] = await project.rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'orders'::regclass AND attname = 'total'"
    )
    assert found.replace("character varying", "varchar") == kind


NAMES = ["order", "Größe", "x" * 60, "total_of_all_the_orders_that_were_ever_made_by_anybody_in_2026"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_column_of_any_name_is_changed(postgres, name):
    def declared(kind):
        def declare(base):
            members = {"id": primary_key(), "total": field(source=name, db=column(type=kind))}
            notes = {"id": Field[int], "total": Field[int]}
            namespace = {**members, "__annotations__": notes, "__module__": __name__}
            Order = type(base)("Order", (base,), namespace, table="orders")
            return Order, structure(Order, indexes=[index(Order.total, name="by_total")])

        return declare

    quoted = '"' + name + '"'
    await postgres.write(declared(FROM))
    await postgres.apply()
    await postgres.execute(f"INSERT INTO orders ({quoted}) SELECT g FROM generate_series(1, 20) g")
    await postgres.write(declared(TO), online=[f"orders.{name}"])
    await to(postgres, "main")
    assert (await fill(postgres, batch=6)).updated == 20
    await postgres.apply()
    assert await postgres.rows(f"SELECT sum({quoted}) FROM orders") == [(210,)]
    await holds(postgres, declared(TO))
    await migrations.rollback(postgres, postgres.folder, step=len(files(postgres)))
    assert await postgres.rows(f"SELECT sum({quoted}) FROM orders") == [(210,)]


async def test_other_triggers_of_the_table_have_their_say_first(postgres):
    await postgres.write(orders(FROM))
    await postgres.apply()
    await postgres.execute(
        "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'twice'; RETURN NEW; END $$",
        "CREATE FUNCTION doubled() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.total := NEW.total * 2; RETURN NEW; END $$",
        "CREATE TRIGGER very_late BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION doubled()",
    )
    await postgres.write(orders(TO), online=["orders.total"])
    await to(postgres, "main")
    await postgres.execute("INSERT INTO orders (total) VALUES (4)")
    await fill(postgres)
    await postgres.apply()
    assert await postgres.rows("SELECT total FROM orders") == [(8,)]


async def test_a_table_of_another_schema_is_changed_there(postgres):
    within = {"base_options": {"prefix": "shop"}}
    await postgres.write(orders(FROM, **within))
    await postgres.apply()
    await postgres.execute("INSERT INTO shop.orders (total) SELECT g FROM generate_series(1, 30) g")
    await postgres.write(orders(TO, **within), online=["shop.orders.total"])
    await to(postgres, "main")
    assert (await fill(postgres)).updated == 30
    await postgres.apply()
    assert await postgres.rows("SELECT sum(total), pg_typeof(max(total))::text FROM shop.orders") == [(465, "bigint")]
    await holds(postgres, orders(TO, **within))


async def test_the_migrations_pass_the_check_that_each_leads_back(postgres, postgres_server):
    await begun(postgres, orders(FROM), orders(TO))
    url = postgres_server.create_database()
    try:
        elsewhere = Project(url, postgres.folder, adapter_for(url))
        assert len(await migrations.check_migrations(elsewhere, postgres.folder)) == 5
    finally:
        postgres_server.drop_database(url)


async def test_a_second_change_of_the_column_gets_a_backfill_of_its_own(postgres):
    await begun(postgres, orders(FROM), orders(TO))
    await to(postgres, "main")
    await fill(postgres)
    await postgres.apply()
    for kind in (FROM, TO):
        await postgres.write(orders(kind), online=["orders.total"])
        latest = max((postgres.folder / "backfills").glob("*.py"), key=lambda path: path.stat().st_mtime_ns)
        with suppress(migrations.MigrationFailedError):
            await postgres.apply()
        await migrations.backfill(postgres, latest.stem, postgres.folder)
        await postgres.apply()
        await holds(postgres, orders(kind))
    assert sorted(path.stem for path in (postgres.folder / "backfills").glob("*.py")) == [
        "orders_total_bigint",
        "orders_total_bigint_2",
        "orders_total_integer",
    ]
    assert await totals(postgres) == dict(rows_of(100))


def a_view(base, order):
    return database_object(
        "view", "sums", create="CREATE VIEW sums AS SELECT sum(total) FROM orders", drop="DROP VIEW sums", base=base
    )


IN_THE_WAY = {
    "a check": ({"checks": [check("positive", fragment("total > 0"))]}, {}, "it is part of the constraint `positive`"),
    "an index over an expression": (
        {"indexes": [lambda o: index(fragment("abs(total)"), name="sizes")]},
        {},
        "the index `sizes` has it in an expression or a condition",
    ),
    "a condition of an index": (
        {"indexes": [lambda o: index(o.note, where=o.total == 3, name="threes")]},
        {},
        "the index `threes` has it in an expression or a condition",
    ),
    "a view": ({"extra": a_view}, {}, "the view `sums` mentions it"),
    "NULL": ({}, {"null": True}, "it also takes NULL now, or takes it no more"),
    "a new index": ({}, {"indexes": [lambda o: index(o.total)]}, "the index `orders_total_index` over it changes too"),
}


@pytest.mark.parametrize(("before", "then", "message"), IN_THE_WAY.values(), ids=IN_THE_WAY)
async def test_what_is_in_the_way_is_named_and_nothing_is_written(postgres, before, then, message):
    await postgres.write(orders(FROM, **before))
    await postgres.apply()
    known = sorted(postgres.folder.iterdir())
    with pytest.raises(MigrationError, match=r"`orders\.total` cannot get the type bigint in steps") as caught:
        await postgres.write(orders(TO, **before | then), online=["orders.total"])
    assert message in caught.value.message
    assert sorted(postgres.folder.iterdir()) == known
    # In one statement it can be changed all the same, and the remark says what the other way is.
    (text, *_) = await postgres.write(orders(TO, **before | then))
    assert "In steps, while others go on: --online orders.total" in text


@pytest.mark.parametrize(
    ("online", "message", "hint"),
    [
        (
            "orders.totl",
            "--online orders.totl: no column of that name gets another type",
            "did you mean `orders.total`?",
        ),
        ("orders", "--online takes a column, got 'orders'", "--online users.age"),
        ("a.b.c.d", "--online takes a column, got 'a.b.c.d'", "--online users.age"),
        ("orders.", "--online takes a column, got 'orders.'", "--online users.age"),
    ],
)
async def test_a_column_that_is_not_meant_is_refused(postgres, online, message, hint):
    await postgres.write(orders(FROM))
    await postgres.apply()
    with pytest.raises(MigrationError, match=message) as caught:
        await postgres.diff(orders(TO), online=[online])
    assert caught.value.hint == hint


async def test_a_type_that_holds_more_in_place_needs_no_steps(postgres):
    await postgres.write(orders("varchar(20)"))
    await postgres.apply()
    with pytest.raises(
        MigrationError, match="no column of that name gets another type for which rows are written anew"
    ):
        await postgres.diff(orders("varchar(40)"), online=["orders.total"])


async def test_sqlite_builds_the_table_anew_and_says_so(sqlite_project):
    await sqlite_project.write(orders("INTEGER"))
    await sqlite_project.apply()
    with pytest.raises(UnsupportedError, match="it builds the table anew"):
        await sqlite_project.diff(orders("TEXT"), online=["orders.total"])
