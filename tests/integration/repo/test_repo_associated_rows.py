"""Constraints between tables, and keys that many ask for at once.

Checks 17, 18, 20 and 21 of the list of behaviours that users of Ecto expect are named where they are tested.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from ectype import (
    ConstraintError,
    Field,
    HasOne,
    Invalid,
    InvalidChangesetError,
    Ok,
    Repo,
    Schema,
    SchemaError,
    change,
    has_one,
    meta,
    primary_key,
)
from tests.integration.repo.articles import Article, Link, Note, tables

KEY = UUID(int=7)


@pytest.fixture(autouse=True)
async def _articles(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def refused(repo: Repo, changeset: Any) -> Any:
    """Return the changeset that an insert refuses."""
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(changeset)
    return caught.value.changeset


async def test_check_17_a_declared_unique_index_becomes_the_error_of_its_field(repo: Repo):
    await repo.insert(Article(uuid=KEY))
    found = await refused(repo, change(Article(uuid=KEY)).unique_constraint(Article.uuid))
    ((key, error),) = found.errors
    assert (key, error.message, error.code) == ("uuid", "has already been taken", "unique")
    assert error.meta == {"constraint": "unique", "constraint_name": "articles_uuid_index"}
    assert (found.valid, found.action, meta(found.data).state) == (False, "insert", "built")


async def test_check_18_an_undeclared_one_raises_and_lists_what_is_declared(repo: Repo):
    await repo.insert(Article(uuid=KEY))
    with pytest.raises(ConstraintError) as caught:
        await repo.insert(change(Article(uuid=KEY)).check_constraint(Article.visits, name="some"))
    assert "the unique constraint `articles_uuid_index`" in str(caught.value)
    assert "which declares: check `some`, for `visits`" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "articles_uuid", "match": "prefix"},
        {"name": "uuid_index", "match": "suffix"},
        {"match": re.compile(r"_uuid_\w+")},
    ],
)
async def test_the_name_of_an_index_is_matched_in_every_way(repo: Repo, options: Any):
    await repo.insert(Article(uuid=KEY))
    found = await refused(repo, change(Article(uuid=KEY)).unique_constraint(Article.uuid, **options))
    assert found.errors[0][1].meta["constraint_name"] == "articles_uuid_index"


async def test_check_20_a_foreign_key_without_its_row_is_an_error_of_its_field(repo: Repo):
    # Ecto fails this on SQLite, which gives no name for a foreign key.
    found = await refused(repo, change(Note(text="x", article_id=999)).foreign_key_constraint(Note.article_id))
    assert found.traverse_errors() == {"article_id": ["does not exist"]}


async def test_an_association_without_its_row_is_an_error_of_the_association(repo: Repo):
    found = await refused(repo, change(Note(text="x", article_id=999)).assoc_constraint(Note.article))
    ((key, error),) = found.errors
    assert (key, str(error)) == ("article", "does not exist")
    assert error.meta == {"constraint": "assoc", "constraint_name": "article_notes_article_id_fkey"}
    # Departure: Ecto takes the field's name here, and not that of its column.
    found = await refused(repo, change(Link(url="x", article_id=999)).assoc_constraint(Link.article))
    assert found.errors[0][1].meta["constraint_name"] == "article_links_article_fkey"


async def test_check_21_a_row_with_others_is_not_deleted_and_says_which(repo: Repo):
    article = await repo.insert(Article(title="a"))
    note = await repo.insert(Note(text="x", article_id=article.id))
    guarded = change(article).no_assoc_constraint(Article.links).no_assoc_constraint(Article.notes)
    outcome = await repo.try_delete(guarded)
    assert isinstance(outcome, Invalid)
    ((key, error),) = outcome.changeset.errors
    assert (key, str(error)) == ("notes", "are still associated with this entry")
    assert error.meta == {"constraint": "no_assoc", "constraint_name": "article_notes_article_id_fkey"}
    assert outcome.changeset.action == "delete"
    await repo.delete(note)
    link = await repo.insert(Link(url="x", article_id=article.id))
    outcome = await repo.try_delete(guarded)
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"links": ["are still associated with this entry"]}
    await repo.delete(link)
    assert isinstance(await repo.try_delete(guarded), Ok)


class Owner(Schema, table="articles"):
    """An article that has at most one badge."""

    id: Field[int] = primary_key()
    badge: HasOne["Badge | None"] = has_one(foreign_key="owner_id")


class Badge(Schema, table="badges"):
    id: Field[int] = primary_key()
    owner_id: Field[int]


@pytest.mark.parametrize("action", ["", "ON DELETE RESTRICT"])
async def test_a_row_with_one_other_is_not_deleted_whatever_its_key_says(repo: Repo, action: str):
    # Since version 18 PostgreSQL has a SQLSTATE of its own for what RESTRICT refuses.
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    key = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    await repo._session.script(
        f"CREATE TABLE badges (id {key}, owner_id bigint NOT NULL CONSTRAINT badges_owner_id_fkey "
        f"REFERENCES articles {action})"
    )
    try:
        article = await repo.insert(Article(title="a"))
        await repo.insert(Badge(owner_id=article.id))
        owner = await repo.get_or_raise(Owner, article.id)
        outcome = await repo.try_delete(change(owner).no_assoc_constraint(Owner.badge))
        assert isinstance(outcome, Invalid)
        ((name, error),) = outcome.changeset.errors
        assert (name, str(error)) == ("badge", "is still associated with this entry")
        assert error.meta == {"constraint": "no_assoc", "constraint_name": "badges_owner_id_fkey"}
    finally:
        await repo._session.script("DROP TABLE badges")


async def test_another_table_that_refers_to_the_row_is_not_blamed_on_the_declared_one(repo: Repo):
    article = await repo.insert(Article(title="a"))
    await repo.insert(Link(url="x", article_id=article.id))
    with pytest.raises(ConstraintError, match="`article_links_article_fkey`"):
        await repo.delete(change(article).no_assoc_constraint(Article.notes))


async def test_a_key_of_others_that_was_named_otherwise_is_found(repo: Repo):
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    key = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    await repo._session.script(
        f"CREATE TABLE votes (id {key}, article bigint CONSTRAINT of_article REFERENCES articles)"
    )
    try:
        article = await repo.insert(Article(title="a"))
        await repo._session.script(f"INSERT INTO votes (article) VALUES ({article.id})")
        guarded = (
            change(article)
            .no_assoc_constraint(Article.notes)
            .foreign_key_constraint(Article.id, name="of_article", message="has votes", error_key="base")
        )
        outcome = await repo.try_delete(guarded)
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {"base": ["has votes"]}
    finally:
        await repo._session.script("DROP TABLE votes")


@pytest.mark.parametrize(
    ("declare", "message", "hint"),
    [
        (lambda: change(Article).assoc_constraint(Article.notes), "is for `belongs_to`", ".no_assoc_constraint"),
        (lambda: change(Note).no_assoc_constraint(Note.article), "is a `belongs_to`", ".assoc_constraint"),
        (lambda: change(Note).assoc_constraint(Link.article), "takes an association of Note", "`Note.article`"),
        (lambda: change(Note).no_assoc_constraint(Note.text), "takes an association of Note", "`Note.article`"),
        (lambda: change(Note).assoc_constraint("article"), "takes an association of Note", "`Note.article`"),
    ],
)
async def test_what_is_no_such_association_is_refused_with_the_fix(repo: Repo, declare: Any, message: str, hint: str):
    with pytest.raises(SchemaError) as refused:
        declare()
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


async def test_of_sixty_four_tasks_that_insert_one_key_one_row_is_stored(repo: Repo):
    changeset = change(Article(uuid=KEY)).unique_constraint(Article.uuid)
    outcomes = await asyncio.gather(*(repo.try_insert(changeset) for _ in range(64)))
    stored = [one.value for one in outcomes if isinstance(one, Ok)]
    refused = [one.changeset.traverse_errors() for one in outcomes if isinstance(one, Invalid)]
    assert refused == [{"uuid": ["has already been taken"]}] * 63
    assert await repo.all(Article) == stored
