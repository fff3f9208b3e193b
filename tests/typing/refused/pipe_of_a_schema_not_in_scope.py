from __future__ import annotations

from ectype import Q, Query, from_
from tests.typing.accepted.library import Book, Loan


def read(query: Q[Book]) -> Query[Book, Book, str]:
    return query.select(Book.title)


from_(Loan).pipe(read)  # refused
