# ruff: noqa: E501  # the bodies of migrations stand as they are written
"""Thirty changes of schemas, each with the migrations that a careful person would write for it.

The first dozen are those that most tools find; then come two that they take for a removal and an addition, and
sixteen that they do not see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ectype import (
    BelongsTo,
    Field,
    belongs_to,
    check,
    column,
    database_object,
    exclusion,
    field,
    fn,
    index,
    primary_key,
    references,
    structure,
    unique,
)

Declare = Callable[[Any, bool], object]
"""Declares an application on a base, before the change or after it."""


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        name: what changes.
        declare: declares the schemas before and after it.
        postgres: the body of each file on PostgreSQL.
        sqlite: the same on SQLite; None where it has no such thing.
        hand: statements of PostgreSQL that run before the second diff.
        renames: what is said about names.
    """

    name: str
    declare: Declare
    postgres: tuple[str, ...]
    sqlite: tuple[str, ...] | None = None
    hand: tuple[str, ...] = ()
    renames: tuple[str, ...] = ()


CHANGES: list[Change] = []


def change(
    *postgres: str,
    sqlite: tuple[str, ...] | None = None,
    hand: tuple[str, ...] = (),
    renames: tuple[str, ...] = (),
) -> Callable[[Declare], Declare]:
    def keep(declare: Declare) -> Declare:
        name = declare.__name__.replace("_", " ")
        CHANGES.append(Change(name, declare, postgres, sqlite, hand, renames))
        return declare

    return keep


def one_column(base: Any, annotation: Any, option: Any, **said: Any) -> Any:
    """Declare a table `users` with a key and the column `name`."""

    class User(base, table="users"):
        id: Field[int] = primary_key()
        name: Field[annotation] = option

    given = {key: make(User) for key, make in said.items() if make is not None}
    return User, structure(User, **given)


def column_of(base: Any, annotation: Any, **options: Any) -> Any:
    return one_column(base, annotation, field(db=column(**options)))


# --- what most tools find ---------------------------------------------------------------------------------------------


@change(
    'm.create_index("users", Raw("lower(name)"), name="users_lower", concurrently=True)',
    sqlite=('m.create_index("users", Raw("lower(`name`)"), name="users_lower")',),
)
def an_index_over_an_expression(base, new):
    indexes = (lambda User: [index(fn.lower(User.name), name="users_lower")]) if new else None
    return one_column(base, str, field(), indexes=indexes)


@change(
    'm.create_index("users", indexed("name", "desc"), concurrently=True)',
    sqlite=('m.create_index("users", indexed("name", "desc"))',),
)
def an_index_going_down(base, new):
    return one_column(base, str, field(), indexes=(lambda User: [index(User.name.desc())]) if new else None)


@change(
    'with m.alter_table("users") as t:\n    t.modify("name", str, default="Ada", from_=was(str, default=None))',
    sqlite=(
        'with m.alter_table("users") as t:\n    t.modify("name", str, default="Ada", from_=was(str, default=None))',
    ),
)
def a_default_of_the_server(base, new):
    return column_of(base, str, **({"default": "Ada"} if new else {}))


NULLABLE = 'with m.alter_table("users") as t:\n    t.modify("name", str, null=True, from_=was(str, null=False))'


@change(NULLABLE, sqlite=(NULLABLE,))
def a_column_that_may_be_null(base, new):
    return one_column(base, str | None if new else str, field(default=None) if new else field())


@change(
    'with m.alter_table("users") as t:\n'
    '    t.modify("name", "character varying(40)", from_=was("character varying(20)"))'
)
def the_length_of_a_text(base, new):
    return column_of(base, str, type="varchar(40)" if new else "varchar(20)")


@change(
    "# every row is written anew, and nobody else reads or writes meanwhile; it stops at a value that does not fit, "
    "and rounds what has too many digits. In steps, while others go on: --online users.name\n"
    'with m.alter_table("users") as t:\n'
    "    t.modify(\n"
    '        "name",\n'
    '        "numeric(12,4)",\n'
    '        from_=was("numeric(12,2)"),\n'
    "        using=Raw('\"name\"::numeric(12,4)'),\n"
    "        back=Raw('\"name\"::numeric(12,2)'),\n"
    "    )"
)
def the_scale_of_a_number(base, new):
    return column_of(base, Decimal, type="numeric(12,4)" if new else "numeric(12,2)")


