from ectype import from_
from tests.typing.accepted.library import Book

from_(Book).where_each(Book, lambda book: True)  # refused
