"""Associations of loaded rows: one query a step of a path, attached in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ectype.adapters.base import Connection
from ectype.errors import QueryError
from ectype.query.associated import sorted_keys
from ectype.repo.attaching import Found, attach, current, keyed, mark, reached, slot_of, structs_in, unloaded
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.parallel import together
from ectype.repo.paths import Branch, check_path, merge
from ectype.repo.related import related_query
from ectype.repo.select import fetch_rows
from ectype.schema.associations import Association
from ectype.schema.keys import keys_of
from ectype.schema.meta import SchemaInfo, meta, struct_info
from ectype.schema.rel import PLAIN, EmbedStep, Rel
from ectype.schema.structs import UNSET, restore, state_of


@dataclass(frozen=True, slots=True)
class Preload:
    """What all steps of one preload have in common.

    Attributes:
        engine: how statements are run.
        force: whether what is loaded is loaded anew.
        call: the options of each statement.
        done: what this preload has loaded, so that `force` does it once.
    """

    engine: Engine
    force: bool
    call: Call
    done: set[tuple[int, Association]] = field(default_factory=set[tuple[int, Association]])

    async def level(self, rows: Sequence[Any], branches: dict[str, Branch]) -> None:
        """Load the associations of rows, then those of what they lead to.

        Those that follow others come last: what the others hold by then, narrowed or not, is what they find.
        """
        ordered = sorted(branches.values(), key=lambda branch: branch.association.follows)
        queries = [load for branch in ordered if _asks(branch) and (load := self._planned(rows, branch))]
        if len(queries) > 1 and self.engine.parallel_preloads:
            await together(self.engine, queries)
        else:
            for load in queries:
                await load.run(None)
        for branch in ordered:
            association = branch.association
            if isinstance(association, EmbedStep):
                await self._embedded(reached(rows, association), branch)
                continue
            if association.follows:
                await self._follow(rows, branch)
            if wants_more(branch.branches):
                await self.level(reached(rows, association), branch.branches)

    async def _embedded(self, structs: Sequence[Any], branch: Branch) -> None:
        """Load the associations of structs that stand inside rows, of each schema of a union its own."""
        for onward in branch.branches.values():
            owner = onward.association.owner
            await self.level([one for one in structs if struct_info(one) is owner], {"": onward})

    def _wanting(self, rows: Sequence[Any], association: Association) -> list[Any]:
        if self.force:
            wanting = [row for row in rows if (id(row), association) not in self.done]
            self.done.update((id(row), association) for row in wanting)
            return wanting
        return unloaded(rows, association)

    def _planned(self, rows: Sequence[Any], branch: Branch) -> _Load | None:
        """Return the load of an association of rows; None where all is loaded, or there is nothing to load."""
        association, custom = branch.association, branch.custom
        wanting = self._wanting(rows, association)
        if not self.force and len(wanting) < len(rows) and custom is not PLAIN:
            raise QueryError(
                f"`{association.label}` is loaded already, so it would not be narrowed",
                hint="load it anew: `await repo.preload(rows, …, force=True)`",
            )
        if not wanting:
            return None
        keys = set(keys_of(association.owner_keys, wanting)) - {None}
        load = _Load(self, wanting, branch, sorted_keys(keys) if keys else [])
        if keys:
            return load
        load.attach(((), ()))
        return None

    async def _follow(self, rows: Sequence[Any], branch: Branch) -> None:
        """Load each step of an association that follows others, then gather what the last one leads to."""
        association = branch.association
        if branch.custom.joined:
            return
        wanting = self._wanting(rows, association)
        if not wanting:
            return
        await self.level(wanting, branch.steps)
        give = slot_of(association).__set__
        for row in wanting:
            found = _gathered(row, association)
            give(row, found if association.cardinality == "many" else next(iter(found), None))


def _asks(branch: Branch) -> bool:
    """Whether a branch is a query of its own: it does not stand in the rows, nor follow others."""
    association = branch.association
    return not (isinstance(association, EmbedStep) or association.follows or branch.custom.joined)


def wants_more(branches: dict[str, Branch]) -> bool:
    """Whether paths lead to anything that the joins of their query do not fill."""
    return any(_wants(one) for one in branches.values())


def _wants(branch: Branch) -> bool:
    """Whether a branch has anything to load that no join has filled."""
    return not branch.custom.joined or wants_more(branch.branches)


def _gathered(row: Any, association: Association) -> list[Any]:
    """Return what the steps of an association lead to from one row, each stored row once, in the order it is met."""
    level = [row]
    for step in association.steps:
        level = [one for each in level for one in structs_in(current(each, step))]
    names = association.related.primary_key
    if not names:
        raise QueryError(
            f"`{association.label}` gives each row once, and {association.related.name} has no primary key",
            hint="preload its steps instead: " + f"`{' / '.join(one.label for one in association.steps)}`",
        )
    found: dict[Any, Any] = {}
    for key, one in zip(keys_of(names, level), level, strict=True):
        found.setdefault(key, one)
    return list(found.values())


def _checked(association: Association, rows: Any) -> Found:
    """Return what a function of `load_with` gave. Raises QueryError for anything else."""
    info, pairs = association.related, association.join is not None
    wanted = f"pairs of an owner's key and a struct of {info.name}" if pairs else f"structs of {info.name}"
    what = f"the function of `{association.label}.load_with(…)` returns a list of {wanted}"
    if not isinstance(rows, list | tuple):
        raise QueryError(f"{what}, got {rows!r:.80}")
    listed = cast("Sequence[Any]", rows)
    for one in listed:
        pair = cast("tuple[Any, ...]", one) if isinstance(one, tuple) else ()
        struct = cast("Any", (pair[1] if len(pair) == 2 else None) if pairs else one)
        if getattr(struct.__class__, "__schema__", None) is not info:
            raise QueryError(f"{what}, got {one!r:.80} in it")
    if pairs:
        return [owner for owner, _ in listed], [one for _, one in listed]
    return keys_of(association.related_keys, listed), listed


@dataclass(frozen=True, slots=True)
class _Load:
    """One query of a preload.

    Attributes:
        preload: what it is a part of.
        wanting: the rows that get what it finds.
        branch: which association, and how it is narrowed.
        keys: the keys of the rows, at least one.
    """

    preload: Preload
    wanting: list[Any]
    branch: Branch
    keys: list[Any]

    @property
    def apart(self) -> bool:
        """Whether it is a query of ours, which may run on any connection; a function of the user's is not."""
        return self.branch.custom.load_with is None

    async def run(self, on: Connection | None) -> None:
        """Load, on a connection that is held for it, or on one as every statement."""
        association, custom = self.branch.association, self.branch.custom
        if custom.load_with is not None:
            self.attach(_checked(association, await custom.load_with(self.keys)))
            return
        query = related_query(association, custom, self.keys)
        rows = await fetch_rows(self.preload.engine, query, self.preload.call, "preload", on)
        self.attach(keyed(association, rows))

    def attach(self, found: Found) -> None:
        """Give the rows what was found."""
        association, custom = self.branch.association, self.branch.custom
        attach(self.wanting, association, found)
        if custom.filters or self.preload.force:
            mark(self.wanting, association, partial=custom.filters)


