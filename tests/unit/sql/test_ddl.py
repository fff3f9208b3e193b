import dataclasses

import pytest

from ectype.sql import ddl
from ectype.sql.ddl import Raw, foreign_key_name, index_name


@pytest.mark.parametrize(
    ("table", "columns", "name"),
    [
        ("users", ["email"], "users_email_index"),
        ("users", ["team_id", "email"], "users_team_id_email_index"),
        ("users", [Raw("lower(email)")], "users_lower_email_index"),
        ("posts", [Raw("(meta->>'a')"), "id"], "posts__meta____a_id_index"),
    ],
)
def test_an_index_is_named_after_its_table_and_columns(table, columns, name):
    assert index_name(table, columns) == name


def test_a_foreign_key_is_named_as_changesets_expect():
    assert foreign_key_name("posts", "author_id") == "posts_author_id_fkey"


def test_every_node_is_frozen_and_slotted():
    nodes = [one for one in vars(ddl).values() if dataclasses.is_dataclass(one)]
    assert len(nodes) > 12
    for node in nodes:
        assert node.__dataclass_params__.frozen, node
        assert "__slots__" in vars(node), node
