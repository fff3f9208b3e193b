"""Rows that were changed or deleted since they were read: optimistic locks, and what a stale write gives.

Checks 5, 6 and 7 of the list of behaviours that users of Ecto expect are named where they are tested.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ectype import (
    Changeset,
    ConfigError,
    Invalid,
    InvalidChangesetError,
    Ok,
    Repo,
    SchemaError,
    StaleEntryError,
    change,
    from_,
    meta,
)
from ectype.schema.field_error import Error
from tests.integration.repo.articles import Article, Note, sent, tables


@pytest.fixture(autouse=True)
async def _articles(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def test_check_5_an_update_of_a_row_that_is_gone_is_stale(repo: Repo):
    article = await repo.insert(Article(title="a"))
    await repo.delete(article)
    late = change(article, Article.title.set("b"))
    with pytest.raises(StaleEntryError, match="the row to update is not there any more"):
        await repo.update(late)
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.update(late, stale_error_field="id")
    assert caught.value.changeset.errors == (("id", Error("is stale", stale=True)),)
    assert (caught.value.changeset.action, caught.value.changeset.errors[0][1].code) == ("update", "stale")
    assert (await repo.update(late, allow_stale=True)).title == "b"
    assert await repo.get(Article, article.id) is None


async def test_stale_writes_are_told_by_every_call_that_can_meet_them(repo: Repo):
    article = await repo.insert(Article(title="a"))
    await repo.delete(article)
    late = change(article, Article.title.set("b"))
    outcomes: list[Any] = [
        await repo.try_update(late, stale_error_field=Article.title, stale_error_message="too late"),
        await repo.try_delete(article, stale_error_field=Article.title, stale_error_message=Error("too late", code=7)),
    ]
    assert [one.changeset.errors for one in outcomes] == [
        (("title", Error("too late", stale=True)),),
        (("title", Error("too late", stale=True, code=7)),),
    ]
    assert isinstance(await repo.try_update(late, allow_stale=True), Ok)
    with pytest.raises(InvalidChangesetError):
        await repo.insert_or_update(late, stale_error_field="base")
    with pytest.raises(ConfigError, match="allow_stale"):
        await repo.update(late, allow_stail=True)  # type: ignore[call-arg]


async def test_check_7_a_second_delete_is_stale_unless_allowed(repo: Repo):
    article = await repo.insert(Article(title="a"))
    assert meta(await repo.delete(article)).state == "deleted"
    with pytest.raises(StaleEntryError, match="the row to delete is not there any more"):
        await repo.delete(article)
    assert meta(await repo.delete(article, allow_stale=True)).state == "deleted"


async def test_check_6_of_two_changesets_of_one_row_the_first_wins_and_moves_the_lock(repo: Repo, events: list[Any]):
    """Row 43 of the list of hazards."""
    article = await repo.insert(Article(title="a"))
    first = change(article, Article.title.set("b")).optimistic_lock(Article.lock_version)
    second = change(article, Article.title.set("c")).optimistic_lock(Article.lock_version)
    events.clear()
    stored = await repo.update(first)
    assert sent(events) == [
        'UPDATE "articles" SET "title" = $1, "lock_version" = $2 WHERE "id" = $3 AND "lock_version" = $4'
    ]
    assert (stored.title, stored.lock_version) == ("b", 2)
    with pytest.raises(StaleEntryError, match="not as it was by `lock_version` any more"):
        await repo.update(second)
    assert await repo.get(Article, article.id) == stored
    assert dict(first.changes) == {"title": "b"}


async def test_check_6_a_changeset_without_changes_moves_no_lock(repo: Repo, events: list[Any]):
    article = await repo.insert(Article(title="a"))
    events.clear()
    assert await repo.update(change(article).optimistic_lock(Article.lock_version)) is article
    assert sent(events) == []


async def test_a_lock_moves_when_only_entries_change_or_an_update_is_forced(repo: Repo, events: list[Any]):
    article = await repo.preload(await repo.insert(Article(title="a")), Article.notes)
    stale = article

    def noted(note: Note, params: Any) -> Changeset[Note]:
        return change(note).cast(params, Note.text)

    def locked(article: Article, *texts: str) -> Changeset[Article]:
        params = {"notes": [{"text": text} for text in texts]}
        return change(article).cast(params).cast_assoc(Article.notes, with_=noted).optimistic_lock(Article.lock_version)

    events.clear()
    article = await repo.update(locked(article, "x"))
    assert article.lock_version == 2
    assert sent(events)[0] == 'UPDATE "articles" SET "lock_version" = $1 WHERE "id" = $2 AND "lock_version" = $3'
    with pytest.raises(StaleEntryError, match="not as it was by `lock_version`"):
        await repo.update(locked(stale, "y"))
    assert [one.text for one in await repo.all(Note)] == ["x"]
    forced = await repo.update(change(article).optimistic_lock(Article.lock_version), force=True)
    assert forced.lock_version == 3
    with pytest.raises(StaleEntryError):
        await repo.update(change(article).optimistic_lock(Article.lock_version), force=True)
    events.clear()
    # What is put touches its owner only where that is locked.
    put = change(forced).put_assoc(Article.notes, [*forced.notes, Note(text="z")])
    assert (await repo.update(put.optimistic_lock(Article.lock_version))).lock_version == 4
    assert [text.split()[0] for text in sent(events)] == ["UPDATE", "INSERT"]
    with pytest.raises(StaleEntryError):
        await repo.update(put.optimistic_lock(Article.lock_version))
    assert [one.text for one in await repo.all(from_(Note).order_by(Note.id))] == ["x", "z"]
    same = change(forced).put_assoc(Article.notes, forced.notes).optimistic_lock(Article.lock_version)
    assert await repo.update(same) is forced


async def test_a_delete_compares_the_lock_too(repo: Repo, events: list[Any]):
    article = await repo.insert(Article(title="a"))
    await repo.update(change(article, Article.title.set("b")).optimistic_lock(Article.lock_version))
    with pytest.raises(StaleEntryError, match="not as it was"):
        await repo.delete(change(article).optimistic_lock(Article.lock_version))
    fresh = await repo.get_or_raise(Article, article.id)
    events.clear()
    await repo.delete(change(fresh).optimistic_lock(Article.lock_version))
    assert sent(events) == ['DELETE FROM "articles" WHERE "id" = $1 AND "lock_version" = $2']


async def test_a_lock_that_is_null_is_a_lock(repo: Repo, events: list[Any]):
    # Departure: Ecto warns of nil, and then writes without the lock.
    article = await repo.insert(change(Article).force_change(Article.lock_version, None))
    first = change(article, Article.title.set("b")).optimistic_lock(Article.lock_version)
    events.clear()
    assert (await repo.update(first)).lock_version == 1
    assert sent(events) == [
        'UPDATE "articles" SET "title" = $1, "lock_version" = $2 WHERE "id" = $3 AND "lock_version" IS NULL'
    ]
    with pytest.raises(StaleEntryError):
        await repo.update(first)


async def test_a_lock_begins_anew_after_the_greatest_integer(repo: Repo):
    article = await repo.insert(Article(title="a", lock_version=2_147_483_647))
    stored = await repo.update(change(article, Article.title.set("b")).optimistic_lock(Article.lock_version))
    assert stored.lock_version == 1


async def test_a_lock_may_be_anything_with_an_incrementer(repo: Repo):
    article = await repo.insert(Article(title="a"))

    def later(before: datetime) -> datetime:
        return before + timedelta(days=1)

    change_ = change(article, Article.title.set("b")).optimistic_lock(Article.stamp, later)
    assert (await repo.update(change_)).stamp == datetime(2026, 1, 2, tzinfo=UTC)
    with pytest.raises(StaleEntryError):
        await repo.update(change_)
    both = (
        change(await repo.get_or_raise(Article, article.id), Article.title.set("c"))
        .optimistic_lock(Article.stamp, later)
        .optimistic_lock(Article.lock_version)
    )
    stored = await repo.update(both)
    assert (stored.stamp.day, stored.lock_version) == (3, 2)


async def test_the_version_that_a_form_was_made_with_is_what_counts(repo: Repo):
    article = await repo.insert(Article(title="a"))
    fresh = await repo.update(change(article, Article.title.set("b")).optimistic_lock(Article.lock_version))

    def edited(version: str):
        return (
            change(fresh)
            .cast({"title": "c", "lock_version": version}, Article.title, Article.lock_version)
            .optimistic_lock(Article.lock_version)
        )

    outcome = await repo.try_update(edited("1"), stale_error_field=Article.lock_version)
    assert isinstance(outcome, Invalid)
    assert (await repo.update(edited("2"))).lock_version == 3


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (lambda c: c.optimistic_lock(Article.stamp), "`Article.stamp` is no int"),
        (
            lambda c: c.optimistic_lock(Article.lock_version).optimistic_lock(Article.lock_version),
            "it is locked already",
        ),
    ],
)
async def test_a_lock_that_cannot_be_is_refused(repo: Repo, lock: Any, message: str):
    with pytest.raises(SchemaError, match=message):
        lock(change(Article))
