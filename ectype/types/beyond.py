"""Dates and times that PostgreSQL holds and Python's `datetime` does not: `infinity`, `BC`, years above 9999, `24:00`.

They load as the nearest value of Python, in a subclass that keeps the database's own text. So one such value does not
lose a whole result, and no one takes it for the real thing: it prints as its text, and only the infinities can be
written back. Arithmetic with one gives plain values again.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, Final, Self, cast

INFINITIES: Final = frozenset({"infinity", "-infinity"})


class BeyondDate(date):
    """A date outside the years 1 to 9999. It compares as `date.max` or `date.min`.

    Attributes:
        text: what the database printed, as `infinity`, `44-03-15 BC` or `10000-01-01`.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a plain date: `date` calls this for the results of its arithmetic."""
        return cast("Self", date(*args, **kwargs))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the value that stands for a text of PostgreSQL."""
        nearest = date.min if _is_before(text) else date.max
        value = date.__new__(cls, nearest.year, nearest.month, nearest.day)
        value.text = text
        return value

    def __repr__(self) -> str:
        return f"BeyondDate.of({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> Any:
        return BeyondDate.of, (self.text,)

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        """Return a plain date."""
        return date.fromordinal(self.toordinal()).replace(*args, **kwargs)

    __replace__ = replace


class BeyondDateTime(datetime):
    """A timestamp outside the years 1 to 9999. It compares as `datetime.max` or `datetime.min` in UTC.

    Attributes:
        text: what the database printed, as `infinity` or `10000-01-01 00:00:00+00`.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a plain datetime: `datetime` calls this for the results of its arithmetic."""
        return cast("Self", datetime(*args, **kwargs))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the value that stands for a text of PostgreSQL."""
        end = datetime.min if _is_before(text) else datetime.max
        value = datetime.__new__(
            cls, end.year, end.month, end.day, end.hour, end.minute, end.second, end.microsecond, tzinfo=UTC
        )
        value.text = text
        return value

    def __repr__(self) -> str:
        return f"BeyondDateTime.of({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __reduce_ex__(self, protocol: Any) -> Any:
        return BeyondDateTime.of, (self.text,)

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        """Return a plain datetime."""
        return datetime.combine(self.date(), self.timetz()).replace(*args, **kwargs)

    __replace__ = replace


class BeyondTime(time):
    """The time `24:00:00`, which compares as `time.max`.

    Attributes:
        text: what the database printed.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a plain time: `time` calls this for the result of `replace`."""
        return cast("Self", time(*args, **kwargs))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the value that stands for a text of PostgreSQL."""
        value = time.__new__(cls, 23, 59, 59, 999_999)
        value.text = text
        return value

    def __repr__(self) -> str:
        return f"BeyondTime.of({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __reduce_ex__(self, protocol: Any) -> Any:
        return BeyondTime.of, (self.text,)

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        """Return a plain time."""
        return time.max.replace(*args, **kwargs)

    __replace__ = replace


def _is_before(text: str) -> bool:
    return text.startswith("-") or text.endswith(" BC")
