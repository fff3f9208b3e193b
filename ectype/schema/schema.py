"""The Schema base class: from a class body to a storage layout, columns, and reflection.

For `class User(Schema, table="users")` three classes are made (decision 4 of the design):

- a *storage* base with one slot a member;
- `User` itself, a leaf of it without slots, which is frozen, and whose own metaclass answers `User.name` with a
  column, since data descriptors of a metaclass win on class access and are never seen from an instance;
- a *twin* leaf of the same storage that may be assigned to; loaders fill a twin and then give it the class `User`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, cast, dataclass_transform

from ectype.errors import SchemaError
from ectype.schema import structs
from ectype.schema.association_checks import check_members, checked_options
from ectype.schema.association_options import AssociationOptions, Kind
from ectype.schema.associations import Association, AssociationSlot
from ectype.schema.class_options import ClassOptions
from ectype.schema.embedded_checks import check_embedded
from ectype.schema.embeds import EMBEDS, EmbedOptions, bind_defaults, declare_embed
from ectype.schema.fields import Field, field, timestamp
from ectype.schema.json_form import core_schema
from ectype.schema.meta import Declaration, FieldOptions, OnViolation, SchemaInfo
from ectype.schema.mixins import check_mixins, mixin_values
from ectype.schema.registry import Registry, RegistryScope
from ectype.schema.rel import BelongsTo, HasMany, HasOne, Hop, ManyToMany, Rel
from ectype.schema.sources import TableSource
from ectype.schema.unread import UnreadSlot
from ectype.types import annotations as notes
from ectype.types.base import FieldType

M = TypeVar("M")


class Table(Generic[M]):
    """What pins a schema exactly where `type[M]` would widen to a union; only checkers see it."""


class Of(Protocol[M]):
    """A schema class, exactly: what a method takes that must not widen to a union of schemas."""

    def __of__(self) -> Table[M]:
        """Only checkers call it."""
        ...


class StructOf(Protocol[M]):
    """A struct of exactly the schema `M`, and not the class itself."""

    def __struct_of__(self) -> Table[M]:
        """Only checkers call it."""
        ...


ASSOCIATIONS: Mapping[object, Kind] = {
    BelongsTo: "belongs_to",
    HasOne: "has_one",
    HasMany: "has_many",
    ManyToMany: "many_to_many",
}
FROZEN: Mapping[str, object] = {
    "__init__": structs.construct,
    "__setattr__": structs.refuse_set,
    "__delattr__": structs.refuse_delete,
    "__eq__": structs.equals,
    "__hash__": structs.key_hash,
    "__repr__": structs.represent,
    "__reduce_ex__": structs.reduce,
    "__setstate__": structs.set_state,
    "__replace__": structs.evolve,
}
TWIN: Mapping[str, object] = {
    "__slots__": (),
    "__hash__": None,
    # A loader calls it without arguments, whatever a mixin says of new ones.
    "__new__": object.__new__,
    "__init__": object.__init__,
}
NOTHING = object()
"""Stands on the right of an annotation that has nothing there."""
_WORD = re.compile(r"[^\W\d]\w*")


def make_class(cls: Any, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
    """Make the schema class `name`; only `Schema` itself has no schema for a base."""
    if not any(isinstance(base, SchemaMeta) for base in bases):
        return type.__new__(cls, name, bases, namespace)
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # for the statement's local names
    local_names = {} if frame.f_code.co_name == "<module>" else frame.f_locals
    return _build(cls, name, bases, namespace, local_names, options)


def init_class(cls: Any, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_options: object) -> None:
    """Initialise a class; its options have been read when it was made."""
    type.__init__(cls, name, bases, namespace)


@dataclass_transform(kw_only_default=True, eq_default=False, frozen_default=False, field_specifiers=(field,))
class SchemaMeta(type):
    """Makes schema classes; each concrete one gets a metaclass of its own that holds its columns."""

    if not TYPE_CHECKING:  # so that checkers hold class statements to the options of `Schema.__init_subclass__`
        __new__ = make_class
        __init__ = init_class


class Schema(metaclass=SchemaMeta):
    """The base of all schemas: a table's rows as frozen structs, or a shape of values when no table is named.

    Args (in the class statement):
        table: the table's name; without it the schema is a shape, for projections and CTEs.
        prefix: the PostgreSQL schema, or attached database, of the table.
        abstract: a base class that only carries options for its subclasses: all but `table`, each of which they may
            say again.
        registry: where forward references are looked up last, instead of the process-wide registry.
        primary_key: what a bare `primary_key()` stands for: `primary_key(autogenerate=uuid7)`.
        foreign_key_type: what stores the keys of `belongs_to`, where their fields do not say it.
        timestamps: what a bare `timestamp()` and the `Timestamps` mixin stand for: `timestamp(autogenerate=clock)`.
        redact: "all_except_primary_keys" hides every field that does not say `redact=False`.
        source_mapper: makes the name of a column from that of a field that names none.
        on_writable_violation: what is done about changes that may not be written, where the field does not say it.

    Raises:
        SchemaError: at class creation, with the line to write.

    Example:
        class User(Schema, Timestamps, table="users"):
            id: Field[int] = primary_key()
            name: Field[str]
            posts: HasMany[Post] = has_many()
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: Any) -> Any:
        """Tell pydantic how structs are serialised and documented; refuse to be the body of a request."""
        return core_schema(cls, handler)

    if TYPE_CHECKING:
        __schema__: ClassVar[SchemaInfo]

        def __init_subclass__(
            cls,
            *,
            table: str | None = None,
            prefix: str | None = None,
            abstract: bool = False,
            registry: Registry | None = None,
            primary_key: FieldOptions | None = None,
            foreign_key_type: FieldType[Any] | type[FieldType[Any]] | None = None,
            timestamps: FieldOptions | None = None,
            redact: Literal["all_except_primary_keys"] | None = None,
            source_mapper: Callable[[str], str] | None = None,
            on_writable_violation: OnViolation | None = None,
        ) -> None: ...

        @classmethod
        def __of__(cls) -> Table[Self]: ...

        @classmethod
        def __pick__(cls) -> tuple[Self, Self]: ...

        def __struct_of__(self) -> Table[Self]: ...


