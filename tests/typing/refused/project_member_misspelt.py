from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Line

from_(Book).project(Line(title=Book.title, room=Book.title, loans=0, loan=1))  # refused
