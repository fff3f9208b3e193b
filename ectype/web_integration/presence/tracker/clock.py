"""Contexts: how much each replica is known to have done.

A replica numbers its changes 1, 2, 3, …; a context says, for each replica, up to which number all are known. Contexts
are compared and joined as vector clocks are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

Context: TypeAlias = Mapping[str, int]
"""Replica → the number of its last change of which all before it are known too."""


def dominates(one: Context, other: Context) -> bool:
    """Return whether `one` knows all that `other` knows.

    >>> dominates({"a": 2, "b": 1}, {"a": 1}), dominates({"a": 2}, {"a": 1, "b": 1})
    (True, False)
    """
    return all(one.get(replica, 0) >= clock for replica, clock in other.items())


def upper(one: Context, other: Context) -> dict[str, int]:
    """Return what the two know together.

    >>> upper({"a": 1, "b": 2}, {"a": 3})
    {'a': 3, 'b': 2}
    """
    joined = dict(one)
    for replica, clock in other.items():
        if clock > joined.get(replica, -1):
            joined[replica] = clock
    return joined


def lower(one: Context, other: Context) -> dict[str, int]:
    """Return where both begin; what only one of them names counts as it is.

    >>> lower({"a": 1, "b": 2}, {"a": 3})
    {'a': 1, 'b': 2}
    """
    joined = dict(one)
    for replica, clock in other.items():
        joined[replica] = min(clock, joined.get(replica, clock))
    return joined


def only(context: Context, replicas: Collection[str]) -> dict[str, int]:
    """Return the context of some replicas.

    >>> only({"a": 1, "b": 2}, {"b"})
    {'b': 2}
    """
    return {replica: clock for replica, clock in context.items() if replica in replicas}


def to_ask(mine: Context, heard: Mapping[str, Context]) -> list[str]:
    """Return the fewest senders, found greedily, that together know all that anybody was heard to know.

    Only what replicas of `mine` did counts: the others are not known here yet.

    Args:
        mine: what is known here.
        heard: sender → what it knows.

    >>> to_ask({"a": 1, "b": 1, "c": 1}, {"b": {"b": 4}, "c": {"b": 4, "c": 9}})
    ['c']
    """
    known = dict(mine)
    chosen: list[str] = []
    left = {sender: only(context, mine.keys()) for sender, context in heard.items()}
    while left:
        sender = max(left, key=lambda one: sum(clock > known[replica] for replica, clock in left[one].items()))
        context = left.pop(sender)
        if dominates(known, context):
            break
        known = upper(known, context)
        chosen.append(sender)
    return chosen
