"""The two forms of a refused changeset: an exception that carries it, and a value to `match`."""

from __future__ import annotations

from typing import ClassVar, Generic, NoReturn, TypeVar, final

from ectype.errors import FrozenError
from ectype.schema.changeset import Changeset
from ectype.schema.invalid_changeset import InvalidChangesetError
from ectype.schema.schema import Schema

__all__ = ["Invalid", "InvalidChangesetError"]

M_co = TypeVar("M_co", bound=Schema, covariant=True)


@final
class Invalid(Generic[M_co]):
    """A changeset was refused: what `repo.try_insert` returns instead of `Ok`.

    Returned from `repo.transact`, it rolls back.

    Example:
        match await repo.try_insert(changeset):
            case Ok(user): ...
            case Invalid(changeset): ...
    """

    __slots__ = ("changeset",)
    __match_args__ = ("changeset",)
    rolls_back: ClassVar[bool] = True

    changeset: Changeset[M_co]

    def __init__(self, changeset: Changeset[M_co]) -> None:
        object.__setattr__(self, "changeset", changeset)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenError(f"an Invalid is frozen: `{name}` cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenError(f"an Invalid is frozen: `{name}` cannot be deleted")

    def __repr__(self) -> str:
        return f"Invalid({self.changeset!r})"

    def __reduce__(self) -> tuple[type[Invalid[M_co]], tuple[Changeset[M_co]]]:
        return self.__class__, (self.changeset,)