class Timestamps:
    """Two columns that the clock fills: `inserted_at` at insert, `updated_at` at insert and at each update.

    Both get the same instant at insert. A value that was given wins over the clock.
    """

    __slots__ = ()

    inserted_at: Field[datetime] = timestamp()
    updated_at: Field[datetime] = timestamp(on_update=True)


def _build(
    metaclass: type[SchemaMeta],
    name: str,
    bases: tuple[type, ...],
    namespace: dict[str, Any],
    local_names: Mapping[str, object],
    options: dict[str, Any],
) -> Any:
    """Build a schema class from its body: the conductor of this file."""
    parent, mixins = _split(name, bases)
    if namespace.get("__slots__"):
        raise SchemaError(f"`class {name}` has `__slots__`, which a schema makes itself", hint="drop the line")
    said = ClassOptions(name, parent, options)
    module_names = _module_names(namespace)
    raw = _annotations(mixins, namespace, module_names, local_names)
    if said.abstract:
        return _abstract(metaclass, name, bases, namespace, said, raw)
    fields, links = _members(name, raw, {**mixin_values(mixins), **namespace})
    check_mixins(name, mixins, fields, namespace)
    if said.embedded:
        check_embedded(name, fields, links)
    fields = said.applied(name, fields, [(member, options) for member, (_, options) in links.items()])
    slots = _slots(fields, links)
    storage = type.__new__(metaclass, name, (parent,), {"__slots__": slots, "__module__": namespace.get("__module__")})
    own = type(f"{name}Columns", (metaclass,), {})
    body = {key: value for key, value in namespace.items() if key not in fields and key not in links}
    leaf: Any = type.__new__(own, name, (storage, *mixins), {**FROZEN, **body, "__slots__": (), "__options__": said})
    twin = type.__new__(metaclass, name, (storage, *mixins), {**TWIN})
    info = SchemaInfo(
        schema=leaf,
        table=said.table,
        prefix=said.prefix,
        declarations=fields,
        associations={},
        scopes=_scopes(module_names, local_names, raw, said.registry),
        registry=said.registry,
        embedded=said.embedded,
    )
    leaf.__schema__ = info
    info.twin = twin
    hidden = [one for one in slots if one in structs.HIDDEN]
    info.slots = {one: storage.__dict__[_slot(one, links)] for one in (*fields, *links, *hidden)}
    info.attributes = tuple((one, _slot(one, links)) for one in info.slots)
    bind_defaults(info)
    _associate(info, leaf, links)
    for one in info.unread:
        type.__setattr__(leaf, one, UnreadSlot(info, one, info.slots[one]))
    _attach(info, own, leaf)
    said.registry.add(leaf)
    return leaf


