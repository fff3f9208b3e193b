"""Sources beside a schema's own table: another table, SQL text, constant rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, LiteralString, TypeAlias, TypeVar, cast, final, overload

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.nodes import Fragment, Node, Root, intern
from ectype.expr.operand import Attr, Expr
from ectype.query.derived import DerivedSource
from ectype.schema.aliases import Alias, Home, table_alias
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.schema import Of
from ectype.schema.sources import TableSource
from ectype.schema.structs import UNSET

M = TypeVar("M")
Rows: TypeAlias = tuple[tuple[Any, ...], ...]


@final
class FragmentSource(DerivedSource):
    """SQL text that gives rows: a table function, or a query in parentheses.

    Attributes:
        node: the text and what stands in its gaps.
        names: the fields that its columns are, in order, where it does not name them as the schema does.
    """

    __slots__ = ("names", "node")

    def __init__(self, root: Root, info: SchemaInfo, node: Fragment, names: tuple[str, ...]) -> None:
        super().__init__(root, info, info.name, info.column_names)
        self.node = node
        self.names = names

    def column_source(self, name: str) -> str:
        """The column's name in the database: that of the schema's own table."""
        return self.info.fields[name].source


@final
class ValuesSource(DerivedSource):
    """Constant rows; each column is one parameter, so that their number never changes the shape."""

    __slots__ = ()


@overload
def source(
    model: type[M], table: str | None = None, /, *, prefix: str | None = None, hint: LiteralString | None = None
) -> type[M]: ...
@overload
def source(model: Of[M], rows: Expr[Any, Any], /, *, columns: Sequence[Attr[M, Any]] = ()) -> type[M]: ...
def source(
    model: Any,
    rows: Any = None,
    /,
    *,
    prefix: str | None = None,
    hint: str | None = None,
    columns: Sequence[Attr[Any, Any]] = (),
) -> Any:
    """Return what reads the columns of a schema from elsewhere; structs remember the table that they came from.

    SQL: `FROM "wiki"."archive" AS "a0" TABLESAMPLE …`, `FROM generate_series($1, $2) AS "n0"("n")`.

    Args:
        model: the schema.
        rows: the name of another table, or a fragment that gives rows: a table function, or a query in parentheses.
        prefix: the PostgreSQL schema, or attached database, of the table.
        hint: text of your program after the table's name: `INDEXED BY "…"` on SQLite, `TABLESAMPLE …` on PostgreSQL.
        columns: the fields that the columns of a fragment are, in order, where they have other names there.

    Raises:
        QueryError: for a name that is empty, a prefix or hint beside a fragment, or a fragment over columns that are
            not marked with `outer`.

    Example:
        archive = source(Post, "archived_posts", prefix="old")
        from_(archive).where(archive.score > 3)
        number = source(Number, fragment("generate_series(1, {})", 9), columns=[Number.n])
    """
    info = schema_info(model)
    if not isinstance(getattr(model, "__source__", None), TableSource):
        raise QueryError(f"`source` takes a schema, got {model!r:.80}", hint='write `source(Post, "other_table")`')
    if isinstance(rows, Expr):
        if prefix is not None or hint is not None:
            raise QueryError("a fragment has no prefix and no hint", hint="write them into its text")
        return _fragment(info, cast("Expr[Any, Any]", rows), columns)
    if columns:
        raise QueryError("`columns` names those of a fragment", hint="those of a table have the names of the schema")
    for what, name in (("table", rows), ("prefix", prefix), ("hint", hint)):
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise QueryError(f"the {what} of a source is a text that is not empty, got {name!r:.80}")
    base: TableSource = model.__source__
    table = base.table if rows is None else rows
    chosen = (table, prefix or base.prefix, hint or base.hint)
    if chosen == (base.table, base.prefix, base.hint):
        return model
    return table_alias(info, base.alias, *chosen)


def _fragment(info: SchemaInfo, rows: Expr[Any, Any], columns: Sequence[Attr[Any, Any]]) -> Alias:
    node = rows.node
    if not isinstance(node, Fragment):
        raise QueryError(
            f"`source` takes the name of a table or a fragment, got {rows!r:.80}",
            hint='write `source(Post, fragment("(SELECT …)"))`',
        )
    for mentioned in walk.sources(node):
        raise QueryError(
            f"a fragment that is a source mentions {mentioned.label}, which stands beside it",
            hint=f"join it with `lateral=True`, and mark the column: `outer({mentioned.label}.…)`",
        )
    names = tuple(_named(info, column) for column in columns)
    return _derived(info, ("fragment", node, names), lambda root: FragmentSource(root, info, node, names), rows.params)


def _named(info: SchemaInfo, column: object) -> str:
    name = getattr(column, "name", None)
    if not isinstance(column, Attr) or name not in info.column_names:
        raise QueryError(f"`columns` takes columns of {info.name}, got {column!r:.80}")
    return cast("str", name)


@overload
def values(shape: Of[M], rows: Iterable[M], *, name: str = "values") -> type[M]: ...
@overload
def values(shape: Of[M], rows: Iterable[Mapping[str, object]], *, name: str = "values") -> type[M]: ...
def values(shape: Any, rows: Iterable[Any], *, name: str = "values") -> Any:
    """Return constant rows as a source: to join them, or to update and delete by them. All values are bound.

    SQL: `unnest($1::bigint[], $2::text[]) AS "v0"("id", "title")` on PostgreSQL, `json_each(?2)` on SQLite: one text
    for any number of rows.

    Args:
        shape: the schema whose columns the rows have.
        rows: structs of it, or mappings from the names of its columns to values.
        name: the source's name, which tells two of them apart.

    Raises:
        QueryError: for no rows at all, or a row without one of the columns.

    Example:
        wanted = values(Line, [Line(title="Bees", count=2)], name="wanted")
        from_(Post).join(wanted, on=Post.title == wanted.title)
    """
    info = schema_info(shape)
    if not name.isidentifier():
        raise QueryError(f"constant rows are named like a variable, got {name!r}")
    names = info.column_names
    listed = tuple(tuple(_row(info, names, number, row)) for number, row in enumerate(rows))
    if not listed:
        raise QueryError(
            f"`values` needs at least one row of {info.name}, got none",
            hint="leave the join out where there is nothing to join",
        )
    # Each column's parameter holds all rows: what is sent for it is for the database to say.
    return _derived(
        info, ("values", name), lambda root: ValuesSource(root, info, name, info.column_names), (listed,) * len(names)
    )


def _row(info: SchemaInfo, names: tuple[str, ...], number: int, row: Any) -> list[Any]:
    if isinstance(row, Mapping):
        given = cast("Mapping[str, object]", row)
        for name in given:
            if name not in names:
                raise QueryError(
                    f"row {number} has `{name}`, which is no column of {info.name}", hint=_known(info, name)
                )
    elif getattr(row.__class__, "__schema__", None) is info:
        given = {name: value for name in names if (value := getattr(row, name, UNSET)) is not UNSET}
    else:
        raise QueryError(
            f"a row of `values` is a struct of {info.name} or a mapping, got {row!r:.80}",
            hint=f'write `{info.name}(…)` or `{{"{names[0]}": …}}`',
        )
    found: list[Any] = []
    for name in names:
        if name not in given:
            raise QueryError(
                f"row {number} has no `{name}`, and all rows of {info.name} have the same columns",
                hint=f"give each row `{name}`, or use a schema with fewer columns for a shape",
            )
        value = given[name]
        if value is None and not info.fields[name].nullable:
            raise QueryError(f"row {number} has None for `{info.name}.{name}`, which is never None")
        if isinstance(value, Expr):
            raise QueryError(f"row {number} has an expression for `{info.name}.{name}`: constant rows hold values")
        found.append(value)
    return found


def _known(info: SchemaInfo, name: object) -> str:
    return info.suggest(name) if isinstance(name, str) else "the keys are names of columns"


def _derived(
    info: SchemaInfo, key: tuple[object, ...], make: Callable[[Root], DerivedSource], params: tuple[object, ...]
) -> Alias:
    """Return the alias of a source that is interned under the schema, like expressions are."""
    top: Node = info.source.entity.node
    known: Home | None = top.kids.get(key)
    home = known if known is not None else intern(top, key, lambda root: Home(root, make(root)))
    return Alias(home.held, params, home.held.entity)


def refuse_prefix(prefix: object) -> None:
    """Raise QueryError for what is no name of a PostgreSQL schema or an attached database."""
    if not isinstance(prefix, str) or not prefix.strip():
        raise QueryError(f"`prefix` takes the name of a schema or of an attached database, got {prefix!r:.80}")
