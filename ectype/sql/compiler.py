"""A planned SELECT to a statement: sqlglot nodes by our own rules, rendered once a shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from importlib import import_module
from itertools import groupby
from typing import Any, Final, cast

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr import walk
from ectype.expr.nodes import PARAM, ColumnRef, Fragment
from ectype.query.ast import Clause, Combination, Cte, Join, Output, Select, Step, Write
from ectype.query.grouping import check_grouped
from ectype.query.locking import METHODS
from ectype.query.planner import plan_select, width
from ectype.query.sources import FragmentSource, ValuesSource
from ectype.query.subqueries import QuerySource, StandIn
from ectype.schema.sources import TableSource
from ectype.sql import numbers, tables
from ectype.sql.depth import depth_told
from ectype.sql.dialect import Dialect
from ectype.sql.locks import lock_tree
from ectype.sql.lower import Lowering, Scope, SubSelect, quoted, read_as_text, render, wrapped
from ectype.sql.naming import name_outputs, said
from ectype.sql.orders import distinct_tree, order_trees, ties_tree
from ectype.sql.renumber import numbered
from ectype.sql.statement import Column, Statement, table_place
from ectype.types.numeric import INTEGER

COMBINATIONS: dict[str, tuple[Callable[..., exp.Expr], bool]] = {
    "union": (exp.Union, True),
    "union_all": (exp.Union, False),
    "intersect": (exp.Intersect, True),
    "intersect_all": (exp.Intersect, False),
    "except": (exp.Except, True),
    "except_all": (exp.Except, False),
}
GROUPED: Final = 400
"""How many conditions of one connective stand side by side: SQLite's trees have a thousand levels."""
NO_LIMIT: Final = "-1"
"""What SQLite takes for no limit."""