def _split(name: str, bases: tuple[type, ...]) -> tuple[Any, tuple[type, ...]]:
    schemas = [base for base in bases if isinstance(base, SchemaMeta)]
    if len(schemas) > 1:
        raise SchemaError(
            f"`class {name}` has two schema bases: {' and '.join(base.__name__ for base in schemas)}",
            hint="keep one; what it should share with others goes into a plain mixin class, as `Timestamps` is",
        )
    parent: Any = schemas[0]
    if "__schema__" in parent.__dict__:
        raise SchemaError(
            f"`class {name}` cannot inherit from the schema {parent.__name__}: a base class carries options only",
            hint="put shared members into a plain mixin class, and options on `class Base(Schema, abstract=True)`",
        )
    return parent, tuple(base for base in bases if base is not parent)


def _module_names(namespace: Mapping[str, Any]) -> Mapping[str, object]:
    module = sys.modules.get(str(namespace.get("__module__")))
    return {} if module is None else module.__dict__


def _annotations(
    mixins: tuple[type, ...],
    namespace: dict[str, Any],
    module_names: Mapping[str, object],
    local_names: Mapping[str, object],
) -> dict[str, notes.RawAnnotation]:
    """Read the members of the body, then those of the mixins, as Ecto's `timestamps()` come last; the nearest wins."""
    found = notes.read_annotations(namespace, module_names, local_names)
    for mixin in mixins:
        inherited: dict[str, notes.RawAnnotation] = {}
        for one in reversed(mixin.__mro__[:-1]):
            inherited.update(notes.read_class_annotations(one))
        found = {**found, **{name: raw for name, raw in inherited.items() if name not in found}}
    return found


def _abstract(
    metaclass: type[SchemaMeta],
    name: str,
    bases: tuple[type, ...],
    namespace: dict[str, Any],
    said: ClassOptions,
    raw: Mapping[str, notes.RawAnnotation],
) -> Any:
    if said.table is not None:
        raise SchemaError(f"`class {name}` is abstract, so it has no table", hint="drop `table=` or `abstract=True`")
    if raw:
        raise SchemaError(
            f"`class {name}` is abstract, so it has no members, and found `{next(iter(raw))}`",
            hint="members that several schemas share go into a plain mixin class, as `Timestamps` is",
        )
    return type.__new__(metaclass, name, bases, {**namespace, "__slots__": (), "__options__": said})


def _members(
    name: str, raw: Mapping[str, notes.RawAnnotation], values: Mapping[str, Any]
) -> tuple[dict[str, Declaration], dict[str, tuple[notes.RawAnnotation, AssociationOptions]]]:
    """Tell fields from associations, and refuse what is neither, with the line to write."""
    fields: dict[str, Declaration] = {}
    links: dict[str, tuple[notes.RawAnnotation, AssociationOptions]] = {}
    for member, one in raw.items():
        value = values.get(member, NOTHING)
        if one.head is Field:
            fields[member] = _declare(name, member, one, value)
        elif one.head in EMBEDS:
            fields[member] = declare_embed(name, one, value, given=value is not NOTHING)
        elif one.head in ASSOCIATIONS:
            links[member] = (one, checked_options(name, member, ASSOCIATIONS[one.head], one, value))
        else:
            raise SchemaError(
                f"`{name}.{member}: {one.text}` is no member of a schema",
                hint=f"write `{member}: Field[{one.text}]`, or `ClassVar[…]` for what is not stored",
            )
    for member, value in values.items():
        if isinstance(value, FieldOptions | AssociationOptions | EmbedOptions) and member not in raw:
            raise SchemaError(f"`{name}.{member}` has no annotation", hint=f"write `{member}: Field[…] = …`")
    return fields, links


