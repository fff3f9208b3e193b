"""The paths of a preload, merged into a tree where they have equal beginnings."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ectype.errors import QueryError
from ectype.expr.operand import Order
from ectype.query.builder import from_
from ectype.schema.associations import PLAIN, Association, Custom, Rel
from ectype.schema.meta import SchemaInfo


@dataclass(slots=True)
class Branch:
    """A hop of the merged paths: how it is narrowed, and where it goes on."""

    association: Association
    custom: Custom
    branches: "dict[str, Branch]" = field(default_factory=dict[str, "Branch"])


def merge(info: SchemaInfo, paths: Iterable[Rel[Any, Any]]) -> dict[str, Branch]:
    """Merge paths with equal beginnings into a tree.

    Raises:
        QueryError: when a path starts elsewhere, or one hop is narrowed in two ways.
    """
    tree: dict[str, Branch] = {}
    for path in paths:
        if not isinstance(path, Rel):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"`preload` takes associations, got {path!r:.80}", hint="write `preload(User.posts)`")
        start = path.hops[0].association.owner
        if start is not info:
            raise QueryError(f"`{path!r}` starts at {start.name}, the rows are {info.name}")
        level = tree
        for hop in path.hops:
            branch = level.setdefault(hop.association.name, Branch(hop.association, hop.custom))
            branch.custom = _merged(branch, hop.custom)
            level = branch.branches
    return tree


def _merged(branch: Branch, custom: Custom) -> Custom:
    if custom is PLAIN or _identity(custom) == _identity(branch.custom):
        return branch.custom
    if branch.custom is PLAIN:
        return custom
    name = f"{branch.association.owner.name}.{branch.association.name}"
    first, second = (_shown(name, branch.association.related, one) for one in (branch.custom, custom))
    raise QueryError(
        f"`{name}` is narrowed in two ways in one preload: `{first}` and `{second}`",
        hint="say it once, on the first path through it",
    )


def _identity(custom: Custom) -> tuple[object, ...]:
    """Return what tells two customisations apart. Expressions cannot be compared: `==` makes another one of them."""
    wheres = tuple((id(one.node), one.params) for one in custom.wheres)
    orders = tuple((id(node), params) for node, params in custom.order_bys)
    return wheres, orders, custom.limit


def _shown(name: str, info: SchemaInfo, custom: Custom) -> str:
    orders = (Order[Any](node, params) for node, params in custom.order_bys)
    query = from_(info.schema).where(*custom.wheres).order_by(*orders)
    text = name + repr(query).removeprefix(repr(from_(info.schema)))
    return text if custom.limit is None else f"{text}.limit({custom.limit})"
