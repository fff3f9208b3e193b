"""The checks of an acceptance suite that concern one changeset and one row, by their numbers; and what they leave open.

Checks 5 to 7, 9 to 16, 17, 18 and 20 to 22 stand where their subjects do: `test_repo_locks`, `test_changeset_checks` of
the unit tests, `test_repo_associated_rows` and `test_repo_unsafe_unique`.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest

from ectype import (
    BelongsTo,
    Changeset,
    CustomType,
    DatabaseError,
    Err,
    Field,
    HasMany,
    Invalid,
    InvalidChangesetError,
    NoPrimaryKeyError,
    Ok,
    Repo,
    Schema,
    Timestamps,
    TransactionAbortedError,
    belongs_to,
    change,
    field,
    from_,
    has_many,
    meta,
    migrations,
    primary_key,
)
from ectype.migrations import Migration
from ectype.telemetry import QueryEvent


class Shelf(CustomType[str, str]):
    """A key of one's own: kept without the word in front."""

    def cast(self, value: object) -> Ok[str] | Err:
        return Ok(value) if isinstance(value, str) else Err("is no shelf", {"type": "mine", "letter": "s"})

    def dump(self, value: str) -> str:
        return f"shelf-{value}"

    def load(self, stored: str) -> str:
        return stored.removeprefix("shelf-")


class Case(Schema, table="check_cases"):
    name: Field[str] = field(type=Shelf, primary_key=True)
    essays: "HasMany[Essay]" = has_many(foreign_key="case_name")


class Essay(Schema, Timestamps, table="check_essays"):
    id: Field[int] = primary_key()
    title: Field[str | None] = field(default=None)
    visits: Field[int | None] = field(default=None)
    uuid: Field[UUID | None] = field(default=None)
    code: Field[str | None] = field(default=None)
    case_name: Field[str | None] = field(type=Shelf, default=None)
    case: BelongsTo[Case | None] = belongs_to(foreign_key="case_name")


async def tables(m: Migration) -> None:
    with m.create_table("check_cases", primary_key=False) as t:
        t.column("name", str, primary_key=True)
    with m.create_table("check_essays") as t:
        t.column("title", str, default="x")
        t.column("visits", int)
        t.column("uuid", UUID)
        t.column("code", str)
        t.column("case_name", str)
        t.timestamps()
    m.create_index("check_essays", "uuid", unique=True)
    m.create_index("check_essays", "code", unique=True)


@pytest.fixture
async def checks(repo: Repo) -> AsyncIterator[Repo]:
    """The repo with the tables of the checks."""
    await migrations.up(repo, 20261129, tables)
    yield repo
    await migrations.down(repo, 20261129, tables)


def sent(events: list[QueryEvent]) -> list[str]:
    """The statements, as both databases would number their parameters."""
    return [re.sub(r"\$(\d)", r"?\1", one.sql) for one in events]


async def test_check_1_what_is_none_is_not_sent_and_the_database_fills_it(
    checks: Repo, events: list[QueryEvent]
) -> None:
    essay = await checks.insert(Essay(title=None, visits=3))
    assert sent(events) == [
        'INSERT INTO "check_essays" ("visits", "inserted_at", "updated_at") VALUES (?1, ?2, ?3) RETURNING "id"'
    ]
    # The struct keeps what it had: the default is read with the next query, or by `read_after_writes`.
    assert (essay.title, essay.visits, meta(essay).state) == (None, 3, "loaded")
    assert (await checks.get_or_raise(Essay, essay.id)).title == "x"


async def test_check_2_a_none_that_is_forced_is_sent(checks: Repo, events: list[QueryEvent]) -> None:
    essay = await checks.insert(change(Essay(visits=3)).force_change(Essay.title, None))
    assert '("title", "visits", "inserted_at", "updated_at") VALUES (?1, ?2, ?3, ?4)' in sent(events)[0]
    assert (await checks.get_or_raise(Essay, essay.id)).title is None


async def test_check_3_a_change_to_the_same_value_sends_nothing_and_calls_nothing(
    checks: Repo, events: list[QueryEvent]
) -> None:
    essay = await checks.insert(Essay(title="a"))
    events.clear()
    called: list[str] = []

    def prepare(changeset: Changeset[Essay], _repo: Any) -> Changeset[Essay]:
        called.append("prepared")
        return changeset

    same = await checks.update(change(essay, Essay.title.set("a")).prepare_changes(prepare))
    assert (same, called, events) == (essay, [], [])
    assert (await checks.get_or_raise(Essay, essay.id)).updated_at == essay.updated_at


