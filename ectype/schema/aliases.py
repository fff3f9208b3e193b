"""Aliases: a schema under another name, so that one query can read its table twice."""

from typing import Any, TypeVar, cast

from ectype.errors import QueryError, SchemaError
from ectype.expr.operand import Expr
from ectype.schema.meta import SchemaInfo, UnknownMemberError, schema_info
from ectype.schema.schema import class_members
from ectype.schema.sources import TableSource

M = TypeVar("M")


class Alias:
    """What `alias`, `subquery` and `cte` return: in a query it looks like the schema class, under another name.

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
    known = info.aliases.get(name)
    if known is None:
        source = TableSource(info, name)
        known = info.aliases.setdefault(name, Alias(source, (), source.entity))
    return cast("type[M]", known)
