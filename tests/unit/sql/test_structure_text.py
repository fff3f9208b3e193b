"""What a structure, a column and a database object are as the DDL of each database, and what one of them refuses."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from ectype import (
    BelongsTo,
    Expr,
    Field,
    Registry,
    Schema,
    SchemaError,
    UnsupportedError,
    belongs_to,
    check,
    column,
    database_object,
    exclusion,
    field,
    fn,
    fragment,
    index,
    primary_key,
    references,
    structure,
    tuple_,
    unique,
)
from ectype.schema.structure import Structure
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect
from ectype.sql.expression_text import expression_text
from ectype.sql.structure_text import column_text, comment_texts, constraint_text, index_text, object_texts

POSTGRES_15 = replace(POSTGRES, version=(15, 0))
POSTGRES_18 = replace(POSTGRES, version=(18, 0))


class App(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Team(App, table="teams", prefix="hr"):
    id: Field[int] = primary_key()


class User(App, table="users"):
    id: Field[int] = primary_key()
    key: Field[UUID]
    name: Field[str] = field(source='odd "name"', db=column(collation="C"))
    nick: Field[str] = field(db=column(type="varchar(20)", collation="de_DE"))
    short: Field[str] = field(db=column(collation="NOCASE"))
    role: Field[Role] = field(default=Role.MEMBER, db=column(default=Role.MEMBER))
    age: Field[int | None] = field(default=None, db=column(default=18, comment="in years"))
    live: Field[bool] = field(db=column(default=fragment("1 = 1")))
    price: Field[Decimal] = field(scale=2)
    born: Field[date | None] = field(default=None)
    seen: Field[datetime | None] = field(default=None)
    took: Field[timedelta | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    twice: Field[int | None] = field(db=column(generated=lambda: User.age * 2))
    thrice: Field[int | None] = field(db=column(generated=lambda: fragment("{} * 3", User.age), stored=False))
    broken: Field[int | None] = field(db=column(default="x"))
    nothing: Field[int | None] = field(db=column(generated=lambda: 3))  # type: ignore[arg-type, return-value]
    team_id: Field[int]
    team: BelongsTo[Team] = belongs_to()


INDEXES = {
    "plain": index(User.name),
    "desc": index(User.age.desc(), User.id),
    "nulls": index(User.age.desc(nulls="last"), name="i"),
    "lower": index(fn.lower(User.name), name="i"),
    "where": unique(User.id, where=(User.age > 17) & (User.role == Role.ADMIN), name="i"),
    "include": index(User.id, include=[User.name], name="i"),
    "gin": index(User.tags, using="gin", name="i"),
    "nulls_equal": unique(User.age, nulls_distinct=False, name="i"),
}
MADE: Structure[User] = structure(
    User,
    indexes=[replace(one, name=name) if one.name else one for name, one in INDEXES.items()],
    checks=[check("adult", User.age > 17, comment="by law")],
    exclusions=[exclusion((User.team_id, "="), (fn.lower(User.name), "="), where=User.age > 3, name="e")],
    foreign_keys=[
        references(User.team, on_delete="cascade", on_update="set_default", deferrable="deferred"),
        references((User.id, User.team_id), (Team.id, Team.id), name="both"),
    ],
    comment="it's people",
)
BY_NAME = {one.name: one for one in MADE.indexes}

TEXTS: dict[str, tuple[str, str | None]] = {
    "users_odd__name_index": ('CREATE INDEX "users_odd__name_index" ON "users" ("odd ""name""")', None),
    "users_age_id_index": (
        'CREATE INDEX "users_age_id_index" ON "users" ("age" DESC, "id")',
        'CREATE INDEX "users_age_id_index" ON "users" (`age` DESC, `id`)',
    ),
    "nulls": ('CREATE INDEX "nulls" ON "users" ("age" DESC NULLS LAST)', "does not say where an index puts NULL"),
    "lower": (
        'CREATE INDEX "lower" ON "users" ((lower("odd ""name""")))',
        'CREATE INDEX "lower" ON "users" ((lower(`odd "name"`)))',
    ),
    "where": (
        'CREATE UNIQUE INDEX "where" ON "users" ("id") WHERE ("age" > 17) AND ("role" = \'admin\')',
        'CREATE UNIQUE INDEX "where" ON "users" (`id`) WHERE (`age` > 17) AND (`role` = \'admin\')',
    ),
    "include": ('CREATE INDEX "include" ON "users" ("id") INCLUDE ("odd ""name""")', "has no index with `include`"),
    "gin": ('CREATE INDEX "gin" ON "users" USING gin ("tags")', 'has no index with `using="gin"`'),
    "nulls_equal": (
        'CREATE UNIQUE INDEX "nulls_equal" ON "users" ("age") NULLS NOT DISTINCT',
        "has no index with `nulls_distinct=False`",
    ),
}


def told(make: Callable[[Dialect], str], dialect: Dialect, wanted: str) -> None:
    """Compare a text, or the refusal of what the database has not."""
    if wanted.startswith(("CREATE", "CONSTRAINT", '"', "`")):
        assert make(dialect) == wanted
    else:
        with pytest.raises(UnsupportedError, match=re.escape(wanted)):
            make(dialect)


