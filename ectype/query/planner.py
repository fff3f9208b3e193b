"""From a shape to a plain statement: clauses sorted, parameters numbered, outputs expanded. Runs once a shape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ectype.expr import walk
from ectype.expr.nodes import ColumnRef, Entity, Fragment, InValues, Ordering, Param, Subquery, ordering
from ectype.query.ast import (
    Clause,
    Combination,
    Cte,
    Each,
    Join,
    Lock,
    OrderClause,
    Output,
    RowShape,
    Select,
    Step,
    Write,
    steps,
)
from ectype.query.narrowing import narrowed
from ectype.query.outputs import Selected, check_places, expand, with_keys
from ectype.query.scope import outer_sources
from ectype.query.sources import FragmentSource, ValuesSource
from ectype.query.subqueries import StandIn
from ectype.schema.sources import TableSource


def width(node: walk.Part) -> int:
    """How many values the parameters of a node take."""
    own = 0
    for one in walk.nested(node):
        if isinstance(one, Param | InValues):
            own += 1
        elif isinstance(one, Subquery):
            own += one.width
    return own


def query_width(step: Step) -> int:
    """How many values the parameters of a query take."""
    return sum(step_width(one) for one in steps(step))


def step_width(step: Step) -> int:
    """How many values one step of a query takes; their order is that of the builder."""
    arg = step.arg
    match step.kind:
        case "from":
            return source_width(arg)
        case "where" | "or_where" | "having" | "or_having" | "group" | "order":
            return width(arg)
        case "prepend_order" | "distinct":
            return sum(width(term) for term in arg or ())
        case "join":
            return source_width(arg[1]) + width(arg[2])
        case "select":
            return sum(width(item) for item in arg[1])
        case "merge":
            return width(arg[1])
        case "keys":
            return sum(width(item) for item in arg)
        case "limit" | "offset":
            return width(arg[0])
        case "each":
            return sum(width(node) for _, node in arg)
        case "cte" | "combine":
            return width(arg[1]) if isinstance(arg[1], Fragment) else query_width(arg[1])
        case "write_cte":
            _source, _verb, query, assignments = arg
            return query_width(query) + sum(width(node) for _, node in assignments)
        case _:
            return 0


def step_parts(step: Step) -> tuple[walk.Part, ...]:
    """Return the expressions of one step over the query's own sources, without those of the queries inside it."""
    arg = step.arg
    match step.kind:
        case "where" | "or_where" | "having" | "or_having" | "group" | "order":
            return (arg,)
        case "prepend_order" | "distinct":
            return tuple(arg or ())
        case "join":
            return () if arg[2] is None else (arg[2],)
        case "select":
            return tuple(arg[1])
        case "merge":
            return (arg[1],)
        case "keys":
            return tuple(arg)
        case "limit" | "offset":
            return (arg[0],)
        case _:
            return ()


def source_width(source: Any) -> int:
    """How many values a source takes; a table and a CTE take none."""
    if isinstance(source, FragmentSource):
        return width(source.node)
    if isinstance(source, ValuesSource):
        return len(source.info.column_names)
    query: Step | None = getattr(source, "query", None)
    return 0 if query is None else query_width(query)


@dataclass(slots=True)
class _Draft:
    """A Select while its steps are read."""

    source: Any = None
    source_offset: int = 0
    ctes: list[Cte] = field(default_factory=list[Cte])
    joins: list[Join] = field(default_factory=list[Join])
    wheres: list[Clause] = field(default_factory=list[Clause])
    group_bys: list[Clause] = field(default_factory=list[Clause])
    havings: list[Clause] = field(default_factory=list[Clause])
    order_bys: list[OrderClause] = field(default_factory=list[OrderClause])
    combinations: list[Combination] = field(default_factory=list[Combination])
    merges: list[tuple[str, Clause]] = field(default_factory=list[tuple[str, Clause]])
    distinct: bool = False
    distinct_on: tuple[OrderClause, ...] = ()
    limit: Clause | None = None
    with_ties: bool = False
    offset: Clause | None = None
    lock: Lock | None = None
    select: tuple[Any, tuple[Any, ...], tuple[str, ...]] | None = None
    select_offset: int = 0
    prefix: str | None = None
    all_members: bool = True
    outer: set[Any] = field(default_factory=set[Any])
    stand_ins: dict[Any, StandIn] = field(default_factory=dict[Any, StandIn])
    keys: list[Clause] = field(default_factory=list[Clause])
    also: tuple[Entity | ColumnRef, ...] = ()
    each: tuple[Each, ...] = ()


