"""Rows of raw SQL to structs, dataclasses, named tuples, typed dicts and pydantic models, by the names of columns."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, NotRequired, Required, cast, get_args, get_origin, get_type_hints, is_typeddict

from ectype.errors import CastError, EctypeError, QueryError, did_you_mean
from ectype.query.ast import EntityRow, TupleRow, ValueRow
from ectype.repo.loader import Loader, build
from ectype.schema.meta import FieldInfo, SchemaInfo
from ectype.sql.statement import Column
from ectype.types.base import Target, Type
from ectype.types.resolve import field_type


@dataclass(frozen=True, slots=True)
class _Member:
    """One field of what rows become; without a type the driver's value stays as it is."""

    name: str
    type: Type[Any] | None
    nullable: bool
    required: bool


def loader_into(into: Any, columns: tuple[str, ...], target: Target, prefix: str | None) -> Loader:
    """Return the function from driver rows to a list of `into`, for rows of these columns.

    Raises:
        QueryError: for a column that `into` does not have, one that it needs and that is not there, or another class.
        CastError (when it is called): for a value that does not fit, or a row that `into` itself refuses.
    """
    if not columns:
        raise QueryError(
            f"the text gives no rows, so there is nothing to make {_shown(into)} of",
            hint="leave `into=` out, or add RETURNING",
        )
    info = getattr(into, "__schema__", None)
    if isinstance(info, SchemaInfo):
        return _into_schema(into, info, columns, target, prefix)
    members = {member.name: member for member in _members(into)}
    _check(_shown(into), columns, members, [name for name, one in members.items() if one.required])
    made = tuple(_column(_shown(into), members[column], target) for column in columns)
    return _guarded(build(made, TupleRow(tuple(map(ValueRow, range(len(columns)))), into, columns)), _shown(into))


def _into_schema(into: Any, info: SchemaInfo, columns: tuple[str, ...], target: Target, prefix: str | None) -> Loader:
    if into is not info.schema:
        raise QueryError(f"`into` takes a schema itself, got {into!r}", hint=f"write `into={info.name}`")
    fields = {info.fields[name].source: info.fields[name] for name in info.column_names}
    _check(info.name, columns, fields, [column for column, one in fields.items() if one.name not in info.unread])
    found = [fields[column] for column in columns]
    made = tuple(_stored(info, one, target) for one in found)
    names = tuple(one.name for one in found)
    if info.table is None:
        return build(made, TupleRow(tuple(map(ValueRow, range(len(names)))), info, names))
    return build(made, EntityRow(info, names, 0, optional=False), prefix)


def _check(what: str, columns: tuple[str, ...], known: Iterable[str], needed: Iterable[str]) -> None:
    names = list(known)
    for column, count in Counter(columns).items():
        if column not in names:
            near = f"{did_you_mean(column, names)} A column is renamed by `… AS name`"
            raise QueryError(f"the text gives a column `{column}`, which {what} does not have", hint=near)
        if count > 1:
            raise QueryError(f"the text gives the column `{column}` twice", hint="name one of them: `… AS other`")
    missing = [name for name in needed if name not in columns]
    if missing:
        raise QueryError(
            f"{what} needs the column `{missing[0]}`, and the text gives: {', '.join(columns)}",
            hint=f"select it under that name: `… AS {missing[0]}`",
        )


def _stored(info: SchemaInfo, one: FieldInfo, target: Target) -> Column:
    return _column(info.name, _Member(one.name, one.type, one.nullable, required=True), target)


def _column(what: str, member: _Member, target: Target) -> Column:
    name = f"{what}.{member.name}"
    if member.type is None:
        return Column(None, nullable=True, name=name)
    codec = member.type.codec(target)
    return Column(
        # Text may give anything under any name; where values need no loading, `dump` is what says that they fit.
        codec.load or codec.dump,
        nullable=member.nullable,
        mutable=member.type.mutable,
        empty=member.type.empty,
        inline=codec.inline,
        names=codec.names,
        name=name,
    )


def _guarded(load: Loader, what: str) -> Loader:
    """Return a loader that raises our own error for what the user's class refuses."""

    def guarded(rows: list[Any]) -> list[Any]:
        try:
            return load(rows)
        except EctypeError:
            raise
        except Exception as exc:
            raise CastError(
                f"{what} refused a row with {exc.__class__.__name__}",
                hint="its own error is the cause, above; check what it validates against what the text selects",
            ) from exc

    return guarded


def _members(into: Any) -> list[_Member]:
    found = _declared(into)
    for name in found:
        if not name.isidentifier() or iskeyword(name):
            raise QueryError(f"`{name}` of {_shown(into)} is no name that a row could be given by")
    return [_member(name, annotation, required=required) for name, (annotation, required) in found.items()]


def _member(name: str, annotation: Any, *, required: bool) -> _Member:
    while get_origin(annotation) in (Required, NotRequired):
        annotation = get_args(annotation)[0]
    if annotation is Any or annotation is object:
        return _Member(name, None, nullable=True, required=required)
    type_, nullable = field_type(annotation)
    return _Member(name, type_, nullable, required=required)


def _declared(into: Any) -> dict[str, tuple[Any, bool]]:
    """Return the annotation of each field of a class, and whether a row must have it."""
    if isinstance(into, type) and hasattr(into, "model_fields"):
        fields: Mapping[str, Any] = cast("Any", into).model_fields
        return {name: (one.annotation, one.is_required()) for name, one in fields.items()}
    hints = _hints(into)
    made: Any = into
    if is_typeddict(into):
        needed: frozenset[str] = made.__required_keys__
        return {name: (hint, name in needed) for name, hint in hints.items()}
    if isinstance(into, type) and dataclasses.is_dataclass(into):
        return {
            one.name: (hints[one.name], one.default is one.default_factory is dataclasses.MISSING)
            for one in dataclasses.fields(into)
            if one.init
        }
    if isinstance(into, type) and issubclass(into, tuple) and hasattr(made, "_fields"):
        return {name: (hints.get(name, Any), name not in made._field_defaults) for name in made._fields}
    raise QueryError(
        f"`into` takes a schema, a dataclass, a NamedTuple, a TypedDict or a pydantic model, got {into!r:.80}",
        hint="leave it out for the rows as they are",
    )


def _hints(into: Any) -> dict[str, Any]:
    try:
        return get_type_hints(into, include_extras=True)
    except NameError as exc:
        raise QueryError(
            f"an annotation of {_shown(into)} mentions `{exc.name}`, which its module does not know",
            hint="declare the class where its annotations can be looked up: at the top of a module",
        ) from exc
    except TypeError:
        return {}


def _shown(into: Any) -> str:
    return str(getattr(into, "__name__", repr(into)))