@pytest.mark.parametrize("name", TEXTS)
def test_an_index_is_one_statement_or_refused_by_name(name: str):
    postgres, sqlite = TEXTS[name]
    told(lambda dialect: index_text(User, BY_NAME[name], dialect), POSTGRES_15, postgres)
    if sqlite is not None:
        told(lambda dialect: index_text(User, BY_NAME[name], dialect), SQLITE, sqlite)


def test_equal_nulls_need_a_server_that_has_them():
    with pytest.raises(UnsupportedError, match=r"PostgreSQL 13 has no `nulls_distinct=False`, as `nulls_equal` asks"):
        index_text(User, BY_NAME["nulls_equal"], POSTGRES)


CONSTRAINTS: list[tuple[Any, str, str]] = [
    (
        MADE.checks[0],
        'CONSTRAINT "adult" CHECK ("age" > 17)',
        'CONSTRAINT "adult" CHECK (`age` > 17)',
    ),
    (
        MADE.exclusions[0],
        'CONSTRAINT "e" EXCLUDE USING gist ("team_id" WITH =, (lower("odd ""name""")) WITH =) WHERE ("age" > 3)',
        "SQLite has no exclusion constraints, as `e` is one",
    ),
    (
        MADE.foreign_keys[0],
        'CONSTRAINT "users_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "hr"."teams" ("id") ON DELETE CASCADE '
        "ON UPDATE SET DEFAULT DEFERRABLE INITIALLY DEFERRED",
        'CONSTRAINT "users_team_id_fkey" FOREIGN KEY (`team_id`) REFERENCES "hr"."teams" (`id`) ON DELETE CASCADE '
        "ON UPDATE SET DEFAULT DEFERRABLE INITIALLY DEFERRED",
    ),
    (
        MADE.foreign_keys[1],
        'CONSTRAINT "both" FOREIGN KEY ("id", "team_id") REFERENCES "hr"."teams" ("id", "id")',
        'CONSTRAINT "both" FOREIGN KEY (`id`, `team_id`) REFERENCES "hr"."teams" (`id`, `id`)',
    ),
]


@pytest.mark.parametrize(("one", "postgres", "sqlite"), CONSTRAINTS, ids=[one.name for one, _, _ in CONSTRAINTS])
def test_a_constraint_stands_in_its_table_or_is_refused_by_name(one: Any, postgres: str, sqlite: str):
    told(lambda dialect: constraint_text(User, one, dialect), POSTGRES, postgres)
    told(lambda dialect: constraint_text(User, one, dialect), SQLITE, sqlite)


