from __future__ import annotations

from ectype import cte, fragment, from_
from tests.typing.accepted.library import Book, Tree

tree = cte(Tree, "tree")
from_(tree).with_cte(tree, fragment("SELECT {} AS id, 0 AS depth", Book.id))  # refused by pyright
