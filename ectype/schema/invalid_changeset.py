"""The exception that carries a changeset which was refused."""

from __future__ import annotations

from typing import Any

from ectype.errors import EctypeError
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.problem import Path


class InvalidChangesetError(EctypeError):
    """A changeset with errors met what needs a valid one. It is imported from `ectype.schema.errors`.

    Attributes:
        changeset: with its errors, and the action that was asked for.
    """

    changeset: ChangesetData[Any]

    def __init__(self, changeset: ChangesetData[Any]) -> None:
        listed = "".join(f"\n    {_text(path)}: {error}" for path, error in changeset.located_errors())
        verb = changeset.action or "apply"
        super().__init__(
            f"could not {verb} {changeset.info.name}: its changeset is invalid"
            + (f"\n{listed}" if listed else ", since it was cast without params"),
            hint="show `exc.changeset.traverse_errors()` to who gave the values; the repo's `try_insert`, `try_update` "
            "and `try_delete` return an invalid changeset instead of raising",
        )
        self.changeset = changeset

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__class__, (self.changeset,)


def _text(path: Path) -> str:
    """Return a path as people write it.

    >>> _text(("posts", 1, "title"))
    'posts[1].title'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
