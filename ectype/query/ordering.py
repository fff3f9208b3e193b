"""An order from a user's text, such as `-name,created`: by allowed names only, total, the same on every database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from ectype.errors import QueryError, did_you_mean
from ectype.expr import nodes, walk
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Order
from ectype.query.ast import Step, steps
from ectype.query.planner import plan_select
from ectype.query.refusals import InvalidParamsError, shown_key
from ectype.query.scope import check_scope, grow
from ectype.schema.field_error import Error, FieldError

Nulls: TypeAlias = Literal["first", "last"]

MAX_TEXT: Final = 500
_KEY: Final = re.compile(r"(?P<sign>[-+]?)(?P<name>[^:]+)(?P<nulls>:nulls_first|:nulls_last)?")


def order_terms(
    shape: Step,
    text: object,
    sortable: Mapping[str, Expr[Any, Any]],
    *,
    nulls: Nulls,
    max_keys: int,
    tie_break: bool,
) -> list[Order[Any]]:
    """Return the terms that a text asks for, then those that tell the rest apart.

    Raises:
        InvalidParamsError: for a name that is not allowed, one that comes twice, or too many.
        QueryError: for a query whose rows nothing tells apart, and what may not be sorted by.
    """
    _check_sortable(shape, sortable)
    if nulls not in ("first", "last"):
        raise QueryError(f"`nulls` is 'first' or 'last', got {nulls!r:.40}")
    read = list(_read(text, sortable, max_keys))
    nullable = _may_be_null(shape, [sortable[name].node for name, _, _ in read])
    terms: list[Order[Any]] = []
    for (name, down, own), may_be in zip(read, nullable, strict=True):
        chosen = sortable[name]
        place = (own or nulls) if may_be else None
        terms.append(Order(nodes.ordering(chosen.node, place, descending=down), chosen.params))
    if tie_break:
        known = [term.node.operand for term in terms]
        down = bool(terms) and terms[-1].node.descending
        terms += [Order(nodes.ordering(node, descending=down), ()) for node in _tie_break(shape) if node not in known]
    return terms


def _read(text: object, sortable: Mapping[str, Any], max_keys: int) -> Iterator[tuple[str, bool, Nulls | None]]:
    if text is None or text == "":
        return
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InvalidParamsError("the order was refused", (("sort", Error("is invalid", validation="sort")),))
    keys = text.split(",")
    errors: list[FieldError] = []
    found: dict[str, tuple[str, bool, Nulls | None]] = {}
    for key in keys:
        match = _KEY.fullmatch(key.strip())
        name = match["name"] if match else key.strip()
        if match is None or name not in sortable:
            allowed = ", ".join(sortable)
            errors.append(
                (shown_key(name), Error("is not sortable: choose among %{allowed}", allowed=allowed, validation="sort"))
            )
        elif name in found:
            errors.append((name, Error("comes twice", validation="sort")))
        else:
            own: Any = match["nulls"]
            found[name] = (name, match["sign"] == "-", own and own.removeprefix(":nulls_"))
    if len(keys) > max_keys:
        errors = [("sort", Error("has more than %{count} key(s)", count=max_keys, validation="sort"))]
    if errors:
        raise InvalidParamsError("the order was refused", tuple(errors))
    yield from found.values()


def _may_be_null(shape: Step, chosen: list[Expression]) -> list[bool]:
    """Whether each expression may be NULL here: its column may, or an outer join may leave its table out."""
    if not chosen:
        return []
    asked = tuple(map(walk.unnamed, chosen))
    planned = plan_select(grow(shape, ("keys", asked), "keys", asked))
    return [output.nullable for output in planned.keys]


def _check_sortable(shape: Step, sortable: Any) -> None:
    if not isinstance(sortable, Mapping) or not sortable:
        raise QueryError(f"`sortable` maps names to columns, got {sortable!r:.80}", hint='write `{"name": User.name}`')
    for name, one in cast("Mapping[Any, Any]", sortable).items():
        check_allowed(shape, "sortable", name, one)


def check_allowed(shape: Step, what: str, name: object, one: object) -> None:
    """Raise QueryError for what users may not sort or filter by: no expression, out of scope, or redacted."""
    if not isinstance(name, str) or not isinstance(one, Expr):
        raise QueryError(f"`{what}` maps names to columns, got {name!r:.40}: {one!r:.80}")
    expression = cast("Expr[Any, Any]", one)
    check_scope(shape, expression.node, what)
    if walk.is_secret(expression.node):
        raise QueryError(
            f"`{what}` offers {expression!r}, which is redacted: its values could be found out by asking",
            hint="leave it out",
        )


def _tie_break(shape: Step) -> list[Expression]:
    built = steps(shape)
    for one in built:
        if one.kind in ("group", "distinct", "combine"):
            raise QueryError(
                f"rows of a query with `{one.kind}` are not told apart by a primary key",
                hint="pass `tie_break=False`, and offer names that tell them apart",
            )
    source = built[0].arg
    names: tuple[str, ...] = source.info.primary_key
    if not names:
        raise QueryError(
            f"{source.label} has no primary key that could tell equal rows apart", hint="pass `tie_break=False`"
        )
    return [source.columns[name].node for name in names]


def unknown_name(what: str, name: object, known: Mapping[str, Any]) -> QueryError:
    """Return the error for a name of the program's own that is not among those it offers."""
    return QueryError(f"`{what}` mentions {name!r:.60}, which is not offered", hint=did_you_mean(str(name), known))
