"""What a write sends: the changeset of its subject, its values, its key, and under which options."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypedDict, Unpack, cast

from ectype.errors import NoPrimaryKeyError, QueryError, SchemaError
from ectype.expr.operand import Attr
from ectype.repo.engine import Engine
from ectype.schema.changeset import Changeset, change
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.field_error import Message
from ectype.schema.meta import Meta, SchemaInfo, meta
from ectype.schema.structs import UNSET


class StaleOptions(TypedDict, total=False):
    """What `update` and `delete` do when the row is gone, or was changed since it was read.

    Attributes:
        allow_stale: return the struct as if it had been written.
        stale_error_field: a column, or a key of your own, that gets the error "is stale" instead of StaleEntryError.
        stale_error_message: another text.
    """

    allow_stale: bool
    stale_error_field: Attr[Any, Any] | str
    stale_error_message: Message


@dataclass(frozen=True, slots=True)
class Call:
    """The options of one call: its deadline in seconds, the prefix of its tables, and those of `StaleOptions`."""

    timeout: float | None = None
    prefix: str | None = None
    allow_stale: bool = False
    stale_error_field: Attr[Any, Any] | str | None = None
    stale_error_message: Message | None = None


DEFAULT = Call()


def call_of(timeout: float | None, prefix: str | None, **stale: Unpack[StaleOptions]) -> Call:
    """Return the options of a call; the usual ones are one value."""
    return DEFAULT if timeout is None and prefix is None and not stale else Call(timeout, prefix, **stale)


Place: TypeAlias = tuple[str | None, str | None]
"""The prefix under which a row is written, and the table when it is not the schema's own."""
Targets: TypeAlias = Attr[Any, Any] | Sequence[Attr[Any, Any]]


def target_columns(conflict_target: Targets | None) -> tuple[Attr[Any, Any], ...]:
    """Return a conflict target as a tuple of columns."""
    if conflict_target is None:
        return ()
    return (conflict_target,) if isinstance(conflict_target, Attr) else tuple(conflict_target)


def changeset_of(subject: Any, verb: str) -> Changeset[Any]:
    """Return a changeset as it is, or the one of a struct, which has no changes.

    Raises:
        InvalidChangesetError: when the changeset has errors already; nothing is sent.
        QueryError: for a struct or changeset of an embedded schema, which has no row.
        SchemaError: when it was made for another write; for anything else.
    """
    info: SchemaInfo | None = getattr(subject, "info", None) or getattr(subject.__class__, "__schema__", None)
    if info is not None and info.embedded:
        raise QueryError(
            f"{info.name} has no table, so `{verb}` has no row to write: it is embedded in another schema",
            hint=f"write the struct that holds it: `change(owner).put_embed(Owner.{info.name.lower()}, …)`",
        )
    if not isinstance(subject, Changeset):
        if isinstance(subject, ChangesetData):
            raise SchemaError(
                f"`{verb}` writes a row, and this changeset has no schema",
                hint="use what it gives: `change(User).cast(changeset.apply_action('validate'), User.name)`",
            )
        return change(subject)
    changeset = cast("Changeset[Any]", subject)
    if changeset.action in _WRITES and changeset.action != verb:
        raise SchemaError(
            f"a changeset with the action {changeset.action!r} was given to `{verb}`",
            hint=f'give it to the method of that name, or say `.with_action("{verb}")`',
        )
    if not changeset.valid:
        raise InvalidChangesetError(changeset.with_action(verb))
    if changeset.action == "ignore":
        raise SchemaError(f'a valid changeset with the action "ignore" was given to `{verb}`', hint="do not write it")
    return changeset


_WRITES: Final = frozenset({"insert", "update", "delete", "replace"})


def refuse_associations(info: SchemaInfo, changeset: Changeset[Any]) -> None:
    """Raise SchemaError for a changeset that holds related structs: an upsert stores one row."""
    data, new = changeset.data, meta(changeset.data).state == "built"
    for name in info.associations:
        if name in changeset.changes or (new and getattr(data, f"_assoc_{name}", UNSET) is not UNSET):
            raise SchemaError(
                f"an upsert stores one row only, and this one would store `{info.name}.{name}` too",
                hint="in one transaction, upsert the row, and then write the related structs with its key: "
                f"`repo.update(change(struct).put_assoc({info.name}.{name}, …))`",
            )


def inserted_values(info: SchemaInfo, changeset: Changeset[Any]) -> dict[str, Any]:
    """Return what an insert sends: what is set and not None in the struct, the changes, and what is generated here."""
    values: dict[str, Any] = {}
    data, changes = changeset.data, changeset.changes
    unwritable = info.unwritable["insert"]
    for name in info.column_names:
        value = changes.get(name, UNSET)
        if value is not UNSET:
            values[name] = value
            continue
        value = getattr(data, name, None)
        if value is not None and name not in unwritable:
            values[name] = value
    if info.autogenerated:
        generate(info, values, (name for name, _ in info.autogenerated if name not in changes))
    return values


def generate(info: SchemaInfo, values: dict[str, Any], names: Iterable[str]) -> None:
    """Fill in what is generated here and has no value. Timestamps share one reading of their clock."""
    readings: dict[Any, Any] = {}
    for name in names:
        if values.get(name) is not None:
            continue
        options = info.declarations[name].options
        make = options.autogenerate
        if make is None:
            continue
        if options.insert_only or options.autoupdate is not None:
            if make not in readings:
                readings[make] = make()
            values[name] = readings[make]
        else:
            values[name] = make()


def fill_moments(moments: Iterable[tuple[str, Callable[[], object]]], values: dict[str, Any]) -> None:
    """Fill in what the clock says at an update, and nothing was given for; fields with one clock share its reading."""
    readings: dict[Any, Any] = {}
    for name, clock in moments:
        if name not in values:
            if clock not in readings:
                readings[clock] = clock()
            values[name] = readings[clock]


def key_values(info: SchemaInfo, data: Any, verb: str) -> tuple[Any, ...]:
    """Return the primary key of a struct. Raises NoPrimaryKeyError when it has none, or a part of it is missing."""
    keys = tuple([getattr(data, name, None) for name in info.primary_key])
    if not keys:
        raise NoPrimaryKeyError(
            f"{info.name} has no primary key, so `{verb}` cannot tell its row from others",
            hint=f"use `repo.{verb}_all(from_({info.name}).where(…)…)`",
        )
    if None in keys:
        missing = info.primary_key[keys.index(None)]
        raise NoPrimaryKeyError(
            f"`{verb}` needs `{info.name}.{missing}`, which this struct does not have",
            hint="insert it first, and go on with the struct that `insert` returns",
        )
    return keys


def place_of(engine: Engine, info: SchemaInfo, data: Any, call: Call) -> Place:
    """Return where a struct is written: what the call says, where the struct came from, what the repo says."""
    known: Meta = getattr(data, "_meta", info.loaded)
    prefix = call.prefix or known.prefix or engine.prefix
    if known.source == info.table and (info.prefix is None or known.prefix == info.prefix):
        return prefix, None
    return prefix, known.source