@change(
    "# every row is written anew, and nobody else reads or writes meanwhile. In steps, while others go on: "
    "--online users.name\n"
    'with m.alter_table("users") as t:\n'
    "    t.modify(\n"
    '        "name",\n'
    "        datetime,\n"
    '        from_=was("timestamp without time zone"),\n'
    "        using=Raw('\"name\"::timestamp with time zone'),\n"
    "        back=Raw('\"name\"::timestamp without time zone'),\n"
    "    )"
)
def a_moment_that_gets_its_zone(base, new):
    return column_of(base, datetime, **({"comment": None} if new else {"type": "timestamp"}))


@change(
    "m.execute(\n"
    '    \'ALTER TABLE "users" ALTER COLUMN "id" ADD GENERATED BY DEFAULT AS IDENTITY; '
    "SELECT setval(pg_get_serial_sequence(\\'\"users\"\\', \\'id\\'), "
    '(SELECT greatest(coalesce(max("id") + 1, 1), 1) FROM "users"), false)\',\n'
    '    \'ALTER TABLE "users" ALTER COLUMN "id" DROP IDENTITY\',\n'
    ")"
)
def a_key_that_the_database_numbers(base, new):
    class User(base, table="users"):
        id: Field[int] = primary_key() if new else field(primary_key=True)

    return User, structure(User)


@change('m.comment("users", "people", was=None)\nm.comment("users", "as they sign", column="name", was=None)')
def comments(base, new):
    class User(base, table="users"):
        id: Field[int] = primary_key()
        name: Field[str] = field(db=column(comment="as they sign" if new else None))

    return User, structure(User, comment="people" if new else None)


def posts(base, **options):
    class User(base, table="users"):
        id: Field[int] = primary_key()

    class Post(base, table="posts"):
        id: Field[int] = primary_key()
        user_id: Field[int]
        user: BelongsTo[User] = belongs_to()

    return User, Post, structure(User), structure(Post, foreign_keys=[references(Post.user, **options)])


@change(
    'm.drop_constraint("posts", "posts_user_id_fkey", foreign_key="user_id", references=references("users"))\n'
    "m.create_constraint(\n"
    '    "posts",\n'
    '    "posts_user_id_fkey",\n'
    '    foreign_key="user_id",\n'
    '    references=references("users", on_delete="cascade"),\n'
    "    validate=False,\n"
    ")",
    'm.validate_constraint("posts", "posts_user_id_fkey")',
    sqlite=(
        'm.drop_constraint("posts", "posts_user_id_fkey", foreign_key="user_id", references=references("users"))\n'
        "m.create_constraint(\n"
        '    "posts",\n'
        '    "posts_user_id_fkey",\n'
        '    foreign_key="user_id",\n'
        '    references=references("users", on_delete="cascade"),\n'
        ")",
    ),
)
def what_a_foreign_key_does_at_a_delete(base, new):
    return posts(base, on_delete="cascade" if new else "nothing")


@change(
    'm.drop_constraint("posts", "posts_user_id_fkey", foreign_key="user_id", references=references("users"))\n'
    "m.create_constraint(\n"
    '    "posts",\n'
    '    "posts_user_id_fkey",\n'
    '    foreign_key="user_id",\n'
    '    references=references("users", deferrable="deferred"),\n'
    "    validate=False,\n"
    ")",
    'm.validate_constraint("posts", "posts_user_id_fkey")',
    sqlite=(
        'm.drop_constraint("posts", "posts_user_id_fkey", foreign_key="user_id", references=references("users"))\n'
        "m.create_constraint(\n"
        '    "posts",\n'
        '    "posts_user_id_fkey",\n'
        '    foreign_key="user_id",\n'
        '    references=references("users", deferrable="deferred"),\n'
        ")",
    ),
)
def a_foreign_key_that_waits(base, new):
    return posts(base, deferrable="deferred" if new else None)


@change(
    'm.create_index("users", "name", unique=True, name="users_name_index_new", nulls_distinct=False, concurrently=True)',
    'm.drop_index("users", "name", unique=True, concurrently=True)',
    'm.rename_index("users_name_index_new", to="users_name_index")',
)
def nulls_that_are_equal(base, new):
    return one_column(
        base, str | None, field(default=None), indexes=lambda User: [unique(User.name, nulls_distinct=not new)]
    )


# --- what they take for a removal and an addition ---------------------------------------------------------------------


@change(
    'm.rename_column("users", "name", to="label")',
    sqlite=('m.rename_column("users", "name", to="label")',),
    renames=("users.name:label",),
)
def a_column_under_another_name(base, new):
    class User(base, table="users"):
        id: Field[int] = primary_key()
        name: Field[str] = field(source="label" if new else "name")

    return User, structure(User, checks=[check("users_named", User.name != "")])


