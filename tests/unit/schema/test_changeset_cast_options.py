"""The options of `cast`, and params that were made to hurt."""

import time
from decimal import Decimal
from typing import Any

import pytest

from ectype.errors import SchemaError
from ectype.schema.aliases import alias
from ectype.schema.changeset import change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    visits: Field[int] = field(default=0)
    score: Field[int | None] = field(default=10)
    price: Field[Decimal | None] = field(default=None)
    ratio: Field[float | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    pin: Field[int | None] = field(redact=True, default=None)


def stored(**values: Any) -> Post:
    return Post(**{"id": 1, "title": "Old", **values})


def test_without_trimming_white_space_is_a_value():
    params = {"title": "  ", "tags": [" ", "", "a"], "score": " "}
    changeset = change(stored()).cast(params, Post.title, Post.tags, Post.score, trim=False)
    assert changeset.changes == {"title": "  ", "tags": [" ", "a"]}
    assert changeset.errors == (("score", Error("is invalid", type="integer", validation="cast")),)
    assert change(stored()).cast({"title": ""}, Post.title, trim=False).errors == (
        ("title", Error("can't be blank", validation="required")),
    )


@pytest.mark.parametrize("given", ["7", 7, "1.5", "n/a", True])
def test_what_counts_as_empty_does_so_however_usual_it_is(given: Any):
    columns = (Post.title, Post.score, Post.ratio, Post.price)
    params = dict.fromkeys(("title", "score", "ratio", "price"), given)
    changeset = change(stored(ratio=2.0, price=Decimal(2))).cast(params, *columns, empty_values=[given])
    assert changeset.changes == {"ratio": None, "price": None}
    assert [name for name, _ in changeset.errors] == ["title"]


def test_forced_changes_are_kept_although_they_equal_the_struct():
    post = stored(price=Decimal(1), visits=0)
    params = {"title": "Old", "price": "1.00", "visits": "", "score": None}
    changeset = change(post).cast(params, Post.title, Post.price, Post.visits, Post.score, force_changes=True)
    assert changeset.changes == {"title": "Old", "price": Decimal("1.00"), "visits": 0, "score": None}
    assert change(Post).cast({"title": None}, Post.title, force_changes=True).changes == {}


def test_a_message_of_ones_own_is_made_from_the_field_and_the_metadata():
    seen: list[tuple[str, dict[str, Any]]] = []

    def message(name: str, meta: Any) -> Any:
        seen.append((name, dict(meta)))
        return {"visits": "is no number", "score": Error("is %{what}", what="odd"), "pin": ("no", {"code": "pin"})}.get(
            name
        )

    params = {"visits": "x", "score": "x", "price": "x", "pin": "x", "title": None}
    columns = (Post.visits, Post.score, Post.price, Post.pin, Post.title)
    changeset = change(stored()).cast(params, *columns, message=message)
    assert changeset.errors == (
        ("visits", Error("is no number", type="integer", validation="cast")),
        ("score", Error("is %{what}", type="integer", validation="cast", what="odd")),
        ("price", Error("is invalid", type="decimal", validation="cast")),
        ("pin", Error("no", type="integer", validation="cast", code="pin")),
        ("title", Error("can't be blank", validation="required")),
    )
    assert seen[0] == ("visits", {"type": "integer", "validation": "cast"})
    assert seen[-1] == ("title", {"validation": "required"})


def test_a_message_that_is_none_of_these_is_refused():
    def message(name: str, meta: Any) -> Any:
        return 3

    with pytest.raises(SchemaError, match="a message is a text, got 3"):
        change(Post).cast({"visits": "x"}, Post.visits, message=message)


def test_what_is_no_column_at_all_is_refused_with_our_own_error():
    for wrong in ([Post.title], {"title"}, None, Post):
        with pytest.raises(SchemaError, match="a column of Post was expected"):
            change(Post).cast({"title": "x"}, wrong)  # type: ignore[arg-type]


def test_a_field_that_is_permitted_twice_is_cast_once():
    changeset = change(Post).cast({"visits": "x"}, Post.visits, alias(Post, "p").visits)
    assert len(changeset.errors) == 1


def test_how_columns_are_cast_is_remembered_up_to_a_bound():
    for number in range(600):
        assert change(Post).cast({"visits": "1"}, alias(Post, f"p{number}").visits).changes == {"visits": 1}
    assert len(Post.__schema__.casts) <= 256


def test_new_structs_of_a_schema_share_no_list():
    first, second = change(Post).data, change(Post).data
    first.tags.append("a")
    assert second.tags == []


HUGE = 2_000_000
HOSTILE: list[tuple[str, object]] = [
    ("visits", "9" * HUGE),
    ("visits", "+" * HUGE),
    ("visits", 10**5_000),
    ("price", "9" * HUGE),
    ("price", "1e" + "9" * HUGE),
    ("price", "1e999999999"),
    ("price", Decimal("1e999999")),
    ("ratio", "1" * HUGE),
    ("ratio", "1e999999999"),
    ("visits", " " * HUGE + "x"),
    ("tags", "x" * HUGE),
    ("tags", [0] * 200_000),
    ("tags", {"a": "b"}),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE, ids=range(len(HOSTILE)))
def test_no_param_stops_the_event_loop(name: str, value: object):
    started = time.process_time()
    changeset = change(Post).cast({name: value}, getattr(Post, name))
    assert time.process_time() - started < 2.5
    assert not changeset.valid
    assert not changeset.changes


def test_params_that_are_not_permitted_cost_nothing_but_their_copy():
    params: dict[str, object] = {f"x{i}": "9" * 100 for i in range(100_000)}
    started = time.process_time()
    assert change(Post).cast({**params, "visits": "1"}, Post.visits).changes == {"visits": 1}
    assert time.process_time() - started < 5