async def test_check_4_an_update_sends_what_changed_and_the_time(checks: Repo, events: list[QueryEvent]) -> None:
    essay = await checks.insert(Essay(title="a", visits=3))
    events.clear()
    changed = await checks.update(change(essay, Essay.title.set("b"), Essay.visits.set(3)))
    assert sent(events) == ['UPDATE "check_essays" SET "title" = ?1, "updated_at" = ?2 WHERE "id" = ?3']
    assert (changed.title, changed.visits, changed.updated_at > essay.updated_at) == ("b", 3, True)


@pytest.mark.parametrize(
    "write",
    [
        lambda repo: repo.update(change(Essay(title="a"), Essay.title.set("b"))),
        lambda repo: repo.delete(Essay(title="a")),
        lambda repo: repo.delete(change(Essay(title="a"))),
        lambda repo: repo.update(change(Essay(id=None, title="a"), Essay.title.set("b"))),  # pyright: ignore[reportArgumentType]
    ],
)
async def test_check_8_a_struct_without_its_key_is_refused_before_anything_is_sent(
    checks: Repo, events: list[QueryEvent], write: Callable[[Repo], Any]
) -> None:
    with pytest.raises(NoPrimaryKeyError, match="Essay"):
        await write(checks)
    assert events == []


async def test_check_19_a_refused_insert_leaves_its_transaction_to_be_rolled_back_on_every_database(
    checks: Repo,
) -> None:
    """Departed: Ecto leaves it to the database; here a transaction goes on after `try_insert`, and never else."""
    taken = uuid4()
    await checks.insert(Essay(uuid=taken))

    def twin() -> Changeset[Essay]:
        return change(Essay, Essay.uuid.set(taken)).unique_constraint(Essay.uuid)

    async def swallowed() -> None:
        async with checks.transaction():
            with suppress(InvalidChangesetError):
                await checks.insert(twin())
            await checks.insert(Essay(title="lost"))

    with pytest.raises(TransactionAbortedError):
        await swallowed()
    async with checks.transaction():
        refused = await checks.try_insert(twin())
        await checks.insert(Essay(title="kept"))
    assert isinstance(refused, Invalid)
    assert await checks.all(from_(Essay).where(Essay.uuid.is_null()).select(Essay.title)) == ["kept"]


async def test_a_database_tells_the_first_refusal_only(checks: Repo) -> None:
    taken = uuid4()
    await checks.insert(Essay(uuid=taken, code="a"))
    twin = change(Essay, Essay.uuid.set(taken), Essay.code.set("a"))
    both = twin.unique_constraint(Essay.uuid).unique_constraint(Essay.code)
    with pytest.raises(InvalidChangesetError) as caught:
        await checks.insert(both)
    ((first, error),) = caught.value.changeset.errors
    assert str(error) == "has already been taken"
    mended = both.put_change(Essay.uuid if first == "uuid" else Essay.code, None)
    with pytest.raises(InvalidChangesetError) as caught:
        await checks.insert(mended)
    assert {first, *(key for key, _ in caught.value.changeset.errors)} == {"uuid", "code"}
    assert caught.value.changeset.action == "insert"
    assert meta(caught.value.changeset.data).state == "built"


async def test_a_key_of_ones_own_type_is_got_preloaded_and_referred_to(checks: Repo) -> None:
    case = await checks.insert(change(Case).cast({"name": "north"}, Case.name))
    essay = await checks.insert(change(Essay).cast({"case_name": "north"}, Essay.case_name))
    assert (await checks.query("SELECT name FROM check_cases")).rows == [("shelf-north",)]
    assert await checks.get(Case, "north") == case
    loaded = await checks.one_or_raise(from_(Case).preload(Case.essays / Essay.case))
    assert [(one.id, one.case and one.case.name) for one in loaded.essays] == [(essay.id, "north")]
    joined = from_(Essay).join(Essay.case).where(Case.name == "north").select(Essay.id)
    assert await checks.all(joined) == [essay.id]


def test_a_custom_types_own_metadata_is_kept_but_never_the_type() -> None:
    refused = change(Case).cast({"name": 3}, Case.name)
    ((_, error),) = refused.errors
    assert (str(error), dict(error.meta)) == (
        "is no shelf",
        {"type": "Shelf", "validation": "cast", "letter": "s"},
    )


def test_an_error_may_be_added_twice_and_its_gaps_stay_in_the_message() -> None:
    twice = (
        change(Essay).add_error(Essay.title, "%{count} too many", count=2).add_error(Essay.title, "%{count} too many")
    )
    assert [error.message for _, error in twice.errors] == ["%{count} too many"] * 2
    assert twice.traverse_errors() == {"title": ["2 too many", "%{count} too many"]}


async def test_a_null_is_no_constraint_of_a_changeset(checks: Repo) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)null"):
        await checks.insert(change(Essay).force_change(Essay.inserted_at, None))  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
