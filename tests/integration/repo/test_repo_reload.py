"""Structs read anew by key, rows by conditions or by key over a query, and what cannot be read so."""

from typing import Any

import pytest

from ectype import (
    CastError,
    MultipleResultsError,
    NoPrimaryKeyError,
    NoResultsError,
    QueryError,
    Repo,
    SchemaError,
    change,
    evolve,
    fn,
    from_,
    is_loaded,
    meta,
    source,
    with_meta,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Comment, LogLine, Post, Seat, Tag, User

OLD = source(Tag, "old_tags")


@pytest.fixture
async def people(repo: Repo) -> list[User]:
    for name in ("Ada", "Bo", "Cy"):
        await repo.insert(User(name=name, email=name.lower()), event=None)
    return await repo.all(from_(User).order_by(User.id), event=None)


async def test_a_struct_is_read_as_its_row_is_now(repo: Repo, people: list[User]):
    ada = people[0]
    await repo.update(change(ada, User.name.set("Eve")))
    assert ada.name == "Ada"
    again = await repo.reload(ada)
    assert again is not None
    assert again.name == "Eve"
    assert await repo.reload_or_raise(ada) == again


async def test_a_list_keeps_its_order_its_doubles_and_the_places_of_what_is_gone(repo: Repo, people: list[User]):
    ada, bo, cy = people
    await repo.delete(bo)
    assert await repo.reload([cy, bo, ada, cy]) == [cy, None, ada, cy]
    assert await repo.reload([bo]) == [None]
    assert await repo.reload(bo) is None


async def test_a_list_takes_one_statement(repo: Repo, people: list[User], events: list[QueryEvent]):
    await repo.reload(people)
    assert len(events) == 1


async def test_nothing_is_read_for_no_structs(repo: Repo, events: list[QueryEvent]):
    assert await repo.reload([]) == []
    assert await repo.reload_or_raise([]) == []
    assert not events


async def test_associations_are_not_loaded_again(repo: Repo, people: list[User]):
    loaded = await repo.preload(people[0], User.posts)
    again = await repo.reload_or_raise(loaded)
    assert not is_loaded(again, User.posts)


async def test_a_missing_row_raises_with_its_key(repo: Repo, people: list[User]):
    await repo.delete(people[1])
    with pytest.raises(NoResultsError, match=f"no row was found: User with the key {people[1].id}"):
        await repo.reload_or_raise(people)
    with pytest.raises(NoResultsError, match="User with the key"):
        await repo.reload_or_raise(people[1])


async def test_composite_keys_are_reloaded_too(repo: Repo):
    one = await repo.insert(Seat(room="a", number=1))
    two = await repo.insert(Seat(room="b", number=1))
    await repo.update(change(two, Seat.guest.set("Ada")))
    await repo.delete(one)
    assert await repo.reload([two, one]) == [evolve(two, guest="Ada"), None]
    with pytest.raises(NoResultsError, match=r"Seat with the key \('a', 1\)"):
        await repo.reload_or_raise([two, one])


async def test_each_struct_is_read_from_the_table_it_came_from(repo: Repo):
    await repo._session.script("CREATE TABLE old_tags (name text PRIMARY KEY, color text NOT NULL)")
    try:
        here = await repo.insert(Tag(name="red", color="here"))
        await repo.insert_all(OLD, [{"name": "red", "color": "old"}])
        old = await repo.get_or_raise(OLD, "red")
        await repo.update(change(old, Tag.color.set("older")))
        again = await repo.reload([old, here])
        assert [one and one.color for one in again] == ["older", "here"]
        assert [meta(one).source for one in again if one] == ["old_tags", "tags"]
    finally:
        await repo._session.script("DROP TABLE old_tags")


async def test_a_struct_is_read_from_the_prefix_it_came_from(repo: Repo, people: list[User]):
    elsewhere = with_meta(people[0], prefix="nowhere")
    with pytest.raises(Exception, match="nowhere"):
        await repo.reload(elsewhere)


UNREADABLE: list[tuple[Any, type[Exception], str]] = [
    ([User(name="x", email="x")], QueryError, r"`reload` needs the primary key of User \(id\)"),
    (User(name="x", email="x"), QueryError, "`reload` needs the primary key of User"),
    ([Tag(name="x"), User(id=1, name="x", email="x")], QueryError, "structs of one schema, got Tag and User"),
    (LogLine(line="x"), NoPrimaryKeyError, "LogLine has no primary key, so `reload` cannot tell its row"),
    (3, SchemaError, "a struct of a schema was expected, got 3"),
    ([None], SchemaError, "a struct of a schema was expected, got None"),
]


@pytest.mark.parametrize(("subject", "error", "message"), UNREADABLE)
async def test_what_cannot_be_reloaded_is_refused(repo: Repo, subject: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        await repo.reload(subject)


async def test_all_by_gives_the_rows_for_which_all_predicates_hold(repo: Repo, people: list[User]):
    assert await repo.all_by(User, User.name == "Ada") == [people[0]]
    assert await repo.all_by(User, User.name != "Ada", User.email == "cy") == [people[2]]
    assert await repo.all_by(User, User.age.is_null(), User.name == "Eve") == []
    with pytest.raises(QueryError, match="`all_by` needs a condition"):
        await repo.all_by(User)


async def test_get_finds_the_key_among_the_rows_of_a_query(repo: Repo, people: list[User]):
    ada = people[0]
    post = await repo.insert(Post(title="t", author_id=ada.id))
    query = from_(User).where(User.name == "Ada")
    assert await repo.get(query, ada.id) == ada
    assert await repo.get(query, people[1].id) is None
    assert await repo.get(query.select(User.name), ada.id) == "Ada"
    loaded = await repo.get_or_raise(from_(Post).preload(Post.author), post.id)
    assert loaded.author == ada
    joined = from_(Post).join(Post.author).select(Post.title, User.name)
    assert await repo.get(joined, post.id) == ("t", "Ada")
    with pytest.raises(NoResultsError, match=r"from_\(User\).where\(User.name == 'Ada'\) with the key -1"):
        await repo.get_or_raise(query, -1)


async def test_get_over_a_query_that_multiplies_its_rows_raises(repo: Repo, people: list[User]):
    post = await repo.insert(Post(title="t", author_id=people[0].id))
    await repo.insert_all(Comment, [{"body": "a", "post_id": post.id}, {"body": "b", "post_id": post.id}])
    with pytest.raises(MultipleResultsError, match="at most one row was expected, got 2"):
        await repo.get(from_(Post).join(Post.comments), post.id)


async def test_get_over_combined_queries_is_refused(repo: Repo):
    with pytest.raises(QueryError, match="in the first of the combined queries only"):
        await repo.get(from_(Tag).union(from_(Tag)), "red")


@pytest.fixture
async def seats(repo: Repo) -> Repo:
    await repo.insert_all(Seat, [{"room": "a", "number": number} for number in range(3)])
    return repo


async def test_check_52_a_key_of_none_two_rows_for_one_and_composite_keys(seats: Repo):
    """Ecto raises for a composite key; here it is a tuple."""
    with pytest.raises(QueryError, match="needs the primary key of Post, got None"):
        await seats.get(Post, None)
    with pytest.raises(QueryError, match="needs the primary key of Post, got None"):
        await seats.get(from_(Post), None)
    with pytest.raises(MultipleResultsError, match="at most one row was expected, got 3"):
        await seats.one(Seat)
    assert await seats.get(Seat, ("a", 1)) == Seat(room="a", number=1)
    assert await seats.get(from_(Seat).where(Seat.number > 1), ("a", 1)) is None
    with pytest.raises(QueryError, match=r"the primary key of Seat is \(room, number\), got 'a'"):
        await seats.get(from_(Seat), "a")
    with pytest.raises(CastError):
        await seats.get(from_(Post), "x")
    assert await seats.aggregate(from_(Seat).limit(2), fn.count()) == 2
