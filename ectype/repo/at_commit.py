"""A constraint that only COMMIT checks, as an error of the changeset whose write began the transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

from ectype.errors import ConstraintError
from ectype.repo.atomic import Atomic, Told
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.violations import blamed, field_names, refused, undeclared
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import draft, sealed
from ectype.schema.constraints import match_violation
from ectype.schema.errors import InvalidChangesetError

Path: TypeAlias = tuple[tuple[str, int | None], ...]
"""Where an entry stands: each association on the way, with the place among its entries; None for the only one."""
_CHANGESET: Final[type[Changeset[Any]]] = Changeset


def all_or_none(engine: Engine, changeset: Changeset[Any], verb: str, call: Call) -> Atomic:
    """Return the block of a write of several statements, of which all are stored, or none.

    Where it has a transaction of its own and COMMIT refuses what was written, its end raises InvalidChangesetError with
    the error where it belongs; ConstraintError where nobody declared it, or several rows may have broken it.
    In an open transaction COMMIT is the caller's, and so is its error.
    """
    return Atomic(engine.session, call, told=teller(engine, changeset, verb, call))


def teller(engine: Engine, changeset: Changeset[Any], verb: str, call: Call) -> Told:
    """Return what makes the error of a changeset of what COMMIT refused with."""

    async def told(exc: ConstraintError) -> Exception:
        if verb == "delete":
            return await refused(engine, changeset.with_action(verb), exc, {})
        suspects = [one async for one in _suspects(engine, changeset, exc, call.prefix)]
        found = [one for one in suspects if one.matched is not None]
        if len(found) == 1 or (found and exc.kind == "foreign_key"):
            return _invalid(changeset, found[0], verb)
        first = suspects[0]
        return undeclared(first.changeset, exc, exc.constraint, first.columns)

    return told


class _Suspect(NamedTuple):
    """A changeset that may have broken the constraint, where it stands, and with its error where it declares it."""

    path: Path
    changeset: Changeset[Any]
    columns: tuple[str, ...]
    matched: Changeset[Any] | None


async def _suspects(
    engine: Engine, changeset: Changeset[Any], exc: ConstraintError, prefix: str | None
) -> AsyncIterator[_Suspect]:
    innocent = True
    for path, one in _all(changeset, ()):
        columns = field_names(one.info, exc.columns)
        if exc.kind == "foreign_key":
            # COMMIT does not say which row it was: it is one that refers to nothing.
            values = {name: value for name, value in one.changes.items() if name in one.info.fields}
            columns = await blamed(engine, one, values, exc.constraint, prefix)
            if not columns:
                continue
        innocent = False
        yield _Suspect(path, one, columns, match_violation(one, exc.kind, exc.constraint, columns))
    if innocent:
        yield _Suspect((), changeset, (), None)


def _invalid(changeset: Changeset[Any], found: _Suspect, verb: str) -> InvalidChangesetError:
    made = draft(_placed(changeset, found.path, cast("Changeset[Any]", found.matched)))
    made.seldom = made.seldom.doing(verb)
    made.valid = False
    return InvalidChangesetError(sealed(made, _CHANGESET))


def _all(changeset: Changeset[Any], path: Path) -> Iterator[tuple[Path, Changeset[Any]]]:
    yield path, changeset
    for name in changeset.info.associations:
        value: Any = changeset.changes.get(name)
        if isinstance(value, tuple):
            for place, child in enumerate(cast("tuple[Changeset[Any], ...]", value)):
                yield from _all(child, (*path, (name, place)))
        elif value is not None:
            yield from _all(value, (*path, (name, None)))


def _placed(changeset: Changeset[Any], path: Path, found: Changeset[Any]) -> Changeset[Any]:
    """Return a changeset in which the entry at a path is another."""
    if not path:
        return found
    (name, place), *rest = path
    changes = changeset.changes.copy()
    if place is None:
        changes[name] = _placed(changes[name], tuple(rest), found)
    else:
        entries = list(changes[name])
        entries[place] = _placed(entries[place], tuple(rest), found)
        changes[name] = tuple(entries)
    made = draft(changeset)
    made.changes = MappingProxyType(changes)
    made.valid = False
    return sealed(made, _CHANGESET)
