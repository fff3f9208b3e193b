"""Constraints of a changeset: declare what the database will check, and find the one it refused.

The database checks, so two requests at once cannot both pass; the changeset only says whose error it is. What
`structure` declares is found by its fields; other names follow the rules of `constraint_names`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

from ectype.errors import SchemaError
from ectype.schema import messages
from ectype.schema.associations import Association
from ectype.schema.changeset_data import ChangesetData, draft, sealed, with_errors
from ectype.schema.constraint import Constraint, Kind, Match
from ectype.schema.constraint_names import SUFFIXES, declared_names, joined
from ectype.schema.field_error import Error, Message, refusal
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, meta
from ectype.schema.rel import Rel
from ectype.schema.targets import related_table

C = TypeVar("C", bound=ChangesetData[Any])

_ERRORS: Final[dict[Kind, Error]] = {
    "unique": Error(messages.TAKEN, constraint="unique"),
    "foreign_key": Error(messages.MISSING, constraint="foreign"),
    "check": Error(messages.INVALID, constraint="check"),
    "exclusion": Error(messages.EXCLUDED, constraint="exclusion"),
}
_WAYS: Final = ("exact", "prefix", "suffix")


def declare(
    changeset: C,
    kind: Kind,
    columns: Sequence[Any],
    *,
    name: str | None,
    message: Message | None,
    error_key: Any,
    match: Match,
) -> C:
    """Return the changeset with one more constraint: what `unique_constraint` and its kin do.

    Raises:
        SchemaError: no column, or one of another schema; no name and none that follows from the table; a `match` that
            is none.
    """
    method = f"{kind}_constraint"
    if not columns:
        raise SchemaError(
            f"`{method}` needs a column, whose error it becomes",
            hint=f"write `{method}({changeset.info.name}.<field>)`",
        )
    fields = tuple([field_name(changeset.info, column) for column in columns])
    if name is None and not isinstance(match, re.Pattern):
        _check_declared(changeset, kind, fields, method)
    default = _default_name(changeset, kind, fields)
    found = _name(changeset, kind, _chosen(name, default, match), match, method)
    key = fields[0] if error_key is None else _key(changeset.info, error_key)
    return _declared(changeset, Constraint(kind, found, match, key, _said(_ERRORS[kind], message), fields))


def declare_association(
    changeset: C, rel: Any, *, name: str | None, message: Message | None, error_key: Any, match: Match
) -> C:
    """Return the changeset with the foreign key of a `belongs_to`: what `assoc_constraint` does.

    Raises:
        SchemaError: it is no `belongs_to` of the schema.
    """
    method = "assoc_constraint"
    one = _association(changeset.info, rel, method)
    if one.options.kind != "belongs_to":
        raise SchemaError(
            f"`{method}` is for `belongs_to`, and `{rel!r}` is a `{one.options.kind}`",
            hint=f"write `.no_assoc_constraint({rel!r})`",
        )
    fields = one.owner_keys
    default = _default_name(changeset, "foreign_key", fields)
    key = one.name if error_key is None else _key(changeset.info, error_key)
    error = _said(Error(messages.MISSING, constraint="assoc"), message)
    found = _name(changeset, "foreign_key", _chosen(name, default, match), match, method)
    return _declared(changeset, Constraint("foreign_key", found, match, key, error, fields))


def declare_no_association(
    changeset: C, rel: Any, *, name: str | None, message: Message | None, error_key: Any, match: Match
) -> C:
    """Return the changeset with the foreign key that rows of others hold to it: what `no_assoc_constraint` does.

    Raises:
        SchemaError: it is an association that is no other's foreign key, or none of the schema.
    """
    method = "no_assoc_constraint"
    one = _association(changeset.info, rel, method)
    if one.options.kind == "belongs_to":
        raise SchemaError(
            f"`{method}` is for rows that refer to this one, and `{rel!r}` is a `belongs_to`",
            hint=f"write `.assoc_constraint({rel!r})`",
        )
    if one.options.through is not None:
        raise SchemaError(
            f"`{method}` is for rows that refer to this one, and `{rel!r}` leads there through others",
            hint="name the foreign key: `foreign_key_constraint(…, name=…)`",
        )
    related, table = one.related, related_table(one)
    default = (
        None
        if table is None
        else next(
            iter(declared_names(related, "foreign_key", one.related_keys) if table == related.table else ()),
            joined("foreign_key", table, tuple(related.fields[key].source for key in one.related_keys)),
        )
    )
    key = one.name if error_key is None else _key(changeset.info, error_key)
    text = messages.REFERRED_BY_MANY if one.cardinality == "many" else messages.REFERRED_BY_ONE
    found = _name(changeset, "foreign_key", _chosen(name, default, match), match, method)
    error = _said(Error(text, constraint="no_assoc"), message)
    return _declared(changeset, Constraint("foreign_key", found, match, key, error, ()))


def _association(info: SchemaInfo, rel: Any, method: str) -> Association:
    if isinstance(rel, Rel):
        hops = cast("Rel[Any, Any]", rel).hops
        one: Any = hops[0].association
        if len(hops) == 1 and one.owner is info:
            return cast("Association", one)
    names = ", ".join(f"`{info.name}.{name}`" for name in info.associations) or "none"
    raise SchemaError(f"`{method}` takes an association of {info.name}, got {rel!r:.60}", hint=f"it has: {names}")


def _chosen(name: str | None, default: str | None, match: Match) -> str | None:
    return default if name is None and not isinstance(match, re.Pattern) else name


def _said(error: Error, message: Message | None) -> Error:
    return error if message is None else refusal("", message, **error.meta)


def _declared(changeset: C, declared: Constraint) -> C:
    made = draft(changeset)
    made.constraints = (*changeset.constraints, declared)
    return sealed(made, changeset.__class__)


def _key(info: SchemaInfo, error_key: Any) -> str:
    return error_key if isinstance(error_key, str) else field_name(info, error_key)


def _name(changeset: ChangesetData[Any], kind: Kind, name: str | None, match: Match, method: str) -> str:
    """Return the name to look for. Raises SchemaError when there is none, or when name and match exclude each other."""
    if isinstance(match, re.Pattern):
        if name is not None:
            raise SchemaError(f"`{method}` takes a `name` or a pattern to match, not both", hint="drop `name=`")
        return match.pattern
    if match not in _WAYS:
        raise SchemaError(
            f"`{method}` does not know match={match!r}", hint='it is "exact", "prefix", "suffix" or a compiled pattern'
        )
    if name is None:
        why, hint = f"{changeset.info.name} has no table", f'write `{method}(…, name="…")`'
        if kind == "check":
            why = f"`structure` of {changeset.info.name} declares no check of this field"
            hint += ", or declare it: `structure(…, checks=[check(…)])`"
        raise SchemaError(f"`{method}` needs a name: {why}", hint=hint)
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise SchemaError(f"the `name` of a constraint is a text, got {name!r:.60}")
    return name


def _check_declared(changeset: ChangesetData[Any], kind: Kind, fields: tuple[str, ...], method: str) -> None:
    """Raise SchemaError where `structure` declares several constraints of these fields."""
    names = declared_names(changeset.info, kind, fields)
    if len(names) > 1:
        listed = ", ".join(f"`{changeset.info.name}.{name}`" for name in fields)
        raise SchemaError(
            f"`structure` of {changeset.info.name} declares several constraints of {listed}: {', '.join(names)}",
            hint=f'say which: `{method}(…, name="{names[0]}")`',
        )


def _default_name(changeset: ChangesetData[Any], kind: str, fields: tuple[str, ...]) -> str | None:
    """Return the name that a constraint over these fields has unless someone chose another."""
    table, info = meta(changeset.data).source, changeset.info
    if table == info.table and len(declared := declared_names(info, kind, fields)) == 1:
        return declared[0]
    known = info.fields
    if table is None or kind not in SUFFIXES:
        return None
    try:
        return joined(kind, table, tuple([known[name].source for name in fields]))
    except KeyError:  # a column of the database that the schema does not have
        return None


def match_violation(changeset: C, kind: str, constraint_name: str | None, columns: Sequence[str] = ()) -> C | None:
    """Return the changeset with the error of the constraint that the database refused, None when none was declared.

    Kind and name must match. Where the database gives no name, the fields decide: the constraint over just these, or
    the one that is named as these fields would make it; without fields, the only constraint of the kind.

    Args:
        changeset: the one that was sent.
        kind: `unique`, `foreign_key`, `check`, `exclusion` or `not_null`.
        constraint_name: what the database calls it; None where it does not say.
        columns: the names of the fields it covers, where the database says.
    """
    declared = [one for one in changeset.constraints if one.kind == kind]
    found = _by_name(declared, constraint_name) if constraint_name else _nameless(changeset, kind, declared, columns)
    if found is None:
        return None
    error = Error(found.error.message, **{**found.error.meta, "constraint_name": constraint_name or found.name})
    return with_errors(changeset, (found.field, error))


def _by_name(declared: list[Constraint], name: str) -> Constraint | None:
    return next((one for one in declared if one.matches(name)), None)


def _nameless(
    changeset: ChangesetData[Any], kind: str, declared: list[Constraint], columns: Sequence[str]
) -> Constraint | None:
    if not columns:
        return declared[0] if len(declared) == 1 else None
    covered = set(columns)
    for one in declared:
        if one.columns and set(one.columns) == covered:
            return one
    name = _default_name(changeset, kind, tuple(columns))
    return None if name is None else _by_name(declared, name)


def unmatched(
    changeset: ChangesetData[Any], kind: str, constraint_name: str | None, columns: Sequence[str] = ()
) -> tuple[str, str]:
    """Return what to say of a violation that no declared constraint matches, and the line that declares it.

    The arguments are those of `match_violation`.
    """
    info = changeset.info
    called = f" `{constraint_name}`" if constraint_name else ""
    covers = f" over {', '.join(columns)}" if columns else ""
    declared = "; ".join(str(one) for one in changeset.constraints)
    return (
        f"the {kind.replace('_', ' ')} constraint{called}{covers} is not declared in the changeset of {info.name}, "
        + (f"which declares: {declared}" if declared else "which declares none"),
        f"to make it an error of the changeset, add\n\n    {_line(changeset, kind, constraint_name, columns)}",
    )


def _line(changeset: ChangesetData[Any], kind: str, constraint_name: str | None, columns: Sequence[str]) -> str:
    info = changeset.info
    fields = tuple([name for name in columns if name in info.declarations]) or _guessed(
        changeset, kind, constraint_name
    )
    listed = ", ".join(f"{info.name}.{name}" for name in fields) or f"{info.name}.<field>"
    if kind == "not_null":
        return f".validate_required({listed})"
    if constraint_name is None or constraint_name == _default_name(changeset, kind, fields):
        return f".{kind}_constraint({listed})"
    return f'.{kind}_constraint({listed}, name="{constraint_name}")'


def _guessed(changeset: ChangesetData[Any], kind: str, constraint_name: str | None) -> tuple[str, ...]:
    """Return the one field from which the constraint's name would be made."""
    for name in changeset.info.column_names:
        if constraint_name is not None and _default_name(changeset, kind, (name,)) == constraint_name:
            return (name,)
    return ()
