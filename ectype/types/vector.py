"""The type of vectors: as many numbers of single precision as the column says."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Final, cast

from ectype.errors import SchemaError
from ectype.result import Err, Ok
from ectype.types.at_once import floats
from ectype.types.base import Codec, JsonForm, Target, Type
from ectype.types.documents import decode, text_of
from ectype.types.numeric import FLOAT
from ectype.types.refusals import refused, unreadable

MAX_DIMENSIONS: Final = 16_000
"""What pgvector takes: https://github.com/pgvector/pgvector."""


@dataclass(frozen=True, slots=True)
class Vector(Type[list[float]]):
    """Vectors of a fixed number of dimensions: `vector(3)` of pgvector, TEXT `[1.0,2.0,3.0]`.

    Written `embedding: Field[list[float]] = field(type=Vector(3))`. A number is kept in single precision, as pgvector
    does: a cast gives the nearest one, and change detection compares those.

    Attributes:
        dimensions: how many numbers there are, 1 to 16,000.

    Raises:
        SchemaError: the dimensions are none.

    >>> Vector(2).cast([1, "0.5"]), Vector(2).cast([1])
    (Ok([1.0, 0.5]), Err('is invalid', {'dimensions': 2}))
    """

    dimensions: int

    mutable: ClassVar = True

    def __post_init__(self) -> None:
        count = cast("object", self.dimensions)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_DIMENSIONS:
            raise SchemaError(
                f"a vector cannot have {count!r:.60} dimensions", hint=f"write Vector(3): 1 to {MAX_DIMENSIONS:,}"
            )

    @property
    def name(self) -> str:
        """The word for this type."""
        return "vector"

    @property
    def python(self) -> Any:
        """`list[float]`."""
        return list[float]

    def cast(self, value: object) -> Ok[list[float]] | Err:
        """Take a list or tuple of so many numbers, as `Float` takes them; give the nearest of single precision."""
        if not isinstance(value, list | tuple):
            return Err()
        items = list(cast("list[Any]", value))
        if len(items) != self.dimensions:
            return Err("is invalid", {"dimensions": self.dimensions})
        usual = floats(items)
        single = None if usual is None else _single(usual)
        if single is not None:
            return Ok(single)
        made: list[float] = []
        for index, item in enumerate(items):
            one = FLOAT.cast(item)
            if isinstance(one, Err) or _single([one.value]) is None:
                return Err("is invalid", {"source": [index]})
            made.append(one.value)
        return Ok(_single(made) or [])

    def codec(self, target: Target) -> Codec:
        """Return how vectors are stored: the same text on both databases."""
        # A driver that knows no pgvector sends and gets its text.
        column = f"vector({self.dimensions})" if target == "postgres" else "TEXT"
        return Codec(column, self._dump, self._load, compares="equality")

    def json_form(self) -> JsonForm:
        """Return what JSON makes of the values: an array of numbers."""
        size = self.dimensions
        return JsonForm({"type": "array", "items": {"type": "number"}, "minItems": size, "maxItems": size})

    def _dump(self, value: Any) -> str:
        if value.__class__ is not list:
            raise refused(value, "a list of floats", hint="write list(value)")
        if len(value) != self.dimensions:
            raise refused(value, f"a list of {self.dimensions} floats and not of {len(value)}")
        floats = [FLOAT.codec("sqlite").dump(item) for item in value]
        single = _single(floats)
        if single is None:
            raise refused(value, "a list of floats of single precision, at most 3.4e38")
        return text_of(single)

    def _load(self, text: Any) -> list[float]:
        document = decode(text)
        if document.__class__ is list and len(document) == self.dimensions:
            try:
                single = _single([float(item) for item in document])
            except (TypeError, ValueError, OverflowError):
                single = None
            if single is not None:
                return single
        raise unreadable(text, f"a vector of {self.dimensions} dimensions")

    def equal(self, left: list[float], right: list[float]) -> bool:
        """Compare in single precision."""
        return left == right or (len(left) == len(right) and _single(left) == _single(right))


def _single(numbers: list[float]) -> list[float] | None:
    """Return the nearest numbers of single precision; None where one has none that is finite."""
    try:
        found = array("f", numbers).tolist()
    except OverflowError:
        return None
    return found if all(map(isfinite, found)) else None
