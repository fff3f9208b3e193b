"""Selects: which expressions come out, and what a row is made of."""

from typing import Any, cast

from ectype.errors import QueryError, SchemaError
from ectype.expr import nodes
from ectype.expr.operand import Expr
from ectype.query.ast import Step
from ectype.query.joining import Grown
from ectype.query.scope import check_scope, grow
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.structs import state_of


def select_step(node: Step, maker: Any, items: tuple[Any, ...], names: tuple[str, ...]) -> Grown:
    """Return the step that selects `items`, and the values of their parameters.

    `maker` is None for a value or a tuple, the schema of a projection, or the callable of `select_into`.

    Raises:
        QueryError: when the query has a select already, or an expression is out of scope.
    """
    if not items:
        raise QueryError("a select needs at least one expression", hint="write `query.select(Post.title)`")
    params: tuple[object, ...] = ()
    picked: list[Any] = []
    for item in items:
        expression = (
            cast("Expr[Any, Any]", item) if isinstance(item, Expr) else _expression(item, maker, names, len(picked))
        )
        picked.append(expression.node)
        params += expression.params
    chosen = tuple(picked)
    key = chosen if maker is None else ("select", maker, chosen, names)
    grown = node.kids.get(key)
    if grown is None:
        _check(node, chosen)
        grown = grow(node, key, "select", (maker, chosen, names))
    return grown, params


def _expression(item: Any, maker: Any, names: tuple[str, ...], position: int) -> Expr[Any, Any]:
    entity = getattr(item, "__entity__", None)
    if entity is not None:
        return cast("Expr[Any, Any]", entity)
    if isinstance(maker, SchemaInfo):
        # A plain value in a projection is a parameter of its field's type.
        return Expr(nodes.NULL) if item is None else Expr(nodes.param(maker.field(names[position]).type), (item,))
    raise QueryError(
        f"a select takes expressions and schemas, got {item!r:.80}", hint="wrap a constant: `literal('new')`"
    )


def _check(node: Step, chosen: tuple[Any, ...]) -> None:
    one: Step | None = node
    while one is not None:
        if one.kind == "select":
            raise QueryError(
                "this query has a select already", hint="select once, after the joins, or read it by `subquery(…)`"
            )
        one = one.parent
    for item in chosen:
        check_scope(node, item, "select")


def projection(row: Any) -> tuple[SchemaInfo, tuple[Any, ...], tuple[str, ...]]:
    """Return the schema, the expressions and the names of a struct whose members are expressions.

    Raises:
        QueryError: when a column has no expression and no default.
    """
    info = struct_info(row)
    given = state_of(row)
    missing = [name for name in info.column_names if name not in given]
    if missing:
        raise QueryError(
            f"`project` got no expression for `{missing[0]}` of {info.name}",
            hint=f"write `{info.name}({missing[0]}=…)`, or give the field a default",
        )
    names = tuple(name for name in info.field_names if name in given)
    return info, tuple(given[name] for name in names), names


def field_names(target: Any, count: int) -> tuple[str, ...]:
    """Return the fields by which `select_into` calls its target, or () for a call by position.

    Raises:
        SchemaError: for a schema, which `project` is for.
        QueryError: when the numbers of fields and expressions differ.
    """
    if hasattr(target, "__schema__"):
        raise SchemaError(
            f"`select_into` is for classes that are no schema: use `project({target.__schema__.name}(…))`"
        )
    if not callable(target):
        raise QueryError(f"`select_into` takes a class or a function, got {target!r:.80}")
    model_fields = getattr(target, "model_fields", None)
    names = tuple(model_fields) if model_fields is not None else tuple(getattr(target, "__dataclass_fields__", ()))
    names = names or tuple(getattr(target, "_fields", ()))
    if names and len(names) != count:
        raise QueryError(
            f"{target.__name__} has {len(names)} fields ({', '.join(names)}), and {count} expressions were selected"
        )
    return names