def plan_select(
    step: Step,
    offset: int = 0,
    *,
    outermost: bool = False,
    all_members: bool = True,
    each: tuple[Each, ...] = (),
) -> Select:
    """Return the statement of a query whose first parameter has the index `offset`.

    The `outermost` one may have outputs more than were asked for, at the end. Without `all_members` its structs lack
    those that say `load_in_query=False`. `each` is what a query around it says of every table.
    """
    built = steps(step)
    each += _each(built, offset)
    draft = _Draft(outer=outer_sources(step), all_members=all_members, each=each)
    for one in built:
        _read(draft, one, offset)
        offset += step_width(one)
    outputs, row = _outputs(draft, outermost=outermost)
    for combination in draft.combinations:
        check_places(combination.operator, (outputs, row), (combination.query.outputs, combination.query.row))
        outputs = tuple(map(_combined, outputs, combination.query.outputs)) + outputs[len(combination.query.outputs) :]
    keys: tuple[Output, ...] = ()
    if draft.keys:
        outputs, row, keys = with_keys(outputs, row, draft.keys, draft.outer)
    made = Select(
        ctes=tuple(draft.ctes),
        source=draft.source,
        source_offset=draft.source_offset,
        joins=tuple(draft.joins),
        wheres=tuple(draft.wheres),
        group_bys=tuple(draft.group_bys),
        havings=tuple(draft.havings),
        order_bys=tuple(draft.order_bys),
        distinct=draft.distinct,
        limit=draft.limit,
        offset=draft.offset,
        combinations=tuple(draft.combinations),
        outputs=outputs,
        row=row,
        prefix=draft.prefix,
        keys=keys,
        distinct_on=draft.distinct_on,
        with_ties=draft.with_ties,
        lock=draft.lock,
        each=each,
    )
    return narrowed(made) if each else made


def _each(built: list[Step], offset: int) -> tuple[Each, ...]:
    """Return what a query says of every table that it reads."""
    found: list[Each] = []
    for one in built:
        if one.kind == "each":
            place = offset
            for info, node in one.arg:
                found.append(Each(info, node, place))
                place += width(node)
        offset += step_width(one)
    return tuple(found)


def _read(draft: _Draft, step: Step, offset: int) -> None:
    arg = step.arg
    match step.kind:
        case "from":
            draft.source, draft.source_offset = arg, offset
        case "where" | "or_where":
            draft.wheres.append(Clause(arg, offset, "AND" if step.kind == "where" else "OR"))
        case "having" | "or_having":
            draft.havings.append(Clause(arg, offset, "AND" if step.kind == "having" else "OR"))
        case "group":
            draft.group_bys.append(Clause(arg, offset))
        case "order":
            draft.order_bys.append(OrderClause(arg, offset))
        case "prepend_order":
            draft.order_bys[:0] = _terms(arg, offset)
        case "reverse":
            draft.order_bys = [OrderClause(reversed_term(one.node), one.offset) for one in draft.order_bys]
        case "join":
            kind, source, on = arg
            draft.joins.append(Join(kind, source, Clause(on, offset + source_width(source)), offset))
            if isinstance(source, StandIn):
                draft.stand_ins[source.source] = source
        case "select":
            draft.select, draft.select_offset = arg, offset
        case "merge":
            draft.merges.append((arg[0], Clause(arg[1], offset)))
        case _:
            _read_whole(draft, step, offset)


