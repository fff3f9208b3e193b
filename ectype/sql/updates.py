"""UPDATE and DELETE of all rows of a query: joins, CTEs, and what comes back of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import ColumnRef, Expression, Over
from ectype.query.ast import Clause, Join, Output, Select, Step, Write, steps
from ectype.query.excluding import WRITTEN
from ectype.query.planner import plan_select, query_width, width
from ectype.query.subqueries import StandIn
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource
from ectype.sql.compiler import (
    conjunction,
    cte_tree,
    is_text,
    output_column,
    select_tree,
    subselect,
    table_tree,
)
from ectype.sql.depth import depth_told
from ectype.sql.dialect import Dialect
from ectype.sql.dump import dump_with
from ectype.sql.lower import Lowering, Scope, cast_text, quoted, read_as_text, render, wrapped
from ectype.sql.statement import Statement, table_place
from ectype.sql.writes import name, set_value

WRITABLE = frozenset(
    {"from", "prefix", "where", "or_where", "join", "cte", "write_cte", "select", "merge", "each", "values"}
)
"""The steps of a query that may be written over."""
SELECTING = frozenset({"select", "merge"})
"""Those that say what comes back."""
Assignments = Sequence[tuple[str, Expression]]


@depth_told
def compile_update_all(
    step: Step, assignments: Assignments, dialect: Dialect, *, prefix: str | None = None
) -> Statement:
    """Return the UPDATE of all rows of a query; the query's values come first, then the assignments' own.

    What the query selects comes back of each row; without a select nothing does.

    Raises:
        QueryError: for a query with clauses that an UPDATE has not.
        UnsupportedError: for what this database cannot do.
    """
    scope = Scope(dialect, {}, subselect(prefix))
    written = _Written(scope, step, "update_all", prefix)
    sql = written.update(assignments, query_width(step))
    return _statement(sql, written, "UPDATE")


@depth_told
def compile_delete_all(step: Step, dialect: Dialect, *, prefix: str | None = None) -> Statement:
    """Return the DELETE of all rows of a query, which gives back what the query selects of each.

    Raises:
        QueryError: for a query with clauses that a DELETE has not.
        UnsupportedError: for what this database cannot do.
    """
    scope = Scope(dialect, {}, subselect(prefix))
    written = _Written(scope, step, "delete_all", prefix)
    return _statement(written.delete(), written, "DELETE")


def cte_text(scope: Scope, select: Select, write: Write, prefix: str | None) -> str:
    """Return the UPDATE or DELETE of a data-modifying CTE, with all that its query selects."""
    written = _Written(scope, write.step, f"with_cte(…, {write.verb}=…)", prefix, select)
    return written.update(write.assignments, write.offset) if write.verb == "update" else written.delete()


def _statement(sql: str, written: _Written, operation: str) -> Statement:
    scope, select = written.scope, written.select
    columns = tuple(output_column(select, output, scope.dialect) for output in written.outputs)
    return Statement(
        sql,
        dump_with(scope.dumpers, scope.redacted),
        columns,
        select.row if columns else None,
        redacted=frozenset(scope.redacted),
        operation=operation,
        place=table_place(written.source, written.prefix),
    )


class _Written:
    """One UPDATE or DELETE while its text is put together.

    Attributes:
        scope: what its expressions see.
        select: the query whose rows are written.
        outputs: what comes back of each row.
    """

    def __init__(self, scope: Scope, step: Step, verb: str, prefix: str | None, named: Select | None = None) -> None:
        _check_clauses(step, verb)
        self.scope = scope
        self.verb = verb
        self.select = plan_select(step, outermost=True) if named is None else named
        prefix = self.prefix = self.select.prefix or prefix
        scope.select = subselect(prefix)
        scope.each = self.select.each
        self.top = named is None
        selects = named is not None or any(one.kind in SELECTING for one in steps(step))
        self.outputs: tuple[Output, ...] = self.select.outputs if selects else ()
        self.source: TableSource = self.select.source
        _check_hint(self.source, verb, scope.dialect)
        self.info: SchemaInfo = self.source.info
        _check_joins(self.select, verb)
        self._check_outputs()
        ctes = [cte_tree(scope, cte, prefix, top=self.top) for cte in self.select.ctes]
        recursive = any(cte.recursive for cte in self.select.ctes)
        self.head = f"{self._text(exp.With(expressions=ctes, recursive=recursive))} " if ctes else ""
        self.target = self._text(table_tree(scope, self.source, self.select.source_offset, prefix))
        # A query of an alias takes assignments to the schema's own columns.
        scope.names.setdefault(self.info.source, scope.names[self.source])

    def update(self, assignments: Assignments, offset: int) -> str:
        """Return the UPDATE; the parameters of the assignments begin at `offset`."""
        others, conditions = self._others()
        terms: list[str] = []
        for field, node in assignments:
            column = name(self.info.fields[field].source, self.scope.dialect)
            terms.append(f"{column} = {set_value(self.scope, self.info, field, node, offset)}")
            offset += width(node)
        source = f" FROM {others}" if others else ""
        end = f"{self._where(conditions)}{self._returning()}"
        return f"{self.head}UPDATE {self.target} SET {', '.join(terms)}{source}{end}"

    def delete(self) -> str:
        """Return the DELETE; where the database joins nothing in it, the rows are chosen by their key."""
        if self.select.joins and not self.scope.dialect.delete_using:
            where = f" WHERE {self._by_key()}"
            return f"{self.head}DELETE FROM {self.target}{where}{self._returning()}"
        others, conditions = self._others()
        source = f" USING {others}" if others else ""
        return f"{self.head}DELETE FROM {self.target}{source}{self._where(conditions)}{self._returning()}"

    def _text(self, tree: exp.Expr) -> str:
        return render(tree, self.scope.dialect)

    def _others(self) -> tuple[str, list[Clause]]:
        """Return the joined tables, and the conditions that cannot stand beside them: those over the target."""
        text = ""
        conditions: list[Clause] = []
        for join in self.select.joins:
            table = self._text(table_tree(self.scope, join.source, join.offset, self.prefix))
            if not text or join.kind == "cross" or self.source in walk.sources(join.on.node):
                text += f" CROSS JOIN {table}" if text else table
                conditions += [join.on] if join.kind != "cross" else []
                continue
            condition = self._text(conjunction(self.scope, (join.on, *join.also)))
            text += f" {'LEFT ' if join.kind == 'left' else ''}JOIN {table} ON {condition}"
        return text, conditions

    def _where(self, conditions: list[Clause]) -> str:
        wheres = self.select.wheres
        if any(clause.connective == "OR" for clause in wheres[1:]) and conditions:
            both = exp.And(
                this=wrapped(conjunction(self.scope, tuple(conditions))),
                expression=wrapped(conjunction(self.scope, wheres)),
            )
            return f" WHERE {self._text(both)}"
        # The first condition joins nothing before it, whatever it was called.
        clauses = (*conditions, *(replace(clause, connective="AND") for clause in wheres[:1]), *wheres[1:])
        return f" WHERE {self._text(conjunction(self.scope, clauses))}" if clauses else ""

    def _by_key(self) -> str:
        """Return the condition that a row's key is among those of the joined query."""
        keys = self.info.primary_key
        inner = self.scope.inner()
        chosen = tuple(
            Output(Clause(self.source.columns[key].node, 0), self.info.fields[key].type, nullable=False, name=key)
            for key in keys
        )
        tree = select_tree(inner, replace(self.select, ctes=(), outputs=chosen), self.prefix, "rows")
        own = [self.scope.column(output.clause.node) for output in chosen if isinstance(output.clause.node, ColumnRef)]
        if not keys:
            # A table without a primary key always has a rowid, see https://sqlite.org/rowidtable.html
            own = [_rowid(self.scope, self.source)]
            tree.set("expressions", [_rowid(inner, self.source)])
        operand = own[0] if len(own) == 1 else exp.Tuple(expressions=own)
        return self._text(exp.In(this=operand, query=exp.Subquery(this=tree)))

    def _check_outputs(self) -> None:
        for output in self.outputs:
            node = output.clause.node
            if walk.is_aggregate(node) or _has_window(node):
                raise QueryError(
                    f"`{self.verb}` gives back each row for itself, so it cannot return `{sketch(node)}`",
                    hint="return the values, and compute over them: `returning=Post.score`",
                )
            joined = [source for source in walk.sources(node) if source is not self.source]
            joined = [source for source in joined if source is not self.info.source]
            if joined and not self.scope.dialect.returning_joined:
                raise UnsupportedError(
                    f"{self.scope.dialect.name} returns columns of the written table only, and `{self.verb}` asks for "
                    f"`{sketch(node)}` of {joined[0].label}",
                    hint="read it before you write, in one transaction, or return the keys and read it afterwards",
                )

    def _returning(self) -> str:
        if not self.outputs:
            return ""
        if not self.select.joins or not self.scope.dialect.returning_joined:
            # Nothing else can be meant, and so it is written as one writes it by hand.
            for source in (self.source, self.info.source):
                for one in source.columns.values():
                    if one.name in self.info.column_names:
                        bare = quoted(source.column_source(one.name), self.scope.dialect)
                        self.scope.renamed[one.reference] = exp.Column(this=bare)
        if not self.scope.dialect.returning_alias:
            self.scope.names[self.source] = self.scope.names[self.info.source] = str(self.source.table)
        parts = [self._text(self._output(output)) for output in self.outputs]
        return f" RETURNING {', '.join(parts)}"

    def _output(self, output: Output) -> exp.Expr:
        dialect = self.scope.dialect
        node = output.clause.node
        lowering = Lowering(self.scope, output.clause.offset)
        tree = lowering.output(node) if self.top else lowering.lower(node)
        column = "" if output.type is None else output.type.codec(dialect.target).column
        if self.top and is_text(self.select, output, dialect):
            return read_as_text(wrapped(tree), column)
        # SQLite keeps a REAL that is whole as an integer, and RETURNING gives it as it is kept.
        return cast_text(tree, column) if column == "REAL" and isinstance(node, ColumnRef) else tree


