"""The blocks that a task works in, innermost first, as an immutable chain; `repo/transaction.py` keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import final

from ectype.repo.sharing import Shared, State


@final
class Link:
    """One entry of a chain.

    Attributes:
        owner: the session that it belongs to.
        scope: the transaction or checkout that is open in that session; None where it works outside all of them.
        below: the rest of the chain.
    """

    __slots__ = ("below", "owner", "scope")

    def __init__(self, owner: object, scope: Shared | None, below: Link | None) -> None:
        self.owner = owner
        self.scope = scope
        self.below = below


def living(top: Link | None) -> Link | None:
    """Return a chain without the scopes that are closed and mean nothing to this task.

    Tasks that start each other from inside transactions would otherwise grow it for ever.
    """
    if top is None:
        return None
    task = asyncio.current_task()
    kept = [link for link in _links(top) if not _is_past(link.scope) or _outlived(link.scope, task)]
    return top if len(kept) == sum(1 for _ in _links(top)) else _chained(kept)


def of_others(top: Link | None, owner: object) -> Link | None:
    """Return a chain without the links of one session."""
    return _chained(link for link in _links(top) if link.owner is not owner)


def without(top: Link | None, scope: Shared) -> Link | None:
    """Return a chain without one scope, which need not be in it."""
    if top is not None and top.scope is scope:
        return top.below
    if all(link.scope is not scope for link in _links(top)):
        return top
    return _chained(link for link in _links(top) if link.scope is not scope)


def _links(top: Link | None) -> Iterator[Link]:
    while top is not None:
        yield top
        top = top.below


def _chained(links: Iterable[Link]) -> Link | None:
    chain: Link | None = None
    for link in reversed(list(links)):
        chain = Link(link.owner, link.scope, chain)
    return chain


def _is_past(scope: Shared | None) -> bool:
    return scope is not None and scope.state is State.CLOSED


def _outlived(scope: Shared | None, task: asyncio.Task[object] | None) -> bool:
    return scope is not None and scope.outlived_by(task)