@change(
    'm.rename_table("users", to="people")\n'
    'm.rename_constraint("people", "users_pkey", to="people_pkey")\n'
    'm.rename_index("users_name_index", to="people_name_index")',
    sqlite=('m.rename_table("users", to="people")\nm.rename_index("users_name_index", to="people_name_index")',),
    renames=("users:people",),
)
def a_table_under_another_name(base, new):
    class User(base, table="people" if new else "users"):
        id: Field[int] = primary_key()
        name: Field[str]

    return User, structure(User, indexes=[index(User.name)])


# --- what they do not see ---------------------------------------------------------------------------------------------


def enum(base, *values):
    return database_object("enum", "role", values=list(values), base=base), column_of(base, str, type="role")


@change(
    'm.add_enum_value("role", "owner", before="member")\nm.add_enum_value("role", "guest")',
)
def values_that_an_enum_gets(base, new):
    return enum(base, *(("admin", "owner", "member", "guest") if new else ("admin", "member")))


@change(
    "# it stops where a row still holds 'guest'\n"
    "m.execute(\n"
    '    \'ALTER TYPE "role" RENAME TO "role_old";\\n\'\n'
    "    'CREATE TYPE \"role\" AS ENUM (\\'admin\\', \\'member\\');\\n'\n"
    '    \'ALTER TABLE "users" ALTER COLUMN "name" TYPE "role" USING "name"::text::"role";\\n\'\n'
    "    'DROP TYPE \"role_old\"',\n"
    '    \'ALTER TYPE "role" RENAME TO "role_old";\\n\'\n'
    "    'CREATE TYPE \"role\" AS ENUM (\\'admin\\', \\'guest\\', \\'member\\');\\n'\n"
    '    \'ALTER TABLE "users" ALTER COLUMN "name" TYPE "role" USING "name"::text::"role";\\n\'\n'
    "    'DROP TYPE \"role_old\"',\n"
    ")"
)
def a_value_that_an_enum_loses(base, new):
    return enum(base, *(("admin", "member") if new else ("admin", "guest", "member")))


def aged(base, limit):
    class User(base, table="users"):
        id: Field[int] = primary_key()
        age: Field[int]

    return User, structure(User, checks=[] if limit is None else [check("users_adult", User.age > limit)])


@change(
    'm.create_constraint("users", "users_adult", check="age > 17", validate=False)',
    'm.validate_constraint("users", "users_adult")',
    sqlite=('m.create_constraint("users", "users_adult", check="`age` > 17")',),
)
def a_check_that_comes(base, new):
    return aged(base, 17 if new else None)


@change(
    'm.drop_constraint("users", "users_adult", check="age > 17")\n'
    'm.create_constraint("users", "users_adult", check="age > 20", validate=False)',
    'm.validate_constraint("users", "users_adult")',
    sqlite=(
        'm.drop_constraint("users", "users_adult", check="`age` > 17")\n'
        'm.create_constraint("users", "users_adult", check="`age` > 20")',
    ),
)
def the_condition_of_a_check(base, new):
    return aged(base, 20 if new else 17)


@change(
    'm.create_index("users", "name", name="users_name_index_new", where="name <> \'\'::text", concurrently=True)',
    'm.drop_index("users", "name", concurrently=True)',
    'm.rename_index("users_name_index_new", to="users_name_index")',
    sqlite=('m.drop_index("users", "name")\nm.create_index("users", "name", where="`name` <> \'\'")',),
)
def the_rows_of_an_index(base, new):
    return one_column(
        base, str, field(), indexes=lambda User: [index(User.name, where=(User.name != "") if new else None)]
    )


@change(
    'm.create_index("users", "name", name="users_name_index_new", using="hash", concurrently=True)',
    'm.drop_index("users", "name", concurrently=True)',
    'm.rename_index("users_name_index_new", to="users_name_index")',
)
def how_an_index_is_kept(base, new):
    return one_column(base, str, field(), indexes=lambda User: [index(User.name, using="hash" if new else "btree")])


@change(
    'm.create_index("users", "name", name="users_name_index_new", include=("id",), concurrently=True)',
    'm.drop_index("users", "name", concurrently=True)',
    'm.rename_index("users_name_index_new", to="users_name_index")',
)
def what_an_index_holds_besides(base, new):
    return one_column(base, str, field(), indexes=lambda User: [index(User.name, include=[User.id] if new else [])])


@change(
    "# every row is written anew, and nobody else reads or writes meanwhile\n"
    'with m.alter_table("users") as t:\n'
    '    t.modify("name", str, collation="C", from_=was(str))',
    sqlite=(
        'with m.alter_table("users") as t:\n    t.modify("name", str, collation="NOCASE", from_=was(str, collation="BINARY"))',
    ),
)
def the_order_of_a_text(base, new):
    return column_of(base, str, collation=("NOCASE" if base.on_sqlite else "C") if new else None)


