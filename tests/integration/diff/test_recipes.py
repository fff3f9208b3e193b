"""Changes of tables that have rows and are in use: in steps that let others read and write, or that say so."""

from enum import StrEnum

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
    references,
    structure,
    unique,
)
from ectype.adapters.url import parse
from ectype.errors import ConfigError
from tests.integration.diff.conftest import fingerprint


def users(**members):
    def declare(base):
        notes = {"id": Field[int], **{name: annotation for name, (annotation, _) in members.items()}}
        options = {"id": primary_key(), **{name: option for name, (_, option) in members.items()}}
        User = type(base)("User", (base,), {**options, "__annotations__": notes, "__module__": __name__}, table="users")
        return User, structure(User)

    return declare


async def with_rows(project):
    await project.write(users(name=(Field[str | None], field(default=None))))
    await project.apply()
    await project.execute("INSERT INTO users (name) VALUES ('Ada'), (NULL)")


async def holds(project, declare):
    found = await project.diff(declare)
    assert (found.difference.steps, found.difference.unmanaged) == ([], [])


@pytest.mark.postgres
async def test_a_column_that_must_not_be_null_any_more_is_filled_checked_and_validated(postgres):
    await with_rows(postgres)
    after = users(name=(Field[str], field(default="nobody")))
    first, second = await postgres.write(after)
    assert first == (
        "# one statement for all rows: split it where the table is large\n"
        'm.execute(\'UPDATE "users" SET "name" = \\\'nobody\\\' WHERE "name" IS NULL\', "")\n'
        'm.create_constraint("users", "users_name_not_null", check=\'"name" IS NOT NULL\', validate=False)'
    )
    assert second == (
        'm.validate_constraint("users", "users_name_not_null")\n'
        'with m.alter_table("users") as t:\n'
        '    t.modify("name", str, null=False, from_=was(str, null=True))\n'
        'm.drop_constraint("users", "users_name_not_null", check=\'"name" IS NOT NULL\')'
    )
    await postgres.apply()
    assert await postgres.rows("SELECT name FROM users ORDER BY id") == [("Ada",), ("nobody",)]
    await holds(postgres, after)


async def test_a_new_column_that_is_never_null_gets_the_value_that_its_schema_gives(project):
    await with_rows(project)
    after = users(name=(Field[str | None], field(default=None)), visits=(Field[int], field(default=3)))
    await project.write(after)
    await project.apply()
    assert await project.rows("SELECT visits FROM users ORDER BY id") == [(3,), (3,)]
    await holds(project, after)


async def test_a_new_column_with_a_default_of_the_server_comes_in_one_step(project):
    await with_rows(project)
    visits = (Field[int], field(db=column(default=5)))
    after = users(name=(Field[str | None], field(default=None)), visits=visits)
    (text,) = await project.write(after)
    assert text == 'with m.alter_table("users") as t:\n    t.column("visits", int, null=False, default=5)'
    await project.apply()
    assert await project.rows("SELECT visits FROM users ORDER BY id") == [(5,), (5,)]
    await holds(project, after)


async def test_a_default_that_is_an_expression_stays_one(project):
    after = users(name=(Field[str], field(db=column(default=fragment("upper('ada')")))))
    (written,) = await project.write(after)
    assert "default=Raw(" in written
    await project.apply()
    await project.execute("INSERT INTO users DEFAULT VALUES")
    assert await project.rows("SELECT name FROM users") == [("ADA",)]
    await holds(project, after)


@pytest.mark.postgres
async def test_views_step_aside_while_a_column_under_them_changes(postgres):
    def declared(kind):
        def on(base):
            database_object(
                "view", "names", create="CREATE VIEW names AS SELECT name FROM users", drop="DROP VIEW names", base=base
            )
            database_object(
                "view",
                "few",
                create="CREATE VIEW few AS SELECT name FROM names LIMIT 3",
                drop="DROP VIEW few",
                base=base,
            )
            return users(name=(Field[str], field(db=column(type=kind))))(base)

        return on

    await postgres.write(declared("varchar(20)"))
    await postgres.apply()
    (text,) = await postgres.write(declared("varchar(40)"))
    assert [line.partition("(")[0] for line in text.splitlines() if line.startswith("m.")] == [
        "m.drop_view",
        "m.drop_view",
        "m.create_view",
        "m.create_view",
    ]
    assert text.index('"few"') < text.index('"names"')
    await postgres.apply()
    await holds(postgres, declared("varchar(40)"))


