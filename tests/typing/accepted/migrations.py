"""Migrations from code: what a run gives, and what it takes."""

from __future__ import annotations

from typing import assert_type

from ectype import Repo, migrations
from ectype.errors import EctypeError
from ectype.migrations import Backfill, BackfillResult, Finding, Goal, Migration, RunPlan, Squashed, TenantOutcome


def change(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("email", str, null=False)


async def runs(repo: Repo) -> None:
    assert_type(await migrations.migrate(repo, "migrations", to_exclusive=3, strict_order=True, fake=True), list[int])
    assert_type(await migrations.rollback(repo, step=1, prefix="tenant_1"), list[int])
    assert_type(await migrations.up(repo, 1, change, prefix="tenant_1"), bool)
    assert_type(await migrations.pending(repo), list[int])
    assert_type(await migrations.require(repo), None)
    assert_type(await migrations.verify(repo), list[Finding])
    assert_type(await migrations.resolve(repo, 1, "rolled-back"), None)
    assert_type(await migrations.baseline(repo, 1), list[int])
    assert_type(await migrations.schema_hash(repo), str)
    assert_type(await migrations.check_migrations(repo, irreversible=(1,)), list[int])
    assert_type(await migrations.squash("sqlite:///blog.db", 3), Squashed)


async def plans(repo: Repo) -> None:
    plan = await migrations.plan_run(repo, "migrations", Goal("up", step=2))
    assert_type(plan, RunPlan)
    for migration in plan.migrations:
        for statement in migration.statements:
            assert_type(statement.rows, int | None)
            assert_type(statement.effect.lock, str | None)


async def tenants(repo: Repo) -> None:
    outcomes = await migrations.migrate_tenants(repo, "tenant_*", parallel=2, fail_fast=True)
    assert_type(outcomes, list[TenantOutcome[list[int]]])
    assert_type(outcomes[0].value, list[int] | None)
    assert_type(outcomes[0].error, EctypeError | None)


async def backfills(repo: Repo) -> None:
    Backfill("users", set="slug = lower(name)", where="slug IS NULL")
    assert_type(await migrations.backfill(repo, "slugs", batch=10, max_lag=2.0), BackfillResult)
