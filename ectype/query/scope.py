"""What is in scope at a step, checked when a shape is met for the first time."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.nodes import ColumnRef, intern
from ectype.query.ast import Step, steps
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource


def grow(parent: Step, key: Hashable, kind: str, arg: Any, source: Any = None) -> Step:
    """Return the step that adds `arg` to a query, interned under its parent."""
    known = parent.kids.get(key)
    if known is not None:
        return cast("Step", known)
    sources = parent.sources if source is None else (*parent.sources, source)
    return intern(parent, key, lambda root: Step(root, parent, kind, arg, sources, key))


def known_as(parent: Step, key: Hashable, step: Step) -> Step:
    """Let a step be found under a second key, that of the objects which a user passes; it counts as growth."""
    return intern(parent, key, lambda _: step)


def regrow(parent: Step, step: Step) -> Step:
    """Return the same step grown from another parent."""
    known = parent.kids.get(step.key)
    if known is not None:
        return cast("Step", known)
    before = () if step.parent is None else step.parent.sources
    sources = (*parent.sources, *step.sources[len(before) :])
    return intern(parent, step.key, lambda root: Step(root, parent, step.kind, step.arg, sources, step.key))


def check_scope(step: Step, node: walk.Part, clause: str, joined: Any = None) -> None:
    """Raise QueryError when an expression mentions a source that the query does not read."""
    scope = step.sources if joined is None else (*step.sources, joined)
    for column in walk.columns(node):
        refuse_virtual(column)
    for source in walk.sources(node):
        if source not in scope:
            known = ", ".join(one.label for one in scope)
            other = next((one.label for one in scope if _is_elsewhere(one, source)), None)
            raise QueryError(
                f"`{clause}` mentions {source.label}, which is not in this query: in scope are {known}",
                hint=f'its rows are read from another table: `rows = source({source.label}, "{other}")`, and `rows.…`'
                if other is not None
                else f"join it first, as in `.join({step.sources[0].label}.…)`; inside a subquery mark a column of "
                f"the enclosing query: `outer({source.label}.…)`",
            )


def _is_elsewhere(read: Any, mentioned: Any) -> bool:
    """Whether a source reads the columns of a schema from another table, under no name of its own."""
    tables = isinstance(read, TableSource) and isinstance(mentioned, TableSource)
    return tables and read.info is mentioned.info and read.table != read.info.table and read.alias is None


def refuse_virtual(column: ColumnRef) -> None:
    """Raise QueryError for a field that lives in the struct only."""
    info: SchemaInfo | None = getattr(column.source, "info", None)
    # A query in FROM may have filled a virtual member, which is a column outside of it.
    if info is not None and column.name in info.virtual_names and not hasattr(column.source, "query"):
        raise QueryError(
            f"`{info.name}.{column.name}` is virtual: it is not stored, so a query cannot read it",
            hint=f"a query can fill it: `query.select_merge({info.name}.{column.name}.set(…))`",
        )


def refuse_unwritable(info: SchemaInfo, name: str, what: str) -> None:
    """Raise QueryError for a column that no update may write."""
    if name in info.unwritable["update"]:
        when = "never written" if name in info.unwritable["insert"] else "written by an insert only"
        raise QueryError(
            f"`{info.name}.{name}` is {when}, and `{what}` would change it",
            hint=f"leave it out, or change `writable` of `{info.name}.{name}`",
        )


def check_joined_once(step: Step, source: Any) -> None:
    """Raise QueryError, with the line that makes an alias, when a source is in the query already."""
    if source in step.sources:
        name = source.label
        raise QueryError(
            f"{name} is in this query already, so its columns would be ambiguous",
            hint=f'read it under another name:\n\n    other = alias({source.info.name}, "other")\n'
            f"    query.join(other, on=…)      # or .join(Post.author, as_=other)",
        )


def outer_sources(step: Step) -> set[Any]:
    """Return the sources of a query whose rows an outer join may leave out."""
    outer: set[Any] = set()
    seen: tuple[Any, ...] = ()
    for one in steps(step):
        if one.kind == "join":
            kind = one.arg[0]
            if kind in ("right", "full"):
                outer.update(seen)
            if kind in ("left", "left_lateral", "full"):
                outer.update(one.sources[len(seen) :])
        seen = one.sources
    return outer


def check_readable(source: Any) -> None:
    """Raise QueryError for a schema without a table, which is a shape and has no rows."""
    info: SchemaInfo = source.info
    if isinstance(source, TableSource) and source.table is None:
        raise QueryError(
            f"{info.name} has no table, so there is nothing to read",
            hint=f"read the schema that embeds it: `from_(Owner).select(Owner.{info.name.lower()})`"
            if info.embedded
            else f'give it one, `class {info.name}(Schema, table="…")`, or read a query that projects into it',
        )


def conflict_sources(info: SchemaInfo, node: walk.Part, what: str = "`do_update`") -> None:
    """Raise QueryError when an expression of an upsert mentions another table than the one that is written."""
    for source in walk.sources(node):
        if source is not info.source and source is not info.excluded:
            raise QueryError(f"{what} on {info.name} mentions {source.label}, which an insert cannot read")


def source_of(model: Any) -> Any:
    """Return what a schema, alias, subquery or CTE reads. Raises QueryError for anything else."""
    source = getattr(model, "__source__", None)
    if source is None:
        raise QueryError(f"a schema, alias, subquery or CTE was expected, got {model!r:.80}")
    return source
