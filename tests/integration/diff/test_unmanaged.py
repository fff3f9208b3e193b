"""What nobody declared and no applied migration made is listed, and never dropped."""

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    ManyToMany,
    belongs_to,
    column,
    field,
    has_many,
    index,
    many_to_many,
    primary_key,
    structure,
)
from ectype.errors import MigrationError

BY_HAND = (
    "CREATE TABLE audit (id bigint PRIMARY KEY, line text NOT NULL DEFAULT 'x', CHECK (line <> ''))",
    "CREATE INDEX audit_line ON audit (lower(line))",
    "ALTER TABLE users ADD COLUMN legacy text",
    "CREATE INDEX users_legacy ON users (legacy) WHERE legacy IS NOT NULL",
    "CREATE VIEW report AS SELECT name FROM users",
)
ON_POSTGRES = (
    *BY_HAND,
    "ALTER TABLE users ADD CONSTRAINT users_legacy_ok CHECK (legacy <> 'x')",
    "ALTER TABLE users ADD CONSTRAINT users_legacy_key UNIQUE (legacy)",
    "ALTER TABLE users ADD CONSTRAINT users_audit_fkey FOREIGN KEY (id) REFERENCES audit (id) NOT VALID",
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE SEQUENCE tickets",
    "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM users",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    "CREATE POLICY users_mine ON users USING (true)",
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    # Not every server has the files of an extension.
    "DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') "
    "THEN CREATE EXTENSION citext; END IF; END $$",
)


def users(base):
    class User(base, table="users"):
        id: Field[int] = primary_key()
        name: Field[str]

    return User, structure(User, indexes=[index(User.name)])


async def test_hand_made_objects_give_an_empty_diff_and_a_list(project):
    await project.write(users)
    await project.apply()
    postgres = project.url.startswith("postgresql")
    await project.execute(*(ON_POSTGRES if postgres else BY_HAND))
    found = await project.diff(users)
    assert found.difference.steps == []
    listed = {(one.kind, one.name) for one in found.difference.unmanaged}
    if postgres and await project.rows("SELECT FROM pg_extension WHERE extname = 'citext'"):
        assert ("extension", "citext") in listed
    listed -= {("extension", "citext")}
    both = {("table", "audit"), ("column", "users.legacy"), ("index", "users: users_legacy"), ("view", "report")}
    assert listed == both | (
        {
            ("check", "users: users_legacy_ok"),
            ("unique constraint", "users: users_legacy_key"),
            ("foreign key", "users: users_audit_fkey"),
            ("enum", "mood"),
            ("sequence", "tickets"),
            ("materialized view", "totals"),
            ("function", "touch()"),
            ("trigger", "users_touch on users"),
            ("policy", "users_mine on users"),
        }
        if postgres
        else set()
    )
    assert all(one.why for one in found.difference.unmanaged)


async def test_what_a_migration_made_and_no_schema_has_any_more_is_dropped_and_comes_back_on_rollback(project):
    await project.write(users)
    await project.apply()
    (text,) = await project.write(lambda base: [base])
    drop = 'm.drop_index("users", "name")\nm.drop_table("users")'
    assert text == drop
    found = await project.diff(lambda base: [base]) if await project.apply() else None
    assert found is not None
    assert found.difference.steps == []


async def test_a_schema_without_a_structure_leaves_indexes_and_constraints_as_they_are(project):
    await project.write(users)
    await project.apply()

    def silent(base):
        class User(base, table="users"):
            id: Field[int] = primary_key()
            name: Field[str]

        return [User]

    found = await project.diff(silent)
    assert found.difference.steps == []
    assert [(one.kind, one.name) for one in found.difference.unmanaged] == [("index", "users: users_name_index")]
    assert "structure" in found.difference.unmanaged[0].why


async def test_the_key_of_a_belongs_to_and_a_join_table_that_are_not_declared_stay(project):
    (project.folder / "1_posts.py").write_text(
        "def change(m):\n"
        "    with m.create_table('users') as t:\n        t.column('name', str, null=False, default='x')\n"
        "    with m.create_table('posts') as t:\n        t.references('user_id', 'users', on_delete='cascade')\n"
        "    with m.create_table('members', primary_key=False) as t:\n"
        "        t.references('post_id', 'posts')\n        t.references('user_id', 'users')\n"
        "    for name in ('post_notes', 'old_notes'):\n"
        "        with m.create_table(name) as t:\n            t.references('of_id', 'posts')\n"
    )
    await project.apply()

    def declared(base):
        class User(base, table="users"):
            id: Field[int] = primary_key()
            name: Field[str]

        class Post(base, table="posts"):
            id: Field[int] = primary_key()
            user_id: Field[int | None] = field(default=None)
            user: BelongsTo[User | None] = belongs_to()
            members: ManyToMany[User] = many_to_many(through="members")
            notes: "HasMany[Note]" = has_many(source="post_notes", foreign_key="of_id")

        class Note(base):
            id: Field[int] = primary_key()
            of_id: Field[int]

        class OldNote(base, table="old_notes"):
            id: Field[int] = primary_key()
            of_id: Field[int | None] = field(default=None)

        return User, Post, Note, OldNote, structure(User), structure(Post)

    found = await project.diff(declared)
    assert found.difference.steps == []
    named = [(one.kind, one.name, one.why) for one in found.difference.unmanaged if one.kind == "table"]
    why = "an association names it, and no schema is its own"
    assert named == [("table", "members", why), ("table", "post_notes", why)]


async def test_a_pending_migration_stops_the_diff(project):
    await project.write(users)
    with pytest.raises(MigrationError, match="is not applied") as caught:
        await project.diff(users)
    assert caught.value.hint == "apply it first: ectype migrate"


async def test_a_schema_that_reads_a_view_made_by_hand_makes_no_table_of_it(project):
    await project.write(users)
    await project.apply()
    await project.execute("CREATE VIEW report AS SELECT id, name FROM users")

    def reading(base):
        class Report(base, table="report"):
            id: Field[int] = primary_key()
            name: Field[str]

        return Report, users(base)

    found = await project.diff(reading)
    assert found.difference.steps == []
    assert [(one.kind, one.name) for one in found.difference.unmanaged] == [("view", "report")]


@pytest.mark.postgres
async def test_what_is_declared_and_cannot_be_built_is_said_with_what_is_missing(postgres):
    def declared(base):
        class User(base, table="users"):
            id: Field[int] = primary_key()
            name: Field[str] = field(db=column(type="citext"))

        return [User]

    with pytest.raises(MigrationError, match='"name" citext') as caught:
        await postgres.diff(declared)
    assert 'database_object("extension", "citext")' in str(caught.value.hint)
