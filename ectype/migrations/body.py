"""What a migration does: its functions `change`, `up` and `down`, turned into commands for one direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path
from typing import TypeAlias

from ectype.errors import ConnectError, DatabaseError, EctypeError, IrreversibleError, MigrationError
from ectype.migrations.dsl import Migration
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.recording import Direction, Live
from ectype.migrations.reverse import WRITE_BOTH, reverse_all
from ectype.migrations.scripts import Script, checksum, load, place
from ectype.sql.ddl import Node

Describe: TypeAlias = Callable[[Migration], object]
"""A function that records commands; it may be `async`."""


@dataclass(frozen=True, slots=True)
class Body:
    """One migration, ready to be run.

    Attributes:
        version: its number, by which migrations are ordered.
        name: its name, for the journal and for messages.
        path: its file, None for a migration that code handed in.
        checksum: the SHA-256 of the file, None without one.
        after_begin: what comes first in its transaction, up and down.
        before_commit: what comes last in its transaction, up and down.
        transaction: False when the file says `transaction = False`: each statement is then a step of its own.
    """

    version: int
    name: str
    path: Path | None
    checksum: str | None
    change: Describe | None
    up: Describe | None
    down: Describe | None
    after_begin: Describe | None = None
    before_commit: Describe | None = None
    transaction: bool = True

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


def body_of_script(script: Script) -> Body:
    """Load a file and return its migration.

    Raises:
        MigrationError: the file cannot be run, or has none of the functions.
    """
    return _body(load(script), script.version, script.name, script.path, checksum(script.path))


def body_of_code(version: int, migration: object) -> Body:
    """Return the migration that code handed in: a module, an object with `change` or `up` and `down`, or a function.

    Raises:
        MigrationError: it has none of these functions.
    """
    name = str(getattr(migration, "__name__", type(migration).__name__)).rpartition(".")[2]
    if isinstance(migration, type):
        raise MigrationError(f"{name} is a class, not a migration", hint=f"hand in an instance: {name}()")
    if callable(migration):
        return Body(version, name, None, None, change=migration, up=None, down=None)
    return _body(migration, version, name, None, None)


async def commands(
    body: Body, direction: Direction, *, prefix: str | None = None, live: Live | None = None
) -> tuple[Node, ...]:
    """Return what the migration does in that direction; without `live` nothing of it has run yet.

    Raises:
        NeedsConnection: it asks for its repo, or flushes, so that it must be recorded in its transaction.
        IrreversibleError: it cannot be rolled back.
        MigrationFailedError: one of its functions raised.
    """
    hooks = Migration(direction, prefix=prefix, live=live)
    first = await _hook(body, body.after_begin, hooks, live)
    nodes = await _own(body, direction, prefix, live)
    if body.before_commit is not None and live is not None:
        await live.run(nodes)
        nodes = ()
    return (*first, *nodes, *await _hook(body, body.before_commit, hooks, live))


async def _hook(body: Body, hook: Describe | None, m: Migration, live: Live | None) -> tuple[Node, ...]:
    """Return the commands of a hook; with a transaction, run them now."""
    if hook is None:
        return ()
    await _record(body, hook, m)
    nodes = m.take()
    if live is None:
        return nodes
    await live.run(nodes)
    return ()


async def _own(body: Body, direction: Direction, prefix: str | None, live: Live | None) -> tuple[Node, ...]:
    """Return the commands of `up`, of `down`, or of `change`."""
    own = body.up if direction == "up" else body.down
    if own is not None:
        return await _record(body, own, Migration(direction, prefix=prefix, live=live))
    if body.change is None or (direction == "down" and body.up is not None):
        raise _no_way_down(body) if direction == "down" else _no_way_up(body)
    turned_round = direction == "down"
    m = Migration(direction, prefix=prefix, live=live, turned_round=turned_round)
    try:
        nodes = await _record(body, body.change, m)
        return reverse_all(nodes) if turned_round else nodes
    except IrreversibleError as exc:
        where = "" if body.path is None else f"{body.path}: "
        raise IrreversibleError(
            f"{where}{body} cannot be rolled back, nothing was done: {exc.message}", hint=exc.hint
        ) from exc


async def _record(body: Body, describe: Describe, m: Migration) -> tuple[Node, ...]:
    try:
        outcome = describe(m)
        if isawaitable(outcome):
            await outcome
        return m.commands()
    except (IrreversibleError, DatabaseError, ConnectError):
        # The first names its command; the others come from a statement that the migration itself ran.
        raise
    except Exception as exc:
        where = str(body) if body.path is None else place(exc, body.path)
        what = exc.message if isinstance(exc, EctypeError) else f"{type(exc).__name__}: {exc}"
        raise MigrationFailedError(
            f"{where}: {what}",
            version=body.version,
            path=body.path,
            hint=exc.hint if isinstance(exc, EctypeError) else None,
        ) from exc


def _body(holder: object, version: int, name: str, path: Path | None, digest: str | None) -> Body:
    words = ("change", "up", "down", "after_begin", "before_commit")
    found = {word: _function(holder, word, path) for word in words}
    if not any(found[word] for word in words[:3]):
        raise MigrationError(
            f"{path or name} has no `change`, no `up` and no `down`",
            hint='write one:\n\n    def change(m: Migration) -> None:\n        with m.create_table("users") as t:',
        )
    transaction = getattr(holder, "transaction", True)
    if not isinstance(transaction, bool):
        raise MigrationError(
            f"`transaction` of {path or name} is {transaction!r}", hint="say `transaction = False`, or leave it out"
        )
    return Body(version, name, path, digest, transaction=transaction, **found)


def _function(holder: object, word: str, path: Path | None) -> Describe | None:
    found = getattr(holder, word, None)
    if found is None or callable(found):
        return found
    raise MigrationError(f"`{word}` of {path or holder} is no function but {found!r}", hint=f"def {word}(m): …")


def _no_way_down(body: Body) -> IrreversibleError:
    return IrreversibleError(
        f"{body.path or body}: {body} cannot be rolled back: it has `up` but no `down`",
        hint="write what undoes it:\n\n    def down(m: Migration) -> None:",
    )


def _no_way_up(body: Body) -> MigrationError:
    return MigrationError(f"{body.path or body}: {body} has `down` but neither `up` nor `change`", hint=WRITE_BOTH)
