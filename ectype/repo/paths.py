"""The paths of a preload, merged into a tree where they have equal beginnings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ectype.errors import QueryError
from ectype.expr.operand import Order
from ectype.query.builder import from_
from ectype.schema.associations import Association
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import PLAIN, Custom, EmbedStep, Rel


@dataclass(slots=True)
class Branch:
    """A hop of the merged paths: how it is customised, where it goes on, and which steps it follows itself."""

    association: Association
    """The association; an `EmbedStep` in its place where the path leads through an embed."""
    custom: Custom
    branches: dict[str, Branch] = field(default_factory=dict[str, "Branch"])
    steps: dict[str, Branch] = field(default_factory=dict[str, "Branch"])


def check_path(path: object) -> None:
    """Raise QueryError for what is no path of associations."""
    if not isinstance(path, Rel):
        raise QueryError(f"`preload` takes associations, got {path!r:.80}", hint="write `preload(User.posts)`")


def merge(info: SchemaInfo, paths: Iterable[Rel[Any, Any]]) -> dict[str, Branch]:
    """Merge paths with equal beginnings into a tree.

    Raises:
        QueryError: when a path starts elsewhere, or one hop is narrowed in two ways.
    """
    tree: dict[str, Branch] = {}
    for path in paths:
        check_path(path)
        start = path.steps[0].association.owner
        if start is not info:
            raise QueryError(f"`{path!r}` starts at {start.name}, the rows are {info.name}")
        level = tree
        _check_embeds(path)
        behind = False
        for hop in path.steps:
            # An embed that is a union leads on from several schemas, which may have associations of one name.
            key = hop.association.label if behind else hop.association.name
            branch = level.get(key)
            if branch is None:
                branch = level[key] = _branch(hop.association, hop.custom)
            branch.custom = _merged(branch, hop.custom)
            level, behind = branch.branches, isinstance(hop.association, EmbedStep)
    return tree


def _check_embeds(path: Rel[Any, Any]) -> None:
    """Raise QueryError for a path that ends in an embed, or that a join should fill behind one."""
    last = path.steps[-1].association
    if isinstance(last, EmbedStep):
        raise QueryError(
            f"`{path!r}` ends in an embed, which is a part of its row: there is nothing to load",
            hint=f"leave `{last.label}` out, or go on to an association of its structs",
        )
    behind = False
    for hop in path.steps:
        if behind and hop.custom.joined:
            raise QueryError(
                f"`{hop.association.label}.joined()` hangs on an embed, whose structs are no rows that a join could "
                "fill",
                hint=f"preload it by a query of its own, without `.joined()`: `{hop.association.label}`",
            )
        behind = behind or isinstance(hop.association, EmbedStep)


def _branch(association: Association, custom: Custom) -> Branch:
    """Return the branch of an association, with a chain of its steps where it follows others."""
    made = Branch(association, custom)
    level = made.steps
    for step in association.steps:
        level[step.name] = _branch(step, PLAIN)
        level = level[step.name].branches
    return made


def _merged(branch: Branch, custom: Custom) -> Custom:
    if custom is PLAIN or _identity(custom) == _identity(branch.custom):
        return branch.custom
    if branch.custom is PLAIN:
        return custom
    label = branch.association.label
    first, second = (_shown(label, branch.association.related, one) for one in (branch.custom, custom))
    raise QueryError(
        f"`{label}` is customised in two ways in one preload: `{first}` and `{second}`",
        hint="say it once, on the first path through it",
    )


def _identity(custom: Custom) -> tuple[object, ...]:
    """Return what tells two customisations apart. Expressions cannot be compared: `==` makes another one of them."""
    wheres = tuple((id(one.node), one.params) for one in custom.wheres)
    orders = tuple((id(node), params) for node, params in custom.order_bys)
    using = None if custom.using is None else (id(custom.using.node), custom.using.params)
    rest = (custom.limit, custom.only, using, id(custom.load_with), custom.joined, id(custom.source))
    return wheres, orders, *rest


def _shown(label: str, info: SchemaInfo, custom: Custom) -> str:
    """Return the code of a customised hop."""
    if custom.using is not None:
        return f"{label}.using({custom.using!r})"
    if custom.load_with is not None:
        return f"{label}.load_with({getattr(custom.load_with, '__name__', '…')})"
    if custom.joined:
        return f"{label}.joined({'' if custom.source is None else custom.source.label})"
    orders = (Order[Any](node, params) for node, params in custom.order_bys)
    query = from_(info.schema).where(*custom.wheres).order_by(*orders)
    text = label + repr(query).removeprefix(repr(from_(info.schema)))
    text += "" if custom.limit is None else f".limit({custom.limit})"
    return text if not custom.only else f"{text}.only({', '.join(f'{info.name}.{name}' for name in custom.only)})"
