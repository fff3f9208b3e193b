"""Windows: what a function is computed over, and the frames that bound them."""

from __future__ import annotations

from typing import Final, Generic, Literal, TypeAlias, TypeVar, cast, final

from ectype.errors import QueryError
from ectype.expr.nodes import Expression, Frame, Ordering

P_co = TypeVar("P_co", covariant=True)
O_co = TypeVar("O_co", covariant=True)

Exclude: TypeAlias = Literal["current row", "group", "ties"]
"""What a frame leaves out: the row itself, all rows that the order takes for equal to it, or those but not itself."""

EXCLUDES: Final = ("current row", "group", "ties")
UNITS: Final = {"ROWS": "rows", "RANGE": "range_", "GROUPS": "groups"}
"""The units of frames, and the functions that make them."""
_FARTHEST: Final = 1_000_000_000


@final
class Window(Generic[P_co, O_co]):
    """A window definition, as `window(partition_by=…, order_by=…)` makes it, over the sources of the two."""

    __slots__ = ("frame", "name", "order_by", "params", "partition_by")

    def __init__(
        self,
        partition_by: tuple[Expression, ...],
        order_by: tuple[Ordering, ...],
        frame: Frame | None,
        params: tuple[object, ...],
        name: str | None = None,
    ) -> None:
        self.partition_by: Final = partition_by
        self.order_by: Final = order_by
        self.frame: Final = frame
        self.params: Final = params
        self.name: Final = name

    def named(self, name: str) -> Window[P_co, O_co]:
        """Return the window under a name: a SELECT that uses it several times says once what it is.

        SQL: `sum(x) OVER "w", avg(x) OVER "w" … WINDOW "w" AS (…)`. A window with values in it, as in
        `partition_by=Post.score + 1`, is written where it is used.

        Raises:
            QueryError: when the name is no identifier.

        Example:
            ranked = window(partition_by=Post.author_id, order_by=Post.score.desc()).named("ranked")
            from_(Post).select(Post.id, fn.rank().over(ranked), fn.dense_rank().over(ranked))
        """
        if not isinstance(name, str) or not name.isidentifier():  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"a window is named like a variable, got {name!r:.80}")
        return Window(self.partition_by, self.order_by, self.frame, self.params, name)


def frame_of(unit: str, start: int | None, end: int | None, exclude: str | None) -> Frame:
    """Return a frame; None is without bound. Raises QueryError for what is no frame."""
    counted = "a number of rows" if unit == "ROWS" else "a whole number"
    for bound in (start, end):
        if bound is not None and (bound.__class__ is not int or not -_FARTHEST < bound < _FARTHEST):
            raise QueryError(f"a frame's bound is {counted} or None, got {bound!r:.80}")
    if start is not None and end is not None and start > end:
        raise QueryError(f"a frame cannot start after its end: {UNITS[unit]}({start}, {end})")
    # The word is written into the text, so nothing else may pass.
    if exclude is not None and exclude not in EXCLUDES:
        known = ", ".join(map(repr, EXCLUDES))
        raise QueryError(f"a frame excludes one of {known}, or nothing, got {exclude!r:.80}")
    first, last = ("UNBOUNDED" if bound is None else bound for bound in (start, end))
    return (unit, first, last, None if exclude is None else exclude.upper())


def check_frame(frame: Frame, order_by: tuple[Ordering, ...]) -> None:
    """Raise QueryError for a frame that `frame_of` has not made, or one that its window gives no order for."""
    if frame.__class__ is not tuple or len(frame) != 4 or frame[0] not in UNITS:  # pyright: ignore[reportUnnecessaryComparison]  # users pass what they like
        raise QueryError(f"a frame is made by `fn.rows(start, end)`, `fn.range_` or `fn.groups`, got {frame!r:.80}")
    unit, start, end, exclude = frame
    first, last = (None if bound == "UNBOUNDED" else cast("int", bound) for bound in (start, end))
    frame_of(unit, first, last, None if exclude is None else exclude.lower())
    if unit == "GROUPS" and not order_by:
        raise QueryError(
            "a frame of groups counts rows that the order takes for equal, and this window has no order",
            hint="give it one: `window(order_by=…, frame=fn.groups(-1, 0))`",
        )
    if unit == "RANGE" and len(order_by) != 1 and any(isinstance(bound, int) and bound for bound in (start, end)):
        raise QueryError(
            f"a range with a distance is counted in the one key of its window's order, which has {len(order_by)}",
            hint="order by one number: `window(order_by=Post.score, frame=fn.range_(-10, 0))`",
        )
