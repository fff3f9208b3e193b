import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import IrreversibleError
from ectype.migrations.reverse import reverse, reverse_all
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Column,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    Execute,
    Index,
    RemoveColumn,
    RenameColumn,
    RenameTable,
    Table,
)

names = st.text("abc", min_size=1, max_size=3)
columns = st.builds(Column, names, st.just(int), null=st.booleans())
tables = st.builds(Table, names, st.tuples(columns))
indexes = st.builds(Index, names, st.tuples(names), names, unique=st.booleans())
changes = st.one_of(st.builds(AddColumn, columns), columns.map(lambda column: RemoveColumn(column.name, column)))
nodes = st.one_of(
    st.builds(CreateTable, tables),
    tables.map(lambda table: DropTable(table.name, table)),
    st.builds(AlterTable, names, st.lists(changes, min_size=1).map(tuple)),
    st.builds(RenameTable, names, names),
    st.builds(RenameColumn, names, names, names),
    st.builds(CreateIndex, indexes),
    indexes.map(lambda index: DropIndex(index.name, index)),
    st.builds(Execute, names, names),
)


@given(st.lists(nodes))
def test_turning_round_twice_changes_nothing(commands):
    assert reverse_all(reverse_all(commands)) == tuple(commands)


@given(nodes)
def test_what_is_turned_round_is_something_else(node):
    back = reverse(node)
    assert type(back) is not type(node) or isinstance(node, AlterTable | RenameTable | RenameColumn | Execute)


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
    (Execute("x" * 80), f"`m.execute('{'x' * 59}…')` cannot be turned round: it does not say how to undo it"),
]


@pytest.mark.parametrize(("node", "message"), IRREVERSIBLE, ids=[case[1] for case in IRREVERSIBLE])
def test_what_cannot_be_turned_round_is_named_with_the_fix(node, message):
    with pytest.raises(IrreversibleError) as caught:
        reverse(node)
    assert caught.value.message == message
    assert caught.value.hint
