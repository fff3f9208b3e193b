"""The functions of `prepare_changes`: they run in the transaction of the write, in order, just before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, cast

from ectype.errors import SchemaError
from ectype.repo.at_commit import all_or_none, teller
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import draft, sealed
from ectype.schema.errors import InvalidChangesetError


async def prepared(
    engine: Engine, changeset: Changeset[Any], verb: str, write: Callable[[Changeset[Any]], Awaitable[Any]], call: Call
) -> Any:
    """Run the functions of a changeset, then write what they return, all in one transaction.

    Raises:
        InvalidChangesetError: one made it invalid; everything is rolled back.
        SchemaError: one returned no changeset of the same struct.
    """
    block = all_or_none(engine, changeset, verb, call)
    async with block:
        ready = without_preparations(changeset)
        for function in changeset.preparations:
            made = function(ready, engine.repo)
            ready = checked(await made if isawaitable(made) else made, ready, function)
        if not ready.valid:
            raise InvalidChangesetError(ready.with_action(verb))
        ready = without_preparations(ready)
        block.told = teller(engine, ready, verb, call)
        return await write(ready)


def without_preparations(changeset: Changeset[Any]) -> Changeset[Any]:
    """Return the changeset without its functions."""
    made = draft(changeset)
    made.seldom = made.seldom._replace(preparations=())
    return sealed(made, changeset.__class__)


def checked(made: object, before: Changeset[Any], function: Callable[..., Any]) -> Changeset[Any]:
    """Return what a function returned. Raises SchemaError when it is no changeset of the same struct."""
    if isinstance(made, Changeset):
        changeset = cast("Changeset[Any]", made)
        if changeset.info is before.info:
            return changeset
    raise SchemaError(
        f"a function of `prepare_changes` returns a changeset of {before.info.name}, and {function!r:.80} returned "
        f"{made!r:.60}",
        hint="end it with `return changeset`",
    )
