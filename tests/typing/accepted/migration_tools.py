"""What stands around migrations: former names, sequences, lint, the database itself, and events of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, assert_type

from ectype import (
    DatabaseObject,
    Field,
    Repo,
    Schema,
    column,
    database_object,
    field,
    migrations,
    primary_key,
    structure,
)
from ectype.migrations import Goal, MigrationStarted, NoticeRaised, Rebased, StatementRan, storage
from ectype.migrations.lint.checking import lint, without
from ectype.migrations.lint.findings import Finding, Severity
from ectype.sql.dialect import SQLITE


class Guest(Schema, table="guests"):
    id: Field[int] = primary_key()
    full_name: Field[str] = field(db=column(renamed_from="name"))


structure(Guest, renamed_from="visitors")
numbers = database_object("sequence", "numbers", create="CREATE SEQUENCE numbers", drop="DROP SEQUENCE numbers")
assert_type(numbers, DatabaseObject)


async def looked_at() -> None:
    found = await lint("migrations", dialect=SQLITE, only={1}, sizes={"guests": 10}, schema="main")
    assert_type(found, list[Finding])
    assert_type(found[0].severity, Severity)
    assert_type(without(found, ["D01"]), list[Finding])


async def stored(url: str) -> None:
    assert_type(await storage.create(url), Literal["created", "exists"])
    assert_type(await storage.create(url, template="maps", locale="C"), Literal["created", "exists"])
    assert_type(await storage.status(url), Literal["up", "down"])
    assert_type(await storage.dump(url, Path("structure.sql")), None)
    assert_type(await storage.load(url, "structure.sql", skip_if_loaded=True), bool)
    assert_type(await storage.drop(url, force=True), Literal["dropped", "missing"])
    assert_type(storage.database_name(url), str)


async def watched(repo: Repo) -> None:
    assert_type(await migrations.lock_holder(repo, prefix="tenant_1"), str | None)
    await migrations.migrate_tenants(repo, "tenant_*", goal=Goal("up", to=3), strict_order=True, fake=True)


def on_started(event: MigrationStarted) -> int | None:
    return event.statements


def on_ran(event: StatementRan) -> str:
    return f"{event.number}: {event.sql}"


async def in_several_folders(repo: Repo) -> None:
    folders = ("core/migrations", Path("shop/migrations"))
    assert_type(await migrations.migrate(repo, folders, statement_timeout=30.0), list[int])
    found = await migrations.rebase(repo, folders, now=datetime.now(UTC), side="theirs", plan=True)
    assert_type(found, Rebased)
    assert_type(found.renumbered[0].to, Path)


def on_notice(event: NoticeRaised) -> str | None:
    return event.hint
