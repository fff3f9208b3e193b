"""Aliases: a schema under another name, or over another table, as a query reads it."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from ectype.errors import QueryError, SchemaError
from ectype.expr.nodes import Node, Root, intern
from ectype.expr.operand import Expr
from ectype.schema.meta import SchemaInfo, UnknownMemberError, schema_info
from ectype.schema.schema import class_members
from ectype.schema.sources import TableSource

M = TypeVar("M")


class Home(Node):
    """Holds what is interned under a node that is no node itself: a source, or an alias of one."""

    __slots__ = ("held",)

    def __init__(self, root: Root, held: Any) -> None:
        super().__init__(root)
        self.held = held


class Alias:
    """What `alias`, `source`, `subquery`, `cte` and `values` return: in a query it looks like the schema class.

    Columns and associations are plain attributes; `__source__` is what queries read, `__params__` the values of a
    subquery's parameters, `__entity__` the whole struct in a select.
    """

    def __init__(self, source: Any, params: tuple[object, ...], entity: Expr[Any, Any]) -> None:
        self.__dict__.update(class_members(source.info, source))
        self.__source__ = source
        self.__params__ = params
        self.__entity__ = entity
        self.__schema__: SchemaInfo = source.info

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownMemberError(
            f"`{name}` does not exist in the alias `{self.__source__.label}` of {self.__schema__.name}",
            hint=self.__schema__.suggest(name),
        )

    def __call__(self, **_values: object) -> Any:
        """Refuse to make a struct: an alias is a name in a query."""
        raise SchemaError(
            f"`{self.__source__.label}` is an alias in a query: make structs with {self.__schema__.name} itself"
        )

    def __repr__(self) -> str:
        return f"<alias {self.__source__.label} of {self.__schema__.name}>"


def alias(model: type[M], name: str) -> type[M]:
    """Return the schema under another name, to read its table twice in one query.

    Checkers see the schema itself, so both sides of a self-join share their types; which side a column belongs to is
    checked when the query is built.

    Raises:
        QueryError: when the name is no identifier, or the model is a subquery or a CTE.

    Example:
        manager = alias(User, "manager")
        from_(User).join(manager, on=User.manager_id == manager.id)
    """
    info = schema_info(model)
    if not name.isidentifier():
        raise QueryError(f"an alias is named like a variable, got {name!r}")
    read = getattr(model, "__source__", None)
    if not isinstance(read, TableSource):
        raise QueryError(
            f"`alias` takes a schema, got {model!r:.80}", hint="make a second one: `subquery(query, 'other')`"
        )
    if not read.lasting:
        return cast("type[M]", table_alias(info, name, read.table, read.prefix, read.hint))
    known = info.aliases.get(name)
    if known is None:
        source = TableSource(info, name)
        known = info.aliases.setdefault(name, Alias(source, (), source.entity))
    return cast("type[M]", known)


def table_alias(info: SchemaInfo, name: str | None, table: str | None, prefix: str | None, hint: str | None) -> Alias:
    """Return the one alias that reads another table, or the schema's own elsewhere or with a hint.

    It is interned like expressions are, since the names of tables may come from data.
    """
    table = None if table == info.table else table
    key = ("table", name, table, prefix, hint)

    def make(root: Root) -> Home:
        source = TableSource(info, name, table=table, prefix=prefix, hint=hint)
        return Home(root, Alias(source, (), source.entity))

    top: Node = info.source.entity.node
    known: Home | None = top.kids.get(key)
    home = known if known is not None else intern(top, key, make)
    return cast("Alias", home.held)
