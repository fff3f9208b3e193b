"""Windows: what a function is computed over, and the frames that bound them."""

from typing import Final, Generic, TypeAlias, TypeVar, cast, final

from ectype.errors import QueryError
from ectype.expr.nodes import Expression, Ordering

P_co = TypeVar("P_co", covariant=True)
O_co = TypeVar("O_co", covariant=True)

Frame: TypeAlias = tuple[str, str | int, str | int]
"""Its unit and its two bounds, as `fn.rows(-6, 0)` makes it."""

_FARTHEST: Final = 1_000_000_000


@final
class Window(Generic[P_co, O_co]):
    """A window definition, as `window(partition_by=…, order_by=…)` makes it, over the sources of the two."""

    __slots__ = ("frame", "order_by", "params", "partition_by")

    def __init__(
        self,
        partition_by: tuple[Expression, ...],
        order_by: tuple[Ordering, ...],
        frame: Frame | None,
        params: tuple[object, ...],
    ) -> None:
        self.partition_by: Final = partition_by
        self.order_by: Final = order_by
        self.frame: Final = frame
        self.params: Final = params


def rows_frame(start: int | None, end: int | None) -> Frame:
    """Return a frame counted in rows; None is without bound. Raises QueryError for what is no frame."""
    for bound in (start, end):
        if bound is not None and (bound.__class__ is not int or not -_FARTHEST < bound < _FARTHEST):
            raise QueryError(f"a frame's bound is a number of rows or None, got {bound!r:.80}")
    if start is not None and end is not None and start > end:
        raise QueryError(f"a frame cannot start after its end: rows({start}, {end})")
    return ("ROWS", "UNBOUNDED" if start is None else start, "UNBOUNDED" if end is None else end)


def check_frame(frame: Frame) -> None:
    """Raise QueryError for a frame that `rows_frame` has not made: its words are written into the text."""
    if frame.__class__ is not tuple or len(frame) != 3 or frame[0] != "ROWS":  # pyright: ignore[reportUnnecessaryComparison]  # users pass what they like
        raise QueryError(f"a frame is made by `fn.rows(start, end)`, got {frame!r:.80}")
    start, end = (None if bound == "UNBOUNDED" else cast("int", bound) for bound in frame[1:])
    rows_frame(start, end)
