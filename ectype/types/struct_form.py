"""Structs and params as whoever is outside sees them, as plain data: `ectype.types.pydantic` makes schemas of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ectype.types.base import Type


@dataclass(frozen=True, slots=True)
class MemberForm:
    """One field of a struct.

    Attributes:
        name: the member's name.
        type: its type.
        nullable: whether it may be None.
        get: gives its value; raises AttributeError while it is unset.
    """

    name: str
    type: Type[Any]
    nullable: bool
    get: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class LinkForm:
    """One association of a struct, which is said only where it was loaded, or one embed, which is a part of it.

    Attributes:
        name: the member's name.
        many: whether it is a list.
        nullable: whether it may be None.
        get: gives the related struct, or the list; raises AttributeError while it is not loaded.
        related: gives the forms of the structs that it leads to: one, or those of a union.
        embedded: whether they are a part of the struct, so that nothing leads back to it.
    """

    name: str
    many: bool
    nullable: bool
    get: Callable[[Any], Any]
    related: Callable[[], tuple[StructForm, ...]]
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class StructForm:
    """The structs of one schema, without what is redacted or virtual.

    Attributes:
        schema: their class.
        description: what the class says of itself, None where it says nothing.
        members: its fields.
        links: its associations and embeds.
    """

    schema: type[Any]
    description: str | None
    members: tuple[MemberForm, ...]
    links: tuple[LinkForm, ...]


@dataclass(frozen=True, slots=True)
class ParamForm:
    """One param that a changeset takes.

    Attributes:
        name: its key.
        type: the field's type; None where it is no field.
        nullable: whether it may be None.
        rules: what else JSON Schema says of its values: `{"minLength": 3}`.
        notes: what it says of the param: `{"default": "draft"}`.
        entries: where it holds entries of a relation, the params of one, or of each schema of a union; None elsewhere.
        many: whether it is a list of them.
        indexed: whether the list may also be an object, keyed by index.
    """

    name: str
    type: Type[Any] | None
    nullable: bool
    rules: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entries: tuple[ParamsForm, ...] | None = None
    many: bool = False
    indexed: bool = False


@dataclass(frozen=True, slots=True)
class ParamsForm:
    """The params that a changeset takes.

    Attributes:
        name: the schema's name.
        params: by key.
        required: the keys that it cannot do without.
        ref: the name under which it stands where it holds itself, None where it does not.
        again: whether it is such a place, which says nothing but the name.
    """

    name: str
    params: tuple[ParamForm, ...]
    required: tuple[str, ...]
    ref: str | None = None
    again: bool = False
