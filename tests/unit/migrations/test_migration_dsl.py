from datetime import datetime
from uuid import UUID

import pytest

from ectype.errors import MigrationError
from ectype.migrations import Migration
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
    (lambda m: m.execute(" "), "m.execute was given no SQL", 'say m.execute("CREATE …", "DROP …")'),
]


@pytest.mark.parametrize(("change", "message", "hint"), REFUSED, ids=[case[1] for case in REFUSED])
def test_a_mistake_is_refused_where_it_is_made(change, message, hint):
    with pytest.raises(MigrationError) as caught:
        change(Migration("up"))
    assert (caught.value.message, caught.value.hint) == (message, hint)
