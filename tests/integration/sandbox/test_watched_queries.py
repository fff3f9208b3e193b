"""What a test may say about its statements: how many there are, and that none runs once for each row."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from ectype import ConfigError, EctypeError, Field, Repo, Schema, assoc, change, from_, primary_key, sandbox
from ectype.testing import TooManyQueriesError, assert_no_n_plus_one, assert_queries
from tests.integration.sandbox.people import Note, Person


class Pet(Schema, table="pets"):
    """No association leads to it."""

    id: Field[int] = primary_key()
    name: Field[str]


@pytest.fixture
async def owned(repo: Repo) -> AsyncIterator[Repo]:
    """A repo in the sandbox of this test, with three people who have two notes each."""
    async with sandbox(repo):
        for number in range(3):
            person = await repo.insert(Person(name=f"person {number}"))
            for place in range(2):
                await repo.insert(Note(body=f"note {place}", author_id=person.id))
        yield repo


async def test_as_many_statements_as_are_allowed_pass(owned: Repo):
    with assert_queries(owned, max=3) as queries:
        await owned.all(from_(Person).preload(Person.notes))
        async with owned.transaction():
            await owned.insert(Person(name="Ada"))
    assert len(queries) == 3
    assert [text.split()[0] for text in queries.statements] == ["SELECT", "SELECT", "INSERT"]


async def test_one_statement_too_many_lists_all_with_their_places(owned: Repo):
    async def run() -> None:
        with assert_queries(owned, max=1):
            await owned.all(Person)
            await owned.insert(Person(name="Ada"))

    with pytest.raises(TooManyQueriesError, match="2 statements were run, and 1 are allowed") as caught:
        await run()
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, EctypeError)
    message = str(caught.value)
    assert len(re.findall(r"test_watched_queries\.py:\d+", message)) == 2
    assert 'FROM "people"' in message
    assert 'INSERT INTO "people"' in message


async def test_a_statement_that_failed_counts_and_the_error_of_the_block_wins(owned: Repo):
    async def run() -> None:
        with assert_queries(owned, max=0):
            await owned.query("select * from nowhere")

    with pytest.raises(EctypeError, match="nowhere"):
        await run()


async def test_statements_of_tasks_count(owned: Repo):
    async def run() -> None:
        with assert_queries(owned, max=2):
            await asyncio.gather(*(owned.get(Person, 1) for _ in range(3)))

    with pytest.raises(TooManyQueriesError, match="3 statements were run"):
        await run()


async def test_statements_of_other_owners_and_other_repos_do_not_count(owned: Repo, people_url: str):
    started, done = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        async with sandbox(owned):
            await started.wait()
            for _ in range(5):
                await owned.all(Person)
            done.set()

    task = asyncio.create_task(other())
    async with Repo(people_url, name="another") as outside:
        with assert_queries(owned, max=1) as queries:
            started.set()
            await done.wait()
            await outside.all(Person)
            await owned.all(Person)
    assert len(queries) == 1
    await task


async def test_a_repo_without_sandbox_is_watched_too(people_url: str):
    async with Repo(people_url) as repo:
        with assert_queries(repo, max=1):
            await repo.all(Person)
        with pytest.raises(TooManyQueriesError), assert_queries(repo, max=0):
            await repo.all(Person)


@pytest.mark.parametrize("most", [-1, -7])
def test_fewer_than_no_statements_are_refused(repo: Repo, most: int):
    with pytest.raises(ConfigError, match="cannot be"), assert_queries(repo, max=most):
        pass


def test_forbidding_every_read_is_refused(repo: Repo):
    with pytest.raises(ConfigError, match="would forbid every read"), assert_no_n_plus_one(repo, max=0):
        pass


async def by_foreign_key(repo: Repo) -> None:
    for person in await repo.all(Person):
        await repo.all(from_(Note).where(Note.author_id == person.id))


async def by_foreign_key_and_more(repo: Repo) -> None:
    for person in await repo.all(Person):
        await repo.all(from_(Note).where(Note.author_id == person.id, Note.body != "x").order_by(Note.id).limit(1))


async def by_association(repo: Repo) -> None:
    for person in await repo.all(Person):
        await repo.all(assoc(person, Person.notes))


async def by_preload(repo: Repo) -> None:
    for person in await repo.all(Person):
        await repo.preload(person, Person.notes)


NOTES = "from_(Person).preload(Person.notes)"


@pytest.mark.parametrize("loop", [by_foreign_key, by_foreign_key_and_more, by_association, by_preload])
async def test_a_loop_that_reads_once_a_row_is_shown_its_place_and_the_preload(owned: Repo, loop: object):
    assert callable(loop)

    async def run() -> None:
        with assert_no_n_plus_one(owned):
            await loop(owned)

    with pytest.raises(
        TooManyQueriesError, match=r"one query was run 3 times from .*test_watched_queries\.py:\d+"
    ) as caught:
        await run()
    assert NOTES in str(caught.value)


async def test_a_loop_that_follows_a_foreign_key_is_shown_the_preload(owned: Repo):
    async def run() -> None:
        with assert_no_n_plus_one(owned):
            for note in await owned.all(Note):
                await owned.get(Person, note.author_id)

    with pytest.raises(TooManyQueriesError, match="6 times") as caught:
        await run()
    assert "from_(Note).preload(Note.author)" in str(caught.value)


async def test_a_gather_that_reads_once_a_row_is_found_too(owned: Repo):
    async def run() -> None:
        with assert_no_n_plus_one(owned):
            await asyncio.gather(*(owned.get(Person, number) for number in range(5)))

    with pytest.raises(TooManyQueriesError, match="one query was run 5 times from tasks that did nothing else"):
        await run()


async def test_a_read_that_no_association_explains_is_to_be_asked_at_once(owned: Repo):
    async def run() -> None:
        with assert_no_n_plus_one(owned):
            for name in ("a", "b", "c"):
                await owned.get_by(Person, Person.name == name)

    with pytest.raises(TooManyQueriesError) as caught:
        await run()
    assert "collect the keys" in str(caught.value)
    assert "preload(" not in str(caught.value)


async def test_the_error_of_too_many_statements_shows_the_preload_too(owned: Repo):
    async def run() -> None:
        with assert_queries(owned, max=3):
            await by_foreign_key(owned)

    with pytest.raises(TooManyQueriesError, match="4 statements") as caught:
        await run()
    assert NOTES in str(caught.value)


async def test_a_preload_and_different_places_are_no_n_plus_one(owned: Repo):
    with assert_no_n_plus_one(owned):
        await owned.all(from_(Person).preload(Person.notes))
        await owned.all(Person)
        await owned.all(Person)
        await owned.all(Person)
        for number in range(5):
            await owned.insert(Person(name=f"new {number}"))
        for person in (await owned.all(Person))[:3]:
            await owned.update(change(person, Person.name.set(f"{person.name} again")))


async def test_more_repetitions_are_allowed_by_saying_so(owned: Repo):
    with assert_no_n_plus_one(owned, max=3):
        await by_foreign_key(owned)

    async def run() -> None:
        with assert_no_n_plus_one(owned, max=1):
            for _ in range(2):
                await owned.all(Person)

    with pytest.raises(TooManyQueriesError, match="2 times"):
        await run()