def _read_whole(draft: _Draft, step: Step, offset: int) -> None:
    """Read the steps that concern the statement as a whole."""
    arg = step.arg
    match step.kind:
        case "limit":
            draft.limit, draft.with_ties = Clause(arg[0], offset), arg[1] == "ties"
        case "offset":
            draft.offset = Clause(arg[0], offset)
        case "distinct":
            draft.distinct, draft.distinct_on = arg is None, _terms(arg or (), offset)
        case "prefix":
            draft.prefix = arg
        case "keys":
            for node in arg:
                draft.keys.append(Clause(node, offset))
                offset += width(node)
        case "lock":
            draft.lock = Lock(*arg)
        case "write_cte":
            source, verb, query, assignments = arg
            write = Write(verb, query, assignments, offset + query_width(query))
            planned = plan_select(query, offset, each=draft.each)
            draft.ctes.append(Cte(source, planned, recursive=False, write=write))
        case "also":
            draft.also = arg
        case "cte":
            source, query, recursive, materialized = arg
            text = isinstance(query, Fragment)
            planned = Clause(query, offset) if text else plan_select(query, offset, each=draft.each)
            draft.ctes.append(Cte(source, planned, recursive, materialized))
        case "each" | "values":
            pass
        case _:
            operator, query = arg
            combined = plan_select(query, offset, all_members=draft.all_members, each=draft.each)
            draft.combinations.append(Combination(operator, combined))


def _terms(terms: tuple[Ordering, ...], offset: int) -> tuple[OrderClause, ...]:
    made: list[OrderClause] = []
    for term in terms:
        made.append(OrderClause(term, offset))
        offset += width(term)
    return tuple(made)


def reversed_term(term: Ordering) -> Ordering:
    """Return the term that orders the other way round; NULLs change their side too."""
    nulls = None if term.nulls is None else "last" if term.nulls == "first" else "first"
    return ordering(term.operand, nulls, descending=not term.descending)


def _outputs(draft: _Draft, *, outermost: bool) -> tuple[tuple[Output, ...], RowShape]:
    """Expand what is selected into single expressions, and say how rows are made of them."""
    grouped = {walk.unnamed(clause.node) for clause in draft.group_bys}
    # An output more would change which rows are equal, and what fits into the query around this one.
    may_add = outermost and not draft.distinct and not draft.combinations
    return expand(
        Selected(
            source=draft.source,
            select=draft.select,
            offset=draft.select_offset,
            merges=draft.merges,
            outer=draft.outer,
            also=draft.also,
            width=width,
            origin=lambda source: _origin(draft.stand_ins.get(source, source), draft.prefix),
            may_add=lambda node: may_add and (not grouped or node in grouped),
            all_members=draft.all_members,
        )
    )


def _combined(output: Output, other: Output) -> Output:
    """Return an output that may be what either side of a combination gives."""
    return replace(output, nullable=True) if other.nullable else output


def origin(query: Step, prefix: str | None = None) -> tuple[str | None, str | None]:
    """Return the table, and its prefix, in which the structs that a query gives stand."""
    built = steps(query)
    own = next((one.arg for one in reversed(built) if one.kind == "prefix"), prefix)
    select = next((one.arg for one in built if one.kind == "select"), None)
    if select is None:
        return _origin(built[0].arg, own)
    item = select[1][0]
    return _origin(item.source, own) if isinstance(item, Entity) else (None, None)


def _origin(source: Any, prefix: str | None) -> tuple[str | None, str | None]:
    if isinstance(source, TableSource):
        return source.table, source.prefix or source.info.prefix or prefix
    query: Step | None = getattr(source, "query", None)
    return (source.info.table, source.info.prefix or prefix) if query is None else origin(query, prefix)
