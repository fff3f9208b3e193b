"""What a repo's calls do outside of the sandbox they do inside it: for their owner, and whatever others run at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Invalid,
    Multi,
    MultiError,
    Owner,
    Repo,
    Schema,
    belongs_to,
    change,
    from_,
    has_many,
    only,
    primary_key,
    sandbox,
)
from tests.integration.sandbox.people import Note, Person, named

SECONDS = 30.0
"""The ceiling of what must end."""


class Author(Schema, table="people"):
    """A person with two associations, which a preload loads at once where it may."""

    id: Field[int] = primary_key()
    name: Field[str]
    notes: "HasMany[Text]" = has_many(foreign_key="author_id", preload_order=lambda: Text.body)
    short: "HasMany[Text]" = has_many(foreign_key="author_id", where=lambda: Text.body == "a")


class Text(Schema, table="notes"):
    id: Field[int] = primary_key()
    body: Field[str]
    author_id: Field[int]
    author: BelongsTo[Author] = belongs_to(foreign_key="author_id")


@pytest.fixture
async def owned(repo: Repo) -> AsyncIterator[Repo]:
    """A repo in the sandbox of this test."""
    async with sandbox(repo):
        yield repo


async def write(repo: Repo, name: str) -> None:
    person = await repo.insert(Person(name=name))
    await repo.insert_all(Note, [{"body": body, "author_id": person.id} for body in ("a", "b")])


async def read(repo: Repo) -> list[tuple[str, list[str], list[str]]]:
    found = await repo.all(from_(Author).order_by(Author.name).preload(Author.notes / Text.author, Author.short))
    return [(one.name, [text.body for text in one.notes], [text.body for text in one.short]) for one in found]


async def test_associations_are_loaded_at_once_for_the_owner_of_the_caller(repo: Repo):
    written = asyncio.Barrier(3)

    async def scenario(name: str) -> None:
        async with sandbox(repo):
            await write(repo, name)
            # A copy of a database has connections that lie free; the one of a transaction is the only one.
            async with repo.stream(Note), repo.stream(Note), repo.stream(Note):
                await written.wait()
            for _ in range(5):
                assert await read(repo) == [(name, ["a", "b"], ["a"])]
            async with repo.transaction():
                assert await read(repo) == [(name, ["a", "b"], ["a"])]
            author = await repo.one_or_raise(Author)
            loaded = await repo.preload(author, Author.notes, Author.short)
            assert [text.body for text in loaded.notes + loaded.short] == ["a", "b", "a"]
            assert repo.pool.report().in_use == 0

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(scenario(name) for name in ("Ada", "Bo", "Cy")))


async def test_associations_are_loaded_at_once_for_the_owner_that_allows_the_task(repo: Repo):
    asked = asyncio.Event()

    async def handler() -> list[tuple[str, list[str], list[str]]]:
        await asked.wait()
        return await read(repo)

    task = asyncio.create_task(handler())
    async with sandbox(repo) as owner:
        assert isinstance(owner, Owner)
        owner.allow(task)
        await write(repo, "Ada")
        asked.set()
        assert await asyncio.wait_for(task, SECONDS) == [("Ada", ["a", "b"], ["a"])]


async def test_a_checkout_is_no_transaction_and_sees_what_its_owner_wrote(owned: Repo):
    await owned.insert(named("Ada"))
    async with owned.checkout():
        assert (owned.checked_out, owned.in_transaction) == (True, False)
        assert await owned.exists(from_(Person).where(Person.name == "Ada"))
        await owned.insert(named("Bo"))
        async with owned.transaction() as tx:
            await owned.insert(named("Cy"))
            tx.rollback()
        assert not owned.in_transaction
    assert not owned.checked_out
    assert await owned.all(from_(Person).order_by(Person.id).select(Person.name)) == ["Ada", "Bo"]


async def test_a_multi_is_all_or_nothing(owned: Repo):
    multi = Multi().insert("first", named("Ada")).insert("second", named("Bo"))
    assert [one.name for one in (await owned.transact(multi)).values()] == ["Ada", "Bo"]
    with pytest.raises(MultiError) as caught:
        await owned.transact(Multi().insert("new", named("Cy")).insert("again", named("Ada")))
    assert caught.value.step == "again"
    assert await owned.all(from_(Person).order_by(Person.id).select(Person.name)) == ["Ada", "Bo"]


async def test_an_invalid_that_transact_returns_undoes_what_came_before_it(owned: Repo):
    await owned.insert(named("Ada"))

    async def work() -> object:
        await owned.insert(named("Bo"))
        return await owned.try_insert(named("Ada"))

    assert isinstance(await owned.transact(work), Invalid)
    assert await owned.all(from_(Person).select(Person.name)) == ["Ada"]


async def test_bulk_writes_an_explanation_and_a_question_for_a_table_are_the_owners(owned: Repo):
    await owned.insert_all(Person, [{"name": name} for name in ("Ada", "Bo")])
    people = from_(Person)
    assert "people" in await owned.explain(people.where(Person.name == "Ada"))
    await owned.explain(people, delete=True)
    assert await owned.update_all(people.where(Person.name == "Bo"), Person.name.set("Boa")) == 1
    assert await owned.delete_all(people.where(Person.name == "Ada")) == 1
    assert [one.name for one in await owned.all(people.select(only(Person.name)))] == ["Boa"]
    await owned.query("CREATE TABLE of_this_test (id integer)")
    assert await owned.table_exists("of_this_test")
    async with sandbox(owned):
        assert not await owned.exists(Person)


async def test_a_struct_is_written_with_its_family(owned: Repo):
    author = await owned.insert(Author(name="Ada", notes=[Text(body="a"), Text(body="b")]))
    assert await owned.update(change(author, Author.name.set("Eve"))) is not None
    assert await read(owned) == [("Eve", ["a", "b"], ["a"])]
