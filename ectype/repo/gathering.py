"""Gets of one turn of the event loop as one statement: `Repo(batch_gets=True)`, outside transactions."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context, copy_context
from copy import deepcopy
from typing import Any, TypeAlias, final
from uuid import UUID

from ectype.errors import CastError
from ectype.query.builder import Query
from ectype.schema.meta import SchemaInfo

EXACT = frozenset({int, UUID})
"""The types of keys of which those that differ here are never equal to a database."""
Read: TypeAlias = Callable[[Query[Any, Any, Any]], Awaitable[list[Any]]]
"""Runs a query."""
Dump: TypeAlias = Callable[[Any], Hashable]
"""From a key to what the database gets for it: equal for equal keys, however they are written."""


@final
class Batch:
    """Keys that are asked for together.

    Attributes:
        query: the query of all rows, as a hook left it.
        read: how it is run.
        dump: what keys are told apart by.
        wanted: by dumped key, the key and who waits for its row.
        context: that of the first who asked.
    """

    __slots__ = ("context", "dump", "query", "read", "wanted")

    def __init__(self, query: Query[Any, Any, Any], read: Read, dump: Dump) -> None:
        """Begin to collect.

        Args:
            query: all rows that there are.
            read: runs a query.
            dump: from a key to what the database gets for it.
        """
        self.query = query
        self.read = read
        self.dump = dump
        self.wanted: dict[Hashable, tuple[Any, list[Future[Any]]]] = {}
        self.context: Context = copy_context()


@final
class Gatherer:
    """Collects gets until the event loop has run what was ready, then reads them all."""

    __slots__ = ("_batches", "_tasks")

    def __init__(self) -> None:
        self._batches: dict[Hashable, Batch] = {}
        self._tasks: set[Task[None]] = set()

    def ask(self, same: Hashable, key: Any, make: Callable[[], Batch | None]) -> Future[Any] | None:
        """Return what will be the row with one key, or None; no future for what cannot be read together.

        Args:
            same: what gets must have in common to be read together.
            key: the key.
            make: begins to collect keys, where nobody has asked yet.

        Raises:
            CastError: the key does not fit its column; the others are read all the same.
        """
        loop = asyncio.get_running_loop()
        place = (loop, same)
        batch = self._batches.get(place)
        if batch is None:
            batch = make()
            if batch is None:
                return None
            self._batches[place] = batch
            loop.call_soon(self._send, loop, place)
        dumped = batch.dump(key)
        waiter: Future[Any] = loop.create_future()
        known = batch.wanted.get(dumped)
        if known is None:
            batch.wanted[dumped] = (key, [waiter])
        else:
            known[1].append(waiter)
        return waiter

    def _send(self, loop: AbstractEventLoop, place: Hashable) -> None:
        batch = self._batches.pop(place)
        wanted = {dumped: one for dumped, one in batch.wanted.items() if any(not waiter.done() for waiter in one[1])}
        if not wanted:
            return
        batch.wanted = wanted
        task = loop.create_task(_run(batch), context=batch.context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _run(batch: Batch) -> None:
    try:
        await _read(batch)
    except asyncio.CancelledError:
        for _, waiters in batch.wanted.values():
            for waiter in waiters:
                waiter.cancel()
        raise
    except Exception as exc:  # noqa: BLE001  # whatever it is, it is for those who wait
        for _, waiters in batch.wanted.values():
            _refuse(waiters, exc)


async def _read(batch: Batch) -> None:
    source = batch.query.node.sources[0]
    info: SchemaInfo = source.info
    name = info.primary_key[0]
    column = source.columns[name]
    keys = [key for key, _ in batch.wanted.values()]
    try:
        rows = await batch.read(batch.query.where(column == keys[0] if len(keys) == 1 else column.in_(keys)))
    except CastError:
        # One row cannot be read: the others can.
        if len(keys) == 1:
            raise
        await _singly(batch, column, batch.wanted)
        return
    found: dict[Hashable, Any] = {}
    for row in rows:
        found[batch.dump(getattr(row, name))] = row
    missing: dict[Hashable, tuple[Any, list[Future[Any]]]] = {}
    for dumped, one in batch.wanted.items():
        row = found.get(dumped)
        if row is None:
            missing[dumped] = one
        else:
            _give(info, one[1], row)
    if rows and missing and info.fields[name].type.python not in EXACT:
        # To the database keys may be equal that are not so here, as where a collation ignores case.
        keys = [key for key, _ in missing.values()]
        if await batch.read(batch.query.where(column.in_(keys))):
            await _singly(batch, column, missing)
            return
    for _, waiters in missing.values():
        _give(info, waiters, None)


async def _singly(batch: Batch, column: Any, wanted: dict[Hashable, tuple[Any, list[Future[Any]]]]) -> None:
    info: SchemaInfo = batch.query.node.sources[0].info
    for key, waiters in wanted.values():
        try:
            rows = await batch.read(batch.query.where(column == key))
        except Exception as exc:  # noqa: BLE001  # it is for those who wait for this key
            _refuse(waiters, exc)
        else:
            _give(info, waiters, rows[0] if rows else None)


def _give(info: SchemaInfo, waiters: Sequence[Future[Any]], row: Any) -> None:
    """Give each its row: one struct for all, unless a list or a dict in it could be changed by one of them."""
    first = True
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(row if first or row is None or not info.mutable_names else deepcopy(row))
            first = False


def _refuse(waiters: Sequence[Future[Any]], exc: Exception) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(exc)
