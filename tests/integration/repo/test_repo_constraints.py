"""What the database refuses: an error of the changeset that declared the constraint, else one with the line to add."""

import asyncio
from typing import Any

import pytest

from ectype import (
    ConstraintError,
    Field,
    Invalid,
    InvalidChangesetError,
    Ok,
    Repo,
    Schema,
    TransactionAbortedError,
    change,
    field,
    fn,
    from_,
    primary_key,
)
from tests.integration.repo.blog import Booking, Comment, Post, Seat, Tag, User


def booking(**values: Any):
    return change(Booking(**{"room": "A", "day": 1, **values}))


def declared(changeset):
    """Every constraint of the table."""
    return (
        changeset.unique_constraint(Booking.room, Booking.day)
        .unique_constraint(Booking.code, name="one_code")
        .unique_constraint(Booking.guest, message="has a booking already")
        .check_constraint(Booking.persons, name="somebody", message="must be at least one")
    )


async def errors_of(repo: Repo, changeset) -> dict[str, Any]:
    """Insert, expect a refusal, and return its errors; both doors tell the same."""
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(changeset)
    outcome = await repo.try_insert(changeset)
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.errors == caught.value.changeset.errors
    assert (outcome.changeset.action, outcome.changeset.valid) == ("insert", False)
    assert outcome.changeset.data is changeset.data
    return outcome.changeset.traverse_errors()


BROKEN = [
    pytest.param({}, {"room": ["has already been taken"]}, id="unique over two columns"),
    pytest.param({"day": 2, "code": "x"}, {"code": ["has already been taken"]}, id="a named unique index"),
    pytest.param({"day": 2, "guest": "Ada"}, {"guest": ["has a booking already"]}, id="a partial unique index"),
    pytest.param({"day": 2, "persons": 0}, {"persons": ["must be at least one"]}, id="a check"),
]


@pytest.mark.parametrize(("values", "errors"), BROKEN)
async def test_a_declared_constraint_becomes_an_error_of_its_field(repo: Repo, values, errors):
    await repo.insert(booking(code="x", guest="Ada"))
    assert await errors_of(repo, declared(booking(**values))) == errors
    assert await repo.aggregate(Booking, fn.count(Booking.id)) == 1


async def test_the_error_names_the_constraint(repo: Repo):
    await repo.insert(booking(code="x"))
    outcome = await repo.try_insert(declared(booking(day=2, code="x")))
    assert isinstance(outcome, Invalid)
    ((key, error),) = outcome.changeset.errors
    assert (key, error.message) == ("code", "has already been taken")
    assert error.meta == {"constraint": "unique", "constraint_name": "one_code"}


async def test_a_row_outside_of_a_partial_index_is_none_of_its_business(repo: Repo):
    await repo.insert(booking(guest="Ada", cancelled=True))
    await repo.insert(booking(guest="Ada", day=2))
    assert await repo.exists(Booking)


async def test_an_update_that_breaks_a_constraint_is_refused_like_an_insert(repo: Repo):
    first = await repo.insert(booking(code="x"))
    second = await repo.insert(booking(day=2))
    outcome = await repo.try_update(declared(change(second, Booking.day.set(1), Booking.persons.set(2))))
    assert isinstance(outcome, Invalid)
    assert (outcome.changeset.action, outcome.changeset.traverse_errors()) == (
        "update",
        {"room": ["has already been taken"]},
    )
    assert await repo.try_update(declared(change(second, Booking.day.set(3)))) == Ok(
        await repo.get_or_raise(Booking, second.id)
    )
    assert await repo.get(Booking, first.id) == first


async def test_a_primary_key_that_is_taken_is_a_unique_constraint(repo: Repo):
    await repo.insert(Tag(name="red"))
    name = "tags_pkey" if repo.adapter.dialect.name == "PostgreSQL" else None
    taken = change(Tag(name="red")).unique_constraint(Tag.name, name="tags_pkey")
    assert await errors_of(repo, taken) == {"name": ["has already been taken"]}
    with pytest.raises(ConstraintError) as caught:
        await repo.insert(Tag(name="red"))
    assert (caught.value.kind, caught.value.constraint) == ("unique", name)