def _rowid(scope: Scope, source: Any) -> exp.Expr:
    return exp.Column(this=quoted("rowid", scope.dialect), table=quoted(scope.names[source], scope.dialect))


def _has_window(node: walk.Part) -> bool:
    return isinstance(node, Over) or any(map(_has_window, walk.parts(node)))


def _check_clauses(step: Step, verb: str) -> None:
    """Refuse what an UPDATE or DELETE has no place for."""
    for one in steps(step):
        if one.kind == "from" and not isinstance(one.arg, TableSource):
            raise QueryError(
                f"`{verb}` writes to a table, and this query begins at {one.arg.label}, which is none",
                hint=f"begin at the table and join it: `from_(Post).join({one.arg.label}, on=…)`",
            )
        if one.kind not in WRITABLE:
            clause = WRITTEN.get(one.kind, one.kind)
            raise QueryError(
                f"`{verb}` takes a query with `where`, `join`, `with_cte` and `select` only, and this one has "
                f"`{clause}`",
                hint="choose the rows in a subquery, by their key:\n\n"
                f'    chosen = subquery(query, "chosen")          # the query with its `{clause}`\n'
                "    from_(Post).join(chosen, on=chosen.id == Post.id)",
            )


def _check_hint(source: TableSource, verb: str, dialect: Dialect) -> None:
    if source.hint is not None and not dialect.hinted_writes:
        raise UnsupportedError(
            f"{dialect.name} takes no hint in `{verb}`, got {source.hint!r}", hint="write over a source without one"
        )


def _check_joins(select: Select, verb: str) -> None:
    """Refuse an outer join over the written table: it is no part of what the others are joined to."""
    for position, join in enumerate(select.joins):
        if join.kind in ("inner", "cross"):
            continue
        if join.kind != "left" or position == 0 or _mentions(join, select.source):
            label = select.source.label
            joined = join.source.source if isinstance(join.source, StandIn) else join.source
            raise QueryError(
                f"`{verb}` cannot {join.kind.replace('_', '-')}-join {joined.label} to {label} itself, which is not "
                "among the tables that it reads",
                hint=f"read the table a second time, and join to that:\n\n"
                f'    me = alias({select.source.info.name}, "me")\n'
                f"    from_({label}).join(me, on=me.id == {label}.id).left_join(me.…)",
            )


def _mentions(join: Join, source: Any) -> bool:
    return source in walk.sources(join.on.node)
