"""What the columns of many rows are to hold, dumped at once in a few passes of C instead of a call for each value.

The `plain_…` give the values for the driver, the `…_array` the text of an array of PostgreSQL, whose grammar is that of
https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO. Each gives None, and never raises, where the values have
to be dumped one after the other, since they are of several kinds, or one of them is refused, and somebody wants to know
which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Any, Final, Self, cast

from ectype.types.at_once import are_64_bits, are_finite, are_storable, converted, is_all, is_unicode

_MOST_IN_ARRAY: Final = 40
"""Characters of a value in the text of an array, in the mean; see `Many.literal`."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """What one column is to hold, whose values are looked at once for their class.

    Attributes:
        values: one for each row, one at least. Nobody changes them any more.
        kind: the class that each of them is of, exactly, unless it is None; NoneType where all are None, and None where
            they have several classes.
        present: those that are not None, where they have one class.
    """

    values: list[Any]
    kind: type[Any] | None
    present: list[Any]

    @classmethod
    def of(cls, values: list[Any]) -> Self:
        """Make one of its values.

        >>> ColumnValues.of([1, None]).kind, ColumnValues.of([1, True]).kind
        (<class 'int'>, None)
        """
        kind = cast("type[Any]", type(values[0]))
        if is_all(kind, values):
            return cls(values, kind, values)
        kinds = set(map(type, values))
        kinds.discard(NoneType)
        if len(kinds) > 1:
            return cls(values, None, values)
        return cls(values, kinds.pop(), [value for value in values if value is not None])

    @property
    def has_nulls(self) -> bool:
        """Whether some value is None."""
        return self.present is not self.values or self.kind is NoneType


def plain_integers(column: ColumnValues) -> list[Any] | None:
    """Take ints of 64 bits, and nothing else."""
    return column.values if column.kind is int and are_64_bits(column.present) else None


def plain_floats(column: ColumnValues) -> list[Any] | None:
    """Take finite floats, and nothing else."""
    return column.values if column.kind is float and are_finite(column.present) else None


def plain_booleans(column: ColumnValues) -> list[Any] | None:
    """Take True and False, and nothing else."""
    return column.values if column.kind is bool else None


def plain_texts(column: ColumnValues) -> list[Any] | None:
    """Take texts without NUL and lone surrogates, and nothing else."""
    return column.values if column.kind is str and are_storable(column.present) else None


def word_array(column: ColumnValues) -> str:
    """Write numbers, booleans and None as an array of PostgreSQL, which reads their words in any case.

    >>> word_array(ColumnValues.of([1, None, -2])), word_array(ColumnValues.of([True]))
    ('{1, NULL, -2}', '{True}')
    """
    return _braced(str(column.values)[1:-1], column)


def integer_array(column: ColumnValues) -> str | None:
    """Write ints of 64 bits as an array of PostgreSQL."""
    return None if plain_integers(column) is None else word_array(column)


def boolean_array(column: ColumnValues) -> str | None:
    """Write True and False as an array of PostgreSQL."""
    return None if plain_booleans(column) is None else word_array(column)


def text_array(column: ColumnValues) -> str | None:
    r"""Write texts that are short, without NUL and lone surrogates, as an array of PostgreSQL.

    >>> print(text_array(ColumnValues.of(["a", 'b"', None, ""])))
    {"a","b\"",NULL,""}
    """
    if column.kind is not str:
        return None
    texts: list[str] = column.present
    # NUL parts them as nothing else can, so that one pass of C over all is as good as one over each.
    joined = "\0".join(texts)
    if len(joined) > _MOST_IN_ARRAY * len(texts) or joined.count("\0") != len(texts) - 1 or not is_unicode(joined):
        return None
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"')
    if not column.has_nulls:
        return '{"' + escaped.replace("\0", '","') + '"}'
    quoted = iter(f'"{escaped}"'.replace("\0", '"\0"').split("\0"))
    return "{" + ",".join(["NULL" if value is None else next(quoted) for value in column.values]) + "}"


def decimal_array(column: ColumnValues, convert: Callable[[Any], Decimal]) -> str | None:
    """Write finite Decimals as an array of PostgreSQL; `convert` is as in `decimals`."""
    made = plain_decimals(column, convert)
    if made is None:
        return None
    written = ",".join(map(str, made))
    return _braced(written, column) if len(written) <= _MOST_IN_ARRAY * len(made) else None


def _braced(written: str, column: ColumnValues) -> str:
    return f"{{{written.replace('None', 'NULL') if column.has_nulls else written}}}"


def plain_decimals(column: ColumnValues, convert: Callable[[Any], Decimal]) -> list[Any] | None:
    """Take finite Decimals, and nothing else; `convert` is as in `decimals`."""
    if column.kind is not Decimal or not all(map(Decimal.is_finite, column.present)):
        return None
    made = converted(column.present, convert)
    if made is None or not column.has_nulls:
        return made
    rest = iter(made)
    return [None if value is None else next(rest) for value in column.values]