async def test_a_foreign_key_without_its_row_is_an_error_of_its_field(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    for wrong, values in (
        ("author_id", {"author_id": 999}),
        ("editor_id", {"author_id": user.id, "editor_id": 999}),
        ("author_id", {"author_id": 999, "editor_id": user.id}),
    ):
        changeset = (
            change(Post(title="x", **values))
            .foreign_key_constraint(Post.editor_id)
            .foreign_key_constraint(Post.author_id)
        )
        assert await errors_of(repo, changeset) == {wrong: ["does not exist"]}
    post = await repo.insert(Post(title="x", author_id=user.id))
    moved = change(post, Post.editor_id.set(12345)).foreign_key_constraint(Post.author_id)
    outcome = await repo.try_update(moved.foreign_key_constraint(Post.editor_id))
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"editor_id": ["does not exist"]}


async def test_in_a_transaction_the_foreign_key_that_is_blamed_is_the_right_one_too(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    wrong = (
        change(Post(title="x", author_id=user.id, editor_id=999))
        .foreign_key_constraint(Post.author_id)
        .foreign_key_constraint(Post.editor_id)
    )
    async with repo.transaction():
        outcome = await repo.try_insert(wrong)
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {"editor_id": ["does not exist"]}
    async with repo.transaction() as tx:
        # The row that the key refers to is not committed yet.
        other = await repo.insert(User(name="Grace", email="g"))
        with pytest.raises(InvalidChangesetError) as caught:
            await repo.insert(
                change(Post(title="x", author_id=999, editor_id=other.id))
                .foreign_key_constraint(Post.author_id)
                .foreign_key_constraint(Post.editor_id)
            )
        tx.rollback()
    assert caught.value.changeset.traverse_errors() == {"author_id": ["does not exist"]}


class Stay(Schema, table="stays"):
    id: Field[int] = primary_key()
    room: Field[str | None] = field(default=None)
    number: Field[int | None] = field(default=None)
    parent: Field[int | None] = field(default=None, source="parent_id")


async def test_a_foreign_key_over_two_columns_is_blamed_as_one(repo: Repo):
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    key = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    # The last one does not say which columns it refers to: the primary key's.
    await repo._session.script(
        f"CREATE TABLE stays (id {key}, room text, number bigint, parent_id bigint REFERENCES stays, "
        "CONSTRAINT stays_room_number_fkey FOREIGN KEY (room, number) REFERENCES seats)"
    )
    try:
        await repo.insert_all(Seat, [{"room": "A", "number": 1}, {"room": "B", "number": 2}])
        first = await repo.insert(Stay())
        for values, wrong in (
            ({"room": "A", "number": 2}, "room"),
            ({"room": "A", "number": 2, "parent": first.id}, "room"),
            ({"room": "A", "number": 1, "parent": 999}, "parent"),
        ):
            changeset = (
                change(Stay(**values))
                .foreign_key_constraint(Stay.parent)
                .foreign_key_constraint(Stay.room, name="stays_room_number_fkey")
            )
            assert await errors_of(repo, changeset) == {wrong: ["does not exist"]}
        stay = await repo.insert(Stay(room="A", number=1))
        moved = change(stay, Stay.number.set(2)).foreign_key_constraint(Stay.room, name="stays_room_number_fkey")
        outcome = await repo.try_update(moved.foreign_key_constraint(Stay.parent))
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {"room": ["does not exist"]}
    finally:
        await repo._session.script("DROP TABLE stays")


async def test_a_row_that_others_refer_to_is_not_deleted(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    await repo.insert(Post(title="x", author_id=user.id))
    refused = change(user).foreign_key_constraint(
        User.id, name="posts_author_id_fkey", message="is the author of posts"
    )
    outcome = await repo.try_delete(refused)
    assert isinstance(outcome, Invalid)
    assert (outcome.changeset.action, outcome.changeset.traverse_errors()) == (
        "delete",
        {"id": ["is the author of posts"]},
    )
    with pytest.raises(ConstraintError) as caught:
        await repo.delete(user)
    assert caught.value.kind == "foreign_key"
    assert await repo.get(User, user.id)


async def test_a_null_where_none_may_be_is_readable(repo: Repo):
    with pytest.raises(ConstraintError) as caught:
        await repo.insert(change(User(name="Ada", email="a")).force_change(User.name, None))
    assert (caught.value.kind, caught.value.table, caught.value.columns) == ("not_null", "users", ("name",))
    assert str(caught.value).endswith(
        "the not null constraint over name is not declared in the changeset of User, which declares none\n\n"
        "hint: to make it an error of the changeset, add\n\n    .validate_required(User.name)"
    )


UNDECLARED = [
    pytest.param({}, "unique", ".unique_constraint(Booking.room, Booking.day)", id="unique over two columns"),
    pytest.param({"day": 2, "code": "x"}, "unique", '.unique_constraint(Booking.code, name="one_code")', id="named"),
    pytest.param(
        {"day": 2, "persons": 0}, "check", '.check_constraint(Booking.<field>, name="somebody")', id="a check"
    ),
]


@pytest.mark.parametrize(("values", "kind", "line"), UNDECLARED)
async def test_an_undeclared_constraint_raises_with_the_line_to_add(repo: Repo, values, kind, line):
    await repo.insert(booking(code="x"))
    for write in (repo.insert, repo.try_insert):
        with pytest.raises(ConstraintError) as caught:
            await write(booking(**values).foreign_key_constraint(Booking.guest))
        assert caught.value.kind == kind
        assert "is not declared in the changeset of Booking, which declares: " in str(caught.value)
        assert str(caught.value).endswith(f"hint: to make it an error of the changeset, add\n\n    {line}")
        assert caught.value.__cause__ is not None
    with pytest.raises(ConstraintError, match="which declares none"):
        await repo.insert(booking(**values))


async def test_an_undeclared_foreign_key_is_named_although_sqlite_does_not(repo: Repo):
    with pytest.raises(ConstraintError) as caught:
        await repo.insert(Post(title="x", author_id=999))
    assert str(caught.value).endswith(".foreign_key_constraint(Post.author_id)")


async def test_errors_show_no_values(repo: Repo):
    await repo.insert(booking(code="very-secret"))
    with pytest.raises(ConstraintError) as caught:
        await repo.insert(booking(day=2, code="very-secret"))
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "very-secret" not in f"{chain} {chain.__dict__} {getattr(chain, '__notes__', '')}"
        chain = chain.__cause__ or chain.__context__


async def test_after_try_insert_an_open_transaction_goes_on(repo: Repo):
    # In Ecto the caller must ask for the savepoint, and only PostgreSQL needs it.
    async with repo.transaction():
        await repo.insert(booking(code="x"))
        assert isinstance(await repo.try_insert(declared(booking())), Invalid)
        with pytest.raises(ConstraintError):
            await repo.try_insert(booking(day=2, code="x"))
        other = await repo.try_insert(declared(booking(day=2)))
        assert isinstance(other, Ok)
        assert isinstance(await repo.try_update(declared(change(other.value, Booking.day.set(1)))), Invalid)
        assert isinstance(await repo.try_delete(other.value), Ok)
    assert [one.day for one in await repo.all(Booking)] == [1]


async def test_after_insert_was_refused_its_transaction_can_only_roll_back(repo: Repo):
    async def work():
        await repo.insert(booking(code="x"))
        with pytest.raises(InvalidChangesetError):
            await repo.insert(declared(booking()))
        await repo.insert(booking(day=2))

    with pytest.raises(TransactionAbortedError) as caught:
        await repo.transact(work)
    assert "an earlier statement failed" in str(caught.value)
    assert "`try_insert`" in str(caught.value)
    assert not await repo.exists(Booking)


async def test_an_invalid_value_by_itself_rolls_back_nothing_but_transact_returns_it(repo: Repo):
    async def work():
        await repo.insert(booking())
        return await repo.try_insert(declared(booking()))

    async with repo.transaction():
        assert isinstance(await work(), Invalid)
    assert await repo.exists(Booking)
    await repo.delete_all(Booking)
    assert isinstance(await repo.transact(work), Invalid)
    assert not await repo.exists(Booking)


async def test_of_fifty_inserts_of_one_key_at_once_one_is_stored(repo: Repo):
    """Row 44 of the list of hazards."""

    async def one(number: int):
        return await repo.try_insert(
            change(User(name=f"user {number}", email="same@b.c")).unique_constraint(User.email)
        )

    outcomes = await asyncio.gather(*(one(number) for number in range(50)))
    stored = [outcome.value for outcome in outcomes if isinstance(outcome, Ok)]
    refused = [outcome.changeset.traverse_errors() for outcome in outcomes if isinstance(outcome, Invalid)]
    assert len(stored) == 1
    assert refused == [{"email": ["has already been taken"]}] * 49
    assert [one.name for one in await repo.all(from_(User))] == [stored[0].name]


async def test_a_comment_without_its_post_in_a_bulk_insert_stores_none_of_its_rows(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    post = await repo.insert(Post(title="x", author_id=user.id))
    with pytest.raises(ConstraintError):
        await repo.insert_all(Comment, [{"body": "a", "post_id": post.id}, {"body": "b", "post_id": 999}])
    assert not await repo.exists(Comment)
