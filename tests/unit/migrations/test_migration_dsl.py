from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from ectype.errors import MigrationError
from ectype.migrations import Migration, indexed, references, set_null
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Check,
    Column,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    Execute,
    Index,
    References,
    RemoveColumn,
    RenameColumn,
    RenameTable,
    Table,
)

ID = Column("id", int, null=False, primary_key=True, identity=True)


def test_commands_are_kept_in_the_order_in_which_they_are_given():
    m = Migration("up")
    with m.create_table("posts") as t:
        t.column("title", str, null=False, default="")
        t.references("author_id", "users", on_delete="cascade", null=False)
        t.check("titled", "title <> ''")
        t.timestamps()
    with m.alter_table("posts") as t:
        t.column("age", int)
        t.remove("title", str, default="")
        t.remove("old")
    m.rename_table("posts", to="articles")
    m.rename_column("articles", "age", to="years")
    m.create_index("articles", "years", unique=True, where="years > 1")
    m.drop_index("articles", "years")
    m.drop_index("articles", name="named")
    m.drop_table("gone")
    m.execute("a", "b")
    index = Index("articles", ("years",), "articles_years_index")
    assert m.commands() == (
        CreateTable(
            Table(
                "posts",
                (
                    ID,
                    Column("title", str, null=False, default=""),
                    Column("author_id", int, null=False, references=References("users", on_delete="cascade")),
                    Column("inserted_at", datetime, null=False),
                    Column("updated_at", datetime, null=False),
                ),
                (Check("titled", "title <> ''"),),
            )
        ),
        AlterTable(
            "posts",
            (
                AddColumn(Column("age", int)),
                RemoveColumn("title", Column("title", str, default="")),
                RemoveColumn("old"),
            ),
        ),
        RenameTable("posts", "articles"),
        RenameColumn("articles", "age", "years"),
        CreateIndex(Index("articles", ("years",), "articles_years_index", unique=True, where="years > 1")),
        DropIndex("articles_years_index", index),
        DropIndex("named", None),
        DropTable("gone"),
        Execute("a", "b"),
    )


def test_the_default_key_gives_way_to_one_that_is_named():
    m = Migration("up")
    with m.create_table("a") as t:
        t.column("id", UUID, primary_key=True)
    with m.create_table("b", primary_key=False) as t:
        t.column("x", int)
    with m.create_table("c") as t:
        t.references("a_id", "a", type=UUID, primary_key=True)
        t.references("b_id", "b", primary_key=True)
    tables = [node.table for node in m.commands()]
    assert [[column.name for column in table.columns] for table in tables] == [["id"], ["x"], ["a_id", "b_id"]]
    assert [[column.primary_key for column in table.columns] for table in tables] == [[True], [False], [True, True]]


def test_a_default_is_not_shared_with_the_caller():
    m = Migration("up")
    default = {"a": [1]}
    with m.create_table("t", primary_key=False) as t:
        t.column("x", dict, default=default)
    default["a"].append(2)
    assert m.commands()[0].table.columns[0].default == {"a": [1]}


def test_a_block_that_raises_records_nothing():
    m = Migration("up")
    with pytest.raises(ZeroDivisionError), m.create_table("t"):
        1 / 0
    with pytest.raises(MigrationError):
        m.commands()


def twice(m: Migration) -> None:
    with m.create_table("t") as t:
        t.column("a", int)
        t.timestamps()
        t.references("a", "others")


def alter_twice(m: Migration) -> None:
    with m.alter_table("t") as t:
        t.column("a", int)
        t.remove("a")


def two_checks(m: Migration) -> None:
    with m.create_table("t") as t:
        t.check("c", "true")
        t.check("c", "true")


def unknown_action(m: Migration) -> None:
    with m.create_table("t") as t:
        t.references("a", "others", on_delete="cascde")


def set_null_of_not_null(m: Migration) -> None:
    with m.create_table("t") as t:
        t.references("a", "others", on_delete="set_null", null=False)


def id_that_is_no_key(m: Migration) -> None:
    with m.create_table("t") as t:
        t.column("id", int)


def alter(m: Migration, do: Callable[[Any], Any]) -> None:
    with m.alter_table("t") as t:
        do(t)


def empty_alter(m: Migration) -> None:
    with m.alter_table("t"):
        pass


def options_without_a_type(m: Migration) -> None:
    with m.alter_table("t") as t:
        t.remove("a", null=False)


def without_with(m: Migration) -> None:
    m.create_table("t")
    m.commands()