@depth_told
def compile_select(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the statement of a query's shape.

    Raises:
        QueryError: for a shape that means nothing.
        UnsupportedError: for what this database cannot do.
    """
    select = plan_select(step, outermost=True, all_members=False)
    made = numbered(step, dialect, subselect(prefix), lambda scope: select_tree(scope, select, prefix, "top"))
    columns = tuple(output_column(select, output, dialect) for output in select.outputs)
    return Statement(
        render(made.tree, dialect),
        made.dump,
        columns,
        select.row,
        redacted=made.redacted,
        place=read_place(select, prefix),
    )


@depth_told
def compile_exists(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the statement that asks whether a query has a row: one column, true or false."""
    select = plan_select(step)

    def lower(scope: Scope) -> exp.Expr:
        return exp.Select(expressions=[exp.Exists(this=select_tree(scope.inner(), select, prefix, "one"))])

    made = numbered(step, dialect, subselect(prefix), lower)
    return Statement(render(made.tree, dialect), made.dump, redacted=made.redacted, place=read_place(select, prefix))


def read_place(select: Select, prefix: str | None) -> tuple[str | None, str | None]:
    """Return the table that a select reads first, and where it is; twice None where that is no table."""
    return table_place(select.source, select.prefix or prefix)


def subselect(prefix: str | None) -> SubSelect:
    """Return how a subquery in an expression becomes a tree, for scopes that meet one."""
    return lambda around, step, offset, form: select_tree(
        around.inner(), plan_select(step, offset, each=around.each), prefix, form
    )


def is_text(select: Select, output: Output, dialect: Dialect) -> bool:
    """Whether an output of the outermost select is read as text: never where text would change what is equal."""
    if select.distinct or select.distinct_on or select.combinations or not dialect.text_select or output.type is None:
        return False
    if output.alias is not None and output.alias in said(select):
        return False
    return output.type.codec(dialect.target).text_load is not None


def output_column(select: Select, output: Output, dialect: Dialect) -> Column:
    """Return how an output of the outermost statement is read."""
    as_text = is_text(select, output, dialect)
    if output.type is None:
        return Column(None, nullable=True, name=_shown(output))
    codec = output.type.codec(dialect.target)
    return Column(
        codec.text_load if as_text else codec.load,
        nullable=output.nullable,
        mutable=output.type.mutable,
        empty=output.type.empty,
        slow_load=codec.text_load_slow if as_text else None,
        inline=None if as_text else codec.inline,
        names=codec.names,
        name=_shown(output),
    )


def _shown(output: Output) -> str:
    node = output.clause.node
    return f"{node.source.label}.{node.name}" if isinstance(node, ColumnRef) else f"the expression `{output.name}`"


def select_tree(
    scope: Scope,
    select: Select,
    prefix: str | None,
    form: str = "named",
    names: Callable[[str], str] | None = None,
) -> exp.Expr:
    """Return the tree of one SELECT with its combinations; order and limit are those of the whole.

    `form` says what is selected: `top` the outputs as the driver should give them, `named` under their names for a
    subquery or CTE, which `names` may change, `bare` the only one as it is for an expression, `rows` all of them,
    `insert` those of an INSERT, before which a CTE may change rows, `one` a constant for EXISTS.
    """
    if select.prefix is not None:
        prefix = select.prefix
        scope.select = subselect(prefix)
    scope.each = select.each
    name_outputs(scope, select, form)
    ctes = [cte_tree(scope, cte, prefix, top=form in ("top", "insert")) for cte in select.ctes]
    source = table_tree(scope, select.source, select.source_offset, prefix)
    joins = [_join(scope, join, prefix) for join in select.joins]
    outputs_count = not (form == "one" and _needs_no_outputs(select))
    check_grouped(select, outputs_count=outputs_count)
    core: dict[str, Any] = {"from_": exp.From(this=source), "joins": joins, **_filters(scope, select)}
    distinct = distinct_tree(scope, select)
    if distinct is not None:
        core["distinct"] = distinct
    outputs = _outputs(scope, select, form, names)
    tree: exp.Expr = exp.Select(expressions=outputs, **core)
    for combination in select.combinations:
        _check_combined(select, combination, scope.dialect)
        make, distinct = COMBINATIONS[combination.operator]
        tree = make(
            this=_first(tree, make, scope.dialect),
            expression=_second(scope, combination.query, prefix),
            distinct=distinct,
        )
    return _whole(scope, select, tree, ctes)


def _filters(scope: Scope, select: Select) -> dict[str, exp.Expr]:
    made: dict[str, exp.Expr] = {}
    if select.wheres:
        made["where"] = exp.Where(this=conjunction(scope, select.wheres))
    if select.group_bys:
        keys = [Lowering(scope, clause.offset).output_key(clause.node) for clause in select.group_bys]
        made["group"] = exp.Group(expressions=keys)
    if select.havings:
        made["having"] = exp.Having(this=conjunction(scope, select.havings))
    return made


def _whole(scope: Scope, select: Select, tree: exp.Expr, ctes: list[exp.Expr]) -> exp.Expr:
    """Add what concerns the whole statement: CTEs, order, limit, offset, lock, and the windows that were named."""
    if ctes:
        tree.set("with_", exp.With(expressions=ctes, recursive=any(cte.recursive for cte in select.ctes)))
    terms = order_trees(scope, select)
    if terms:
        tree.set("order", exp.Order(expressions=terms))
    if select.limit is not None and select.with_ties:
        tree.set("limit", ties_tree(scope, select, _count(scope, select.limit, NO_LIMIT)))
    elif select.limit is not None:
        tree.set("limit", exp.Limit(expression=_count(scope, select.limit, NO_LIMIT)))
    elif select.offset is not None and not scope.dialect.bare_offset:
        tree.set("limit", exp.Limit(expression=exp.Var(this=NO_LIMIT)))
    if select.offset is not None:
        tree.set("offset", exp.Offset(expression=_count(scope, select.offset, "0")))
    if select.lock is not None:
        tree.set("locks", [lock_tree(scope, select, select.lock)])
    if scope.windows:
        first = tree
        while isinstance(first, exp.SetOperation | exp.Subquery):
            first = first.this
        first.set("windows", [definition for _, definition in scope.windows.values()])
    return tree


def _check_combined(first: Select, combination: Combination, dialect: Dialect) -> None:
    operator, second = combination.operator, combination.query
    if operator in ("intersect_all", "except_all") and not dialect.combine_all:
        raise UnsupportedError(
            f"{dialect.name} has no `{operator}`",
            hint=f"use `{'intersect' if operator == 'intersect_all' else 'except_'}`, which gives equal rows once, or "
            "number equal rows by `fn.row_number()` in both queries",
        )
    if second.lock is not None and dialect.row_locks:
        raise QueryError(
            f"`{METHODS[second.lock.strength]}` locks rows of tables, and the rows of a combination are none",
            hint='lock in a subquery of the combined query: `from_(subquery(query.for_update(), "locked"))`',
        )
    if len(first.outputs) != len(second.outputs):
        raise QueryError(
            f"combined queries have equally many columns, got {len(first.outputs)} and {len(second.outputs)}"
        )
    for one, other in zip(first.outputs, second.outputs, strict=True):
        numbers.check_combined((one.clause.node, other.clause.node), dialect)


def _first(tree: exp.Expr, make: Callable[..., exp.Expr], dialect: Dialect) -> exp.Expr:
    """Keep what was combined so far together: INTERSECT binds more tightly than the others, but not on SQLite."""
    apart = make is exp.Intersect and isinstance(tree, exp.Union | exp.Except) and dialect.parenthesised_union
    return exp.Subquery(this=tree) if apart else tree


def _second(scope: Scope, select: Select, prefix: str | None) -> exp.Expr:
    """Return the other side of a combination: one with clauses of its own must not lend them to the whole."""
    tree = select_tree(scope.beside(), select, prefix)
    own = select.combinations or select.order_bys or select.distinct_on or select.ctes
    if not own and select.limit is None and select.offset is None:
        return tree
    inner = exp.Subquery(this=tree)
    return (
        inner if scope.dialect.parenthesised_union else exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
    )


def _count(scope: Scope, clause: Clause, otherwise: str) -> exp.Expr:
    """Return how many rows, `otherwise` for NULL, where that is no number of rows to the database."""
    dump = INTEGER.codec(scope.dialect.target).dump
    if clause.node is PARAM:
        return scope.placeholder(clause.offset, dump)
    text = Lowering(scope.counting(), clause.offset).text(clause.node, dump)
    return exp.Var(this=text if scope.dialect.null_limit else f"coalesce({text}, {otherwise})")


def _lower(scope: Scope, clause: Clause) -> exp.Expr:
    return Lowering(scope, clause.offset).lower(clause.node)


def conjunction(scope: Scope, clauses: tuple[Clause, ...]) -> exp.Expr:
    """Return `(a) AND (b) AND (c)`, what stands before another connective kept together; one condition stands alone.

    Many of one connective stand in groups, since SQLite counts each as a level of its tree.
    """
    tree = _lower(scope, clauses[0])
    for connective, run in groupby(clauses[1:], key=lambda clause: clause.connective):
        join = exp.And if connective == "AND" else exp.Or
        terms = [wrapped(_lower(scope, clause)) for clause in run]
        if len(terms) > GROUPED:
            groups = (terms[first : first + GROUPED] for first in range(0, len(terms), GROUPED))
            terms = [wrapped(_joined(join, group)) for group in groups]
        tree = _joined(join, [wrapped(tree), *terms])
    return tree


def _joined(join: Callable[..., exp.Expr], terms: list[exp.Expr]) -> exp.Expr:
    return reduce(lambda left, right: join(this=left, expression=right), terms)


def _outputs(scope: Scope, select: Select, form: str, names: Callable[[str], str] | None = None) -> list[exp.Expr]:
    if form == "one" and _needs_no_outputs(select):
        return [exp.Literal.number(1)]
    wanted = int(form.partition(" ")[2] or 1)
    if form.startswith("bare") and len(select.outputs) != wanted:
        raise QueryError(
            f"`in_` and `scalar` take a query of one column, and this one has {len(select.outputs)}"
            if wanted == 1
            else f"`in_` over a tuple of {wanted} takes a query of {wanted} columns, and this one has "
            f"{len(select.outputs)}",
            hint=f"select {'it' if wanted == 1 else 'them'}: "
            f"`query.select({', '.join(('Comment.post_id', 'Comment.likes', '…', '…')[:wanted])})`",
        )
    made: list[exp.Expr] = []
    for output in select.outputs:
        lowering = Lowering(scope, output.clause.offset)
        node = lowering.output(output.clause.node) if form == "top" else lowering.lower(output.clause.node)
        if form == "top" and output.type is not None and is_text(select, output, scope.dialect):
            node = read_as_text(wrapped(node), output.type.codec(scope.dialect.target).column)
        name = output.name if names is None else names(output.name)
        alias = name if form == "named" else output.alias if form == "top" else None
        made.append(node if alias is None else exp.Alias(this=node, alias=quoted(alias, scope.dialect)))
    return made


def _needs_no_outputs(select: Select) -> bool:
    """Whether a row exists regardless of what is selected, so that EXISTS may select a constant.

    An aggregate makes one row of none, unless groups make the rows; values among the outputs must be sent.
    """
    if select.combinations or select.distinct or select.distinct_on:
        return False
    outputs = [output.clause.node for output in select.outputs]
    grouped = bool(select.group_bys or select.havings)
    return not any(width(node) for node in outputs) and (grouped or not any(map(walk.is_aggregate, outputs)))


def table_tree(scope: Scope, source: Any, offset: int, prefix: str | None, *, lateral: bool = False) -> exp.Expr:
    """Return a source of FROM or JOIN under a name of this scope; a lateral one sees the sources before it."""
    match source:
        case TableSource():
            return tables.table(scope, source, prefix)
        case ValuesSource():
            return tables.constants(scope, source, offset)
        case FragmentSource():
            inside = scope.inner() if lateral else scope.beside()
            return tables.fragment(scope, inside, source, offset)
        case StandIn():
            return _rows(
                scope, source.source, source.query, offset, prefix, lateral=lateral, names=source.source.column_source
            )
        case QuerySource(query=None):
            return exp.Table(this=quoted(source.label, scope.dialect), alias=_name(scope, source))
        case _:
            return _rows(scope, source, source.query, offset, prefix, lateral=lateral)


def _rows(
    scope: Scope,
    source: Any,
    query: Step,
    offset: int,
    prefix: str | None,
    *,
    lateral: bool,
    names: Callable[[str], str] | None = None,
) -> exp.Expr:
    """Return a subquery under the name of a source; `names` says how that source reads the columns."""
    planned = plan_select(query, offset, each=scope.each)
    _check_named(source, planned, scope.dialect)
    inside = scope.inner() if lateral else scope.beside()
    return exp.Subquery(this=select_tree(inside, planned, prefix, names=names), alias=_name(scope, source))


def _check_named(source: Any, select: Select, dialect: Dialect) -> None:
    for output in select.outputs:
        known = source.info.fields[output.name]
        numbers.check_stored(f"{source.info.name}.{output.name}", known.type, output.clause.node, dialect)


def _name(scope: Scope, source: Any) -> exp.Expr:
    return exp.TableAlias(this=quoted(scope.add(source), scope.dialect))


JOINS: Final[dict[str, dict[str, str]]] = {
    "inner": {},
    "left": {"side": "LEFT"},
    "right": {"side": "RIGHT"},
    "full": {"side": "FULL"},
    "cross": {"kind": "CROSS"},
}


def _join(scope: Scope, join: Join, prefix: str | None) -> exp.Expr:
    dialect = scope.dialect
    kind, lateral = join.kind.removesuffix("_lateral"), join.kind.endswith("_lateral")
    if kind in ("right", "full") and not dialect.right_and_full_join:
        raise UnsupportedError(
            f"{dialect.name} {'.'.join(map(str, dialect.version))} has no {kind} join",
            hint="begin at the side whose rows all stay, and use `left_join`",
        )
    by_function = isinstance(join.source, FragmentSource) and dialect.lateral_functions
    if lateral and not dialect.lateral and not by_function:
        raise UnsupportedError(
            f"{dialect.name} has no lateral join",
            hint="number the rows in a subquery, `fn.row_number().over(window(partition_by=…, order_by=…))`, and "
            "join those up to a number",
        )
    table = table_tree(scope, join.source, join.offset, prefix, lateral=lateral)
    if lateral and not by_function:
        table = exp.Var(this=f"LATERAL {render(table, dialect)}")
    on = {} if kind == "cross" else {"on": conjunction(scope, (join.on, *join.also))}
    return exp.Join(this=table, **JOINS[kind], **on)


def cte_tree(scope: Scope, cte: Cte, prefix: str | None, *, top: bool) -> exp.Expr:
    """Return a CTE; one that changes rows stands before the outermost statement only, which is `top`."""
    query, columns = cte.query, list[exp.Identifier]()
    if isinstance(query, Clause):
        # By their places the columns of a text could be taken for one another.
        inner: exp.Expr = exp.Var(
            this=Lowering(scope.beside(), query.offset).fragment_text(cast("Fragment", query.node))
        )
    else:
        _check_named(cte.source, query, scope.dialect)
        columns = [quoted(output.name, scope.dialect) for output in query.outputs]
        if cte.write is None:
            inner = select_tree(scope.beside(), query, prefix)
        else:
            inner = exp.Var(this=_written(scope, cte, query, cte.write, prefix, top=top))
    alias = exp.TableAlias(this=quoted(cte.source.label, scope.dialect), columns=columns)
    return exp.CTE(this=inner, alias=alias, materialized=cte.materialized)


def _written(scope: Scope, cte: Cte, query: Select, write: Write, prefix: str | None, *, top: bool) -> str:
    if not scope.dialect.data_modifying_cte:
        raise UnsupportedError(
            f"{scope.dialect.name} has no CTE that writes, so `{cte.source.label}` cannot {write.verb} rows",
            hint=f"run it first, in one transaction: `await repo.{write.verb}_all(query, …, returning=True)`",
        )
    if not top:
        raise QueryError(
            f"the CTE `{cte.source.label}` changes rows, so it stands before the outermost statement only",
            hint="call `with_cte` on the query that is run",
        )
    # It is made of a SELECT, which is made here.
    text: str = import_module("ectype.sql.updates").cte_text(scope.beside(), query, write, prefix)
    return text
