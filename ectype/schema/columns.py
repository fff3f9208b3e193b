"""What a column is in the database beyond the field that it stores: `field(db=column(…))`, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString, TypeAlias, cast

from ectype.errors import SchemaError
from ectype.expr import walk
from ectype.expr.operand import Expr

Computed: TypeAlias = Expr[Any, Any] | Callable[[], Expr[Any, Any]]
"""An expression over the columns of the row; a function of none where it mentions the class that is being made."""
NO_DEFAULT: Final = object()
"""Stands for a column without a default: None is one."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnStructure:
    """A column as the database has it.

    Attributes:
        type: the database's own words for its type; None for what stores the field.
        default: a value of the field's type, an expression without columns, or `NO_DEFAULT`.
        generated: what it is computed from; None for a column that is written.
        stored: whether what is computed is kept, or computed anew at each read.
        collation: the name of the order of its texts; None for that of the database.
        comment: what is written beside it.
        renamed_from: the name that the column had before, for the migration that renames it.
    """

    type: str | None = None
    default: object = NO_DEFAULT
    generated: Computed | None = None
    stored: bool = True
    collation: str | None = None
    comment: str | None = None
    renamed_from: str | None = None

    @property
    def says_what_it_is(self) -> bool:
        """Whether it says more than the column's former name, and so all of the column."""
        given = (self.type, self.generated, self.collation, self.comment)
        return self.default is not NO_DEFAULT or any(one is not None for one in given) or self.renamed_from is None

    def computed(self, label: str) -> Expr[Any, Any] | None:
        """Return the expression of a generated column. Raises SchemaError when the function gives none."""
        made: Any = self.generated
        if made is None or isinstance(made, Expr):
            return cast("Expr[Any, Any] | None", made)
        found = made()
        if not isinstance(found, Expr):
            raise SchemaError(
                f"what `{label}` is generated from is an expression, got {found!r:.60}",
                hint="write `column(generated=lambda: Line.price * Line.count)`",
            )
        return cast("Expr[Any, Any]", found)


def column(
    *,
    type: LiteralString | None = None,  # noqa: A002  # what people write
    default: object = NO_DEFAULT,
    generated: Computed | None = None,
    stored: bool = True,
    collation: str | None = None,
    comment: str | None = None,
    renamed_from: str | None = None,
) -> ColumnStructure:
    """Say what the column of a field is in the database: what migrations make and compare.

    Args:
        type: the database's own words for its type, as `"numeric(12,2)"`; what stores the field where none are given.
        default: what the database fills in: a value of the field's type, or an expression: `fragment("now()")`.
        generated: what the database computes it from; nobody writes it then. A function where columns of the same
            class are mentioned: `lambda: Line.price * Line.count`.
        stored: whether what is computed is kept. PostgreSQL keeps it always, before its version 18.
        collation: the name of the order of its texts, `"C"` or `"NOCASE"`.
        comment: what is written beside it, on PostgreSQL.
        renamed_from: the name that the column had before: the diff of migrations renames it then.

    Raises:
        SchemaError: when options exclude each other, or are of another kind.

    Example:
        price: Field[Decimal] = field(db=column(type="numeric(12,2)", default=fragment("0")))
    """
    for option, value in (
        ("type", type),
        ("collation", collation),
        ("comment", comment),
        ("renamed_from", renamed_from),
    ):
        if value is not None and (not isinstance(value, str) or not value.strip()):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise SchemaError(f"the {option} of a column is a text that is not empty, got {value!r:.60}")
    if generated is not None and default is not NO_DEFAULT:
        raise SchemaError("a generated column has no default: the database computes it", hint="drop `default=`")
    if generated is not None and not isinstance(generated, Expr) and not callable(generated):  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        raise SchemaError(
            f"a column is generated from an expression, got {generated!r:.60}",
            hint='write `column(generated=fragment("price * count"))`, or `column(generated=lambda: Line.price * 2)`',
        )
    if isinstance(default, Expr):
        for mentioned in walk.sources(cast("Expr[Any, Any]", default).node):
            raise SchemaError(
                f"the default of a column mentions {mentioned.label}, and no row is there yet",
                hint="write `column(generated=…)` for what is computed from other columns",
            )
    if generated is None and not stored:
        raise SchemaError("`stored=False` is for generated columns: all others are kept")
    return ColumnStructure(
        type, cast("Any", default), cast("Computed | None", generated), stored, collation, comment, renamed_from
    )
