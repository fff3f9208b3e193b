from __future__ import annotations

from ectype import Repo, migrations


async def count(repo: Repo) -> int:
    outcomes = await migrations.migrate_tenants(repo, "tenant_*")
    return len(outcomes[0].value)  # refused
