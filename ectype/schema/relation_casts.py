"""Params from outside become entries of a relation: what `cast_assoc` does.

Only what the function of the entries permits ever changes: the params say which of the owner's own entries they mean,
by primary key, and never reach another row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

from ectype.errors import CastError, SchemaError
from ectype.result import Ok
from ectype.schema.arguments import required_arguments
from ectype.schema.changeset_data import ChangesetData, RelationCast, draft, sealed, with_errors
from ectype.schema.field_error import Error, Message
from ectype.schema.messages import LENGTHS
from ectype.schema.meta import SchemaInfo
from ectype.schema.relation_checks import present
from ectype.schema.relations import (
    IGNORED,
    REFUSED,
    SAME,
    Entry,
    Key,
    Relation,
    admitted,
    child_of,
    compared_many,
    compared_one,
    invalid,
    recorded,
    with_action,
)
from ectype.types.documents import is_too_deep

C = TypeVar("C", bound=ChangesetData[Any])

Maker: TypeAlias = tuple[Callable[..., Any], bool]
"""What makes the changeset of an entry, and whether it is told the entry's position."""
With: TypeAlias = Callable[..., Any] | Mapping[Any, Callable[..., Any]] | None
"""What makes the changesets of entries: a function, or one for each schema of a union."""

MOST_ENTRIES: Final = 1000
"""How many entries the params of one relation may hold: each costs a changeset."""
_DEPTH: Final = 64
"""How deep they may be nested: schemas that hold themselves would otherwise follow params to the end of the stack."""
_INDEX_DIGITS: Final = 18
_MISSING: Final = object()


def cast_relation(
    changeset: C,
    relation: Relation,
    method: str,
    *,
    with_: With,
    required: bool,
    required_message: Message | None,
    invalid_message: Message | None,
    sort_param: str | None,
    drop_param: str | None,
    force_update_on_change: bool,
) -> C:
    """Return the changeset with the params of a relation as changesets of its entries.

    Raises:
        SchemaError: `cast` was not called before; `with_` is no function of the related schema's.
        CastError: an entry would be replaced, and `on_replace` does not allow it.
        NotLoadedError: the relation of a loaded struct is not loaded, or only in part.
    """
    make = _functions(relation, method, with_)
    for option, value in (("sort_param", sort_param), ("drop_param", drop_param)):
        if value is not None and not relation.many:
            raise SchemaError(
                f"`{option}` is for many entries, and `{relation.label}` holds one", hint=f"leave `{option}` out"
            )
    if changeset.params is None and changeset.valid:
        raise SchemaError(
            f"`{method}` takes its params from `cast`, which was not called before it",
            hint=f"write `.cast(params, …).{method}({relation.label})`; without fields of its own `.cast(params)`",
        )
    made = draft(changeset)
    told = RelationCast(relation, make, sort_param, drop_param)
    made.seldom = made.seldom._replace(casts=(*changeset.casts, told))
    if required:
        made.required = tuple(dict.fromkeys((*changeset.required, relation.name)))
    changeset = sealed(made, changeset.__class__)
    value = _value(changeset, relation, sort_param, drop_param)
    if value is _MISSING:
        return present(changeset, relation, required_message) if required else changeset
    if value is _TooMany:
        return _too_many(changeset, relation)
    if is_too_deep(value, _DEPTH):
        return _refused(changeset, relation, invalid_message)
    change = _compared(changeset, relation, value, make)
    if change is REFUSED:
        return _refused(changeset, relation, invalid_message)
    after = recorded(changeset, relation.name, change)
    if force_update_on_change and change is not SAME and change is not IGNORED:
        made = draft(after)
        made.seldom = made.seldom._replace(touched=True)
        after = sealed(made, changeset.__class__)
    return present(after, relation, required_message) if required else after


class _TooMany:
    """Stands for params of more entries than there may be."""


def _functions(relation: Relation, method: str, with_: With) -> Callable[[SchemaInfo], Maker]:
    """Return what gives the function of a schema; those of the schemas that are there are checked at once."""
    functions: Mapping[Any, Callable[..., Any]] | None = None
    if isinstance(with_, Mapping):
        functions = cast("Mapping[Any, Callable[..., Any]]", with_)
        for one in functions:
            if not any(one is info.schema for info in relation.schemas):
                names = ", ".join(info.name for info in relation.schemas)
                raise SchemaError(
                    f"the `with_` of `{relation.label}` names {one!r:.60}, and its schemas are {names}",
                    hint=f"write `with_={{{relation.schemas[0].name}: …}}`",
                )
    known: dict[SchemaInfo, Maker] = {}
    for info in relation.schemas:
        given = cast("Callable[..., Any] | None", with_) if functions is None else functions.get(info.schema)
        known[info] = _function(relation, method, info, given)
    return known.__getitem__


def _function(relation: Relation, method: str, info: SchemaInfo, with_: Callable[..., Any] | None) -> Maker:
    """Return what makes the changeset of an entry, and whether it is told the entry's position."""
    schema = info.name
    line = f"{relation.label}, with_={schema.lower()}_changeset"
    if with_ is None:
        with_ = getattr(info.schema, "changeset", None)
        if with_ is None:
            raise SchemaError(
                f"`{method}` of `{relation.label}` needs a function that makes the changeset of an entry: {schema} has "
                "no `changeset`",
                hint=f"write `.{method}({line})`, where `def {schema.lower()}_changeset(struct, params)` returns "
                "`change(struct).cast(params, …)`",
            )
    if not callable(with_):
        raise SchemaError(
            f"the `with_` of `{relation.label}` is a function of a struct and its params, got {with_!r:.60}",
            hint=f"write `.{method}({line})`",
        )
    wants_position = required_arguments(with_) == 3
    if wants_position and not relation.many:
        raise SchemaError(
            f"the `with_` of `{relation.label}` takes a position, and it holds one entry",
            hint="take two arguments: the struct and the params",
        )
    return with_, wants_position