async def preload_into(
    engine: Engine,
    rows: Sequence[Any],
    branches: dict[str, Branch],
    call: Call,
) -> None:
    """Load the merged paths into rows that nobody else holds yet; None among the rows is left alone."""
    present = [row for row in rows if row is not None]
    if present:
        await Preload(engine, force=False, call=call).level(present, branches)


async def preload_copies(
    engine: Engine,
    rows: Any,
    paths: Sequence[Rel[Any, Any]],
    *,
    force: bool,
    call: Call,
) -> Any:
    """Return copies of a struct, or of a list of structs, with the paths loaded; None stays None.

    Raises:
        QueryError: for no path, rows of two schemas, or an association that a join of a query should fill.
    """
    if not paths:
        raise QueryError("`preload` needs an association", hint="write `await repo.preload(user, User.posts)`")
    for path in paths:
        check_path(path)
    listed: list[Any] = cast("list[Any]", rows) if isinstance(rows, list) else [rows]
    present = [row for row in listed if row is not None]
    if not present:
        return cast("Any", rows)
    info = _schema_of(present)
    branches = merge(info, paths)
    refuse_joined(branches, "`repo.preload` runs queries of its own")
    made = copies(listed, branches)
    loaded = [row for row in made if row is not None]
    where = meta(present[0]).prefix if call.prefix is None else call.prefix
    await Preload(engine, force, replace(call, prefix=where)).level(loaded, branches)
    return made if isinstance(rows, list) else made[0]


def refuse_joined(branches: dict[str, Branch], why: str) -> None:
    """Raise QueryError for a preload that a join would fill where there is none; `why` says so."""
    for branch in branches.values():
        if branch.custom.joined:
            label = branch.association.label
            raise QueryError(
                f"`{label}.joined()` is filled from a join, and {why}",
                hint=f"preload it by a query of its own, without `.joined()`: `{label}`",
            )
        refuse_joined(branch.branches, why)


def _schema_of(rows: Sequence[Any]) -> SchemaInfo:
    info = struct_info(rows[0])
    for row in rows:
        if struct_info(row) is not info:
            raise QueryError(
                f"`preload` takes rows of one schema, got {info.name} and {struct_info(row).name}",
                hint="preload each kind by itself",
            )
    return info


def copies(rows: Iterable[Any], branches: dict[str, Branch]) -> list[Any]:
    """Return copies of structs along the merged paths, so that loading never changes what somebody holds."""
    return [None if row is None else _copy(row, branches) for row in rows]


def _copy(row: Any, branches: dict[str, Branch]) -> Any:
    struct = restore(row.__class__, state_of(row))
    for branch in branches.values():
        association = branch.association
        if branch.steps:
            struct = _copy(struct, branch.steps)
        value = current(struct, association)
        if isinstance(value, list):
            slot_of(association).__set__(struct, copies(cast("list[Any]", value), branch.branches))
        elif value is not UNSET and value is not None:
            slot_of(association).__set__(struct, _copy(value, branch.branches))
    return struct
