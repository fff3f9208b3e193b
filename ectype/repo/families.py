"""A row that is written with its related rows: those it belongs to first, then the row, then those that belong to it.

Of the related rows those that go are removed first, so that their unique keys are free; then come updates, then
inserts. The first that is refused ends it: the changeset of the row comes back with the errors where they belong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, cast

from ectype.errors import SchemaError
from ectype.repo.at_commit import all_or_none
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.entries import (
    CHANGESET,
    Job,
    as_given,
    check_nilified,
    check_table,
    key_part,
    owned,
    replaced_one,
    under,
)
from ectype.repo.join_rows import delete_join_row, insert_join_row
from ectype.repo.outcomes import Ignored, Outcome
from ectype.repo.stored import stored
from ectype.schema.applying import points_to
from ectype.schema.association_relations import AssociationRelation, relation_of
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import begun, draft, same, sealed, with_changes
from ectype.schema.edits import put_value
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import SchemaInfo, meta
from ectype.schema.relation_puts import given_entries
from ectype.schema.structs import UNSET


class Writes(NamedTuple):
    """The writes of a row, as the conductor has them: each takes the engine, a changeset and the call's options."""

    insert: Callable[..., Awaitable[Any]]
    update: Callable[..., Awaitable[Any]]
    delete: Callable[..., Awaitable[Any]]


def has_related(changeset: Changeset[Any]) -> bool:
    """Whether a changeset changes associations."""
    associations = changeset.info.associations
    return bool(associations) and not changeset.changes.keys().isdisjoint(associations)


def with_given(changeset: Changeset[Any]) -> Changeset[Any]:
    """Return the changeset of a new struct with the related structs that its constructor was given as changes.

    Raises:
        SchemaError: they belong to an association that only follows others.
    """
    data, info = changeset.data, changeset.info
    if meta(data).state != "built":
        return changeset
    changes: dict[str, Any] = {}
    for name, association in info.associations.items():
        value = getattr(data, f"_assoc_{name}", UNSET)
        if value is not UNSET and value is not None and value != [] and name not in changeset.changes:
            changes[name] = given_entries(changeset, relation_of(association, "insert"), value)
    return with_changes(changeset, {**changeset.changes, **changes}) if changes else changeset


async def write_family(
    engine: Engine,
    writes: Writes,
    changeset: Changeset[Any],
    verb: str,
    row: Callable[[Changeset[Any]], Awaitable[Any]],
    call: Call,
) -> Any:
    """Write a row and its related rows in one transaction, and return its struct with theirs.

    Args:
        engine: the engine.
        writes: how related rows are written.
        changeset: of the row, with changes of associations.
        verb: `insert` or `update`.
        row: writes the row alone.
        call: the options; related rows get its deadline, its prefix and whether they may be stale.

    Raises:
        InvalidChangesetError: the row or a related one was refused; its changeset is that of the row.
        SchemaError: the foreign key and its association were changed to different values.
    """
    family = _Family(engine, writes, changeset, verb, call, _relations(changeset))
    family.check()
    async with all_or_none(engine, changeset, verb, call):
        return await family.write(row)


async def upsert_family(
    engine: Engine,
    writes: Writes,
    changeset: Changeset[Any],
    row: Callable[[Changeset[Any]], Awaitable[Outcome[Any]]],
    call: Call,
) -> Outcome[Any]:
    """Upsert a row, and insert its related rows in the same transaction; when nothing is written, none of them is.

    Args:
        engine: the engine.
        writes: how related rows are written; no conflict of theirs is let pass.
        changeset: of the row, with changes of associations.
        row: upserts the row alone.
        call: as for `write_family`.

    Raises:
        InvalidChangesetError, SchemaError: as `write_family` does.
    """
    family = _Family(engine, writes, changeset, "insert", call, _relations(changeset))
    family.check()
    async with all_or_none(engine, changeset, "insert", call):
        if not any(relation.association.kind == "belongs_to" for relation in family.relations):
            return await family.upsert(row)
        # The rows that it belongs to are written before anybody knows what becomes of it.
        outcome: Outcome[Any] = Ignored(None)
        async with engine.session.transaction() as savepoint:
            outcome = await family.upsert(row)
            if isinstance(outcome, Ignored):
                savepoint.rollback()
        return outcome


def _relations(changeset: Changeset[Any]) -> tuple[AssociationRelation, ...]:
    associations = changeset.info.associations
    return tuple([relation_of(associations[name], "update") for name in associations if name in changeset.changes])