def _value(changeset: ChangesetData[Any], relation: Relation, sort_param: str | None, drop_param: str | None) -> Any:
    """Return the params of a relation: those of one entry, or the list of those of many, in their order."""
    params: Mapping[str, Any] = changeset.params or {}
    value: Any = params.get(relation.name, _MISSING)
    if not relation.many:
        return value
    sort = _indexes(params, sort_param)
    drop = _indexes(params, drop_param)
    if (sort is not None or drop is not None) and (value is _MISSING or value is None or value == ""):
        value = {}
    if isinstance(value, list | tuple):
        return _TooMany if len(cast("Sequence[Any]", value)) > MOST_ENTRIES else cast("Any", value)
    if not isinstance(value, Mapping):
        return value
    entries = cast("Mapping[Any, Any]", value)
    if len(entries) + len(sort or ()) > MOST_ENTRIES or len(drop or ()) > MOST_ENTRIES:
        return _TooMany
    return _in_order(entries, sort or [], drop or [])


def _indexes(params: Mapping[str, Any], name: str | None) -> list[str] | None:
    """Return the indexes that a param lists, None where it lists none. JSON gives them as numbers too."""
    given = None if name is None else params.get(name)
    if not isinstance(given, list | tuple):
        return None
    return [str(one) for one in cast("Sequence[Any]", given) if isinstance(one, str | int)]


def _in_order(entries: Mapping[Any, Any], sort: list[str], drop: list[str]) -> list[Any]:
    """Return the params of entries that are keyed by their index: those that are sorted, then the rest by index.

    An index of `sort` that has no params is a new entry without any.
    """
    left = {str(key): value for key, value in entries.items()}
    dropped = set(drop)
    first = [left.pop(index, {}) for index in sort if index not in dropped]
    rest = sorted([index for index in left if index not in dropped], key=_index)
    return [*first, *[left[index] for index in rest]]


def _index(text: str) -> tuple[int, int, str]:
    """Return by what an index is sorted: numbers by their size, then what is none.

    >>> sorted(["10", "2", "new", "0"], key=_index)
    ['0', '2', '10', 'new']
    """
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _INDEX_DIGITS:
        return 0, int(text), text
    return 1, 0, text


def _compared(
    changeset: ChangesetData[Any], relation: Relation, value: Any, make: Callable[[SchemaInfo], Maker]
) -> Any:
    if not relation.many:
        if value is not None and not isinstance(value, Mapping):
            return REFUSED
        entry = None
        if value is not None:
            params = cast("Mapping[str, Any]", value)
            info = relation.schema_of(params)
            if info is None:
                return REFUSED
            entry = _entry(changeset, relation, info, params, make(info)[0], ())
        return compared_one(relation, changeset, entry, CastError)
    if not isinstance(value, list | tuple):
        return REFUSED
    listed = cast("Sequence[Any]", value)
    if not all(isinstance(one, Mapping) for one in listed):
        return REFUSED
    entries: list[Entry] = []
    for position, one in enumerate(listed):
        info = relation.schema_of(one)
        if info is None:
            return REFUSED
        function, wants_position = make(info)
        entries.append(_entry(changeset, relation, info, one, function, (position,) if wants_position else ()))
    return compared_many(relation, changeset, entries, CastError)


def _entry(
    changeset: ChangesetData[Any],
    relation: Relation,
    info: SchemaInfo,
    params: Mapping[str, Any],
    make: Callable[..., Any],
    position: tuple[int, ...],
) -> Entry:
    def made(struct: Any) -> ChangesetData[Any]:
        begin = relation.build(changeset.data, info) if struct is None else struct
        child = child_of(
            changeset, make(begin, params, *position), relation, f"the `with_` of `{relation.label}` returns"
        )
        if struct is None:
            return admitted(relation, with_action(child, "insert"), ("insert",))
        if relation.stored(struct):
            return admitted(relation, with_action(child, "update"), ("update", "delete"))
        return admitted(relation, with_action(child, "insert"), ("insert", "update", "delete"))

    return Entry(_key(info, params), made, info)


def _key(info: SchemaInfo, params: Mapping[str, Any]) -> Key | None:
    """Return the primary key that params name, cast by its types; None where they name none that could be one."""
    fields, key = info.fields, list[Any]()
    for name in info.primary_key:
        given = params.get(name)
        outcome = None if given is None else fields[name].type.cast(given)
        if not isinstance(outcome, Ok) or outcome.value is None:
            return None
        key.append(outcome.value)
    return tuple(key) or None


def _refused(changeset: C, relation: Relation, message: Message | None) -> C:
    made = draft(invalid(changeset, relation, message))
    made.uncast = (*changeset.uncast, relation.name)
    return sealed(made, changeset.__class__)


def _too_many(changeset: C, relation: Relation) -> C:
    text = LENGTHS["list", "max"]
    error = Error(text, count=MOST_ENTRIES, validation="length", kind="max", type="list")
    made = draft(with_errors(changeset, (relation.name, error)))
    made.uncast = (*changeset.uncast, relation.name)
    return sealed(made, changeset.__class__)
