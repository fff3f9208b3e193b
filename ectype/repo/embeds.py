"""The embeds of a row that is written: structs take the place of changesets, with their keys and timestamps.

The whole column is written; a refusal comes back with the changesets that were given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, cast

from ectype.errors import CastError, SchemaError
from ectype.repo.at_commit import all_or_none
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.preparing import checked, without_preparations
from ectype.repo.sending import fill_moments, generate
from ectype.schema.applying import applied, gone
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import draft, sealed, with_changes
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import SchemaInfo, meta, struct_info
from ectype.schema.nesting import nested
from ectype.schema.structs import UNSET, restore, state_of

CHANGESET: type[Changeset[Any]] = Changeset


async def with_embeds(
    engine: Engine, changeset: Changeset[Any], verb: str, write: Callable[[Changeset[Any]], Awaitable[Any]], call: Call
) -> Any:
    """Write a row with what its embeds become; in a transaction where they have functions of `prepare_changes`.

    Raises:
        InvalidChangesetError: the row was refused, or a function made an embed invalid.
    """
    if not _prepares(changeset):
        return await _written(changeset, changeset, verb, write)
    async with all_or_none(engine, changeset, verb, call):
        return await _written(changeset, await _prepared(engine, changeset, verb), verb, write)


async def _written(
    given: Changeset[Any],
    changeset: Changeset[Any],
    verb: str,
    write: Callable[[Changeset[Any]], Awaitable[Any]],
) -> Any:
    info = changeset.info
    changes = dict(changeset.changes)
    for name in info.embeds:
        value = changes.get(name, UNSET)
        if value is not UNSET:
            changes[name] = finished(value)
        elif verb == "insert" and (held := getattr(changeset.data, name, None)) is not None:
            changes[name] = kept(held)
    try:
        return await write(with_changes(changeset, changes))
    except InvalidChangesetError as exc:
        refused = cast("Changeset[Any]", exc.changeset)
        made = draft(refused)
        made.changes = given.changes
        raise InvalidChangesetError(sealed(made, CHANGESET)) from exc.__cause__


def finished(value: Any) -> Any:
    """Return what is stored for the change of an embed: a struct, a list of them, or None."""
    if value.__class__ is tuple:
        return [_struct(child) for child in value if not gone(child)]
    if value.__class__ is CHANGESET:
        return None if gone(value) else _struct(value)
    return kept(value)


def _struct(child: Changeset[Any]) -> Any:
    """Return the struct of an entry, with what is generated for it."""
    info = child.info
    _check_row(child)
    own = {name: finished(child.changes[name]) for name in info.embeds if name in child.changes}
    struct = applied(with_changes(child, {**child.changes, **own}))
    if child.action == "insert":
        return _new(info, struct)
    values = state_of(struct)
    if child.changes:
        changes = dict(child.changes)
        fill_moments(info.autoupdated, changes)
        values.update((name, changes[name]) for name, _ in info.autoupdated)
    values["_meta"] = info.loaded
    return restore(info.schema, values)


def _check_row(child: Changeset[Any]) -> None:
    """Raise SchemaError for what only a row can have: a lock, or a constraint."""
    if child.locks or child.constraints:
        what = "a lock" if child.locks else "a constraint"
        raise SchemaError(
            f"the changeset of an embedded {child.info.name} has {what}, and it has no row of its own that could keep "
            "it",
            hint="say it in the changeset of the struct that holds it",
        )


def kept(value: Any) -> Any:
    """Return structs that were given as they are, with what is generated for those that are new.

    Raises:
        CastError: they are nested deeper than anything that can be stored.
    """
    try:
        return _kept(value)
    except RecursionError:
        raise CastError(
            "embedded structs cannot be stored: they are nested too deep",
            hint="keep such a tree in rows of its own, which refer to their parent",
        ) from None


def _kept(value: Any) -> Any:
    if value.__class__ is list:
        return [_kept(one) for one in value]
    info = getattr(value.__class__, "__schema__", None)
    if not isinstance(info, SchemaInfo):
        return value  # the type of its column refuses it
    return _new(info, value) if meta(value).state == "built" else value


def _new(info: SchemaInfo, struct: Any) -> Any:
    values = state_of(struct)
    for name in info.embeds:
        if values.get(name) is not None:
            values[name] = _kept(values[name])
    generate(info, values, (name for name, _ in info.autogenerated))
    values["_meta"] = info.loaded
    return restore(struct_info(struct).schema, values)


# --- prepare_changes --------------------------------------------------------------------------------------------------


def _prepares(changeset: Changeset[Any]) -> bool:
    """Whether an embed, or one inside it, has functions of `prepare_changes`."""
    return any(child.preparations or _prepares(child) for _, _, entries in _embeds(changeset) for child in entries)


def _embeds(changeset: Changeset[Any]) -> list[tuple[str, bool, tuple[Changeset[Any], ...]]]:
    found = {name: changeset.changes[name] for name in changeset.info.embeds if name in changeset.changes}
    return list(nested(found, CHANGESET))


async def _prepared(engine: Engine, changeset: Changeset[Any], verb: str) -> Changeset[Any]:
    """Return the changeset with what the functions of its embeds made of these, in their order."""
    for name, many, entries in _embeds(changeset):
        made = list(entries)
        for position, child in enumerate(entries):
            if gone(child):
                continue
            try:
                made[position] = await _child(engine, child)
            except InvalidChangesetError as exc:
                made[position] = cast("Changeset[Any]", exc.changeset)
                raise InvalidChangesetError(_with(changeset, name, made, many=many).with_action(verb)) from exc
        changeset = _with(changeset, name, made, many=many)
    return changeset


async def _child(engine: Engine, child: Changeset[Any]) -> Changeset[Any]:
    ready = without_preparations(child)
    for function in child.preparations:
        made = function(ready, engine.repo)
        ready = checked(await made if isawaitable(made) else made, ready, function)
    ready = without_preparations(ready)
    if not ready.valid:
        raise InvalidChangesetError(ready)
    return await _prepared(engine, ready, child.action or "insert")


def _with(changeset: Changeset[Any], name: str, made: list[Changeset[Any]], *, many: bool) -> Changeset[Any]:
    changes: Mapping[str, Any] = {**changeset.changes, name: tuple(made) if many else made[0]}
    after = draft(with_changes(changeset, dict(changes)))
    after.valid = changeset.valid and all(child.valid for child in made)
    return sealed(after, CHANGESET)
