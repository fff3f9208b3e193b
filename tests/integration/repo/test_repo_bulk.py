"""`insert_all`, `update_all`, `delete_all`: many rows at once, and nothing implicit."""

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from ectype import (
    CastError,
    ConstraintError,
    DatabaseError,
    QueryError,
    Repo,
    do_nothing,
    do_update,
    fn,
    from_,
    meta,
    replace,
)
from tests.integration.repo.blog import Comment, LogLine, Post, PostLine, Seat, Tag, Token, User


@pytest.fixture
async def user(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada@b.c"))


NOW = datetime(2026, 11, 1, tzinfo=UTC)


def row(user: User, **values: Any) -> dict[str, Any]:
    return {"title": "x", "author_id": user.id, "inserted_at": NOW, "updated_at": NOW, **values}


async def test_mappings_and_structs_are_rows(repo: Repo):
    rows = [{"name": "a", "color": "red"}, MappingProxyType({"name": "b", "color": "blue"}), Tag(name="c")]
    assert await repo.insert_all(Tag, rows) == 3
    assert await repo.insert_all(Tag, (row for row in [{"name": "d", "color": "x"}])) == 1
    assert await repo.all(from_(Tag).order_by(Tag.name).select(Tag.name, Tag.color)) == [
        ("a", "red"),
        ("b", "blue"),
        ("c", "grey"),
        ("d", "x"),
    ]


async def test_no_rows_need_no_statement(repo: Repo, events):
    assert await repo.insert_all(Tag, []) == 0
    assert await repo.insert_all(Tag, [], returning=Tag.name) == []
    assert events == []


async def test_database_defaults_fill_what_a_row_does_not_have_and_the_order_is_kept(repo: Repo, user: User):
    # One statement for each set of columns, since SQLite knows no DEFAULT in VALUES; Ecto writes one statement.
    rows = [
        row(user, title="one", slug="1"),
        {"author_id": user.id, "slug": "2", "inserted_at": NOW, "updated_at": NOW},
        row(user, title="three", slug="3", score=3),
        {"slug": "4", **row(user, title="four")},
        {"author_id": user.id, "slug": "5", "inserted_at": NOW, "updated_at": NOW},
    ]
    assert await repo.insert_all(Post, rows, returning=(Post.title, Post.slug, Post.score)) == [
        ("one", "1", 0),
        ("untitled", "2", 0),
        ("three", "3", 3),
        ("four", "4", 0),
        ("untitled", "5", 0),
    ]


async def test_none_in_a_mapping_is_null_and_none_in_a_struct_is_left_out(repo: Repo):
    line = [{"line": "a", "level": None}, {"line": "b"}]
    assert await repo.insert_all(LogLine, line, returning=LogLine.level) == [None, 7]
    assert await repo.insert_all(LogLine, [LogLine(line="c")], returning=LogLine.level) == [7]


async def test_rows_of_nothing_are_rows_of_defaults(repo: Repo):
    with pytest.raises(ConstraintError):
        await repo.insert_all(LogLine, [{}, {}])


@pytest.mark.parametrize("count", [1, 3])
async def test_returning_gives_values_tuples_or_structs(repo: Repo, count):
    rows = [{"name": f"n{number}", "color": "red"} for number in range(count)]
    assert await repo.insert_all(Tag, rows[:1], returning=Tag.name) == ["n0"]
    assert await repo.delete_all(from_(Tag), returning=(Tag.name, Tag.color)) == [("n0", "red")]
    structs = await repo.insert_all(Tag, rows, returning=Tag)
    assert structs == [Tag(**one) for one in rows]
    assert {meta(one).state for one in structs} == {"loaded"}
    assert await repo.update_all(from_(Tag).where(Tag.name == "n0"), Tag.color.set("blue"), returning=Tag) == [
        Tag(name="n0", color="blue")
    ]
    assert await repo.delete_all(from_(Tag).where(Tag.name == "n0"), returning=Tag.color) == ["blue"]
    assert await repo.delete_all(Tag) == count - 1


async def test_keys_are_made_for_each_row_and_never_overwritten(repo: Repo):
    mine = UUID(int=9)
    rows = [{"label": "a", "secret": mine}, {"label": "b", "secret": mine, "id": mine}, Token(label="c", secret=mine)]
    ids = await repo.insert_all(Token, rows, returning=Token.id)
    assert ids[1] == mine
    assert len(set(ids)) == 3
    # Only keys are made: what else has a generator is not.
    with pytest.raises(ConstraintError):
        await repo.insert_all(Token, [{"label": "d"}])


async def test_timestamps_are_touched_only_when_asked_for(repo: Repo, user: User):
    with pytest.raises(ConstraintError):
        await repo.insert_all(Post, [{"title": "x", "author_id": user.id}])
    rows = [{"title": "x", "author_id": user.id}, {"title": "y", "author_id": user.id, "inserted_at": NOW}]
    posts = await repo.insert_all(Post, rows, timestamps=True, returning=Post)
    assert posts[0].inserted_at == posts[0].updated_at > NOW
    assert posts[1].inserted_at == NOW


async def test_ten_thousand_rows_are_stored_in_their_order(repo: Repo, user: User, events):
    rows = [row(user, title=f"t{number}", score=number, price=Decimal(number) / 4) for number in range(10_000)]
    ids = await repo.insert_all(Post, rows, returning=Post.id)
    assert [event.rows for event in events] == [10_000]
    assert len(set(ids)) == 10_000
    found = await repo.all(from_(Post).where(Post.id.in_(ids[::999])).order_by(Post.id).select(Post.title, Post.score))
    assert found == [(f"t{number}", number) for number in range(0, 10_000, 999)]
    assert await repo.aggregate(Post, fn.sum(Post.price)) == Decimal("12498750.00")
    assert len(await repo.all(Post)) == 10_000
    assert await repo.update_all(from_(Post).where(Post.score < 5_000), Post.score.inc(1)) == 5_000
    assert await repo.delete_all(Post) == 10_000


@pytest.mark.parametrize("mixed", [False, True], ids=["alike", "mixed"])
async def test_one_row_that_breaks_a_constraint_takes_all_others_with_it(repo: Repo, user: User, mixed):
    rows = [row(user, slug=f"{number}") for number in range(50)]
    # With a column of its own the last row is written after all others.
    last = row(user, slug="3", score=5) if mixed else row(user, slug="3")
    with pytest.raises(ConstraintError) as caught:
        await repo.insert_all(Post, [*rows, last])
    assert (caught.value.kind, caught.value.constraint) == ("unique", "posts_slug_index")
    assert not await repo.exists(Post)


async def test_rows_that_are_there_do_what_on_conflict_says(repo: Repo):
    await repo.insert_all(Tag, [{"name": "a", "color": "1"}, {"name": "b", "color": "2"}])
    rows = [{"name": "b", "color": "9"}, {"name": "c", "color": "3"}]
    assert await repo.insert_all(Tag, rows, on_conflict=do_nothing(), returning=Tag.name) == ["c"]
    assert await repo.insert_all(Tag, rows, on_conflict=do_nothing()) == 0
    assert await repo.insert_all(
        Tag,
        [*rows, {"name": "d", "color": "4"}],
        on_conflict=replace(Tag.color),
        conflict_target=Tag.name,
        returning=Tag,
    ) == [Tag(name="b", color="9"), Tag(name="c", color="3"), Tag(name="d", color="4")]
    action = do_update(Tag.color.set(fn.concat(Tag.color, "!")), where=Tag.color != "3")
    assert await repo.insert_all(Tag, rows, on_conflict=action, conflict_target=Tag.name) == 1
    assert await repo.all(from_(Tag).order_by(Tag.name).select(Tag.color)) == ["1", "9!", "3", "4"]


async def test_mixed_rows_of_which_some_are_ignored_give_back_those_that_were_written(repo: Repo, user: User):
    await repo.insert_all(Post, [row(user, slug="1")])
    rows = [row(user, slug="1"), row(user, slug="2", score=2), row(user, slug="3")]
    found = await repo.insert_all(Post, rows, on_conflict=do_nothing(), returning=(Post.slug, Post.score))
    assert sorted(found) == [("2", 2), ("3", 0)]
    assert await repo.insert_all(Post, [*rows, row(user, slug="4")], on_conflict=do_nothing()) == 1


async def test_one_query_may_ask_for_several_things_back(repo: Repo):
    for returning, found in (
        (None, 1),
        (Tag.name, ["a"]),
        (Tag.color, ["1"]),
        ((Tag.color,), [("1",)]),
        (Tag, [Tag(name="a", color="1")]),
    ):
        assert await repo.insert_all(Tag, [{"name": "a", "color": "1"}], returning=returning) == found
        assert await repo.update_all(Tag, Tag.color.set("1"), returning=returning) == found
        assert await repo.delete_all(Tag, returning=returning) == found


async def test_two_rows_for_one_conflict_are_told_apart_or_refused_readably(repo: Repo):
    rows = [{"name": "a", "color": "1"}, {"name": "a", "color": "2"}]
    if repo.adapter.dialect.name == "PostgreSQL":
        with pytest.raises(DatabaseError, match="cannot affect row a second time"):
            await repo.insert_all(Tag, rows, on_conflict=replace(Tag.color), conflict_target=Tag.name)
    else:
        assert await repo.insert_all(Tag, rows, on_conflict=replace(Tag.color), conflict_target=Tag.name) == 2
        assert await repo.all(from_(Tag).select(Tag.color)) == ["2"]


ROWS_REFUSED = [
    ({"titel": "x"}, "field `titel` does not exist in Post\n\nhint: did you mean `title`?"),
    ({"author": 3}, "`Post.author` is an association, and `insert_all` writes one table"),
    ({Post.title: "x"}, "the keys of a row of Post are field names, got Post.title"),
    (("x",), "a row of Post is a mapping or a struct of it, got ('x',)"),
    (Tag(name="x"), "a row of Post is a mapping or a struct of it, got Tag(name='x'"),
    (Tag, "a row of Post is a mapping or a struct of it, got <class"),
]


@pytest.mark.parametrize(("wrong", "message"), ROWS_REFUSED, ids=[case[1][:40] for case in ROWS_REFUSED])
async def test_a_row_that_is_none_is_refused_before_anything_is_sent(repo: Repo, user: User, events, wrong, message):
    for rows in ([wrong], [row(user), wrong]):
        with pytest.raises(QueryError) as caught:
            await repo.insert_all(Post, rows)
        assert str(caught.value).startswith(message)
    with pytest.raises(QueryError, match=r"`User\.password` is virtual"):
        await repo.insert_all(User, [{"name": "x", "password": "y"}])
    assert events == []


async def test_a_value_of_the_wrong_type_names_its_field(repo: Repo, user: User, events):
    with pytest.raises(CastError) as caught:
        await repo.insert_all(Post, [row(user), row(user, score="3")])
    assert caught.value.__notes__ == ["in the field `Post.score`"]
    assert events == []


RETURNING_REFUSED = [User.name, User, (Tag.name, User.name), (), "name", Tag(name="x"), fn.count(Tag.name)]


@pytest.mark.parametrize("returning", RETURNING_REFUSED, ids=lambda one: f"{one!r:.30}")
async def test_what_cannot_come_back_is_refused(repo: Repo, events, returning):
    for write in (
        lambda: repo.insert_all(Tag, [{"name": "a", "color": "b"}], returning=returning),
        lambda: repo.update_all(Tag, Tag.color.set("x"), returning=returning),
        lambda: repo.delete_all(Tag, returning=returning),
    ):
        with pytest.raises(QueryError, match="`returning` takes columns of Tag"):
            await write()
    with pytest.raises(QueryError, match=r"`User\.password` is virtual"):
        await repo.delete_all(User, returning=User.password)
    assert events == []


async def test_a_shape_has_no_rows_to_write(repo: Repo):
    with pytest.raises(QueryError, match="PostLine has no table"):
        await repo.insert_all(PostLine, [{"title": "x"}])
    for write in (lambda: repo.delete_all(PostLine), lambda: repo.update_all(PostLine, PostLine.title.set("x"))):
        with pytest.raises(QueryError, match="PostLine has no table"):
            await write()


async def test_update_all_sets_increments_and_computes_without_touching_timestamps(repo: Repo, user: User):
    await repo.insert_all(Post, [row(user, slug=slug, score=score) for score, slug in enumerate("abc")])
    assert await repo.update_all(Post, Post.score.inc(10), Post.title.set(fn.concat(Post.title, "!"))) == 3
    assert await repo.update_all(from_(Post).where(Post.slug == "b"), Post.slug.set(None), Post.tags.set(["t"])) == 1
    query = from_(Post).order_by(Post.score)
    assert await repo.all(query.select(Post.score, Post.title, Post.slug, Post.tags)) == [
        (10, "x!", "a", []),
        (11, "x!", None, ["t"]),
        (12, "x!", "c", []),
    ]
    assert set(await repo.all(from_(Post).select(Post.updated_at))) == {NOW}
    assert await repo.update_all(from_(Post).where(Post.score > 99), Post.score.set(0)) == 0
    assert await repo.update_all(from_(Post).where(Post.score > 99), Post.score.set(0), returning=Post.id) == []
    found = await repo.update_all(
        from_(Post).where(Post.score == 12), Post.score.inc(-2), returning=(Post.slug, Post.score)
    )
    assert found == [("c", 10)]


async def test_rows_are_chosen_by_a_subquery_where_one_table_is_not_enough(repo: Repo, user: User):
    ids = await repo.insert_all(Post, [row(user, slug=slug) for slug in "ab"], returning=Post.id)
    await repo.insert_all(Comment, [{"body": "!", "post_id": ids[0]}])
    commented = from_(Post).join(Post.comments).select(Post.id)
    assert await repo.update_all(from_(Post).where(Post.id.in_(commented)), Post.score.set(5)) == 1
    newest = from_(Post).order_by(Post.id.desc()).limit(1).select(Post.id)
    assert await repo.delete_all(from_(Post).where(Post.id.in_(newest)), returning=Post.id) == [ids[1]]


@pytest.mark.parametrize(
    ("query", "clause"),
    [
        (lambda: from_(Post).limit(1), "limit"),
        (lambda: from_(Post).order_by(Post.id), "order_by"),
        (lambda: from_(Post).distinct(), "distinct"),
        (lambda: from_(Post).for_update(), "lock"),
    ],
    ids=["limit", "order", "distinct", "lock"],
)
async def test_a_query_of_more_than_can_be_written_over_is_refused_by_name(repo: Repo, events, query, clause):
    with pytest.raises(QueryError, match=f"`update_all` takes a query with .* only, and this one has `{clause}`"):
        await repo.update_all(query(), Post.score.set(1))
    with pytest.raises(QueryError, match=f"`delete_all` takes a query with .* only, and this one has `{clause}`"):
        await repo.delete_all(query())
    assert events == []


async def test_an_assignment_that_is_none_is_refused(repo: Repo):
    with pytest.raises(QueryError, match="nothing is assigned"):
        await repo.update_all(Post)
    with pytest.raises(QueryError, match="assigns to another schema than Post"):
        await repo.update_all(Post, User.name.set("x"))
    with pytest.raises(QueryError, match="an assignment was expected"):
        await repo.update_all(Post, Post.score == 3)


async def test_bulk_writes_are_undone_with_their_transaction(repo: Repo):
    async with repo.transaction() as tx:
        await repo.insert_all(Seat, [{"room": "A", "number": 1}, {"room": "B", "number": 2, "guest": "x"}])
        assert await repo.update_all(Seat, Seat.guest.set("y")) == 2
        tx.rollback()
    assert not await repo.exists(Seat)
