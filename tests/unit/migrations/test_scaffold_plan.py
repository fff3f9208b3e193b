"""From a catalogue to text, without a database: what is odd in a catalogue does not break a module."""

import ast
import importlib.util
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.errors import ConfigError
from ectype.migrations.catalog import (
    Catalog,
    IndexPart,
    StoredColumn,
    StoredEnum,
    StoredForeignKey,
    StoredIndex,
    StoredKey,
    StoredTable,
)
from ectype.migrations.catalog_text import read_index, read_table
from ectype.migrations.scaffold.planning import Choice, plan
from ectype.migrations.scaffold.rendering import module, package
from ectype.migrations.scaffold.text import WIDTH

ID = StoredColumn("id", "bigint", "bigint", nullable=False, identity="always")


def catalog(*tables, enums=()):
    return Catalog("postgres", "public", "public", tables, enums)


def table(name, *columns, key=("id",), **more):
    made = tuple(StoredColumn(one, "bigint", "bigint") if isinstance(one, str) else one for one in columns)
    return StoredTable(name, "public", (ID, *made), StoredKey(key) if key else None, **more)


def refers(column, to):
    return StoredForeignKey((column,), to, ("id",))


def text_of(*tables, choice=None, enums=()):
    return module(plan(catalog(*tables, enums=enums), choice or Choice()), None)


def lines_of(text, name):
    return next(one for one in text.split("\n\n\n") if one.startswith(f"class {name}(")).splitlines()[1:]


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=60)
@given(st.lists(NAMES, unique=True, min_size=1, max_size=3), st.lists(NAMES, unique=True, max_size=4), NAMES)
def test_any_names_and_comments_give_a_module_that_can_be_read(tables, columns, comment):
    enum = StoredEnum(tables[0], "public", tuple(columns) or ("a",), comment)
    made = tuple(
        table(
            name,
            *(StoredColumn(one, "bigint", "bigint", comment=comment) for one in columns if one != "id"),
            StoredColumn(f"{name}\nenum", "e", "e", enum=("public", tables[0])),
            comment=comment,
            foreign_keys=tuple(refers(one, tables[0]) for one in columns if one != "id"),
        )
        for name in tables
    )
    found = plan(catalog(*made, enums=(enum,)), Choice())
    for text in (module(found, None), *package(found, "app:Base").values()):
        ast.parse(text)
        assert text.isascii() or all(one.isprintable() or one == "\n" for one in text)
    names = [member.name for one in found.classes for member in (*one.fields, *one.links)]
    assert len(names) == len({(one.name, m.name) for one in found.classes for m in (*one.fields, *one.links)})


def test_a_member_that_would_hide_an_association_wins():
    text = text_of(
        table("users", "posts"),
        table("posts", "author", "author_id", foreign_keys=(refers("author_id", "users"),)),
    )
    assert '    author_user: BelongsTo[User | None] = belongs_to(foreign_key="author_id")' in lines_of(text, "Post")
    assert '    posts_by_author_user: HasMany[Post] = has_many(foreign_key="author_id")' in lines_of(text, "User")


def test_a_unique_foreign_key_is_a_has_one_unless_its_index_is_partial_or_of_an_expression():
    def one(**index):
        parts = (IndexPart("user_id", **{k: v for k, v in index.items() if k == "is_column"}),)
        made = StoredIndex("i", parts, unique=True, where=index.get("where"))
        return text_of(
            table("users"), table("cards", "user_id", foreign_keys=(refers("user_id", "users"),), indexes=(made,))
        )

    assert "    card: HasOne[Card | None] = has_one()" in lines_of(one(), "User")
    assert "    cards: HasMany[Card] = has_many()" in lines_of(one(where="user_id > 1"), "User")
    assert "    cards: HasMany[Card] = has_many()" in lines_of(one(is_column=False), "User")


def test_a_foreign_key_that_refers_to_another_key_says_so_on_both_sides():
    code = StoredColumn("code", "text", "text", nullable=False)
    key = StoredForeignKey(("shop_code",), "shops", ("code",))
    item = StoredColumn("shop_code", "text", "text", nullable=False)
    text = text_of(table("shops", code, uniques=(StoredKey(("code",)),)), table("items", item, foreign_keys=(key,)))
    named = 'foreign_key="shop_code", references="code"'
    assert f"    shop: BelongsTo[Shop] = belongs_to({named})" in lines_of(text, "Item")
    assert f"    items: HasMany[Item] = has_many({named})" in lines_of(text, "Shop")


def test_a_table_between_with_columns_of_its_own_stays_to_be_read():
    between = StoredTable(
        "memberships",
        "public",
        tuple(StoredColumn(one, "bigint", "bigint", nullable=False) for one in ("user_id", "team_id", "rank")),
        StoredKey(("team_id", "user_id")),
        foreign_keys=(refers("user_id", "users"), refers("team_id", "teams")),
    )
    text = text_of(table("users"), table("teams"), between)
    assert lines_of(text, "User")[1:] == [
        "    memberships: HasMany[Membership] = has_many()",
        '    teams: ManyToMany[Team] = many_to_many(through="memberships")',
    ]
    assert lines_of(text, "Membership")[:2] == [
        "    team_id: Field[int] = field(primary_key=True)",
        "    user_id: Field[int] = field(primary_key=True)",
    ]