def computed(base, factor):
    class User(base, table="users"):
        id: Field[int] = primary_key()
        age: Field[int]
        double: Field[int | None] = field(default=None, db=column(generated=lambda: User.age * factor))

    return User, structure(User, indexes=[index(User.double)])


@change(
    'm.drop_index("users", "double")\n'
    'with m.alter_table("users") as t:\n'
    '    t.remove("double", int, generated=Raw("age * 2"))\n'
    'with m.alter_table("users") as t:\n'
    '    t.column("double", int, generated=Raw("age * 3"))',
    'm.create_index("users", "double", concurrently=True)',
    sqlite=(
        'm.drop_index("users", "double")\n'
        'with m.alter_table("users") as t:\n'
        '    t.remove("double", int, generated=Raw("`age` * 2"))\n'
        'with m.alter_table("users") as t:\n'
        '    t.column("double", int, generated=Raw("`age` * 3"))\n'
        'm.create_index("users", "double")',
    ),
)
def what_a_column_is_computed_from(base, new):
    return computed(base, 3 if new else 2)


@change(
    "# all rows are compared, and nobody else reads or writes meanwhile\n"
    'm.create_constraint("users", "users_name_exclusion", exclude="gist (name WITH &&)")',
)
def what_no_two_rows_may_share(base, new):
    exclusions = (lambda User: [exclusion((User.name, "&&"))]) if new else None
    return one_column(base, str, field(db=column(type="int4range")), exclusions=exclusions)


@change(
    'm.create_index("users", "id", "part", unique=True, name="users_pkey_new", concurrently=True)',
    'm.drop_constraint("users", "users_pkey", primary_key=["id"])\n'
    'm.create_constraint("users", "users_pkey", primary_key=["id", "part"], using_index="users_pkey_new")',
)
def the_columns_of_the_primary_key(base, new):
    class User(base, table="users"):
        id: Field[int] = field(primary_key=True)
        part: Field[int] = field(primary_key=new)

    return User, structure(User)


@change(
    'm.execute("CREATE SEQUENCE invoices INCREMENT BY 10", "DROP SEQUENCE invoices")',
)
def a_sequence(base, new):
    text = "CREATE SEQUENCE invoices INCREMENT BY 10"
    made = (
        [database_object("sequence", "invoices", create=text, drop="DROP SEQUENCE invoices", base=base)] if new else []
    )
    return made, one_column(base, str, field())


@change(
    "m.execute(\n"
    '    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",\n'
    '    "DROP FUNCTION touch()",\n'
    ")\n"
    'm.create_view("names", "SELECT name FROM users")\n'
    "m.execute(\n"
    '    "CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",\n'
    '    "DROP TRIGGER users_touch ON users",\n'
    ")"
)
def a_view_a_function_and_a_trigger(base, new):
    made = one_column(base, str, field())
    if new:
        database_object(
            "function",
            "touch",
            create="CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            drop="DROP FUNCTION touch()",
            base=base,
        )
        database_object(
            "view", "names", create="CREATE VIEW names AS SELECT name FROM users", drop="DROP VIEW names", base=base
        )
        database_object(
            "trigger",
            "users_touch",
            on=made[0],
            create="CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
            drop="DROP TRIGGER users_touch ON users",
            base=base,
        )
    return made


@change(
    'm.validate_constraint("posts", "posts_user_id_fkey")',
    hand=(
        "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
        "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID",
    ),
)
def a_foreign_key_that_was_never_validated(base, new):
    return posts(base)


@change(
    'm.create_index("users", "name", concurrently=True, if_not_exists=True)',
    hand=("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_name_index'::regclass",),
)
def an_index_whose_making_was_broken_off(base, new):
    return one_column(base, str, field(), indexes=lambda User: [index(User.name)])


@change(
    "m.execute('ALTER TABLE \"users\" ENABLE ROW LEVEL SECURITY', "
    "'ALTER TABLE \"users\" DISABLE ROW LEVEL SECURITY')\n"
    "m.execute(\n"
    '    "CREATE POLICY mine ON users AS PERMISSIVE FOR ALL TO PUBLIC USING (name = CURRENT_USER)",\n'
    '    \'DROP POLICY "mine" ON "users"\',\n'
    ")"
)
def row_level_security(base, new):
    made = one_column(base, str, field())
    if new:
        database_object(
            "policy",
            "mine",
            on=made[0],
            create="ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON users USING (name = current_user)",
            drop="DROP POLICY mine ON users",
            base=base,
        )
    return made