def _declare(name: str, member: str, raw: notes.RawAnnotation, value: object) -> Declaration:
    argument_text = raw.argument if isinstance(raw.argument, str) else getattr(raw.argument, "__name__", None)
    if raw.argument is None:
        raise SchemaError(f"`{name}.{member}: Field` does not say its type", hint=f"write `{member}: Field[str]`")
    if argument_text == member:
        raise SchemaError(
            f"`{name}.{member}` has the name of its own type, which Python then cannot see",
            hint=f'name the member otherwise: `{member}_: Field[{member}] = field(source="{member}")`',
        )
    if member.startswith("_"):
        raise SchemaError(
            f"`{name}.{member}`: a member's name has no underscore in front",
            hint=f'write `{member.lstrip("_")}: Field[…] = field(source="{member}")`',
        )
    if value is NOTHING:
        return Declaration(member, raw.argument, raw.text, FieldOptions())
    if not isinstance(value, FieldOptions):
        raise SchemaError(
            f"`{name}.{member}` is set to {value!r:.60}", hint=f"write `{member}: {raw.text} = field(default=…)`"
        )
    return Declaration(member, raw.argument, raw.text, value)


def _slot(member: str, links: Mapping[str, object]) -> str:
    return f"_assoc_{member}" if member in links else member


def _slots(fields: Mapping[str, object], links: Mapping[str, object]) -> tuple[str, ...]:
    partial = ("_partial",) if links else ()
    return (*fields, *(_slot(link, links) for link in links), *partial, "_meta", "_frozen", "__weakref__")


def _scopes(
    module_names: Mapping[str, object],
    local_names: Mapping[str, object],
    raw: Mapping[str, notes.RawAnnotation],
    registry: Registry,
) -> Callable[[str], list[Mapping[str, object]]]:
    """Say where a member's names are looked up: those of a mixin in its own module first.

    Of the local names only those that an annotation mentions stay.
    """
    words = {word for one in raw.values() for word in _WORD.findall(one.text)}
    kept = {word: local_names[word] for word in words if word in local_names}
    general: list[Mapping[str, object]] = [kept, module_names, RegistryScope(registry)]
    of_mixins = {name: [one.names, *general] for name, one in raw.items() if one.names}
    return lambda member: of_mixins.get(member, general)


def _associate(
    info: SchemaInfo,
    leaf: Any,
    links: Mapping[str, tuple[notes.RawAnnotation, AssociationOptions]],
) -> None:
    made: dict[str, Association] = {}
    for name, (raw, options) in links.items():
        optional = notes.is_optional_text(raw.argument)
        association = Association(info, name, raw.argument, options, optional=bool(optional))
        check_members(info, association, raw)
        made[name] = association
        type.__setattr__(leaf, name, AssociationSlot(association, info.slots[name]))
    info.associations = made


def _attach(info: SchemaInfo, own: Any, leaf: Any) -> None:
    """Give the class its columns and paths, through data descriptors of its own metaclass."""
    source = TableSource(info, None)
    info.source = source
    info.excluded = TableSource(info, "excluded")
    for name, member in class_members(info, source).items():
        # A bound `dict.get` answers in C: no Python frame for each `User.name`.
        setattr(own, name, property({leaf: member}.get))
    # On the metaclass too: a struct must not be taken for its schema, as in `repo.delete_all(user)`.
    own.__source__ = source
    own.__params__ = ()
    own.__entity__ = source.entity


def class_members(info: SchemaInfo, source: TableSource) -> dict[str, object]:
    """Return what a schema class, or an alias of it, has for members: columns and paths over one source."""
    members: dict[str, object] = dict(source.columns)
    for name, association in info.associations.items():
        members[name] = Rel[Any, Any]((Hop(association, source),))
    return members


class EmbeddedSchema(Schema, abstract=True):
    """The base of schemas whose structs stand inside a column of another, as JSON: they have no table.

    A key is there only where one is declared, and is filled when the owner is written:
    `id: Field[UUID] = primary_key(autogenerate=uuid7)`. Lists recognise their entries by it. A changeset of an embedded
    schema also stands for a form that is not stored at all: `change(Signup).cast(params, …).apply_action("validate")`.

    Example:
        class Address(EmbeddedSchema):
            street: Field[str]
            city: Field[str]

        class User(Schema, table="users"):
            id: Field[int] = primary_key()
            address: EmbedsOne[Address | None] = embeds_one()
    """

    __slots__ = ()


cast("Any", EmbeddedSchema).__options__.embedded = True  # what its subclasses inherit