def test_a_key_whose_column_has_no_type_is_no_key():
    odd = StoredColumn("at", "tsrange", "tsrange", nullable=False)
    found = plan(catalog(table("slots", odd, key=("id", "at"))), Choice())
    assert [(one.what, "; it takes no NULL" in one.why) for one in found.left_out] == [("its key", False), ("at", True)]
    assert "primary_key=True" not in module(found, None)


def test_classes_whose_names_are_taken_get_others():
    text = text_of(table("user"), table("users"), table("schemas"), table("any"), table("fields"), table("none"))
    names = [line.split("(")[0] for line in text.splitlines() if line.startswith("class ")]
    assert sorted(names) == sorted(
        ["class User", "class UserRow", "class SchemaRow", "class AnyRow", "class FieldRow", "class NoneRow"]
    )


def test_lines_of_every_length_are_split_as_the_formatter_does(tmp_path):
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    for length in range(1, 64):
        name = "ab" * 32
        columns = [
            StoredColumn(f"{n}{name}"[:length] + n, "text", "text", default=f"'{'x' * size}'")
            for n, size in zip("QRS", (1, 40, 80), strict=True)
        ]
        role = StoredColumn(f"Role {length}", "role", "role", enum=("public", name[:length]))
        enum = StoredEnum(name[:length], "public", (name[:length],))
        keys = tuple(refers(column.name, f"T{name[:length]}") for column in columns)
        (tmp_path / f"of_{length}.py").write_text(
            text_of(table(f"T{name[:length]}", *columns, role, comment=name, foreign_keys=keys), enums=(enum,))
        )
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "--diff", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_a_table_without_a_column_that_has_a_type_is_a_class_all_the_same():
    odd = StoredTable("odd", "public", (StoredColumn("a", "xml", "xml"),))
    assert lines_of(text_of(odd), "Odd") == [
        "    # It has no primary key: its rows can be read and inserted, no more.",
        "    # a (xml) is left out: ectype has no type for `xml`",
        '    """A row of `odd`."""',
    ]


def test_timestamps_need_both_columns_as_the_mixin_has_them():
    def one(**more):
        return StoredColumn("updated_at", "timestamptz", "timestamp with time zone", **{"nullable": False, **more})

    inserted = StoredColumn("inserted_at", "timestamptz", "timestamp with time zone", nullable=False)
    assert "Schema, Timestamps" in text_of(table("a", inserted, one(default="now()")))
    for other in (one(nullable=True), one(comment="of the row")):
        text = text_of(table("a", inserted, other))
        assert "Timestamps" not in text
        assert "    inserted_at: Field[datetime]" in text
    assert "Timestamps" not in text_of(table("a", inserted))


def test_an_empty_catalogue_is_refused():
    with pytest.raises(ConfigError, match="there are no tables in the schema `public`"):
        plan(catalog(), Choice())


# --- the text that SQLite keeps


def test_a_create_table_is_read_past_its_quotes_brackets_and_comments():
    found = read_table(
        """CREATE TABLE "a (b" ( -- one, (
          [x] TEXT COLLATE "NOCASE" DEFAULT (',' || ')') CONSTRAINT pos CHECK (length([x]) > 0),
          `y z` INT GENERATED ALWAYS AS (length("x") + 1) VIRTUAL, /* CHECK (no) */
          z INT CONSTRAINT "to b" REFERENCES b (id) ON DELETE CASCADE,
          "check" INT NOT NULL CHECK ("check" IN (1, 2)),
          FOREIGN KEY (z) REFERENCES c, UNIQUE (z), CONSTRAINT u CHECK (z <> 1)
        ) STRICT"""
    )
    assert found.columns["x"].collation == "NOCASE"
    assert found.columns["y z"].expression == 'length("x") + 1'
    assert found.checks == [("pos", "length([x]) > 0"), (None, '"check" IN (1, 2)'), ("u", "z <> 1")]
    assert found.foreign_keys == ["to b", None]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE INDEX i ON t (a)", (["a"], None)),
        ('CREATE UNIQUE INDEX "i(" ON t (lower(a) COLLATE NOCASE DESC, b ASC)', (["lower(a)", "b"], None)),
        (
            "CREATE INDEX i ON t (a || ' WHERE ') WHERE b IS NOT NULL AND (c > 1)",
            (["a || ' WHERE '"], "b IS NOT NULL AND (c > 1)"),
        ),
        ("", ([], None)),
    ],
)
def test_a_create_index_is_read(sql, expected):
    assert read_index(sql) == expected


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    read_table(text)
    read_table(f"CREATE TABLE t ({text})")
    read_index(text)
