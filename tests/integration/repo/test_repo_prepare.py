"""`prepare_changes`, `insert_or_update`, actions: what happens around a write."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import (
    Changeset,
    Invalid,
    InvalidChangesetError,
    Ok,
    Repo,
    SchemaError,
    change,
    do_nothing,
    from_,
    meta,
)
from tests.integration.repo.articles import Article, Note, sent, tables


@pytest.fixture(autouse=True)
async def _articles(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def counted(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
    """Count the notes of an article, beside the note itself."""
    assert repo.in_transaction
    article_id = changeset.get_field(Note.article_id)
    await repo.update_all(from_(Article).where(Article.id == article_id), Article.visits.inc(1))
    return changeset


async def test_functions_run_in_the_transaction_of_the_write_in_the_order_given(repo: Repo, events: list[Any]):
    article = await repo.insert(Article(title="a"))
    calls: list[str] = []

    def shouted(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
        calls.append("sync")
        return changeset.update_change(Note.text, str.upper)

    async def signed(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
        calls.append("async")
        return changeset.update_change(Note.text, lambda text: f"{text}, Ada")

    note = (
        change(Note(article_id=article.id, text=""), Note.text.set("hi"))
        .prepare_changes(counted)
        .prepare_changes(shouted)
        .prepare_changes(signed)
    )
    events.clear()
    stored = await repo.insert(note)
    assert (stored.text, calls) == ("HI, Ada", ["sync", "async"])
    assert [text.split()[0] for text in sent(events)] == ["UPDATE", "INSERT"]
    assert (await repo.get_or_raise(Article, article.id)).visits == 1
    assert not repo.in_transaction


async def test_what_they_wrote_is_undone_with_the_write(repo: Repo):
    await repo.insert(Article(title="a"))

    async def touched(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
        await repo.update_all(Article, Article.visits.inc(1))
        return changeset

    lost = change(Note(text="x", article_id=999)).foreign_key_constraint(Note.article_id).prepare_changes(touched)
    assert isinstance(await repo.try_insert(lost), Invalid)
    with pytest.raises(InvalidChangesetError):
        await repo.insert(lost)
    assert [one.visits for one in await repo.all(Article)] == [0]


async def test_one_that_makes_the_changeset_invalid_rolls_back(repo: Repo):
    article = await repo.insert(Article(title="a"))

    async def full(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
        return changeset.add_error("base", "the article is full")

    note = change(Note(text="x", article_id=article.id)).prepare_changes(counted).prepare_changes(full)
    async with repo.transaction():
        outcome = await repo.try_insert(note)
        assert isinstance(outcome, Invalid)
        assert (outcome.changeset.action, outcome.changeset.traverse_errors()) == (
            "insert",
            {"base": ["the article is full"]},
        )
        await repo.insert(Note(text="y", article_id=article.id))
    assert [one.text for one in await repo.all(Note)] == ["y"]
    assert (await repo.get_or_raise(Article, article.id)).visits == 0


async def test_an_exception_in_one_rolls_back_and_goes_through(repo: Repo):
    article = await repo.insert(Article(title="a"))

    def broken(changeset: Changeset[Note], repo: Repo) -> Changeset[Note]:
        raise LookupError("no such thing")

    with pytest.raises(LookupError):
        await repo.insert(
            change(Note(text="x", article_id=article.id)).prepare_changes(counted).prepare_changes(broken)
        )
    assert (await repo.get_or_raise(Article, article.id)).visits == 0


async def test_none_runs_for_an_invalid_changeset_or_an_update_without_changes(repo: Repo):
    article = await repo.insert(Article(title="a"))
    calls: list[str] = []

    def called(changeset: Changeset[Article], repo: Repo) -> Changeset[Article]:
        calls.append(changeset.data.title or "")
        return changeset

    begun = change(article).prepare_changes(called)
    assert await repo.update(begun) is article
    assert isinstance(await repo.try_update(begun.put_change(Article.title, "b").add_error("base", "no")), Invalid)
    assert calls == []
    assert (await repo.update(begun.put_change(Article.title, "b"))).title == "b"
    await repo.delete(begun)
    assert calls == ["a", "a"]


async def test_an_upsert_is_prepared_too(repo: Repo):
    def titled(changeset: Changeset[Article], repo: Repo) -> Changeset[Article]:
        return changeset.put_change(Article.title, "made")

    begun = change(Article).prepare_changes(titled)
    outcome = await repo.upsert(begun, on_conflict=do_nothing(), conflict_target=Article.uuid)
    assert outcome.struct is not None
    assert outcome.struct.title == "made"
    assert (await repo.insert(begun, on_conflict=do_nothing(), conflict_target=Article.uuid)).title == "made"


@pytest.mark.parametrize("returned", [None, 3, change(Note(text="x", article_id=1))])
async def test_one_that_returns_something_else_is_refused(repo: Repo, returned: Any):
    with pytest.raises(SchemaError, match=r"a function of `prepare_changes` returns a changeset of Article") as caught:
        await repo.insert(change(Article).prepare_changes(lambda changeset, repo: returned))
    assert "return changeset" in str(caught.value)
    assert not await repo.exists(Article)


async def test_what_is_no_function_cannot_prepare(repo: Repo):
    with pytest.raises(SchemaError, match="`prepare_changes` takes a function"):
        change(Article).prepare_changes(3)  # type: ignore[arg-type]


async def test_insert_or_update_goes_by_the_state_of_the_struct(repo: Repo):
    made = await repo.insert_or_update(change(Article, Article.title.set("a")))
    assert meta(made).state == "loaded"
    kept = await repo.insert_or_update(change(made, Article.title.set("b")))
    assert (kept.id, kept.title) == (made.id, "b")
    gone = await repo.delete(kept)
    with pytest.raises(SchemaError, match="was deleted, so it can be neither inserted nor updated"):
        await repo.insert_or_update(change(gone, Article.title.set("c")))
    with pytest.raises(SchemaError, match="`insert_or_update` takes a changeset"):
        await repo.insert_or_update(made)  # type: ignore[arg-type]


async def test_an_action_says_which_write_a_changeset_is_for(repo: Repo):
    article = await repo.insert(Article(title="a"))
    begun = change(article, Article.title.set("b"))
    for action, write in (("insert", repo.update), ("update", repo.delete), ("delete", repo.insert)):
        with pytest.raises(SchemaError, match=f"with the action '{action}' was given to"):
            await write(begun.with_action(action))
    with pytest.raises(SchemaError, match='a valid changeset with the action "ignore"'):
        await repo.update(begun.with_action("ignore"))
    assert isinstance(await repo.try_update(begun.with_action("ignore").add_error("base", "no")), Invalid)
    # What is no write, as the "validate" of a form, stands in nobody's way.
    assert isinstance(await repo.try_update(begun.with_action("validate")), Ok)


async def test_a_form_that_was_not_sent_is_not_written(repo: Repo):
    with pytest.raises(InvalidChangesetError, match="since it was cast without params"):
        await repo.insert(change(Article).cast(None, Article.title))
    assert not await repo.exists(Article)


async def test_a_changeset_without_a_schema_is_not_written(repo: Repo):
    loose: Any = change({"title": "x"}, types={"title": str})
    with pytest.raises(SchemaError, match="this changeset has no schema"):
        await repo.insert(loose)