COLUMNS: dict[str, tuple[str, str]] = {
    "id": ('"id" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY', "`id` INTEGER PRIMARY KEY"),
    "key": ('"key" uuid NOT NULL', "`key` TEXT NOT NULL"),
    "name": ('"odd ""name""" text COLLATE "C" NOT NULL', '`odd "name"` TEXT COLLATE "BINARY" NOT NULL'),
    "nick": (
        '"nick" varchar(20) COLLATE "de_DE" NOT NULL',
        "`User.nick`: SQLite has no type 'varchar(20)' in a STRICT table",
    ),
    "short": ('"short" text COLLATE "NOCASE" NOT NULL', '`short` TEXT COLLATE "NOCASE" NOT NULL'),
    "role": ("\"role\" text DEFAULT 'member' NOT NULL", "`role` TEXT DEFAULT 'member' NOT NULL"),
    "age": ('"age" bigint DEFAULT 18', "`age` INTEGER DEFAULT 18"),
    "live": ('"live" boolean DEFAULT ((1 = 1)) NOT NULL', "`live` INTEGER DEFAULT ((1 = 1)) NOT NULL"),
    "twice": (
        '"twice" bigint GENERATED ALWAYS AS ("age" * 2) STORED',
        "`twice` INTEGER GENERATED ALWAYS AS (`age` * 2) STORED",
    ),
    "thrice": (
        "`User.thrice`: PostgreSQL 13 keeps what it computes",
        "`thrice` INTEGER GENERATED ALWAYS AS ((`age` * 3)) VIRTUAL",
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_what_its_field_declares_or_is_refused_by_name(name: str):
    postgres, sqlite = COLUMNS[name]
    for dialect, wanted in ((POSTGRES, postgres), (SQLITE, sqlite)):
        if "SQLite has no" in wanted or "keeps what" in wanted:
            with pytest.raises(UnsupportedError, match=re.escape(wanted)):
                column_text(User, name, dialect)
        else:
            assert column_text(User, name, dialect) == wanted


def test_a_column_that_cannot_be_said_is_refused():
    assert column_text(User, "thrice", POSTGRES_18).endswith("VIRTUAL")
    with pytest.raises(SchemaError, match=r"the default of `User.broken` does not fit its type"):
        column_text(User, "broken", POSTGRES)
    with pytest.raises(SchemaError, match=r"what `User.nothing` is generated from is an expression, got 3"):
        column_text(User, "nothing", POSTGRES)

    class Odd(App, table="odds"):
        word: Field[str] = field(db=column(collation="de_DE"))

    with pytest.raises(UnsupportedError, match="SQLite has no collation 'de_DE'\n\nhint: it has BINARY, NOCASE, RTRIM"):
        column_text(Odd, "word", SQLITE)


VALUES: dict[str, tuple[Expr[Any, Any], str, str | None]] = {
    "text with a quote": (User.name == "it's", '"odd ""name""" = \'it\'\'s\'', "`odd \"name\"` = 'it''s'"),
    "a backslash": (User.nick == "a\\b", "\"nick\" = E'a\\\\b'", "`nick` = 'a\\b'"),
    "a bool": (User.live == True, '"live" = TRUE', "`live` = 1"),  # noqa: E712  # SQL
    "a negative number": (User.age - 3 > -5, '("age" - 3) > -5', "(`age` - 3) > -5"),
    "money": (User.price >= Decimal("1.50"), '"price" >= 1.50', "`price` >= 150"),
    "a key": (User.key == UUID(int=1), f"\"key\" = '{UUID(int=1)}'", f"`key` = '{UUID(int=1)}'"),
    "a day": (User.born < date(2000, 1, 2), "\"born\" < '2000-01-02'", "`born` < '2000-01-02'"),
    "a moment": (
        User.seen < datetime(2000, 1, 2, 3, tzinfo=UTC),
        "\"seen\" < '2000-01-02 03:00:00+00:00'",
        "`seen` < '2000-01-02 03:00:00.000000'",
    ),
    "a span": (User.took < timedelta(hours=1), "\"took\" < '0 days 3600.000000 seconds'", "`took` < 3600000000"),
    "values": (User.role.in_([Role.ADMIN, Role.MEMBER]), "(\"role\" IN ('admin', 'member'))", None),
    "no values": (User.age.in_([]), "(1 = 0)", "(1 = 0)"),
    "values and another one": ((User.age.in_([1, 2])) & (User.id > 7), '("age" IN (1, 2)) AND ("id" > 7)', None),
    "not among values": (~User.age.in_([1]), 'NOT ("age" IN (1))', None),
    "own words": (fragment("length({}) < {}", User.nick, 4), '(length("nick") < 4)', "(length(`nick`) < 4)"),
    "NULL": (User.age.is_null() | (User.age > 0), '("age" IS NULL) OR ("age" > 0)', None),
    "a pattern": (User.nick.like("a%"), "\"nick\" LIKE 'a%'", None),
}


@pytest.mark.parametrize(("expression", "postgres", "sqlite"), VALUES.values(), ids=VALUES)
def test_a_value_stands_in_the_text_as_a_literal(expression: Expr[Any, Any], postgres: str, sqlite: str | None):
    assert expression_text(User.__schema__, expression, POSTGRES) == postgres
    if sqlite is not None:
        assert expression_text(User.__schema__, expression, SQLITE) == sqlite


def test_a_value_that_has_no_literal_is_refused():
    for wrong in (User.name == "a\0b", tuple_(User.id, User.age).in_([(1, 2)])):
        with pytest.raises(SchemaError, match=r"cannot hold|constraint of User"):
            expression_text(User.__schema__, wrong, POSTGRES)


def test_comments_are_written_where_the_database_keeps_them():
    assert comment_texts(User, SQLITE) == ()
    assert comment_texts(User, POSTGRES) == (
        'COMMENT ON COLUMN "users"."age" IS \'in years\'',
        "COMMENT ON TABLE \"users\" IS 'it''s people'",
        'COMMENT ON CONSTRAINT "adult" ON "users" IS \'by law\'',
    )


def test_a_database_object_is_made_and_removed_where_it_exists():
    def base() -> type[Schema]:
        class Base(Schema, abstract=True, registry=Registry()):
            pass

        return Base

    enum = database_object("enum", "role", values=Role, prefix="app", base=base())
    made = ("CREATE TYPE \"app\".\"role\" AS ENUM ('member', 'admin')", 'DROP TYPE "app"."role"')
    assert object_texts(enum, POSTGRES) == made
    assert object_texts(enum, SQLITE) is None
    extension = database_object("extension", "citext", prefix="app", base=base())
    assert object_texts(extension, POSTGRES) == ('CREATE EXTENSION "citext" SCHEMA "app"', 'DROP EXTENSION "citext"')
    view = database_object("view", "v", create="CREATE VIEW v AS SELECT 1", drop="DROP VIEW v", base=base())
    for dialect in (POSTGRES, SQLITE):
        assert object_texts(view, dialect) == ("CREATE VIEW v AS SELECT 1", "DROP VIEW v")
    function = database_object("function", "f", create="C", drop="D", database="sqlite", base=base())
    with pytest.raises(UnsupportedError, match="SQLite has no function, as `f` is one\n\nhint: it has views and trigg"):
        object_texts(function, SQLITE)
