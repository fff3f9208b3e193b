"""Which rules look at which facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ectype.migrations.lint import rules_locks, rules_losses, rules_releases, rules_transactions
from ectype.migrations.lint.facts import Fact, Kind
from ectype.migrations.lint.scene import Found, Scene

Look: TypeAlias = Callable[[Fact, Scene], Iterator[Found]]

BY_KIND: Final[Mapping[Kind, Sequence[Look]]] = {
    "create table": (rules_releases.columns,),
    "drop table": (rules_losses.drops_table,),
    "truncate": (rules_losses.drops_table,),
    "rename table": (rules_transactions.changed_after, rules_losses.renames),
    "add column": (rules_releases.required_column, rules_locks.new_columns, rules_releases.columns),
    "drop column": (rules_losses.drops_column,),
    "rename column": (rules_losses.renames,),
    "set type": (rules_losses.narrows, rules_locks.retyped),
    "set not null": (rules_locks.not_null,),
    "drop not null": (rules_releases.nullable,),
    "drop default": (rules_releases.nullable,),
    "add constraint": (rules_locks.constraint,),
    "validate": (rules_locks.validate,),
    "create index": (rules_transactions.concurrently, rules_locks.index),
    "drop index": (rules_transactions.concurrently, rules_locks.drop_index),
    "reindex": (rules_transactions.concurrently, rules_locks.reindex),
    "detach": (rules_transactions.concurrently, rules_locks.reindex),
    "rewrite": (rules_locks.rewrites,),
    "rename value": (rules_releases.renames_object,),
    "rename object": (rules_releases.renames_object,),
    "move": (rules_releases.renames_object,),
    "drop object": (rules_losses.drops_database, rules_releases.drops_object),
    "write": (rules_transactions.mixed,),
    "set": (rules_locks.settings,),
    "lock": (rules_locks.locks,),
    "transaction": (rules_transactions.transaction,),
    "outside": (rules_transactions.outside,),
    "pragma": (rules_transactions.pragma,),
}
ALWAYS: Final[Sequence[Look]] = (rules_transactions.enum_value,)


def look(fact: Fact, scene: Scene) -> Iterator[Found]:
    """Yield what the rules say of a fact."""
    for rule in (*BY_KIND.get(fact.kind, ()), *ALWAYS):
        yield from rule(fact, scene)
