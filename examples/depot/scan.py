"""Writes one scan: changesets and upserts for what is named, bulk inserts for what is many, in one transaction."""

from datetime import UTC, datetime

from ectype import Inserted, Repo, change, from_, replace_all
from examples.depot.environment import Found, read_environment
from examples.depot.schemas import Change, Distribution, EntryPoint, File, Kind, Requirement, Scan


async def scan(repo: Repo) -> Scan:
    """Look at the environment, store what is there, and what changed since the last look."""
    found = read_environment()
    return await repo.transact(lambda: _write(repo, found))


async def _write(repo: Repo, found: list[Found]) -> Scan:
    before = {one.name: one for one in await repo.all(Distribution)}
    taken = await repo.insert(
        Scan(
            started_at=datetime.now(UTC),
            distributions=len(found),
            files=sum(len(one.files) for one in found),
            size=sum(int(str(one.params["size"])) for one in found),
        )
    )
    first = not before
    for one in found:
        await _store(repo, one, before.pop(one.name, None), taken, first=first)
    for gone in before.values():
        await repo.delete(gone)
        await repo.insert(Change(kind=Kind.REMOVED, name=gone.name, before=gone.version, scan_id=taken.id))
    return await repo.preload(taken, Scan.changes)


async def _store(repo: Repo, found: Found, known: Distribution | None, taken: Scan, *, first: bool) -> None:
    changeset = Distribution.changeset(known or Distribution, found.params)
    if known is not None:
        if not changeset.changes:
            return
        await repo.update(changeset)
        kind, distribution = Kind.CHANGED, known
        for model in (File, Requirement, EntryPoint):
            await repo.delete_all(from_(model).where(model.distribution_id == known.id))
    else:
        # Another process may be scanning too: whoever is second updates the row of the first.
        outcome = await repo.upsert(changeset, on_conflict=replace_all(), conflict_target=Distribution.name)
        if not isinstance(outcome, Inserted):
            return
        kind, distribution = Kind.ADDED, outcome.struct
    await _store_parts(repo, found, distribution.id)
    if not first:
        version = None if known is None else known.version
        await repo.insert(
            change(Change, Change.kind.set(kind), Change.name.set(found.name), Change.scan_id.set(taken.id))
            .put_change(Change.before, version)
            .put_change(Change.after, str(found.params["version"]))
        )


async def _store_parts(repo: Repo, found: Found, distribution_id: int) -> None:
    owner = {"distribution_id": distribution_id}
    await repo.insert_all(File, [{**row, **owner} for row in found.files])
    await repo.insert_all(Requirement, [{**row, **owner} for row in found.requirements])
    await repo.insert_all(EntryPoint, [{**row, **owner} for row in found.entry_points])
