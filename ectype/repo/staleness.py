"""A row that is not what it was when it was read: how an optimistic lock finds out, and what is said of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ectype.errors import EctypeError, StaleEntryError
from ectype.repo.call import Call
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import with_errors
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.field_error import refusal
from ectype.schema.members import field_name
from ectype.schema.messages import STALE


class Held(NamedTuple):
    """What the optimistic locks of a changeset compare, and what they become.

    Attributes:
        names: the columns that must have a value.
        values: these values.
        nulls: the columns that must be NULL.
        moved: the values that an update gives them.
    """

    names: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    nulls: tuple[str, ...] = ()
    moved: dict[str, Any] = {}  # noqa: RUF012  # never written to

    @property
    def shape(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the statement's text depends on."""
        return self.names, self.nulls

    @classmethod
    def of(cls, changeset: Changeset[Any]) -> Held:
        """Return those of a changeset."""
        locks = changeset.locks
        if not locks:
            return _NOTHING
        known = [one for one in locks if one.current is not None]
        return cls(
            tuple([one.field for one in known]),
            tuple([one.current for one in known]),
            # Ecto only warns of None, and then locks nothing.
            tuple([one.field for one in locks if one.current is None]),
            {one.field: one.incrementer(one.current) for one in locks},
        )


_NOTHING = Held()


def stale(changeset: Changeset[Any], verb: str, call: Call) -> EctypeError:
    """Return the error for a write that hit no row: of the field that the caller named, else StaleEntryError."""
    info = changeset.info
    if call.stale_error_field is not None:
        key = call.stale_error_field
        error = refusal(STALE, call.stale_error_message, stale=True)
        name = key if isinstance(key, str) else field_name(info, key)
        return InvalidChangesetError(with_errors(changeset, (name, error)).with_action(verb))
    key_values = ", ".join(f"{name}={getattr(changeset.data, name)!r}" for name in info.primary_key)
    locked = ", ".join(f"`{one.field}`" for one in changeset.locks)
    what = f"as it was by {locked}" if locked else "there"
    return StaleEntryError(
        f"the row to {verb} is not {what} any more: {info.name} with {key_values}",
        hint=f"it was {'changed or ' if locked else ''}deleted since it was read; read it again, and decide",
    )
