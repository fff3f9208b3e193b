"""Orders and filters from a user's text: allowed names, cast values, one answer on both databases."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    CastError,
    InvalidParamsError,
    QueryError,
    Repo,
    fn,
    fragment,
    from_,
    or_,
)
from tests.integration.repo.blog import Comment, Post, Role, Sample, User

SORTABLE = {"name": User.name, "age": User.age, "role": User.role}
FILTERABLE = {
    "name": User.name,
    "age": User.age,
    "role": User.role,
    "nick": User.nickname,
    "joined": User.inserted_at,
}


@pytest.fixture
async def people(repo: Repo) -> Repo:
    for name, age, nickname, role in [
        ("Ada", 36, "ada%", Role.ADMIN),
        ("Bob", None, None, Role.MEMBER),
        ("Cleo", 20, "A_b", Role.MEMBER),
        ("Dan", 36, "\\", Role.MEMBER),
    ]:
        await repo.insert(User(name=name, email=name, age=age, nickname=nickname, role=role))
    # A row without a nickname: the column has a default.
    await repo.update_all(from_(User).where(User.name == "Bob"), User.nickname.set(None))
    return repo


async def names(repo: Repo, query: Any) -> str:
    return "".join(user.name[0] for user in await repo.all(query))


# --- orders


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (None, "ABCD"),
        ("", "ABCD"),
        ("name", "ABCD"),
        ("-name", "DCBA"),
        ("+name", "ABCD"),
        (" -name ", "DCBA"),
        ("age", "CADB"),
        ("-age", "DACB"),
        ("age:nulls_first", "BCAD"),
        ("-age:nulls_first", "BDAC"),
        ("age:nulls_last,-name", "CDAB"),
        ("role,-age", "ADCB"),
        ("-role,name", "BCDA"),
    ],
)
async def test_a_text_orders_the_rows(people: Repo, text: str | None, order: str):
    assert await names(people, from_(User).order_by_params(text, sortable=SORTABLE)) == order


async def test_nulls_go_where_the_program_says_on_every_database(people: Repo):
    assert await names(people, from_(User).order_by_params("age", sortable=SORTABLE, nulls="first")) == "BCAD"
    assert await names(people, from_(User).order_by_params("-age", sortable=SORTABLE, nulls="first")) == "BDAC"
    with pytest.raises(QueryError, match="'first' or 'last'"):
        from_(User).order_by_params("age", sortable=SORTABLE, nulls="x")  # type: ignore[arg-type]


def test_the_primary_key_tells_equal_rows_apart_in_the_direction_of_the_last_name():
    base = from_(User)
    assert base.order_by_params("-name", sortable=SORTABLE).node is base.order_by(User.name.desc(), User.id.desc()).node
    assert base.order_by_params("", sortable=SORTABLE).node is base.order_by(User.id).node
    assert base.order_by_params("name", sortable=SORTABLE, tie_break=False).node is base.order_by(User.name).node
    with_key = {"id": User.id, **SORTABLE}
    assert base.order_by_params("-id", sortable=with_key).node is base.order_by(User.id.desc()).node


def test_an_outer_side_may_be_null():
    query = from_(Post).left_join(Post.editor)
    made = query.order_by_params("editor", sortable={"editor": User.name})
    assert made.node is query.order_by(User.name.asc(nulls="last"), Post.id).node
    inner = from_(Post).join(Post.author)
    assert inner.order_by_params("a", sortable={"a": User.name}).node is inner.order_by(User.name, Post.id).node


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("naem", {"naem": ["is not sortable: choose among name, age, role"]}),
        ("password_hash", {"password_hash": ["is not sortable: choose among name, age, role"]}),
        ("name,name", {"name": ["comes twice"]}),
        ("name,-name", {"name": ["comes twice"]}),
        ("name,", {"": ["is not sortable: choose among name, age, role"]}),
        ("--name", {"-name": ["is not sortable: choose among name, age, role"]}),
        ("age:nulls_middle", {"age:nulls_middle": ["is not sortable: choose among name, age, role"]}),
        ("a,b", {"a": ["is not sortable: choose among name, age, role"], "b": [
            "is not sortable: choose among name, age, role"]}),
        ("name,age,role,a,b,c", {"sort": ["has more than 5 key(s)"]}),
        ("x" * 501, {"sort": ["is invalid"]}),
        (3, {"sort": ["is invalid"]}),
        (["name"], {"sort": ["is invalid"]}),
    ],
)  # fmt: skip
def test_an_order_that_is_refused_says_why_to_the_user(text: Any, messages: dict[str, list[str]]):
    with pytest.raises(InvalidParamsError) as raised:
        from_(User).order_by_params(text, sortable=SORTABLE)
    assert raised.value.messages() == messages
    assert isinstance(raised.value, CastError)


def test_programs_that_offer_the_wrong_columns_are_told():
    with pytest.raises(QueryError, match="redacted"):
        from_(User).order_by_params("x", sortable={"x": User.password_hash})
    with pytest.raises(QueryError, match="`sortable` mentions Post"):
        from_(User).order_by_params("x", sortable={"x": Post.title})  # type: ignore[dict-item]
    with pytest.raises(QueryError, match="virtual"):
        from_(User).order_by_params("x", sortable={"x": User.password})
    for wrong in ({}, None, ["name"], {"x": "name"}, {1: User.name}):
        with pytest.raises(QueryError, match="maps names to columns"):
            from_(User).order_by_params("x", sortable=wrong)  # type: ignore[arg-type]
    for query in (from_(User).group_by(User.name), from_(User).distinct(), from_(User).union(from_(User))):
        with pytest.raises(QueryError, match="tie_break=False"):
            query.order_by_params("name", sortable=SORTABLE)


# --- filters


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, "ABCD"),
        ({"name": "Ada"}, "A"),
        ({"name__eq": "Ada"}, "A"),
        ({"name__ne": "Ada"}, "BCD"),
        ({"name__in": "Ada,Dan"}, "AD"),
        ({"name__in": ["Ada", "Bob"]}, "AB"),
        ({"name__in": ""}, ""),
        ({"name__in": []}, ""),
        ({"age__gte": "36"}, "AD"),
        ({"age__gt": 20}, "AD"),
        ({"age__lt": "36", "age__gte": "1"}, "C"),
        ({"age__lte": "36", "name__contains": "A"}, "AD"),
        ({"age__in": "20,36"}, "ACD"),
        ({"age__is_null": "true"}, "B"),
        ({"age__is_null": "false"}, "ACD"),
        ({"age__ne": "20"}, "AD"),
        ({"role": "admin"}, "A"),
        ({"role__in": ["member"]}, "BCD"),
        ({"name__starts_with": "a"}, "A"),
        ({"name__contains": "O"}, "BC"),
        ({"nick__contains": "%"}, "A"),
        ({"nick__contains": "_"}, "C"),
        ({"nick__contains": "\\"}, "D"),
        ({"nick__starts_with": "%"}, ""),
        ({"nick__contains": ""}, "ACD"),
        ({"joined__gt": "2000-01-01T00:00:00Z"}, "ABCD"),
        ({"joined__lt": "2000-01-01 00:00:00+02:00"}, ""),
        ({"name__gt": "Bob", "name__lt": "D"}, "C"),
    ],
)
async def test_params_filter_the_rows(people: Repo, params: dict[str, object], found: str):
    query = from_(User).filter_params(params, filterable=FILTERABLE).order_by(User.id)
    assert await names(people, query) == found


def test_the_same_filters_in_another_order_are_the_same_shape():
    one = from_(User).filter_params({"age__gte": "1", "name": "a"}, filterable=FILTERABLE)
    other = from_(User).filter_params({"name": "b", "age__gte": "7"}, filterable=FILTERABLE)
    assert one.node is other.node is from_(User).where(User.name == "x", User.age >= 3).node
    assert (one.params, other.params) == (("a", 1), ("b", 7))


def test_all_refusals_are_told_at_once_each_by_its_key():
    params: dict[Any, object] = {
        "age__gte": "old",
        "role": "boss",
        "agee": "1",
        "password_hash": "x",
        "age__like": "3",
        "role__contains": "a",
        "joined__gt": "yesterday",
        "name": None,
        "name__in": ["a", 3],
        "age__in": "1,two",
        "age__is_null": "perhaps",
        "name__contains": ["a"],
        "nick": "x" * 1_001,
        "nick__in": [str(number) for number in range(101)],
        "age__eq": "9" * 30,
        "nick__ne": "a\0b",
        3: "x",
        "__": "x",
        "name__eq__": "x",
    }
    with pytest.raises(InvalidParamsError) as raised:
        from_(User).filter_params(params, filterable=FILTERABLE)
    invalid = ["is invalid"]
    unknown = ["is not a filter: choose among name, age, role, nick, joined"]
    assert raised.value.messages() == {
        "age__gte": invalid,
        "role": invalid,
        "agee": unknown,
        "password_hash": unknown,
        "age__like": ["is not a filter of age: choose among eq, ne, in, is_null, gt, gte, lt, lte"],
        "role__contains": ["is not a filter of role: choose among eq, ne, in, is_null"],
        "joined__gt": invalid,
        "name": ["can't be null, ask for is_null"],
        "name__in": invalid,
        "age__in": invalid,
        "age__is_null": invalid,
        "name__contains": invalid,
        "nick": ["should be at most 1000 character(s)"],
        "nick__in": ["has more than 100 value(s)"],
        "age__eq": invalid,
        "nick__ne": invalid,
        "3": unknown,
        "__": unknown,
        "name__eq__": unknown,
    }
    by_key = dict(raised.value.errors)
    assert by_key["age__gte"].meta["type"] == "integer"
    assert by_key["role"].meta["enum"] == ["member", "admin"]
    assert "yesterday" not in str(raised.value)


def test_there_are_so_many_filters_and_no_more():
    with pytest.raises(InvalidParamsError) as raised:
        from_(User).filter_params({f"x{number}": "1" for number in range(21)}, filterable=FILTERABLE)
    assert raised.value.messages() == {"filters": ["has more than 20 filter(s)"]}
    for wrong in (None, "name=x", [("name", "x")]):
        with pytest.raises(InvalidParamsError):
            from_(User).filter_params(wrong, filterable=FILTERABLE)  # type: ignore[arg-type]


def test_a_program_may_allow_fewer_operators():
    allowed = {"age": ["gte", "lte"], "name": ["contains"]}
    from_(User).filter_params({"age__gte": "1", "role": "admin"}, filterable=FILTERABLE, operators=allowed)
    with pytest.raises(InvalidParamsError) as raised:
        from_(User).filter_params({"age": "1", "name": "x"}, filterable=FILTERABLE, operators=allowed)
    assert raised.value.messages() == {
        "age": ["is not a filter of age: choose among gte, lte"],
        "name": ["is not a filter of name: choose among contains"],
    }
    with pytest.raises(QueryError, match="'naem'"):
        from_(User).filter_params({}, filterable=FILTERABLE, operators={"naem": ["eq"]})
    with pytest.raises(QueryError, match="the operator 'contains'"):
        from_(User).filter_params({}, filterable=FILTERABLE, operators={"age": ["contains"]})


def test_columns_that_cannot_be_filtered_by_are_refused_where_they_are_offered():
    for column, words in [
        (User.password_hash, "redacted"),
        (User.password, "virtual"),
        (Post.title, "mentions Post"),
    ]:
        with pytest.raises(QueryError, match=words):
            from_(User).filter_params({}, filterable={"x": column})  # type: ignore[dict-item]
    for column in (Post.meta, Post.tags, fragment("lower({})", Post.title)):
        with pytest.raises(QueryError, match="cannot be cast and compared"):
            from_(Post).filter_params({}, filterable={"x": column})
    for wrong in ({}, None, {"x": "name"}):
        with pytest.raises(QueryError, match="maps names to columns"):
            from_(User).filter_params({}, filterable=wrong)  # type: ignore[arg-type]


async def test_expressions_with_a_type_and_joined_columns_are_filtered_by_too(people: Repo):
    ada = (await people.all(from_(User).order_by(User.id)))[0]
    post = await people.insert(Post(title="Engines", author_id=ada.id))
    await people.insert(Comment(body="x", post_id=post.id))
    query = from_(Post).join(Post.author).join(Post.comments)
    filterable = {"author": User.name, "lower": fn.lower(Post.title), "comment": Comment.body, "x__y": Post.score}
    made = query.filter_params(
        {"author": "Ada", "lower__starts_with": "eng", "comment__ne": "y", "x__y": "0", "x__y__lt": "9"},
        filterable=filterable,
    )
    assert await people.all(made.select(Post.id)) == [post.id]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=6), min_size=1, max_size=5), asked=st.text(max_size=3))
async def test_contains_finds_what_python_finds(repo: Repo, texts: list[str], asked: str):
    clean = [text for text in texts if text.isascii() and "\0" not in text]
    if not asked.isascii() or "\0" in asked:
        return
    await repo.delete_all(Sample)
    await repo.insert_all(Sample, [{"text": text} for text in clean])
    filterable = {"text": Sample.text}
    for word, holds in (("contains", str.__contains__), ("starts_with", str.startswith)):
        query = from_(Sample).filter_params({f"text__{word}": asked}, filterable=filterable)
        found = await repo.all(query.select(Sample.text))
        assert sorted(map(repr, found)) == sorted(repr(text) for text in clean if holds(text.lower(), asked.lower()))


async def test_filters_orders_and_pages_work_together(people: Repo):
    query = (
        from_(User)
        .where(or_(User.age.is_null(), User.age < 99))
        .filter_params({"name__ne": "Cleo"}, filterable=FILTERABLE)
        .order_by_params("-age", sortable=SORTABLE)
    )
    page = await people.page(query, size=2, secret="s" * 16)
    assert [user.name for user in page.rows] == ["Dan", "Ada"]
    page = await people.page(query, size=2, after=page.next, secret="s" * 16)
    assert ([user.name for user in page.rows], page.has_next) == (["Bob"], False)