@pytest.mark.postgres
async def test_a_function_whose_body_changes_keeps_what_stands_on_it(postgres):
    def declared(answer):
        def on(base):
            text = f"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN {answer}; END $$"
            database_object("function", "touch", create=text, drop="DROP FUNCTION touch()", base=base)
            made = users()(base)
            database_object(
                "trigger",
                "users_touch",
                on=made[0],
                create="CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
                drop="DROP TRIGGER users_touch ON users",
                base=base,
            )
            return made

        return on

    await postgres.write(declared("NEW"))
    await postgres.apply()
    before = await postgres.state()
    (text,) = await postgres.write(declared("OLD"))
    assert text.count("CREATE OR REPLACE FUNCTION touch()") == 2
    await postgres.apply()
    await holds(postgres, declared("OLD"))
    after = await postgres.state()
    assert list(before.objects) == list(after.objects)


@pytest.mark.postgres
async def test_schemas_of_their_own_are_made_and_compared(postgres):
    class Kind(StrEnum):
        A = "a"

    def declared(limit):
        def on(base):
            class Bill(base, table="bills", prefix="shop"):
                id: Field[int] = primary_key()
                number: Field[int]

            database_object("enum", "kind", values=Kind, prefix="shop", base=base)
            return Bill, structure(Bill, indexes=[unique(Bill.number)], checks=[check("ok", Bill.number > limit)])

        return on

    (text,) = await postgres.write(declared(1))
    assert text.startswith('m.create_schema("shop")\nm.create_enum("kind", ["a"], prefix="shop")\n')
    await postgres.apply()
    await holds(postgres, declared(1))
    await postgres.write(declared(2))
    await postgres.apply()
    await holds(postgres, declared(2))


@pytest.mark.postgres
async def test_a_role_that_may_make_no_database_builds_in_a_schema_that_is_gone_afterwards(postgres, postgres_server):
    role = "ectype_diff_role"
    await postgres.execute(
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN",
        f"DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); END $$",
        f"GRANT ALL ON SCHEMA public TO {role}",
    )
    try:
        config = parse(postgres.url)
        password = f":{config.password}" if config.password else ""
        url = postgres.url.replace(f"{config.user or ''}{password}@", f"{role}@", 1)
        project = type(postgres)(url, postgres.folder, type(postgres.adapter)(parse(url)))
        after = users(name=(Field[str], field(db=column(default="x"))))
        await project.write(after)
        await project.apply()
        await holds(project, after)
        rows = await postgres.rows("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ectype%'")
        assert rows == [(0,)]

        def elsewhere(base):
            class Bill(base, table="bills", prefix="shop"):
                id: Field[int] = primary_key()

            return [Bill]

        with pytest.raises(ConfigError, match="need a scratch database"):
            await project.diff(elsewhere)
    finally:
        await postgres.execute(f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def parts(*, keyed, referred=None):
    def declare(base):
        class Part(base, table="parts"):
            id: Field[int] = field(primary_key=True)
            size: Field[int] = field(primary_key=keyed)

        made = [Part, structure(Part)]
        if referred is not None:

            class Bolt(base, table="bolts"):
                id: Field[int] = primary_key()
                part_id: Field[int]
                size: Field[int]

            keys = [references((Bolt.part_id, Bolt.size), (Part.id, Part.size))] if referred else []
            made += [Bolt, structure(Bolt, foreign_keys=keys)]
        return made

    return declare


@pytest.mark.postgres
async def test_a_primary_key_gives_way_to_one_whose_index_was_built_beside_it(postgres):
    await postgres.write(parts(keyed=False))
    await postgres.apply()
    await postgres.execute("INSERT INTO parts VALUES (1, 2), (2, 2)")
    before = fingerprint(await postgres.state())
    build, finish = await postgres.write(parts(keyed=True))
    assert build.endswith('name="parts_pkey_new", concurrently=True)')
    assert (
        'm.create_constraint("parts", "parts_pkey", primary_key=["id", "size"], using_index="parts_pkey_new")' in finish
    )
    # Forth and back by one, by both, and forth again.
    for steps in (1, 2):
        await postgres.apply()
        await holds(postgres, parts(keyed=True))
        await migrations.rollback(postgres, postgres.folder, step=steps)
    assert fingerprint(await postgres.state()) == before
    assert len(await postgres.apply()) == 2
    assert await postgres.rows("SELECT id, size FROM parts ORDER BY id") == [(1, 2), (2, 2)]


@pytest.mark.postgres
async def test_a_primary_key_that_others_refer_to_is_changed_at_once(postgres):
    await postgres.write(parts(keyed=False, referred=False))
    await postgres.apply()
    written = await postgres.write(parts(keyed=True, referred=True))
    assert "using_index" not in "".join(written)
    await postgres.apply()
    await holds(postgres, parts(keyed=True, referred=True))


@pytest.mark.postgres
async def test_an_index_that_goes_is_dropped_while_others_write(postgres):
    def declared(indexes):
        def on(base):
            class Part(base, table="parts"):
                id: Field[int] = primary_key()
                size: Field[int]

            return [Part, structure(Part, indexes=[index(Part.size)] if indexes else [])]

        return on

    await postgres.write(declared(indexes=True))
    await postgres.apply()
    before = fingerprint(await postgres.state())
    assert await postgres.write(declared(indexes=False)) == ['m.drop_index("parts", "size", concurrently=True)']
    assert len(await postgres.apply()) == 1
    await holds(postgres, declared(indexes=False))
    await migrations.rollback(postgres, postgres.folder)
    assert fingerprint(await postgres.state()) == before


def linked(*, keyed, bolts):
    def declare(base):
        class Part(base, table="parts"):
            id: Field[int] = primary_key()
            code: Field[str]

        made = [Part, structure(Part, indexes=[unique(Part.code)] if keyed else [])]
        if bolts:

            class Bolt(base, table="bolts"):
                id: Field[int] = primary_key()
                part_code: Field[str]

            made += [Bolt, structure(Bolt, foreign_keys=[references(Bolt.part_code, Part.code)])]
        return made

    return declare


@pytest.mark.parametrize("start", [None, False, True], ids=["nothing", "the table", "the table and its index"])
async def test_a_foreign_key_comes_after_the_unique_index_that_it_refers_to(project, start):
    if start is not None:
        await project.write(linked(keyed=start, bolts=False))
        await project.apply()
    before = fingerprint(await project.state())
    assert await project.write(linked(keyed=True, bolts=True))
    applied = await project.apply()
    await holds(project, linked(keyed=True, bolts=True))
    await migrations.rollback(project, project.folder, step=len(applied))
    assert fingerprint(await project.state()) == before


def typed(kind, annotation=str):
    return users(name=(Field[annotation], field(db=column(type=kind))))


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("old", "new"),
    [("varchar(20)", "varchar(40)"), ("varchar(20)", "text"), ("varchar(20)", "varchar"), ("text", "varchar")],
)
async def test_a_type_that_holds_more_in_place_writes_no_row_anew(postgres, old, new):
    await postgres.write(typed(old))
    await postgres.apply()
    await postgres.execute("INSERT INTO users (name) VALUES ('Ada')")
    before = await postgres.rows("SELECT pg_relation_filenode('users')")
    (text,) = await postgres.write(typed(new))
    assert "using" not in text
    assert "#" not in text
    await postgres.apply()
    assert await postgres.rows("SELECT pg_relation_filenode('users')") == before
    await holds(postgres, typed(new))