REFUSED = [
    (twice, "the column `a` of `t` is given twice", "take one of the two lines out"),
    (alter_twice, "the column `a` of `t` is given twice", "take one of the two lines out"),
    (two_checks, "the check `c` of `t` is given twice", "give it another name"),
    (unknown_action, "'cascde' is nothing that `a` of `t` can do", "did you mean `cascade`?"),
    (
        set_null_of_not_null,
        "`a` of `t` takes no NULL, so a foreign key cannot set it to NULL",
        'leave `null=False` out, or take on_delete="cascade" or "restrict"',
    ),
    (
        id_that_is_no_key,
        "`t` has a column `id` that is no primary key, and gets one of that name by default",
        'say t.column("id", …, primary_key=True), or m.create_table(…, primary_key=False)',
    ),
    (
        empty_alter,
        'm.alter_table("t") changes nothing',
        "add a `t.column(…)`, or take the block out",
    ),
    (
        options_without_a_type,
        't.remove("a") has the options of a column, but no type',
        'say what it was: t.remove("a", str, null=False)',
    ),
    (
        without_with,
        '`m.create_table("t")` was called without `with`, so nothing of it would happen',
        'open it as a block:\n\n    with m.create_table("t") as t:\n        t.column(…)',
    ),
    (lambda m: m.create_index("t"), 'm.create_index("t") names no column', 'say m.create_index("t", "column")'),
    (
        lambda m: m.drop_index("t"),
        'm.drop_index("t") names no index',
        'say m.drop_index("t", "column") as it was created, or name="t_column_index"',
    ),
    (
        lambda m: m.create_index("t", "a", unqiue=True),
        "m.create_index has no option `unqiue`",
        "did you mean `unique`?",
    ),
    (lambda m: indexed("a", "down"), "an index has no direction 'down'", "known names are: asc, desc"),
    (
        lambda m: alter(m, lambda t: t.column("a", int, defualt=1)),
        't.column("a") has no option `defualt`',
        None,
    ),
    (
        lambda m: alter(m, lambda t: t.column("a", int, start=5)),
        "`a` of `t` has `start=` or `increment=`, and nobody numbers it",
        'say who does: identity="by_default"',
    ),
    (
        lambda m: alter(m, lambda t: t.column("a", int, identity="allways")),
        "`a` of `t` has identity='allways'",
        "did you mean `always`?",
    ),
    (
        lambda m: alter(m, lambda t: t.modify("a", references("u", on_delete="set_null"), null=False)),
        "`a` of `t` takes no NULL, so a foreign key cannot set it to NULL",
        'leave `null=False` out, or take on_delete="cascade" or "restrict"',
    ),
    (
        lambda m: alter(m, lambda t: t.references("a", "u", on_delete=set_null("a"), null=False)),
        "`a` of `t` takes no NULL, so a foreign key cannot set it to NULL",
        'leave `null=False` out, or take on_delete="cascade" or "restrict"',
    ),
    (lambda m: references("u", match="ful"), "match='ful' of a foreign key to `u` is no word for it", None),
    (lambda m: references("u", on_update="cascde"), "'cascde' is nothing that a foreign key to `u` can do", None),
    (lambda m: set_null(), "set_null() names no column", 'say on_delete="set_null" for all of the key'),
    (
        lambda m: m.create_constraint("t", "c"),
        'm.create_constraint("t", "c") is no constraint: it must be one thing',
        'say what it is, as m.create_constraint("t", "c", check="price > 0")',
    ),
    (
        lambda m: m.create_constraint("t", "c", check="a", unique=["b"]),
        'm.create_constraint("t", "c") is check and unique: it must be one thing',
        'say what it is, as m.create_constraint("t", "c", check="price > 0")',
    ),
    (
        lambda m: m.create_constraint("t", "c", check="a", using_index="i"),
        'm.create_constraint("t", "c") has `using_index=`, which does not belong to `check=`',
        "beside `check=` it may have `validate=`",
    ),
    (
        lambda m: m.create_constraint("t", "c", foreign_key="a"),
        'm.create_constraint("t", "c") does not say what it references',
        'say foreign_key="author_id", references=references("users")',
    ),
    (
        lambda m: m.create_constraint("t", "c", foreign_key="a", references=references("u", name="d")),
        'm.create_constraint("t", "c") and its references(…) give two names',
        'leave name="d" out of references(…)',
    ),
    (
        lambda m: m.create_constraint("t", "c", unique=[]),
        'm.create_constraint("t", "c") names no column',
        'say unique=["email"]',
    ),
    (lambda m: m.create_enum("e", []), "the enum type `e` has texts for values, got ()", None),
    (lambda m: m.create_enum("e", ["a", "a"]), "the enum type `e` has a value twice", "take one of them out"),
    (
        lambda m: m.add_enum_value("e", "c", before="a", after="b"),
        'm.add_enum_value("e", "c") has `before=` and `after=`',
        "give one of them",
    ),
    (lambda m: m.create_view("v", " "), "the view `v` has no query", 'say "SELECT …"'),
    (lambda m: m.execute(" "), "m.execute was given no SQL", 'say m.execute("CREATE …", "DROP …")'),
]


@pytest.mark.parametrize(("change", "message", "hint"), REFUSED, ids=[case[1] for case in REFUSED])
def test_a_mistake_is_refused_where_it_is_made(change, message, hint):
    with pytest.raises(MigrationError) as caught:
        change(Migration("up"))
    assert caught.value.message == message
    assert caught.value.hint
    assert hint in (None, caught.value.hint)
