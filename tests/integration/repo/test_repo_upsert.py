"""`upsert`, and `insert` with `on_conflict`: every action tells what it did, and gives the row as it is."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ectype import (
    ConflictIgnoredError,
    DatabaseError,
    Ignored,
    Inserted,
    InvalidChangesetError,
    QueryError,
    Repo,
    Updated,
    change,
    do_nothing,
    do_update,
    excluded,
    fn,
    from_,
    meta,
    replace,
    replace_all,
    replace_all_except,
)
from tests.integration.repo.blog import Booking, Post, Seat, Tag, Token, User

OLD = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
async def user(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada@b.c"))


@pytest.fixture
async def post(repo: Repo, user: User) -> Post:
    """What is there: the post `one`."""
    return await repo.insert(
        Post(
            title="old",
            slug="one",
            score=1,
            tags=["a"],
            price=Decimal("1.50"),
            author_id=user.id,
            inserted_at=OLD,
            updated_at=OLD,
        )
    )


def new(user: User, **values):
    """What is wanted: another post under the same slug."""
    return Post(**{"title": "new", "slug": "one", "score": 10, "author_id": user.id, **values})


async def test_a_row_that_is_not_there_is_inserted_whatever_the_action(repo: Repo, user: User):
    for number, action in enumerate(
        (do_nothing(), replace(Post.title), replace_all(), replace_all_except(Post.score), do_update(Post.score.inc(1)))
    ):
        outcome = await repo.upsert(new(user, slug=f"{number}"), on_conflict=action, conflict_target=Post.slug)
        assert isinstance(outcome, Inserted)
        assert outcome.struct == await repo.get(Post, outcome.struct.id)
        assert meta(outcome.struct).state == "loaded"
    assert isinstance(await repo.upsert(new(user, slug="x"), on_conflict=do_nothing()), Inserted)
    assert isinstance(
        await repo.upsert(new(user, slug=None), on_conflict=replace_all(), conflict_target=Post.slug), Inserted
    )


async def test_replace_writes_the_named_columns(repo: Repo, user: User, post: Post):
    outcome = await repo.upsert(new(user), on_conflict=replace(Post.title), conflict_target=Post.slug)
    assert isinstance(outcome, Updated)
    stored = await repo.get_or_raise(Post, post.id)
    assert outcome.struct == stored
    assert (stored.title, stored.score, stored.tags, stored.updated_at) == ("new", 1, ["a"], OLD)


async def test_replace_all_writes_what_is_sent_but_target_key_and_inserted_at(repo: Repo, user: User, post: Post):
    # Ecto writes generated keys and `inserted_at` too.
    outcome = await repo.upsert(new(user, id=post.id + 77), on_conflict=replace_all(), conflict_target=(Post.slug,))
    assert isinstance(outcome, Updated)
    stored = await repo.get_or_raise(Post, post.id)
    assert outcome.struct == stored
    assert (stored.title, stored.score, stored.tags, stored.inserted_at) == ("new", 10, [], OLD)
    # What the insert did not send is as it was.
    assert stored.price == Decimal("1.50")
    assert stored.updated_at > OLD


async def test_replace_all_except_leaves_more_alone(repo: Repo, user: User, post: Post):
    outcome = await repo.upsert(
        new(user), on_conflict=replace_all_except(Post.title, Post.updated_at), conflict_target=Post.slug
    )
    assert isinstance(outcome, Updated)
    assert (outcome.struct.title, outcome.struct.score, outcome.struct.updated_at) == ("old", 10, OLD)


async def test_do_update_computes_with_the_old_and_the_new_row(repo: Repo, user: User, post: Post):
    action = do_update(
        Post.score.set(Post.score + excluded(Post.score)),
        Post.title.set("met"),
        Post.tags.set(["b"]),
        where=Post.score < 20,
    )
    scores = []
    for _ in range(3):
        match await repo.upsert(new(user), on_conflict=action, conflict_target=Post.slug):
            case Updated(struct):
                assert (struct.title, struct.tags) == ("met", ["b"])
                scores.append(struct.score)
            case Ignored(struct):
                assert struct == await repo.get(Post, post.id)
                scores.append("ignored")
            case Inserted():
                scores.append("inserted")
    assert scores == [11, 21, "ignored"]


async def test_do_nothing_gives_the_row_that_is_there_where_a_target_says_which(repo: Repo, user: User, post: Post):
    with_target = await repo.upsert(new(user), on_conflict=do_nothing(), conflict_target=Post.slug)
    assert with_target == Ignored(post)
    assert await repo.upsert(new(user), on_conflict=do_nothing()) == Ignored(None)
    assert await repo.get(Post, post.id) == post


async def test_a_composite_or_caller_given_key_is_a_target(repo: Repo):
    await repo.insert(Seat(room="A", number=1, guest="Ada"))
    outcome = await repo.upsert(
        Seat(room="A", number=1, guest="Grace"),
        on_conflict=replace(Seat.guest),
        conflict_target=(Seat.room, Seat.number),
    )
    assert outcome == Updated(Seat(room="A", number=1, guest="Grace"))
    assert await repo.upsert(
        Tag(name="red", color="red"), on_conflict=replace_all(), conflict_target=Tag.name
    ) == Inserted(Tag(name="red", color="red"))
    assert await repo.upsert(
        Tag(name="red", color="dark"), on_conflict=replace_all(), conflict_target=Tag.name
    ) == Updated(Tag(name="red", color="dark"))


async def test_a_key_that_was_made_here_is_given_up_for_the_one_that_is_there(repo: Repo):
    first = await repo.insert(Token(label="x"))
    outcome = await repo.upsert(
        Token(id=first.id, label="y"), on_conflict=replace(Token.label), conflict_target=Token.id
    )
    assert isinstance(outcome, Updated)
    assert (outcome.struct.id, outcome.struct.secret, outcome.struct.label) == (first.id, first.secret, "y")


async def test_insert_with_on_conflict_gives_the_row_and_raises_when_nothing_was_written(
    repo: Repo, user: User, post: Post
):
    # Ecto returns a struct that looks inserted, without its key.
    written = await repo.insert(new(user), on_conflict=replace(Post.title), conflict_target=Post.slug)
    assert (written.id, written.title, written.score) == (post.id, "new", 1)
    for target in (Post.slug, None):
        with pytest.raises(ConflictIgnoredError) as caught:
            await repo.insert(new(user), on_conflict=do_nothing(), conflict_target=target)
        assert str(caught.value) == (
            "the insert wrote nothing, because of `on_conflict=do_nothing()`\n\n"
            "hint: use `repo.upsert(…)`, which tells what it did"
        )
    assert (await repo.insert(new(user, slug="two"), on_conflict=do_nothing())).slug == "two"


async def test_a_struct_that_comes_back_compares_its_documents_with_what_is_stored(repo: Repo, user: User, post: Post):
    outcome = await repo.upsert(new(user, tags=["c"]), on_conflict=replace(Post.tags), conflict_target=Post.slug)
    assert isinstance(outcome, Updated)
    outcome.struct.tags.append("d")
    assert dict(change(outcome.struct, Post.tags.set(outcome.struct.tags)).changes) == {"tags": ["c", "d"]}


async def test_virtual_members_stay_in_the_struct(repo: Repo, user: User):
    subject = change(User(name="Grace", email="ada@b.c", password="one")).put_change(User.password, "two")
    outcome = await repo.upsert(subject, on_conflict=replace(User.name), conflict_target=User.email)
    assert isinstance(outcome, Updated)
    assert (outcome.struct.id, outcome.struct.name, outcome.struct.password) == (user.id, "Grace", "two")


async def test_another_constraint_is_still_an_error_of_the_changeset(repo: Repo):
    await repo.insert(Booking(room="A", day=1, code="x"))
    subject = change(Booking(room="A", day=2, code="x")).unique_constraint(Booking.code, name="one_code")
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.upsert(subject, on_conflict=replace(Booking.persons), conflict_target=(Booking.room, Booking.day))
    assert caught.value.changeset.traverse_errors() == {"code": ["has already been taken"]}
    invalid = change(Tag(name="x")).add_error(Tag.name, "is bad")
    with pytest.raises(InvalidChangesetError, match="is bad"):
        await repo.upsert(invalid, on_conflict=replace_all(), conflict_target=Tag.name)


async def test_an_upsert_works_in_a_transaction_and_is_undone_with_it(repo: Repo, user: User, post: Post):
    async with repo.transaction() as tx:
        outcome = await repo.upsert(new(user), on_conflict=replace(Post.title), conflict_target=Post.slug)
        assert isinstance(outcome, Updated)
        assert isinstance(await repo.upsert(new(user, slug="b"), on_conflict=do_nothing()), Inserted)
        tx.rollback()
    assert await repo.all(Post) == [post]


async def test_upserts_of_one_row_at_once_insert_it_once_and_lose_no_increment(repo: Repo):
    async def one(number: int):
        return await repo.upsert(
            Tag(name="red", color="1"),
            on_conflict=do_update(Tag.color.set(fn.concat(Tag.color, "1"))),
            conflict_target=Tag.name,
        )

    outcomes = await asyncio.gather(*(one(number) for number in range(30)))
    kinds = [type(outcome) for outcome in outcomes]
    assert (kinds.count(Inserted), kinds.count(Updated)) == (1, 29)
    assert sorted(len(outcome.struct.color) for outcome in outcomes) == list(range(1, 31))
    assert (await repo.get_or_raise(Tag, "red")).color == "1" * 30


REFUSED = [
    (lambda: {"on_conflict": replace(Post.title)}, "an upsert that updates needs its conflict target"),
    (lambda: {"on_conflict": replace_all()}, "an upsert that updates needs its conflict target"),
    (lambda: {"on_conflict": do_update(Post.score.inc(1))}, "an upsert that updates needs its conflict target"),
    (lambda: {"on_conflict": replace(User.name), "conflict_target": Post.slug}, "User.name is no column of Post"),
    (lambda: {"on_conflict": replace(Post.title), "conflict_target": User.email}, "User.email is no column of Post"),
    (lambda: {"on_conflict": do_update(User.name.set("x")), "conflict_target": Post.slug}, "another schema"),
    (lambda: {"on_conflict": None, "conflict_target": Post.slug}, "a conflict target without `on_conflict`"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
async def test_an_action_that_cannot_be_is_refused_before_anything_is_sent(
    repo: Repo, user: User, events, options, message
):
    for write in (repo.upsert, repo.insert):
        with pytest.raises(QueryError) as caught:
            await write(new(user), **options())
        assert message in str(caught.value)
    assert [event.sql for event in events] == []
    with pytest.raises(QueryError, match="`upsert` needs `on_conflict`"):
        await repo.upsert(new(user), on_conflict=None)


async def test_a_target_without_a_unique_index_is_the_databases_error(repo: Repo, user: User):
    with pytest.raises(DatabaseError, match="ON CONFLICT"):
        await repo.upsert(new(user), on_conflict=replace(Post.score), conflict_target=Post.title)
    assert await repo.all(from_(Post)) == []
