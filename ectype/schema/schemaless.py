"""Changesets without a schema: a mapping of values, and types for its fields, which are named by text.

For search forms, settings and whatever else has fields but no table. All that `Changeset` does to a struct works here
on a dict, but for what only a database could answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from types import EllipsisType, MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Self,
    TypeVar,
    Unpack,
    final,
    get_args,
    get_origin,
)

from ectype.errors import SchemaError, did_you_mean
from ectype.schema import casting, edits, reading, validations
from ectype.schema.applying import applied_changes
from ectype.schema.casting import MessageOf
from ectype.schema.changeset_data import ChangesetData, begun, sealed
from ectype.schema.changeset_relations import put_member
from ectype.schema.embed_relations import embed_of
from ectype.schema.embeds import EmbedOptions
from ectype.schema.field_error import Message
from ectype.schema.meta import Declaration, FieldOptions, SchemaInfo
from ectype.schema.passing import passed
from ectype.schema.relation_casts import cast_relation
from ectype.schema.relation_puts import put_relation
from ectype.schema.validations import Count, NumberRules, Refusals

R = TypeVar("R")
P = ParamSpec("P")

_OF_A_DATABASE = frozenset(
    {
        "assoc_constraint",
        "cast_assoc",
        "check_constraint",
        "exclusion_constraint",
        "foreign_key_constraint",
        "get_assoc",
        "no_assoc_constraint",
        "optimistic_lock",
        "prepare_changes",
        "put_assoc",
        "unique_constraint",
    }
)


@final
class SchemalessChangeset(ChangesetData[Mapping[str, Any]]):
    """The changes to a mapping, and every reason why they were refused. Made by `change(data, types=…)`.

    Each method does what the one of `Changeset` does, and names fields by text.

    Example:
        search = (
            change({"page": 1}, types={"term": str, "page": int})
            .cast(params, "term", "page")
            .validate_required("term")
            .validate_number("page", greater_than=0)
        )
        search.apply_action("validate")     # {"term": "ectype", "page": 1}
    """

    __slots__ = ()

    def cast(
        self,
        params: Mapping[str, object] | None,
        *permitted: str,
        empty_values: Sequence[object] = casting.EMPTY,
        trim: bool = True,
        force_changes: bool = False,
        message: MessageOf | None = None,
    ) -> Self:
        """Take the permitted fields from params that come from outside; what is empty becomes None.

        Raises:
            CastError: the params are no mapping, or have keys that are not str.
            SchemaError: a field without a type.
        """
        return casting.cast_params(self, params, permitted, empty_values, trim, force_changes, message)

    def put_change(self, field: str, value: object) -> Self:
        """Set a field to a value of its type; one that equals the data's takes back an earlier change."""
        return edits.put(self, field, value)

    def force_change(self, field: str, value: object) -> Self:
        """Set a field even if the value equals the data's."""
        return edits.force(self, field, value)

    def delete_change(self, field: str) -> Self:
        """Take back the change of a field, if there is one."""
        return edits.delete(self, field)

    def update_change(self, field: str, function: Callable[[Any], Any]) -> Self:
        """Put the change of a field through a function; without a change it is not called."""
        return edits.update(self, field, function)

    def merge(self, other: SchemalessChangeset) -> Self:
        """Return both changesets in one; they began with equal data and the same types."""
        return edits.merge(self, other)

    def add_error(self, field: str, message: str, /, **meta: Any) -> Self:
        """Add an error to a field, or to a key of your own, and make the changeset invalid."""
        return edits.add_error(self, field, message, meta)

    def get_field(self, field: str, default: Any = None) -> Any:
        """Return the change of a field, else what the data has, else `default`."""
        return reading.get_field(self, field, default)

    def fetch_field(self, field: str) -> tuple[Literal["changes", "data"], Any] | None:
        """Return where the value of a field stands, and the value; None when there is none."""
        found: tuple[Literal["changes", "data"], Any] | None = reading.fetch_field(self, field)
        return found

    def get_change(self, field: str, default: Any = None) -> Any:
        """Return the change of a field, or `default` when there is none."""
        return reading.get_change(self, field, default)

    def changed(self, field: str, *, from_: object | EllipsisType = ..., to: object | EllipsisType = ...) -> bool:
        """Whether a field has a change; with `from_` or `to`, whether it goes from or to that value."""
        return reading.changed(self, field, from_, to)

    def field_missing(self, field: str) -> bool:
        """Whether a field has no value, neither as a change nor in the data."""
        return reading.field_missing(self, field)

    def validate_required(self, *fields: str, message: Message | None = None) -> Self:
        """Refuse fields without a value: "can't be blank"."""
        return validations.required(self, fields, message)

    def validate_change(self, field: str, function: Callable[[Any], Refusals], *, meta: object = None) -> Self:
        """Call a function with the change of a field, unless it is None, and add what it returns as errors."""
        return validations.change(self, field, function, meta)

    def validate_format(self, field: str, pattern: str | re.Pattern[str], *, message: Message | None = None) -> Self:
        """Refuse a change in which a pattern is not found: "has invalid format"."""
        key = ("format", field, pattern)
        return passed(self, key) or validations.format_(self, key, field, pattern, message)

    def validate_inclusion(self, field: str, values: Collection[Any], *, message: Message | None = None) -> Self:
        """Refuse a change that is not one of some values: "is invalid"."""
        return validations.inclusion(self, field, values, message=message)

    def validate_exclusion(self, field: str, values: Collection[Any], *, message: Message | None = None) -> Self:
        """Refuse a change that is one of some values: "is reserved"."""
        return validations.exclusion(self, field, values, message=message)

    def validate_subset(self, field: str, values: Collection[Any], *, message: Message | None = None) -> Self:
        """Refuse a list that has an element which is not one of some values: "has an invalid entry"."""
        return validations.subset(self, field, values, message=message)

    def validate_length(
        self,
        field: str,
        *,
        min: int | None = None,  # noqa: A002  # Ecto's word
        max: int | None = None,  # noqa: A002  # Ecto's word
        is_: int | None = None,
        count: Count = "graphemes",
        message: Message | None = None,
    ) -> Self:
        """Refuse a change that is too short or too long."""
        key = ("length", field, min, max, is_, count, min.__class__, max.__class__, is_.__class__)
        return passed(self, key) or validations.length(self, key, field, min, max, is_, count, message)

    def validate_number(self, field: str, *, message: Message | None = None, **rules: Unpack[NumberRules]) -> Self:
        """Refuse a change out of bounds; the first rule that fails is told."""
        key: tuple[Any, ...] = ("number", field)
        for rule, bound in rules.items():
            key += rule, bound, bound.__class__
        return passed(self, key) or validations.number(self, key, field, rules, message)

    def validate_confirmation(self, field: str, *, required: bool = False, message: Message | None = None) -> Self:
        """Refuse params whose `<field>_confirmation` is not what the field's is: "does not match confirmation"."""
        return validations.confirmation(self, field, required=required, message=message)

    def validate_acceptance(self, field: str, *, message: Message | None = None) -> Self:
        """Refuse params that do not say yes, or nothing at all: "must be accepted"."""
        return validations.acceptance(self, field, message=message)

    def cast_embed(
        self,
        embed: str,
        *,
        with_: Callable[..., ChangesetData[Any]] | Mapping[type[Any], Callable[..., ChangesetData[Any]]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
    ) -> Self:
        """Take embedded structs from the params that `cast` was given, under the embed's name.

        The field's type is an embedded schema, or a list of one: `types={"address": Address, "lines": list[Line]}`.
        Nothing is stored, so an entry that is left out is gone.
        """
        relation = embed_of(self.info, embed, "cast_embed")
        return cast_relation(
            self,
            relation,
            "cast_embed",
            with_=with_,
            required=required,
            required_message=required_message,
            invalid_message=invalid_message,
            sort_param=sort_param,
            drop_param=drop_param,
            force_update_on_change=False,
        )

    def put_embed(self, embed: str, value: Any) -> Self:
        """Set an embed to structs, changesets, or values by member: all of them, not some more."""
        return put_relation(self, embed_of(self.info, embed, "put_embed"), "put_embed", value, put_member)

    def get_embed(self, embed: str, *, as_: Literal["changeset", "struct"] = "changeset") -> Any:
        """Return the entries of an embed as they will be: those of the changes, else those of the data."""
        return reading.get_relation(self, embed_of(self.info, embed, "get_embed"), as_)

    def with_action(self, action: str) -> Self:
        """Say what is being done: forms show the errors of a changeset only when it has an action."""
        return edits.act(self, action)

    def apply_changes(self) -> dict[str, Any]:
        """Return the data with the changes, valid or not, as a new dict."""
        return {**self.data, **applied_changes(self)}

    def apply_action(self, action: str) -> dict[str, Any]:
        """Return the data with the changes as a new dict.

        Raises:
            InvalidChangesetError: there are errors; its changeset has the action.
        """
        return edits.valid(self, action).apply_changes()

    def pipe(self, function: Callable[Concatenate[Self, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function with this changeset first."""
        return function(self, *args, **kwargs)

    @property
    def inner(self) -> type[Any]:
        """The class of the changesets inside it: those of embedded structs."""
        found: type[Any] = import_module("ectype.schema.changeset").Changeset
        return found

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in _OF_A_DATABASE:
                raise SchemaError(
                    f"`{name}` needs a table, and this changeset has no schema",
                    hint='declare the table: `class User(Schema, table="users")`, and begin with `change(User)`',
                )
            raise AttributeError(f"a changeset has no `{name}`; {did_you_mean(name, dir(SchemalessChangeset))}")


class SchemalessInfo(SchemaInfo):
    """What is known of the fields of a schemaless changeset."""

    schemaless = True

    def __init__(self, types: Mapping[str, Any], redact: tuple[str, ...]) -> None:
        super().__init__(
            schema=dict,
            table=None,
            prefix=None,
            declarations={name: _declaration(name, type_, redact=name in redact) for name, type_ in types.items()},
            associations={},
            scopes=lambda _member: [],
            registry=None,
        )
        self.name = "types"
        self.types = dict(types)
        self.redact = redact

    def __reduce__(self) -> tuple[Any, ...]:
        return _info, (self.types, self.redact)


def _declaration(name: str, type_: Any, *, redact: bool) -> Declaration:
    """Return a field of a type; an embed where the type is an embedded schema, or a list of one."""
    options = FieldOptions(virtual=True, redact=redact)
    many = get_origin(type_) is list
    inner = get_args(type_)[0] if many and get_args(type_) else type_
    held = get_args(inner) or (inner,)
    infos = [info for one in held if (info := getattr(one, "__schema__", None)) is not None and info.embedded]
    if not infos:
        return Declaration(name, type_, repr(type_), options)
    if len(infos) > 1:
        raise SchemaError(
            f"{name!r} in `types` is a union of embedded schemas, and a type does not say what tells them apart",
            hint="hold it in a schema of its own: `class Form(EmbeddedSchema): "
            f'{name}: EmbedsOne[…] = embeds_one(tag="type")`',
        )
    # Nothing is stored here, so nothing is lost by an entry that is replaced.
    keyed = any(info.primary_key for info in infos)
    embed = EmbedOptions(many=many, on_replace="delete" if keyed else None)
    return Declaration(name, inner, repr(type_), options, embed)


def begin_schemaless(
    data: Any, types: Any, redact: Sequence[str] = (), assignments: tuple[Any, ...] = ()
) -> SchemalessChangeset:
    """Begin a changeset over a mapping.

    Raises:
        SchemaError: the data are no mapping with str keys, or the types name none.
    """
    if not isinstance(data, Mapping) or not isinstance(types, Mapping) or assignments:
        got = "assignments" if assignments else f"{data!r:.60}"
        raise SchemaError(
            f"`types` is for a mapping of values, and `change` got {got}",
            hint='write `change({"page": 1}, types={"term": str, "page": int}).cast(params, "term")`',
        )
    named: dict[Any, Any] = dict(types)  # pyright: ignore[reportUnknownArgumentType]  # users pass what they like
    if not all(isinstance(name, str) for name in named) or isinstance(redact, str):
        raise SchemaError("fields are named by text", hint='write `types={"age": int}`, and `redact=["age"]`')
    info = _info(named, tuple(redact))
    for name in info.redact:
        if name not in named:
            raise SchemaError(f"`types` has no field {name!r:.60} to redact", hint=info.suggest(name))
    assert info.fields is not None  # what means no type is said at once
    values: dict[str, Any] = dict(data)  # pyright: ignore[reportUnknownArgumentType]  # as above
    return sealed(begun(MappingProxyType(values), info), SchemalessChangeset)


def _info(types: dict[str, Any], redact: tuple[str, ...]) -> SchemalessInfo:
    try:
        return _known(tuple(types.items()), redact)
    except TypeError:  # unhashable metadata in an Annotated
        return SchemalessInfo(types, redact)


@lru_cache(maxsize=256)
def _known(types: tuple[tuple[str, Any], ...], redact: tuple[str, ...]) -> SchemalessInfo:
    """Return what is known of types. Kept, since reading a type takes longer than all that is done with it."""
    return SchemalessInfo(dict(types), redact)
