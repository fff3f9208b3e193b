"""The names that `as_` gives to what comes out of a query."""

from __future__ import annotations

from typing import Any

from ectype.errors import QueryError


def output_name(name: object) -> str:
    """Return a name that every database takes; how long it may be, each says when the text is made.

    Raises:
        QueryError: for what is no text, an empty text, or one with a NUL character.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise QueryError(
            f"`as_` takes a name, a text without NUL characters, got {name!r:.80}", hint='write `fn.count().as_("n")`'
        )
    return name


def named_inside(what: str, node: Any) -> QueryError:
    """Return the error for a function that was given its name too early."""
    return QueryError(
        f"`{what}` comes before the name `{node.name}`", hint=f"name what it gives: `….{what}(…).as_({node.name!r})`"
    )