@pytest.mark.postgres
async def test_a_text_that_is_too_long_for_the_new_type_is_refused_and_not_cut(postgres):
    await postgres.write(typed("varchar(20)"))
    await postgres.apply()
    await postgres.execute("INSERT INTO users (name) VALUES ('Ada Lovelace')")
    (text,) = await postgres.write(typed("varchar(5)"))
    assert text.startswith(
        "# every row is written anew, and nobody else reads or writes meanwhile; it stops at a value that is too long. "
        "In steps, while others go on: --online users.name\n"
    )
    assert "using" not in text
    with pytest.raises(migrations.MigrationFailedError, match="value too long for type character varying"):
        await postgres.apply()
    assert await postgres.rows("SELECT name FROM users") == [("Ada Lovelace",)]


@pytest.mark.postgres
async def test_a_rollback_to_a_shorter_text_is_refused_and_not_cut(postgres):
    await postgres.write(typed("varchar(5)"))
    await postgres.apply()
    await postgres.write(typed("varchar(20)"))
    await postgres.apply()
    await postgres.execute("INSERT INTO users (name) VALUES ('Ada Lovelace')")
    with pytest.raises(migrations.MigrationFailedError, match="value too long for type character varying"):
        await migrations.rollback(postgres, postgres.folder)
    assert await postgres.rows("SELECT name FROM users") == [("Ada Lovelace",)]


@pytest.mark.postgres
async def test_a_type_that_no_cast_reaches_by_itself_is_reached_by_using(postgres):
    await postgres.write(typed("text"))
    await postgres.apply()
    await postgres.execute("INSERT INTO users (name) VALUES ('41')")
    (text,) = await postgres.write(typed("bigint", int))
    assert "using=Raw('\"name\"::bigint')" in text
    assert "it stops at a value that does not fit" in text
    await postgres.apply()
    assert await postgres.rows("SELECT name FROM users") == [(41,)]
    await migrations.rollback(postgres, postgres.folder)
    assert await postgres.rows("SELECT name FROM users") == [("41",)]
