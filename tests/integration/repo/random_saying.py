"""How the queries of `random_sql` are said in ectype."""

from typing import Any

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Query,
    Registry,
    Schema,
    belongs_to,
    case,
    exists,
    field,
    fn,
    from_,
    has_many,
    literal,
    maybe,
    outer,
    primary_key,
    scalar,
    tuple_,
    window,
)
from tests.integration.repo.random_meaning import COMPARED, COMPUTED
from tests.integration.repo.random_sql import Plan, Spec


class Random(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class A(Random, table="random_a"):
    id: Field[int] = primary_key()
    x: Field[int | None] = field(default=None)
    y: Field[int]
    name: Field[str | None] = field(default=None)
    bs: HasMany["B"] = has_many(foreign_key="a_id")


class B(Random, table="random_b"):
    id: Field[int] = primary_key()
    a_id: Field[int | None] = field(default=None)
    a: BelongsTo["A | None"] = belongs_to()
    z: Field[int | None] = field(default=None)


COLUMNS: dict[str, Any] = {
    "a.id": A.id, "a.x": A.x, "a.y": A.y, "a.name": A.name, "b.id": B.id, "b.a_id": B.a_id, "b.z": B.z,
}  # fmt: skip


def expression(spec: Spec) -> Any:
    """Return the ectype expression of a value."""
    match spec:
        case ("column", name):
            return COLUMNS[name]
        case ("outer", name):
            return outer(COLUMNS[name])
        case ("value", number):
            return literal(number)
        case ("coalesce", inner, number):
            return fn.coalesce(expression(inner), number)
        case ("nullif", inner, number):
            return fn.nullif(expression(inner), number)
        case ("case", condition, then, otherwise):
            branch = (predicate(condition), expression(then))
            return case(branch) if otherwise is None else case(branch, else_=expression(otherwise))
        case ("scalar", inner, condition):
            return scalar(from_(B).where(predicate(condition)).select(expression(inner)))
        case ("aggregate", name, operand, kept):
            found = aggregate(name, operand)
            return found if kept is None else found.filter(predicate(kept))
        case ("window", name, operand, part, order):
            function = getattr(fn, name)
            called = function() if operand is None else function(expression(operand))
            parts = {} if part is None else {"partition_by": expression(part)}
            return called.over(window(order_by=[ordered(expression(one), *how) for one, *how in order], **parts))
        case (op, left, right):
            return COMPUTED[op](expression(left), expression(right))
        case _:
            raise AssertionError(spec)


def aggregate(name: str, operand: Spec | None) -> Any:
    """Return an aggregate without a filter."""
    if operand is None:
        return fn.count()
    if name == "count distinct":
        return fn.count(expression(operand), distinct=True)
    return getattr(fn, name)(expression(operand))


def ordered(operand: Any, descends: bool, first: bool) -> Any:
    """Return an order by an expression, with NULLs first or last."""
    nulls = "first" if first else "last"
    return operand.desc(nulls=nulls) if descends else operand.asc(nulls=nulls)


def predicate(spec: Spec) -> Any:
    """Return the ectype expression of a condition."""
    match spec:
        case ("not", inner):
            return ~predicate(inner)
        case ("and", left, right):
            return predicate(left) & predicate(right)
        case ("or", left, right):
            return predicate(left) | predicate(right)
        case _:
            return _test(spec)


def _test(spec: Spec) -> Any:
    match spec:
        case ("compare", op, left, right):
            return COMPARED[op](expression(left), expression(right))
        case ("tuple", op, left, right):
            return COMPARED[op](tuple_(*map(expression, left)), tuple_(*map(expression, right)))
        case ("null", inner):
            return expression(inner).is_null()
        case ("in", inner, values):
            return expression(inner).in_(values)
        case ("in some", inner, others):
            return expression(inner).in_([expression(one) for one in others])
        case ("between", inner, low, high):
            return expression(inner).between(expression(low), expression(high))
        case ("exists", inner):
            return exists(from_(B).where(predicate(inner)))
        case ("in query", inner, selected, condition):
            return expression(inner).in_(from_(B).where(predicate(condition)).select(expression(selected)))
        case ("starts", name, text):
            return fn.starts_with(COLUMNS[name], text)
        case (kind, name, text):
            return getattr(COLUMNS[name], kind)(text)
        case _:
            raise AssertionError(spec)


def query_of(plan: Plan) -> Query[Any, Any, Any]:
    """Return the ectype query of a plan. Its rows are tuples; a single output is a value."""
    query: Any = from_(A)
    if plan.join == "cross_join":
        query = query.cross_join(B)
    elif plan.join is not None:
        query = getattr(query, plan.join)(A.bs, on=None if plan.on is None else predicate(plan.on))
    for method, condition in plan.wheres:
        query = getattr(query, method)(predicate(condition))
    if plan.groups is not None:
        query = query.group_by(*map(expression, plan.groups))
    for method, condition in plan.havings:
        query = getattr(query, method)(predicate(condition))
    query = query.distinct() if plan.distinct else query
    query = query.distinct(*map(expression, plan.keys)) if plan.keys else query
    outputs = [maybe(expression(one)) for one in plan.outputs]
    if plan.combined or plan.distinct:
        # Ordered by what is selected, which is the same value by its name only.
        outputs = [one.as_(f"output{place}") for place, one in enumerate(outputs)]
    query = query.select(*outputs)
    for operation, other in plan.combined:
        query = getattr(query, operation)(query_of(other))
    for one, descends, first in plan.order:
        operand = outputs[one[1]] if one[0] == "output" else expression(one)
        query = query.order_by(ordered(operand, descends, first))
    query = query if plan.limit is None else query.limit(plan.limit)
    return query if plan.offset is None else query.offset(plan.offset)