@dataclass(frozen=True, slots=True)
class _Family:
    """One write: the changeset of its row, what is done with it, and the associations that it changes."""

    engine: Engine
    writes: Writes
    changeset: Changeset[Any]
    verb: str
    call: Call
    relations: tuple[AssociationRelation, ...]

    def check(self) -> None:
        """Raise SchemaError for what can be seen to go wrong before anything is sent."""
        for relation in self.relations:
            for _, child in self._entries(relation):
                if self.verb == "insert" and child.action == "delete":
                    raise SchemaError(
                        f'an entry of `{relation.label}` has the action "delete", and its {relation.owner.name} is '
                        "only being inserted",
                        hint="leave the entry out",
                    )
                if child.action == "replace":
                    check_nilified(relation)
                check_table(relation, child)
            if not relation.many and relation.association.kind != "belongs_to":
                self._left(relation)

    async def write(self, row: Callable[[Changeset[Any]], Awaitable[Any]]) -> Any:
        """Write all of it."""
        own, found, gone = await self._belong_to(self._own_changes())
        struct = await self._row(row, own)
        for relation, old in gone:
            await self._remove(relation, old)
        return self._together(struct, found, await self._belonging(struct))

    async def upsert(self, row: Callable[[Changeset[Any]], Awaitable[Outcome[Any]]]) -> Outcome[Any]:
        """Write all of it, unless the row itself is not written."""
        own, found, gone = await self._belong_to(self._own_changes())
        outcome: Outcome[Any] = await self._row(row, own)
        if isinstance(outcome, Ignored):
            return cast("Outcome[Any]", outcome)
        struct = outcome.struct
        # On conflict the row may have kept its foreign key, and does not follow the association then.
        found = {name: one for name, one in found.items() if self._follows(struct, name, one)}
        for relation, old in gone:
            if relation.name in found:
                await self._remove(relation, old)
        return replace(outcome, struct=self._together(struct, found, await self._belonging(struct)))

    def _follows(self, struct: Any, name: str, related: Any) -> bool:
        association = self.changeset.info.associations[name]
        return points_to(association, [getattr(struct, key) for key in association.owner_keys], related)

    async def _row(self, row: Callable[[Changeset[Any]], Awaitable[Any]], own: Changeset[Any]) -> Any:
        try:
            return await row(own)
        except InvalidChangesetError as exc:
            raise self._refused(cast("Changeset[Any]", exc.changeset), self.changeset.changes) from exc

    async def _belonging(self, struct: Any) -> dict[tuple[str, int | None], Any]:
        """Write the rows that belong to a struct; return theirs, by association and place."""
        done: dict[tuple[str, int | None], Any] = {}
        for job in sorted(self._jobs(), key=lambda job: job.phase):
            done[job.relation.name, job.place] = await self._written(job, struct)
        return done

    def _entries(self, relation: AssociationRelation) -> Sequence[tuple[int | None, Changeset[Any]]]:
        value: Any = self.changeset.changes[relation.name]
        if relation.many:
            return list(enumerate(cast("tuple[Changeset[Any], ...]", value)))
        return [] if value is None else [(None, value)]

    # --- those it belongs to

    async def _belong_to(
        self, own: Changeset[Any]
    ) -> tuple[Changeset[Any], dict[str, Any], list[tuple[AssociationRelation, Changeset[Any]]]]:
        """Write the rows that this one belongs to; return its changeset with their keys, them, and what goes after."""
        found: dict[str, Any] = {}
        gone: list[tuple[AssociationRelation, Changeset[Any]]] = []
        for relation in self.relations:
            if relation.association.kind != "belongs_to":
                continue
            child = self.changeset.changes[relation.name]
            struct = None
            if child is not None and child.action != "delete":
                struct = await self._entry(Job(relation, None, child), child)
            elif child is not None:
                gone.append((relation, child))
            old = replaced_one(self.changeset.data, relation, struct)
            if old is not None and relation.on_replace == "delete" and (child is None or child.action != "delete"):
                # It goes after the row, which still refers to it.
                gone.append((relation, old))
            own = self._pointed(own, relation, struct)
            found[relation.name] = struct
        return own, found, gone

    def _pointed(self, own: Changeset[Any], relation: AssociationRelation, struct: Any) -> Changeset[Any]:
        """Return the changeset of the row with its foreign key to a struct. Raises SchemaError when it has another."""
        association, info, data = relation.association, own.info, self.changeset.data
        for here, there in zip(association.owner_keys, association.related_keys, strict=True):
            value = None if struct is None else key_part(struct, there, relation)
            given = self.changeset.changes.get(here, getattr(data, here, None) if self.verb == "insert" else UNSET)
            said = given is not UNSET and (given is not None or here in self.changeset.changes)
            if said and not same(info.fields[here].type, given, value):
                raise SchemaError(
                    f"`{info.name}.{here}` is {given!r:.60}, and `{relation.label}` was changed to one whose "
                    f"`{there}` is {value!r:.60}",
                    hint=f"change one of them: the foreign key follows `{relation.label}`",
                )
            own = put_value(own, here, value)
        return own

    # --- those that belong to it

    def _jobs(self) -> list[Job]:
        jobs: list[Job] = []
        for relation in self.relations:
            if relation.association.kind == "belongs_to":
                continue
            if not relation.many:
                old = self._left(relation)
                if old is not None:
                    jobs.append(Job(relation, -1, old))
            jobs += [Job(relation, index, child) for index, child in self._entries(relation)]
        return jobs

    def _left(self, relation: AssociationRelation) -> Changeset[Any] | None:
        child = self.changeset.changes[relation.name]
        return replaced_one(self.changeset.data, relation, None if child is None else child.data)

    async def _written(self, job: Job, owner: Any) -> Any:
        """Write one related row; return its struct, UNSET for one that is gone."""
        relation, child = job.relation, job.child
        join = relation.association.join
        if job.removes:
            if join is None:
                await self._remove(relation, child, job.place)
            else:
                await delete_join_row(self.engine, relation.association, owner, child.data, self._prefixed())
            return UNSET
        if join is None:
            return await self._entry(job, owned(relation, child, owner))
        struct = await self._entry(job, child)
        if self._is_untied(relation, child, struct):
            await self._tie(job, owner, struct)
        return struct

    def _is_untied(self, relation: AssociationRelation, child: Changeset[Any], struct: Any) -> bool:
        """Whether nobody knows of a row between the two: there is one for each that the owner has loaded."""
        if self.verb == "insert" or child.action == "insert":
            return True
        held: Any = getattr(self.changeset.data, f"_assoc_{relation.name}", UNSET)
        names = relation.association.related_keys
        key = [getattr(struct, name, None) for name in names]
        return held is UNSET or all(key != [getattr(one, name, None) for name in names] for one in held)

    async def _tie(self, job: Job, owner: Any, struct: Any) -> None:
        try:
            await insert_join_row(
                self.engine,
                self.writes.insert,
                job.relation.association,
                owner,
                struct,
                self.changeset.constraints,
                self._prefixed(),
            )
        except InvalidChangesetError as exc:
            made = draft(job.child)
            made.errors = (*job.child.errors, *exc.changeset.errors)
            made.valid = False
            self._refuse(job, sealed(made, CHANGESET), exc)

    # --- one row

    async def _entry(self, job: Job, ready: Changeset[Any]) -> Any:
        """Insert or update the row of an entry, whose changeset may have got its foreign key."""
        write = self.writes.insert if ready.action == "insert" else self.writes.update
        try:
            return await write(self.engine, under(job.relation, ready, self._prefix()), call=self._down())
        except InvalidChangesetError as exc:
            self._refuse(job, as_given(job, cast("Changeset[Any]", exc.changeset)), exc)

    async def _remove(self, relation: AssociationRelation, child: Changeset[Any], index: int | None = None) -> None:
        """Delete the row of an entry, or only take its foreign key away. One that is replaced may be gone already."""
        call = self._down()
        try:
            if child.action == "delete":
                await self.writes.delete(self.engine, child, call=call)
                return
            call = replace(call, allow_stale=True)
            bare = sealed(begun(child.data, relation.related), CHANGESET)
            if relation.on_replace == "delete":
                await self.writes.delete(self.engine, bare, call=call)
                return
            keys = dict.fromkeys(relation.association.related_keys)
            await self.writes.update(self.engine, with_changes(bare, {**keys}), call=call)
        except InvalidChangesetError as exc:
            self._refuse(Job(relation, index, child), cast("Changeset[Any]", exc.changeset), exc)

    def _down(self) -> Call:
        return self.call.related()

    def _prefix(self) -> str | None:
        return self.call.prefix or meta(self.changeset.data).prefix

    def _prefixed(self) -> Call:
        return self.call.below(self._prefix())

    # --- how it ends

    def _own_changes(self) -> Changeset[Any]:
        names = self.changeset.info.associations
        return with_changes(
            self.changeset, {name: value for name, value in self.changeset.changes.items() if name not in names}
        )

    def _together(self, struct: Any, found: dict[str, Any], done: dict[tuple[str, int | None], Any]) -> Any:
        """Return the struct with its related structs, those that are gone left out."""
        info: SchemaInfo = self.changeset.info
        if struct is self.changeset.data:
            struct = stored(info, struct, {}, meta(struct), None)
        for relation in self.relations:
            name = relation.name
            if relation.association.kind == "belongs_to":
                if name not in found:
                    continue
                value = found[name]
            elif relation.many:
                each = [done[name, index] for index, _ in self._entries(relation)]
                value = [one for one in each if one is not UNSET]
            else:
                value = done.get((name, None), UNSET)
                value = None if value is UNSET else value
            info.slots[name].__set__(struct, value)
        return struct

    def _refuse(self, job: Job, child: Changeset[Any], cause: InvalidChangesetError) -> NoReturn:
        """Raise the error of the row's changeset, with that of an entry in its place."""
        changes = self.changeset.changes.copy()
        if job.place is None:
            changes[job.relation.name] = child
        elif job.place >= 0:
            entries = list(changes[job.relation.name])
            entries[job.place] = child
            changes[job.relation.name] = tuple(entries)
        raise self._refused(self.changeset, changes) from cause

    def _refused(self, changeset: Changeset[Any], changes: Any) -> InvalidChangesetError:
        made = draft(changeset)
        made.seldom = made.seldom.doing(self.verb)
        made.changes = changes if isinstance(changes, MappingProxyType) else MappingProxyType(changes)
        made.data = self.changeset.data
        made.valid = False
        return InvalidChangesetError(sealed(made, CHANGESET))
