import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import IrreversibleError
from ectype.migrations.reverse import reverse, reverse_all
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Check,
    Column,
    ColumnState,
    Comment,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropConstraint,
    DropIndex,
    DropTable,
    Execute,
    Index,
    ModifyColumn,
    RemoveColumn,
    RenameColumn,
    RenameConstraint,
    RenameIndex,
    RenameTable,
    Table,
    ValidateConstraint,
)
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateFunction,
    CreateSchema,
    CreateTrigger,
    CreateView,
    DropEnum,
    DropFunction,
    DropTrigger,
    DropView,
    Function,
    RenameEnumValue,
    ReplaceFunction,
    ReplaceTrigger,
    ReplaceView,
    Trigger,
    View,
)

names = st.text("abc", min_size=1, max_size=3)
flags = st.booleans()
columns = st.builds(Column, names, st.just(int), null=flags, if_not_exists=flags)
tables = st.builds(Table, names, st.tuples(columns), prefix=st.none() | names)
indexes = st.builds(Index, names, st.tuples(names), names, unique=flags, concurrently=flags, prefix=st.none() | names)
states = st.builds(ColumnState, st.just(int), null=flags, default=st.integers())
changes = st.one_of(
    st.builds(AddColumn, columns),
    columns.map(lambda column: RemoveColumn(column.name, column, column.if_not_exists)),
    st.builds(ModifyColumn, names, states, states),
)
constraints = st.builds(CreateConstraint, names, st.builds(Check, names, names), flags)
views = st.builds(View, names, names, flags, st.none() | names)
functions = st.builds(Function, names, names, names)
triggers = st.builds(Trigger, names, names, names, names)
turned = st.one_of(
    st.builds(AlterTable, names, st.lists(changes, min_size=1).map(tuple)),
    st.builds(RenameTable, names, names),
    st.builds(RenameColumn, names, names, names),
    st.builds(RenameIndex, names, names),
    st.builds(RenameConstraint, names, names, names),
    st.builds(RenameEnumValue, names, names, names),
    st.builds(ValidateConstraint, names, names, undone=flags),
    st.builds(Comment, names, names, st.none() | names, st.none() | names),
    st.builds(ReplaceView, views, views),
    st.builds(ReplaceFunction, functions, functions),
    st.builds(ReplaceTrigger, triggers, triggers),
    st.builds(Execute, names, names),
)
made = st.one_of(
    st.builds(CreateTable, tables, flags),
    st.builds(CreateIndex, indexes, flags),
    constraints,
    st.builds(CreateEnum, names, st.tuples(names)),
    st.builds(CreateView, views),
    st.builds(CreateFunction, functions),
    st.builds(CreateTrigger, triggers),
    st.builds(CreateExtension, names, st.none() | names, st.none() | names, flags),
    st.builds(CreateSchema, names, flags),
)
nodes = st.one_of(turned, made, made.map(reverse))


@given(st.lists(nodes))
def test_turning_round_twice_changes_nothing(commands):
    assert reverse_all(reverse_all(commands)) == tuple(commands)


@given(made)
def test_what_makes_is_turned_round_into_what_removes(node):
    assert type(reverse(node)).__name__ == type(node).__name__.replace("Create", "Drop")


@given(turned)
def test_what_changes_is_turned_round_into_a_change(node):
    assert type(reverse(node)) is type(node)


def test_the_last_command_is_undone_first():
    table, index = Table("t", (Column("a", int),)), Index("t", ("a",), "i")
    assert reverse_all([CreateTable(table), CreateIndex(index)]) == (DropIndex("i", index), DropTable("t", table))


IRREVERSIBLE = [
    (DropTable("posts"), '`m.drop_table("posts")` cannot be turned round: it does not say what the table was'),
    (
        DropIndex("i"),
        '`m.drop_index(…, name="i")` cannot be turned round: it does not say what the index was',
    ),
    (
        AlterTable("posts", (RemoveColumn("age"),)),
        '`t.remove("age") in m.alter_table("posts")` cannot be turned round: it does not say what the column was',
    ),
    (
        Execute("CREATE\n EXTENSION citext"),
        "`m.execute('CREATE EXTENSION citext')` cannot be turned round: it does not say how to undo it",
    ),
    (
        AlterTable("posts", (ModifyColumn("age", ColumnState(int)),)),
        '`t.modify("age") in m.alter_table("posts")` cannot be turned round: it does not say what the column was',
    ),
    (
        AlterTable("posts", (ModifyColumn("age", ColumnState(int, null=False), ColumnState(int)),)),
        '`t.modify("age") in m.alter_table("posts")` cannot be turned round: it changes `null`, '
        "and `from_` does not say what that was",
    ),
    (
        AlterTable("posts", (ModifyColumn("age", ColumnState(int), ColumnState(int, default=1)),)),
        '`t.modify("age") in m.alter_table("posts")` cannot be turned round: it leaves `default`, '
        "and `from_` says what that was",
    ),
    (
        DropConstraint("posts", "c"),
        '`m.drop_constraint("posts", "c")` cannot be turned round: it does not say what the constraint was',
    ),
    (
        DropConstraint("posts", "c", CreateConstraint("posts", Check("c", "x")), if_exists=True),
        '`m.drop_constraint("posts", "c")` cannot be turned round: with `if_exists=True` nobody knows '
        "whether it was there",
    ),
    (
        Comment("posts", "x", "age"),
        '`m.comment("posts", column="age")` cannot be turned round: it does not say what the comment was',
    ),
    (
        AddEnumValue("role", "owner"),
        '`m.add_enum_value("role", "owner")` cannot be turned round: PostgreSQL takes no value of an enum type away',
    ),
    *(
        (node, f"`{call}` cannot be turned round: it does not say {what}, or whether it was there")
        for node, call, what in (
            (DropEnum("role"), 'm.drop_enum("role")', "what its values were"),
            (DropView("v"), 'm.drop_view("v")', "what its query was"),
            (DropFunction("f"), 'm.drop_function("f")', "what its body was"),
            (DropTrigger("t", "posts"), 'm.drop_trigger("t", "posts")', "what it ran"),
        )
    ),
    *(
        (node, f"`{call}` cannot be turned round: it does not say what the {what} was")
        for node, call, what in (
            (ReplaceView(View("v", "q")), 'm.replace_view("v")', "query"),
            (ReplaceFunction(Function("f", "", "b")), 'm.replace_function("f")', "body"),
            (ReplaceTrigger(Trigger("t", "posts", "w", "r")), 'm.replace_trigger("t")', "text"),
        )
    ),
    (Execute("x" * 80), f"`m.execute('{'x' * 59}…')` cannot be turned round: it does not say how to undo it"),
]


@pytest.mark.parametrize(("node", "message"), IRREVERSIBLE, ids=[case[1] for case in IRREVERSIBLE])
def test_what_cannot_be_turned_round_is_named_with_the_fix(node, message):
    with pytest.raises(IrreversibleError) as caught:
        reverse(node)
    assert caught.value.message == message
    assert caught.value.hint
