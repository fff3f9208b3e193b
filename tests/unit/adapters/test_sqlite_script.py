"""Scripts fall apart into the statements that SQLite sees in them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.adapters.sqlite_script import statements


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  \n ", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;;SELECT 2 ;", ["SELECT 1;", ";", "SELECT 2 ;"]),
        ("SELECT ';' ; SELECT \"a;b\"", ["SELECT ';' ;", 'SELECT "a;b"']),
        ("SELECT 1 -- ; no end\n; SELECT 2", ["SELECT 1 -- ; no end\n;", "SELECT 2"]),
        ("SELECT /* ; */ 1; -- the end", ["SELECT /* ; */ 1;", "-- the end"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END; SELECT 1",
            ["CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END;", "SELECT 1"],
        ),
        ("SELECT 'unfinished ; text", ["SELECT 'unfinished ; text"]),
    ],
)
def test_a_script_falls_apart_where_statements_end(text, found):
    assert list(statements(text)) == found


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_quoted_text_stays_in_its_statement(texts):
    quoted = ["SELECT '" + text.replace("'", "''") + "';" for text in texts]
    found = list(statements("\n".join(quoted)))
    assert found == quoted
    with sqlite3.connect(":memory:") as connection:
        assert [connection.execute(one).fetchone()[0] for one in found] == texts
    connection.close()
