"""What every lowering is made of: quoted names, parentheses, exact text, and the rendering of a fresh tree.

sqlglot prints what it is given and silently changes much of it, so text that it would rewrite is written here and
handed to it as it is.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError as UnsupportedBySqlglot

from ectype.errors import QueryError, UnsupportedError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Expression, Ordering
from ectype.sql.dialect import Dialect
from ectype.sql.params import Dumper
from ectype.types.base import Type
from ectype.types.scalars import text_fault

ATOMS = (exp.Column, exp.Var, exp.Anonymous, exp.Cast, exp.Paren, exp.Null, exp.Boolean, exp.Exists, exp.Subquery)


class Lowers(Protocol):
    """What lowers the parts of a clause; parameters are counted in the order in which it meets them."""

    @property
    def dialect(self) -> Dialect:
        """What the database can do."""
        ...

    def lower(self, node: Expression, dump: Dumper | None = None) -> exp.Expr:
        """Return the tree of an expression; `dump` is how a bare parameter is sent here."""
        ...

    def text(self, node: Expression, dump: Dumper | None = None) -> str:
        """Return the text of an expression, in parentheses where it could be taken apart."""
        ...

    def place(self, dump: Dumper) -> str:
        """Take the next parameter, and return its mark."""
        ...

    def dumper(self, type_: Type[Any] | None) -> Dumper | None:
        """Return how values of a type are sent."""
        ...

    def order(self, term: Ordering) -> exp.Expr:
        """Return an ORDER BY term."""
        ...

    def cast(self, operand: exp.Expr, type_: Type[Any]) -> exp.Expr:
        """Return `CAST(operand AS type)`."""
        ...


def quoted(name: str, dialect: Dialect) -> exp.Identifier:
    """Return a quoted identifier. Raises QueryError when the database would cut it off, or cannot have such a name."""
    fault = text_fault(name)
    if fault is not None:
        raise QueryError(f"a name {fault}: {name!r:.80}", hint="no database has such a name")
    if len(name.encode()) > dialect.max_identifier:
        raise QueryError(f"{dialect.name} names have at most {dialect.max_identifier} bytes, got {name!r:.200}")
    return exp.to_identifier(name, quoted=True)


def wrapped(node: exp.Expr) -> exp.Expr:
    """Put an operand in parentheses unless it cannot be taken apart."""
    whole = isinstance(node, ATOMS) and not (isinstance(node, exp.Var) and node.meta)
    return node if whole else exp.Paren(this=node)


def atom(text: str) -> exp.Expr:
    """Return exact text that cannot be taken apart: a call, a CASE, a text in parentheses."""
    return exp.Var(this=text)


def compound(text: str) -> exp.Expr:
    """Return exact text that is put in parentheses beside an operator."""
    made = exp.Var(this=text)
    made.meta["compound"] = True
    return made


def refuse(what: str, node: Expression, dialect: Dialect, hint: str) -> UnsupportedError:
    """Return the error for what a database cannot do."""
    return UnsupportedError(f"{dialect.name} {what}: `{sketch(node)}`", hint=hint)


def called(name: str, *args: exp.Expr) -> exp.Expr:
    """Return the call of a function under exactly this name."""
    return exp.Anonymous(this=name, expressions=list(args))


def cast_text(operand: exp.Expr, type_name: str) -> exp.Expr:
    """Return `CAST(operand AS type_name)` without translation of the type's name."""
    return exp.Cast(this=operand, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=type_name))


def read_as_text(operand: exp.Expr, column: str) -> exp.Expr:
    """Return what is selected of a value of a column's type whose text is read.

    The text of a `timestamp` has no offset and would be read as a datetime without a zone, so that it is made a
    `timestamptz` first; one that is makes nothing of that cast. Connections have `timezone=UTC`.
    """
    return cast_text(cast_text(operand, column) if column == "timestamptz" else operand, "text")


def render(node: exp.Expr, dialect: Dialect) -> str:
    """Return the text of a fresh tree. What sqlglot cannot say raises UnsupportedError instead of being dropped."""
    try:
        return node.sql(
            dialect=dialect.sqlglot,
            copy=False,
            comments=False,
            normalize_functions=False,
            unsupported_level=ErrorLevel.RAISE,
        )
    except UnsupportedBySqlglot as exc:
        raise UnsupportedError(f"{dialect.name} cannot say this: {exc}") from exc
