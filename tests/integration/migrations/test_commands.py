"""Every command of the DSL on both databases, over rows: up does it, down brings back all that was there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from ectype import migrations
from ectype.errors import ConstraintError, DatabaseError, UnsupportedError
from ectype.migrations import Migration, Raw, indexed, references, set_null, was
from tests.integration.migrations.snapshot import snapshot

BOTH = ("postgres", "sqlite")
POSTGRES = ("postgres",)
SQLITE = ("sqlite",)


def start(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("email", str, null=False)
        t.column("age", int, default=18)
        t.column("team", int)
        t.check("users_young", "age < 200")
    with m.create_table("posts") as t:
        t.references("author_id", "users", on_delete="cascade")
        t.column("title", str, null=False, default="")
        t.column("price", int)
    m.create_index("posts", "author_id")
    m.create_index("users", "email", unique=True)


ROWS = [
    "INSERT INTO users (email, age, team) VALUES ('ada', 36, 7), ('bob', NULL, 7)",
    "INSERT INTO posts (author_id, title, price) VALUES (1, 'one', 10), (1, 'two', 20), (NULL, '', 5)",
]
USERS = [(1, "ada", 36, 7), (2, "bob", None, 7)]
POSTS = [(1, 1, "one", 10), (2, 1, "two", 20), (3, None, "", 5)]


@dataclass(frozen=True)
class Ways:
    """A migration that writes both directions."""

    up: Callable[[Migration], Any]
    down: Callable[[Migration], Any]


@dataclass(frozen=True)
class Case:
    """One command.

    Attributes:
        change: what the migration does.
        on: the databases that can do it.
        gives: what a query gives afterwards.
        refuses: statements that a constraint of the name refuses afterwards.
        takes: statements that it takes.
        on_error: what the other databases say.
    """

    name: str
    change: Callable[[Migration], Any] | Ways
    on: tuple[str, ...] = BOTH
    gives: tuple[tuple[str, list[tuple[Any, ...]]], ...] = ()
    refuses: tuple[tuple[str | None, str], ...] = ()
    takes: tuple[str, ...] = ()
    on_error: str = ""
    since: tuple[int, int] = field(default=(0, 0))


def alter(table: str, do: Callable[[Any], Any], **options: Any) -> Callable[[Migration], None]:
    def change(m: Migration) -> None:
        with m.alter_table(table, **options) as t:
            do(t)

    return change


def create(name: str, do: Callable[[Any], Any], **options: Any) -> Callable[[Migration], None]:
    def change(m: Migration) -> None:
        with m.create_table(name, **options) as t:
            do(t)

    return change


def both(*steps: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        for step in steps:
            step(m)

    return change


CASES = [
    # --- columns
    Case(
        "a stored column",
        alter("posts", lambda t: t.column("twice", int, generated=Raw("price * 2"))),
        gives=(("SELECT twice FROM posts ORDER BY id", [(20,), (40,), (10,)]),),
    ),
    Case(
        "a virtual column",
        alter("posts", lambda t: t.column("twice", int, generated=Raw("price * 2"), stored=False)),
        on=BOTH,
        since=(18, 0),
        gives=(("SELECT twice FROM posts ORDER BY id", [(20,), (40,), (10,)]),),
        on_error="keeps what it computes",
    ),
    Case(
        "a column with the time as its default",
        alter("users", lambda t: t.column("seen", str, null=False, default=Raw("CURRENT_TIMESTAMP"))),
        gives=(("SELECT count(*) FROM users WHERE seen IS NOT NULL", [(2,)]),),
    ),
    Case(
        "a column that orders text without regard to case",
        create("words", lambda t: t.column("word", str, collation="NOCASE")),
        on=SQLITE,
        takes=("INSERT INTO words (word) VALUES ('a'), ('B')",),
        on_error='collation "NOCASE" for encoding "UTF8" does not exist',
    ),
    Case(
        "a column that orders text by code point",
        create("words", lambda t: t.column("word", str, collation="C")),
        takes=("INSERT INTO words (word) VALUES ('a'), ('B')",),
        gives=(("SELECT word FROM words ORDER BY word", [("B",), ("a",)]),),
    ),
    Case(
        "a text of a size",
        create("words", lambda t: t.column("word", str, size=3)),
        on=POSTGRES,
        refuses=((None, "INSERT INTO words (word) VALUES ('long')"),),
        on_error="`word` of `words` has `size=`, and SQLite holds no column to one",
    ),
    Case(
        "a decimal of a precision",
        create("prices", lambda t: t.column("price", Decimal, precision=4, scale=2)),
        on=POSTGRES,
        refuses=((None, "INSERT INTO prices (price) VALUES (123.4)"),),
        on_error="`price` of `prices` has `precision=`",
    ),
    Case(
        "a numbered column that is no key",
        create("tickets", lambda t: t.column("number", int, identity="always", start=100, increment=10)),
        on=POSTGRES,
        takes=("INSERT INTO tickets DEFAULT VALUES", "INSERT INTO tickets DEFAULT VALUES"),
        refuses=((None, "INSERT INTO tickets (number) VALUES (1)"),),
        gives=(("SELECT number FROM tickets ORDER BY id", [(100,), (110,)]),),
        on_error="SQLite numbers the primary key alone",
    ),
    Case(
        "a numbered key of another name",
        create("tickets", lambda t: t.column("number", int, primary_key=True, identity="by_default")),
        takes=("INSERT INTO tickets DEFAULT VALUES", "INSERT INTO tickets DEFAULT VALUES"),
        gives=(("SELECT number FROM tickets", [(1,), (2,)]),),
    ),
    Case(
        "comments",
        both(
            create("words", lambda t: t.column("word", str, comment="one word"), comment="all words"),
            alter("users", lambda t: t.column("nick", str, comment="it's short")),
            lambda m: m.comment("posts", "what is read", was=None),
            lambda m: m.comment("posts", "in cents", column="price", was=None),
        ),
        on=POSTGRES,
        gives=(
            (
                "SELECT description FROM pg_description WHERE objoid >= 16384 AND description NOT LIKE 'standard%' "
                "ORDER BY 1",
                [("all words",), ("in cents",), ("it's short",), ("one word",), ("what is read",)],
            ),
        ),
        on_error="SQLite keeps no comments",
    ),
    Case(
        "raw type text",
        create("raws", both(lambda t: t.column("a", "varchar(3)"), lambda t: t.column("b", "text"))),
        on=POSTGRES,
        on_error="SQLite has no type 'varchar(3)' in a STRICT table",
    ),
    Case(
        "a column that is there already",
        alter("users", both(lambda t: t.column_if_missing("nick", str))),
        gives=(("SELECT nick FROM users", [(None,), (None,)]),),
    ),
    Case(
        "a NOT NULL column without a default in an empty table",
        both(create("empty", lambda t: t.column("a", int)), alter("empty", lambda t: t.column("b", int, null=False))),
        refuses=((None, "INSERT INTO empty (a) VALUES (1)"),),
    ),
    Case(
        "a key added to a table without one",
        both(
            create("keyless", lambda t: t.column("a", int), primary_key=False),
            alter("keyless", lambda t: t.column("id", int, primary_key=True)),
        ),
        takes=("INSERT INTO keyless (a, id) VALUES (1, 1)",),
        refuses=(("keyless", "INSERT INTO keyless (a, id) VALUES (1, 1)"),),
    ),
    Case("a column that nothing mentions is removed", alter("users", lambda t: t.remove("team", int))),
    Case(
        "columns are removed where they are there",
        alter("users", both(lambda t: t.remove_if_exists("team", int), lambda t: t.column("x", int))),
    ),
    # --- modify
    Case(
        "a type changes",
        alter("posts", lambda t: t.modify("price", str, from_=int, back=Raw("CAST(price AS int)"))),
        gives=(("SELECT price FROM posts ORDER BY id", [("10",), ("20",), ("5",)]),),
    ),
    Case(
        "a type changes by an expression",
        alter("posts", lambda t: t.modify("price", int, using=Raw("price * 100"), back=Raw("price / 100"), from_=int)),
        gives=(("SELECT price FROM posts ORDER BY id", [(1000,), (2000,), (500,)]),),
    ),
    Case(
        "a column takes NULL no longer",
        alter("posts", lambda t: t.modify("price", int, null=False, from_=was(int, null=True))),
        refuses=((None, "INSERT INTO posts (title) VALUES ('x')"),),
    ),
    Case(
        "a column takes NULL",
        alter("posts", lambda t: t.modify("title", str, null=True, from_=was(str, null=False))),
        takes=("INSERT INTO posts (title) VALUES (NULL)",),
    ),
    Case(
        "a default changes with the type",
        alter(
            "posts",
            lambda t: t.modify(
                "title",
                int,
                default=7,
                using=Raw("length(title)"),
                from_=was(str, default=""),
                back=Raw("CASE title WHEN 0 THEN '' WHEN 3 THEN CASE id WHEN 1 THEN 'one' ELSE 'two' END END"),
            ),
        ),
        gives=(("SELECT title FROM posts ORDER BY id", [(3,), (3,), (0,)]),),
        takes=("INSERT INTO posts (id, price) VALUES (9, 1)", "DELETE FROM posts WHERE id = 9 AND title = 7"),
    ),
    Case(
        "a default goes",
        alter("users", lambda t: t.modify("age", int, default=None, from_=was(int, default=18))),
        takes=("INSERT INTO users (email) VALUES ('new')",),
        gives=(("SELECT age FROM users WHERE email = 'new'", [(None,)]),),
    ),
    Case(
        "a default comes",
        alter("users", lambda t: t.modify("team", int, default=3, from_=was(int, default=None))),
        takes=("INSERT INTO users (email) VALUES ('new')",),
        gives=(("SELECT team FROM users WHERE email = 'new'", [(3,)]),),
    ),
    Case(
        "a foreign key comes by modify",
        both(
            create("teams", lambda t: t.column("name", str)),
            lambda m: m.execute("INSERT INTO teams (id, name) VALUES (7, 'seven')", ""),
            alter("users", lambda t: t.modify("team", references("teams", on_delete="set_null"), from_=int)),
        ),
        refuses=(("users_team_fkey", "UPDATE users SET team = 8"),),
        takes=("DELETE FROM teams",),
        gives=(("SELECT team FROM users", [(None,), (None,)]),),
    ),
    Case(
        "a foreign key changes what it does",
        alter(
            "posts",
            lambda t: t.modify(
                "author_id", references("users", on_delete="set_null"), from_=references("users", on_delete="cascade")
            ),
        ),
        takes=("DELETE FROM users WHERE id = 1",),
        gives=(("SELECT id, author_id FROM posts ORDER BY id", [(1, None), (2, None), (3, None)]),),
    ),
    Case(
        "a foreign key goes",
        alter("posts", lambda t: t.modify("author_id", int, from_=references("users", on_delete="cascade"))),
        takes=("INSERT INTO posts (author_id) VALUES (99)",),
    ),
    # --- references
    Case(
        "a key that is checked at the end",
        create("nodes", lambda t: t.references("next_id", "nodes", deferrable="deferred")),
        takes=("BEGIN", "INSERT INTO nodes (id, next_id) VALUES (1, 2)", "INSERT INTO nodes (id) VALUES (2)", "COMMIT"),
    ),
    Case(
        "a key of two columns",
        both(
            create(
                "rooms",
                both(
                    lambda t: t.column("house", int, primary_key=True),
                    lambda t: t.column("number", int, primary_key=True),
                ),
            ),
            create(
                "keys",
                both(
                    lambda t: t.column("house", int),
                    lambda t: t.references(
                        "room", "rooms", column="number", with_={"house": "house"}, on_update="cascade"
                    ),
                ),
            ),
        ),
        takes=(
            "INSERT INTO rooms VALUES (1, 2)",
            "INSERT INTO keys (house, room) VALUES (1, 2)",
            "UPDATE rooms SET number = 3",
        ),
        refuses=(("keys_room_fkey", "INSERT INTO keys (house, room) VALUES (2, 2)"),),
        gives=(("SELECT house, room FROM keys", [(1, 3)]),),
    ),
    Case(
        "a key of two columns added later",
        both(
            create(
                "rooms",
                both(
                    lambda t: t.column("house", int, primary_key=True),
                    lambda t: t.column("number", int, primary_key=True),
                ),
            ),
            alter("users", lambda t: t.column("house", int)),
            alter("users", lambda t: t.references("room", "rooms", column="number", with_={"house": "house"})),
        ),
        refuses=(("users_room_fkey", "UPDATE users SET house = 1, room = 1"),),
    ),
    Case(
        "a key that must be NULL in all its columns",
        both(
            create(
                "rooms",
                both(
                    lambda t: t.column("house", int, primary_key=True),
                    lambda t: t.column("number", int, primary_key=True),
                ),
            ),
            create(
                "keys",
                both(
                    lambda t: t.column("house", int),
                    lambda t: t.references("room", "rooms", column="number", with_={"house": "house"}, match="full"),
                ),
            ),
        ),
        on=POSTGRES,
        refuses=(("keys_room_fkey", "INSERT INTO keys (house) VALUES (2)"),),
        on_error="SQLite reads MATCH FULL and does not keep to it",
    ),
    Case(
        "a key that sets one of its columns to NULL",
        both(
            create(
                "rooms",
                both(
                    lambda t: t.column("house", int, primary_key=True),
                    lambda t: t.column("number", int, primary_key=True),
                ),
            ),
            create(
                "keys",
                both(
                    lambda t: t.column("house", int, null=False),
                    lambda t: t.references(
                        "room", "rooms", column="number", with_={"house": "house"}, on_delete=set_null("room")
                    ),
                ),
            ),
        ),
        on=POSTGRES,
        since=(15, 0),
        takes=("INSERT INTO rooms VALUES (1, 2)", "INSERT INTO keys (house, room) VALUES (1, 2)", "DELETE FROM rooms"),
        gives=(("SELECT house, room FROM keys", [(1, None)]),),
        on_error="sets all columns of a key, not some",
    ),
    Case(
        "a key that goes back to its default",
        create("children", lambda t: t.references("user_id", "users", on_delete="set_default", default=2)),
        takes=("INSERT INTO children (user_id) VALUES (1)", "DELETE FROM users WHERE id = 1"),
        gives=(("SELECT user_id FROM children", [(2,)]),),
    ),
    Case(
        "a key whose rows are checked later",
        both(
            create("teams", lambda t: t.column("name", str)),
            alter("users", lambda t: t.references("boss", "users", validate=False)),
            lambda m: m.create_constraint(
                "users", "users_team_fkey", foreign_key="team", references=references("teams"), validate=False
            ),
        ),
        on=POSTGRES,
        refuses=(("users_team_fkey", "UPDATE users SET team = 9"),),
        gives=(
            (
                "SELECT conname::text FROM pg_constraint WHERE NOT convalidated ORDER BY 1",
                [("users_boss_fkey",), ("users_team_fkey",)],
            ),
        ),
        on_error="SQLite checks",
    ),
    # --- constraints
    Case(
        "a check",
        lambda m: m.create_constraint("users", "users_adult", check="age > 17"),
        refuses=(("users_adult", "INSERT INTO users (email, age) VALUES ('x', 3)"),),
    ),
    Case(
        "a check that is gone",
        lambda m: m.drop_constraint("users", "users_young", check="age < 200"),
        takes=("INSERT INTO users (email, age) VALUES ('x', 300)",),
    ),
    Case(
        "a check that is renamed",
        lambda m: m.rename_constraint("users", "users_young", to="users_not_old"),
        refuses=(("users_not_old", "INSERT INTO users (email, age) VALUES ('x', 300)"),),
    ),
    Case(
        "a check whose rows are checked in the same migration",
        both(
            lambda m: m.create_constraint("users", "users_adult", check="age > 17", validate=False, comment="law"),
            lambda m: m.validate_constraint("users", "users_adult"),
        ),
        on=POSTGRES,
        gives=(("SELECT convalidated FROM pg_constraint WHERE conname = 'users_adult'", [(True,)]),),
        on_error="SQLite checks all rows when a table gets a constraint",
    ),
    Case(
        "a unique constraint",
        lambda m: m.create_constraint("posts", "posts_title_key", unique=["title", "price"]),
        refuses=((None, "INSERT INTO posts (title, price) VALUES ('one', 10)"),),
    ),
    Case(
        "a primary key",
        both(
            create(
                "pairs",
                both(lambda t: t.column("a", int, null=False), lambda t: t.column("b", int, null=False)),
                primary_key=False,
            ),
            lambda m: m.create_constraint("pairs", "pairs_pkey", primary_key=["a", "b"]),
        ),
        takes=("INSERT INTO pairs VALUES (1, 1)", "INSERT INTO pairs VALUES (1, 2)"),
        refuses=((None, "INSERT INTO pairs VALUES (1, 1)"),),
    ),
    Case(
        "an index that becomes a constraint",
        both(
            lambda m: m.create_index("posts", "title", "price", unique=True, name="posts_title_key"),
            lambda m: m.execute("", "CREATE UNIQUE INDEX posts_title_key ON posts (title, price)"),
            lambda m: m.create_constraint("posts", "posts_title_key", unique=[], using_index="posts_title_key"),
        ),
        on=POSTGRES,
        refuses=(("posts_title_key", "INSERT INTO posts (title, price) VALUES ('one', 10)"),),
        on_error="has `using_index`, which no key of SQLite has",
    ),
    Case(
        "a foreign key",
        both(
            create("teams", lambda t: t.column("name", str)),
            lambda m: m.execute("INSERT INTO teams (id, name) VALUES (7, 'seven')", ""),
            lambda m: m.create_constraint("users", "users_team", foreign_key="team", references=references("teams")),
        ),
        refuses=(("users_team", "UPDATE users SET team = 9"),),
    ),
    Case(
        "an exclusion constraint",
        both(
            create("bookings", lambda t: t.column("during", "int4range")),
            lambda m: m.create_constraint("bookings", "no_overlap", exclude="gist (during WITH &&)"),
        ),
        on=POSTGRES,
        takes=("INSERT INTO bookings (during) VALUES ('[1,5)')",),
        refuses=(("no_overlap", "INSERT INTO bookings (during) VALUES ('[4,6)')"),),
        on_error="SQLite has no",
    ),
    Case(
        "constraints of a new table",
        create(
            "slots",
            both(
                lambda t: t.column("a", int),
                lambda t: t.column("b", int),
                lambda t: t.unique("a", "b"),
                lambda t: t.foreign_key("a", references("users", on_delete="cascade")),
            ),
        ),
        takes=("INSERT INTO slots (a, b) VALUES (1, 1)",),
        refuses=(
            (None, "INSERT INTO slots (a, b) VALUES (1, 1)"),
            ("slots_a_fkey", "INSERT INTO slots (a, b) VALUES (9, 1)"),
        ),
    ),
    Case(
        "two rows with NULL are one",
        create("pairs", both(lambda t: t.column("a", int), lambda t: t.unique("a", nulls_distinct=False))),
        on=POSTGRES,
        since=(15, 0),
        takes=("INSERT INTO pairs (a) VALUES (NULL)",),
        refuses=((None, "INSERT INTO pairs (a) VALUES (NULL)"),),
        on_error="nulls_distinct=False",
    ),
    # --- indexes
    Case(
        "an index with an order",
        lambda m: m.create_index(
            "posts", indexed("price", "desc"), indexed(Raw("lower(title)"), "asc"), name="ordered"
        ),
    ),
    Case(
        "an index with all that PostgreSQL has",
        both(
            lambda m: m.create_index(
                "posts",
                indexed("title", operator_class="text_pattern_ops", nulls="first"),
                include=("price",),
                using="btree",
                options="fillfactor = 70",
                comment="for searching",
                where="price > 0",
            ),
            lambda m: m.create_index("posts", "price", using="hash"),
            lambda m: m.create_index("posts", indexed("title", collation="C"), name="by_code_point"),
        ),
        on=POSTGRES,
        gives=(
            (
                "SELECT pg_get_indexdef('posts_title_index'::regclass)",
                [
                    (
                        "CREATE INDEX posts_title_index ON public.posts USING btree "
                        "(title text_pattern_ops NULLS FIRST) INCLUDE (price) WITH (fillfactor='70') WHERE (price > 0)",
                    )
                ],
            ),
        ),
        on_error="the index `posts_title_index` has `",
    ),
    Case(
        "an index of a divided table that its parts get none of",
        both(
            lambda m: m.execute(
                "CREATE TABLE days (day date) PARTITION BY RANGE (day); "
                "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
                "DROP TABLE days",
            ),
            lambda m: m.create_index("days", "day", only=True),
        ),
        on=POSTGRES,
        gives=(
            (
                "SELECT indrelid::regclass::text, indisvalid FROM pg_index "
                "WHERE indrelid IN ('days'::regclass, 'days_1'::regclass)",
                [("days", False)],
            ),
        ),
        on_error="",
    ),
    Case(
        "an index that tells no two NULLs apart",
        lambda m: m.create_index("users", "team", "age", unique=True, nulls_distinct=False),
        on=POSTGRES,
        since=(15, 0),
        takes=("INSERT INTO users (email, age, team) VALUES ('c', NULL, 1)",),
        refuses=(("users_team_age_index", "INSERT INTO users (email, age, team) VALUES ('d', NULL, 1)"),),
        on_error="the index `users_team_age_index`",
    ),
    Case(
        "an index that is there already",
        lambda m: m.create_index("posts", "price", if_not_exists=True),
    ),
    Case("an index that is gone", lambda m: m.drop_index("users", "email", unique=True)),
    Case("an index that is renamed", lambda m: m.rename_index("users_email_index", to="users_mail")),
    # --- renames
    Case(
        "a table and a column that are renamed",
        both(
            lambda m: m.rename_table("posts", to="articles"), lambda m: m.rename_column("articles", "price", to="cost")
        ),
        gives=(("SELECT cost FROM articles ORDER BY id", [(10,), (20,), (5,)]),),
    ),
    # --- tables
    Case(
        "a table that is there already",
        create("words", lambda t: t.column("word", str), if_not_exists=True),
        takes=("INSERT INTO words (word) VALUES ('a')",),
    ),
    Case(
        "a table outside the log, with parameters",
        create("scratch", lambda t: t.column("a", int), unlogged=True, options="WITH (fillfactor = 70)"),
        on=POSTGRES,
        gives=(
            (
                "SELECT relpersistence::text, reloptions::text FROM pg_class WHERE relname = 'scratch'",
                [("u", "{fillfactor=70}")],
            ),
        ),
        on_error="has `unlogged=True`",
    ),
    Case(
        "a table without row ids",
        create("compact", lambda t: t.column("k", str, primary_key=True), options="WITHOUT ROWID"),
        on=SQLITE,
        gives=(("SELECT wr, strict FROM pragma_table_list('compact')", [(1, 1)]),),
        on_error="syntax error",
    ),
    Case(
        "a table of another schema",
        both(
            lambda m: m.create_schema("audit"),
            create(
                "events",
                both(
                    lambda t: t.column("name", str),
                    lambda t: t.references("user_id", "users", prefix="public"),
                    lambda t: t.references("cause_id", "events"),
                ),
                prefix="audit",
            ),
            lambda m: m.create_index("events", "name", prefix="audit"),
            lambda m: m.create_constraint("events", "named", check="name <> ''", prefix="audit"),
            lambda m: m.rename_index("events_name_index", to="by_name", prefix="audit"),
            alter("events", lambda t: t.column("at", int), prefix="audit"),
        ),
        on=POSTGRES,
        takes=(
            "INSERT INTO audit.events (name, user_id) VALUES ('x', 1)",
            "INSERT INTO audit.events (name, cause_id) VALUES ('y', 1)",
        ),
        refuses=(("events_user_id_fkey", "INSERT INTO audit.events (name, user_id) VALUES ('x', 9)"),),
        on_error="SQLite has no",
    ),
    # --- beside tables
    Case(
        "an enum type",
        both(
            lambda m: m.create_enum("mood", ["sad", "ok"]),
            lambda m: m.rename_enum_value("mood", "ok", to="fine"),
            alter("users", lambda t: t.column("mood", "mood", default="fine")),
        ),
        on=POSTGRES,
        gives=(("SELECT mood::text FROM users", [("fine",), ("fine",)]),),
        on_error="the enum type `mood`: SQLite has no such thing",
    ),
    Case(
        "a view",
        lambda m: m.create_view("adults", "SELECT id, email FROM users WHERE age > 17"),
        gives=(("SELECT email FROM adults", [("ada",)]),),
    ),
    Case(
        "a view that is replaced",
        both(
            lambda m: m.create_view("adults", "SELECT id, email FROM users WHERE age > 17"),
            lambda m: m.replace_view(
                "adults", "SELECT email FROM users WHERE age > 30", was="SELECT id, email FROM users WHERE age > 17"
            ),
        ),
        gives=(("SELECT * FROM adults", [("ada",)]),),
    ),
    Case(
        "a materialized view",
        lambda m: m.create_view("counted", "SELECT count(*) AS n FROM users", materialized=True),
        on=POSTGRES,
        takes=("INSERT INTO users (email) VALUES ('new')",),
        gives=(("SELECT n FROM counted", [(2,)]),),
        on_error="the materialized view `counted`: SQLite has no such thing",
    ),
    Case(
        "a function and a trigger",
        both(
            lambda m: m.create_function(
                "shout",
                "",
                "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title = NEW.title || '!'; RETURN NEW; END $$",
            ),
            lambda m: m.create_trigger("shouting", "posts", "BEFORE INSERT", "FOR EACH ROW EXECUTE FUNCTION shout()"),
            lambda m: m.replace_function(
                "shout",
                "",
                "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title = NEW.title || '?'; RETURN NEW; END $$",
                was="RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title = NEW.title || '!'; RETURN NEW; END $$",
            ),
        ),
        on=POSTGRES,
        takes=("INSERT INTO posts (id, title) VALUES (9, 'x')",),
        gives=(("SELECT title FROM posts WHERE id = 9", [("x?",)]),),
        on_error="the function `shout`: SQLite has no such thing",
    ),
    Case(
        "a function with arguments and defaults",
        lambda m: m.create_function(
            "add", "a int, b int DEFAULT 2", "RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a + b $$"
        ),
        on=POSTGRES,
        gives=(("SELECT add(1), add(1, 1)", [(3, 2)]),),
        on_error="the function `add`: SQLite has no such thing",
    ),
    Case(
        "a trigger of SQLite",
        both(
            lambda m: m.create_trigger(
                "shouting",
                "posts",
                "AFTER INSERT",
                "BEGIN UPDATE posts SET title = title || '!' WHERE id = NEW.id; END",
            ),
            lambda m: m.replace_trigger(
                "shouting",
                "posts",
                "AFTER INSERT",
                "BEGIN UPDATE posts SET title = title || '?' WHERE id = NEW.id; END",
                was=("AFTER INSERT", "BEGIN UPDATE posts SET title = title || '!' WHERE id = NEW.id; END"),
            ),
        ),
        on=SQLITE,
        takes=("INSERT INTO posts (id, title) VALUES (9, 'x')",),
        gives=(("SELECT title FROM posts WHERE id = 9", [("x?",)]),),
        on_error="syntax error",
    ),
    Case(
        "an extension",
        lambda m: m.create_extension("plpgsql", if_not_exists=True) if m.direction == "up" else None,
        on=POSTGRES,
        on_error="the extension `plpgsql`: SQLite has no such thing",
    ),
    # --- what removes, and what looks first
    Case(
        "views and triggers that are removed",
        both(
            lambda m: m.create_view("adults", "SELECT id FROM users"),
            lambda m: m.drop_view("adults", "SELECT id FROM users"),
        ),
        refuses=((None, "SELECT * FROM adults"),),
    ),
    Case(
        "a trigger that is removed",
        both(
            lambda m: m.create_trigger("noted", "posts", "AFTER DELETE", "BEGIN SELECT 1; END"),
            lambda m: m.drop_trigger("noted", "posts", "AFTER DELETE", "BEGIN SELECT 1; END"),
        ),
        on=SQLITE,
        gives=(("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", [(0,)]),),
        on_error="syntax error",
    ),
    Case(
        "functions, enums and extensions that are removed",
        both(
            lambda m: m.create_function("one", "a int DEFAULT 1", "RETURNS int LANGUAGE sql AS $$ SELECT a $$"),
            lambda m: m.drop_function("one", "a int DEFAULT 1", "RETURNS int LANGUAGE sql AS $$ SELECT a $$"),
            lambda m: m.create_enum("mood", ["sad"]),
            lambda m: m.drop_enum("mood", ["sad"]),
            lambda m: m.drop_extension("plpgsql"),
            lambda m: m.create_extension("plpgsql", prefix="pg_catalog", version="1.0"),
        ),
        on=POSTGRES,
        refuses=((None, "SELECT one()"), (None, "SELECT 'sad'::mood")),
        on_error="SQLite has no such thing",
    ),
    Case(
        "what is not there is not removed",
        Ways(
            both(
                lambda m: m.drop_table("nothing", if_exists=True),
                lambda m: m.drop_index("users", name="nothing", if_exists=True),
                lambda m: m.drop_constraint("users", "nothing", if_exists=True),
                lambda m: m.drop_view("nothing", if_exists=True),
                alter("users", lambda t: t.remove_if_exists("nothing")),
            ),
            lambda m: None,
        ),
    ),
    Case(
        "what is not there is not removed from PostgreSQL either",
        Ways(
            both(
                lambda m: m.drop_trigger("nothing", "users", if_exists=True),
                lambda m: m.drop_function("nothing", if_exists=True),
                lambda m: m.drop_enum("nothing", if_exists=True),
                lambda m: m.drop_schema("nothing", if_exists=True),
                lambda m: m.drop_extension("hstore", if_exists=True),
                lambda m: m.create_schema("public", if_not_exists=True),
                lambda m: m.drop_index("users", name="nothing", if_exists=True),
            ),
            lambda m: None,
        ),
        on=POSTGRES,
        on_error="SQLite has no such thing",
    ),
    Case(
        "a column that is there is left as it is",
        Ways(alter("users", lambda t: t.column_if_missing("team", str)), lambda m: None),
        gives=(("SELECT team FROM users", [(7,), (7,)]),),
    ),
    Case(
        "a table and an index that are there are left as they are",
        Ways(
            both(
                create("users", lambda t: t.column("x", str), if_not_exists=True),
                lambda m: m.create_index("users", "age", name="users_email_index", if_not_exists=True),
            ),
            lambda m: None,
        ),
        gives=(("SELECT email FROM users ORDER BY id", [("ada",), ("bob",)]),),
    ),
    Case(
        "a table that is dropped with what needs it",
        Ways(
            both(
                create("rooms", lambda t: t.column("a", int)),
                lambda m: m.create_view("seen", "SELECT a FROM rooms"),
                lambda m: m.drop_table("rooms", cascade=True),
            ),
            lambda m: None,
        ),
        on=POSTGRES,
        refuses=((None, "SELECT * FROM seen"),),
        on_error="`rooms` is dropped with `cascade=True`",
    ),
    Case(
        "a value that an enum gets",
        Ways(
            both(
                lambda m: m.create_enum("mood", ["sad", "ok"]),
                lambda m: m.add_enum_value("mood", "so-so", after="sad"),
                lambda m: m.add_enum_value("mood", "sad", if_not_exists=True),
            ),
            lambda m: m.drop_enum("mood"),
        ),
        on=POSTGRES,
        gives=(("SELECT unnest(enum_range(NULL::mood))::text", [("sad",), ("so-so",), ("ok",)]),),
        on_error="the enum type `mood`: SQLite has no such thing",
    ),
    Case(
        "a comment that is taken away and a schema that is removed",
        both(
            lambda m: m.comment("users", "people", was=None),
            lambda m: m.comment("users", None, was="people"),
            lambda m: m.create_schema("gone"),
            lambda m: m.drop_schema("gone"),
        ),
        on=POSTGRES,
        gives=(("SELECT obj_description('users'::regclass)", [(None,)]),),
        on_error="SQLite keeps no comments",
    ),
    Case(
        "an index that is dropped with all that it was",
        both(
            lambda m: m.create_index("posts", indexed("price", "desc"), where="price > 0", name="dear"),
            lambda m: m.drop_index("posts", indexed("price", "desc"), where="price > 0", name="dear"),
        ),
    ),
]


@pytest.fixture
def target(repo) -> str:
    return repo.adapter.dialect.target


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_command_is_done_over_rows_and_undone(case, repo, connection, target):
    await migrations.up(repo, 1, start)
    for sql in ROWS:
        await connection.execute(sql)
    before = await snapshot(connection, repo.adapter)
    if target not in case.on or (target == "postgres" and repo.adapter.dialect.version < case.since):
        with pytest.raises(migrations.MigrationFailedError) as caught:
            await migrations.up(repo, 2, case.change)
        assert case.on_error in str(caught.value)
        assert isinstance(caught.value.__cause__, UnsupportedError | DatabaseError)
        assert await snapshot(connection, repo.adapter) == before
        return
    assert await migrations.up(repo, 2, case.change)
    await _prove(case, connection)
    assert await migrations.down(repo, 2, case.change)
    assert await snapshot(connection, repo.adapter) == before
    # The statements of the proof are undone, so that all rows must be as they were, the new columns aside.
    assert await _rows(connection, "SELECT id, email, age, team FROM users ORDER BY id") == _without_team(case, USERS)
    assert await _rows(connection, "SELECT id, author_id, title, price FROM posts ORDER BY id") == POSTS


def _without_team(case: Case, rows: list[Any]) -> list[Any]:
    """What a removed column held is gone; all else is there."""
    if case.name not in ("a column that nothing mentions is removed", "columns are removed where they are there"):
        return rows
    return [(*row[:3], None) for row in rows]


async def _prove(case: Case, connection: Any) -> None:
    """Try what the case promises, in a transaction that is rolled back."""
    own = "BEGIN" in case.takes
    if not own:
        await connection.execute("BEGIN")
    for sql in case.takes:
        await connection.execute(sql)
    for sql, expected in case.gives:
        assert await _rows(connection, sql) == expected
    for constraint, sql in case.refuses:
        await connection.execute("SAVEPOINT a")
        with pytest.raises(DatabaseError) as caught:
            await connection.execute(sql)
        if constraint is not None and isinstance(caught.value, ConstraintError) and caught.value.constraint:
            assert constraint in caught.value.constraint
        await connection.execute("ROLLBACK TO a")
    if not own:
        await connection.execute("ROLLBACK")


async def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(sql, (), list)]
