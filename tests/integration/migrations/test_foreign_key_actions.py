"""What a foreign key does when the row that it refers to goes or gets another key: each word, over rows."""

import pytest

from ectype import migrations
from ectype.errors import ConstraintError
from ectype.migrations import Migration, references

ROWS = (
    "INSERT INTO teams (code) VALUES ('a'), ('b'), ('none')",
    "INSERT INTO members (id, team) VALUES (1, 'a'), (2, 'b'), (3, NULL)",
)
HELD = [(1, "a"), (2, "b"), (3, None)]
GONE = "DELETE FROM teams WHERE code = 'a'"
MOVED = "UPDATE teams SET code = 'z' WHERE code = 'a'"

# What is said of the key, what happens to the team, and the members afterwards; None where that is refused.
CASES = [
    ({}, GONE, None),
    ({"on_delete": "nothing"}, GONE, None),
    ({"on_delete": "restrict"}, GONE, None),
    ({"on_delete": "cascade"}, GONE, [(2, "b"), (3, None)]),
    ({"on_delete": "set_null"}, GONE, [(1, None), (2, "b"), (3, None)]),
    ({"on_delete": "set_default"}, GONE, [(1, "none"), (2, "b"), (3, None)]),
    ({}, MOVED, None),
    ({"on_update": "nothing"}, MOVED, None),
    ({"on_update": "restrict"}, MOVED, None),
    ({"on_update": "cascade"}, MOVED, [(1, "z"), (2, "b"), (3, None)]),
    ({"on_update": "set_null"}, MOVED, [(1, None), (2, "b"), (3, None)]),
    ({"on_update": "set_default"}, MOVED, [(1, "none"), (2, "b"), (3, None)]),
    ({"on_delete": "cascade", "on_update": "set_null"}, MOVED, [(1, None), (2, "b"), (3, None)]),
]


def teams(m: Migration) -> None:
    with m.create_table("teams", primary_key=False) as t:
        t.column("code", str, primary_key=True)


def with_the_table(actions):
    def change(m: Migration) -> None:
        teams(m)
        with m.create_table("members", primary_key=False) as t:
            t.column("id", int, primary_key=True)
            t.references("team", "teams", column="code", type=str, default="none", **actions)

    return change


def afterwards(actions):
    def change(m: Migration) -> None:
        teams(m)
        with m.create_table("members", primary_key=False) as t:
            t.column("id", int, primary_key=True)
            t.column("team", str, default="none")
        key = references("teams", column="code", **actions)
        m.create_constraint("members", "members_team_fkey", foreign_key="team", references=key)

    return change


@pytest.mark.parametrize("written", [with_the_table, afterwards], ids=["with the table", "afterwards"])
@pytest.mark.parametrize(("actions", "happens", "left"), CASES)
async def test_a_key_does_what_its_words_say_and_refuses_what_they_do_not(
    repo, connection, rows, written, actions, happens, left
):
    assert await migrations.up(repo, 1, written(actions))
    for sql in ROWS:
        await connection.execute(sql)
    if left is None:
        with pytest.raises(ConstraintError) as caught:
            await connection.execute(happens)
        assert caught.value.kind == "foreign_key"
    else:
        await connection.execute(happens)
    found = await rows("SELECT id, team FROM members ORDER BY id")
    assert found == (HELD if left is None else left)
    assert await migrations.down(repo, 1, written(actions))
