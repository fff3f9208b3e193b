"""What those who are new to it write first, and what they are told: which call, what it got, and the line to write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ectype import ConfigError, DatabaseError, EctypeError, Field, QueryError, Repo, Schema, SchemaError, primary_key
from tests.integration.repo.blog import Tag, User


class Missing(Schema, table="nothing_of_the_kind"):
    id: Field[int] = primary_key()


RED = {"name": "red", "color": "r"}
MISTAKES: dict[str, tuple[Any, type[EctypeError], str, str]] = {
    "a mapping": (
        lambda repo: repo.insert(RED),
        SchemaError,
        "`insert` takes a struct or a changeset, got {'name'",
        "write",
    ),
    "a class": (lambda repo: repo.delete(User), SchemaError, "`delete` takes a struct", "`repo.delete_all(User)`"),
    "one row for many": (lambda repo: repo.insert_all(Tag, RED), QueryError, "several rows of Tag", "`[row]`"),
    "one struct for many": (
        lambda repo: repo.insert_all(Tag, Tag(**RED)),
        QueryError,
        "several rows of Tag",
        "`[row]`",
    ),
    "a text for rows": (lambda repo: repo.insert_all(Tag, "red"), QueryError, "no text, got 'red'", "[{"),
    "a clause as option": (lambda repo: repo.all(Tag, where=1), ConfigError, "no option 'where'", "from_(User).where("),
    "no function": (lambda repo: repo.transact(1), ConfigError, "got 1", "without calling it"),
    "no callback": (lambda repo: repo.after_commit(None), ConfigError, "got None", "without calling it"),
    "no undoing": (lambda repo: repo.after_rollback(None), ConfigError, "got None", "without calling it"),
    "an action as text": (
        lambda repo: repo.upsert(Tag(**RED), on_conflict="nothing"),
        QueryError,
        "'nothing'",
        "do_nothing()",
    ),
    "a question mark": (lambda repo: repo.query("select ?", 1), QueryError, "0 gaps and got 1", "`?` is no gap"),
    "a percent sign": (lambda repo: repo.query("select %s", 1), QueryError, "0 gaps and got 1", "`%s` is no gap"),
    "a name": (lambda repo: repo.query("select :id", 1), QueryError, "0 gaps and got 1", "`:id` is no gap"),
    "a number": (lambda repo: repo.query("select $1", 1), QueryError, "0 gaps and got 1", "`$1` is no gap"),
    "a path as text": (
        lambda repo: repo.preload([], "posts"),
        QueryError,
        "takes associations, got 'posts'",
        "User.posts",
    ),
    "a class to reload": (lambda repo: repo.reload(Tag), SchemaError, "a struct of a schema", "not the class"),
    "capital letters": (
        lambda repo: repo.transaction(isolation="SERIALIZABLE"),
        ConfigError,
        "SERIALIZABLE",
        "`serializable`",
    ),
    "a missing table": (lambda repo: repo.all(Missing), DatabaseError, "nothing_of_the_kind", "`ectype migrate`"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_first_mistake_is_told_with_the_line_to_write(repo: Repo, mistake: str):
    call, error, says, hint = MISTAKES[mistake]

    async def made() -> None:
        result = call(repo)
        if asyncio.iscoroutine(result):
            await result

    with pytest.raises(error) as caught:
        await made()
    assert says in caught.value.message
    assert hint in str(caught.value.hint)


async def test_a_function_that_was_called_already_is_told_so(repo: Repo):
    work = asyncio.sleep(0)
    with pytest.raises(ConfigError, match="without calling it"):
        await repo.transact(work)  # type: ignore[call-overload]
    work.close()


async def test_a_file_for_the_rows_of_a_copy_is_refused_by_its_name(postgres_url: str):
    async with Repo(postgres_url) as repo:
        with pytest.raises(QueryError, match=r"no text, got 'tags\.csv'"):
            await repo.copy_in(Tag, "tags.csv")  # type: ignore[arg-type]
