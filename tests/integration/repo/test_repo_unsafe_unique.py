"""`unsafe_validate_unique`: when the database is asked, what it is asked, and what becomes of the answer.

Check 22 of the list of behaviours that users of Ecto expect.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from ectype import DatabaseError, Repo, SchemaError, change, from_, with_meta
from ectype.errors import QueryError
from ectype.schema.field_error import Error
from ectype.schema.meta import intern_meta
from ectype.schema.structs import placed
from tests.integration.repo.articles import Article, Note, sent, tables
from tests.integration.repo.blog import Seat

ONE, TWO = UUID(int=1), UUID(int=2)
TAKEN = Error("has already been taken", validation="unsafe_unique", fields=("uuid",))


@pytest.fixture(autouse=True)
async def _articles(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def test_check_22_nothing_is_asked_when_the_answer_is_known(repo: Repo, events: list[Any]):
    article = await repo.insert(Article(uuid=ONE))
    events.clear()
    begun = change(article)
    for settled in (
        begun,
        begun.put_change(Article.title, "b"),
        begun.put_change(Article.uuid, ONE),
        begun.put_change(Article.uuid, None),
        begun.put_change(Article.uuid, TWO).add_error(Article.uuid, "is odd"),
        change(Article),
    ):
        asked = await repo.unsafe_validate_unique(settled, Article.uuid)
        assert asked.errors == settled.errors
        assert asked.validations == (("uuid", "unsafe_unique", ("uuid",)),)
    assert sent(events) == []


async def test_check_22_one_statement_asks_for_other_rows_than_the_loaded_one(repo: Repo, events: list[Any]):
    article = await repo.insert(Article(uuid=ONE))
    await repo.insert(Article(uuid=TWO))
    events.clear()
    asked = await repo.unsafe_validate_unique(change(article, Article.uuid.set(TWO)), Article.uuid)
    assert asked.errors == (("uuid", TAKEN),)
    assert sent(events) == [
        'SELECT EXISTS(SELECT 1 FROM "articles" AS "a0" WHERE ("a0"."uuid" = $1) AND (NOT ("a0"."id" = $2)))'
    ]
    free = await repo.unsafe_validate_unique(change(article, Article.uuid.set(UUID(int=3))), Article.uuid)
    assert free.valid


async def test_check_22_a_struct_that_was_not_loaded_excludes_nothing(repo: Repo, events: list[Any]):
    await repo.insert(Article(uuid=ONE))
    events.clear()
    asked = await repo.unsafe_validate_unique(change(Article(id=1), Article.uuid.set(ONE)), Article.uuid)
    assert asked.errors == (("uuid", TAKEN),)
    (text,) = sent(events)
    assert "NOT" not in text
    assert '"id"' not in text


async def test_an_error_of_another_field_keeps_nobody_from_asking(repo: Repo, events: list[Any]):
    await repo.insert(Article(uuid=ONE))
    events.clear()
    twin = change(Article, Article.uuid.set(ONE)).add_error(Article.title, "is odd").add_error("base", "no")
    asked = await repo.unsafe_validate_unique(twin, Article.uuid)
    assert asked.errors == (*twin.errors, ("uuid", TAKEN))
    assert len(sent(events)) == 1


@pytest.mark.parametrize("query", [None, from_(Article)])
async def test_it_is_looked_for_where_the_struct_came_from(repo: Repo, query: Any):
    elsewhere = change(with_meta(Article(), prefix="nowhere"), Article.title.set("a"))
    with pytest.raises(DatabaseError, match="nowhere"):
        await repo.unsafe_validate_unique(elsewhere, Article.title, query=query)
    here = change(Article, Article.title.set("a"))
    with pytest.raises(DatabaseError, match="nowhere"):
        await repo.unsafe_validate_unique(here, Article.title, query=query, prefix="nowhere")
    assert (await repo.unsafe_validate_unique(here, Article.title, query=query)).valid


async def test_null_is_looked_for_when_it_equals_null(repo: Repo):
    await repo.insert(Article(title="a"))
    twin = change(Article, Article.title.set("a"))
    assert (await repo.unsafe_validate_unique(twin, Article.title, Article.uuid)).valid
    asked = await repo.unsafe_validate_unique(twin, Article.title, Article.uuid, nulls_distinct=False)
    assert asked.errors == (
        ("title", Error("has already been taken", validation="unsafe_unique", fields=("title", "uuid"))),
    )


async def test_where_to_look_and_what_to_say_can_be_told(repo: Repo):
    await repo.insert(Article(title="a", visits=1))
    twin = change(Article, Article.title.set("a"))
    told = await repo.unsafe_validate_unique(twin, Article.title, message="is gone", error_key=Article.visits)
    assert told.traverse_errors() == {"visits": ["is gone"]}
    told = await repo.unsafe_validate_unique(twin, Article.title, message=("is gone", {"code": 7}), error_key="base")
    assert (told.errors[0][0], told.errors[0][1].code) == ("base", "7")
    for score, free in ((0, False), (1, True)):
        query = from_(Article).where(Article.visits > score)
        assert (await repo.unsafe_validate_unique(twin, Article.title, query=query)).valid is free


async def test_a_row_with_two_keys_is_not_its_own_twin(repo: Repo):
    seat = await repo.insert(Seat(room="A", number=1, guest="Ada"))
    await repo.insert(Seat(room="A", number=2, guest="Grace"))
    taken = await repo.unsafe_validate_unique(change(seat, Seat.guest.set("Grace")), Seat.guest)
    assert not taken.valid
    own = change(seat).force_change(Seat.guest, "Ada")
    assert (await repo.unsafe_validate_unique(own, Seat.guest)).valid


async def test_a_struct_of_another_table_is_looked_for_there(repo: Repo, events: list[Any]):
    await repo._session.script("CREATE TABLE drafts AS SELECT * FROM articles")
    try:
        await repo.insert(Article(title="a"))
        there = intern_meta("built", "drafts")
        draft = change(placed(Article(), there), Article.title.set("a"))
        assert (await repo.unsafe_validate_unique(draft, Article.title)).valid
        await repo.insert(placed(Article(id=1, title="a"), there))
        events.clear()
        assert not (await repo.unsafe_validate_unique(draft, Article.title)).valid
        assert '"drafts"' in sent(events)[0]
    finally:
        await repo._session.script("DROP TABLE drafts")


async def test_what_cannot_be_asked_is_refused_with_the_fix(repo: Repo):
    begun = change(Article, Article.title.set("a"))
    with pytest.raises(SchemaError, match="needs a column"):
        await repo.unsafe_validate_unique(begun)
    with pytest.raises(SchemaError, match=r"`Note\.text` is no column of Article"):
        await repo.unsafe_validate_unique(begun, Note.text)  # type: ignore[arg-type]
    for query in (from_(Note), Article, "articles"):
        with pytest.raises(QueryError, match="`query=` is a query of Article"):
            await repo.unsafe_validate_unique(begun, Article.title, query=query)  # type: ignore[arg-type]
