"""What is known of a schema, as plain data: its fields, its keys, its associations, and where a struct came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, Protocol, TypeAlias, cast

from ectype.errors import CastError, SchemaError, did_you_mean
from ectype.expr.nodes import Root
from ectype.schema.columns import ColumnStructure
from ectype.types import annotations as notes
from ectype.types import resolve
from ectype.types.base import Type
from ectype.types.temporal import DateTime


class UnknownMemberError(SchemaError, AttributeError):
    """An alias of a schema was asked for a member that the schema does not have."""


State: TypeAlias = Literal["built", "loaded", "deleted"]
Writable: TypeAlias = Literal["always", "insert", "never"]
"""When a field may be written."""
OnViolation: TypeAlias = Literal["nothing", "warn", "raise"]
"""What is done about a change that may not be written: it is left out, with a warning, or refused."""


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a struct came from: made by the constructor, loaded from a row, or deleted since.

    Attributes:
        state: `built`, `loaded` or `deleted`.
        source: the table.
        prefix: the PostgreSQL schema or the attached database, None for the default.
    """

    state: State
    source: str | None
    prefix: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy to the one Meta with these values."""
        return intern_meta, (self.state, self.source, self.prefix)


@cache
def intern_meta(state: State, source: str | None, prefix: str | None = None) -> Meta:
    """Return the one Meta with these values; a million rows share it."""
    return Meta(state, source, prefix)


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """What `field(…)`, `primary_key(…)` and `timestamp(…)` say about a member; None where its schema decides."""

    default: object = None
    has_default: bool = False
    default_factory: Callable[[], object] | None = None
    primary_key: bool = False
    generated: bool = False
    autogenerate: Callable[[], object] | None = None
    autoupdate: Callable[[], object] | None = None
    insert_only: bool = False
    read_after_writes: bool = False
    source: str | None = None
    virtual: bool = False
    redact: bool | None = None
    scale: int | None = None
    type: object = None
    writable: Writable | None = None
    on_writable_violation: OnViolation | None = None
    load_in_query: bool = True
    moment: bool = False
    db: ColumnStructure | None = None


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a schema.

    Attributes:
        name: the member's name in Python.
        source: the column's name in the database.
        type: how it is cast, dumped and loaded.
        nullable: whether the annotation admits None.
        options: what its declaration says.
    """

    name: str
    source: str
    type: Type[Any]
    nullable: bool
    options: FieldOptions


@dataclass(frozen=True, slots=True)
class Declaration:
    """A member as the class body gives it: the annotation is read at first use, its text at once.

    `embed` is how it holds structs of an embedded schema, None for a plain field.
    """

    name: str
    argument: object
    text: str
    options: FieldOptions
    embed: Embedding | None = None


class Embedding(Protocol):
    """What a class body says of an embed, and how the type of its column is made from the annotation."""

    def column(self, node: Any) -> Any:
        """Return the column that it is in queries."""
        ...

    def type_of(self, owner: SchemaInfo, member: Declaration, annotation: Any) -> tuple[Type[Any], bool]:
        """Return the type, and whether its column may be NULL."""
        ...


class SchemaInfo:
    """The reflection of one schema: `User.__schema__`.

    Names are known when the class is made; types and associations are resolved at first use, since they may mention
    what is defined later.

    Attributes:
        name: the class's name.
        table: the table's name, or None for a shape.
        prefix: the default prefix.
        field_names: all members that hold a value, virtual ones too, in order of declaration.
        column_names: those that are columns.
        primary_key: the names of the primary key's columns.
        unwritable: by `insert` and `update`, the columns that it leaves alone.
        unread: the columns that are read only where they are asked for.
        associations: by name; each resolves its schema at first use.
        schemaless: whether it stands for the fields of a changeset over a mapping, which are named by text.
        attributes: the name of each slot, with that of the attribute by which a struct gives it.
        blank: the changeset of a new struct, where all of its defaults can be shared.
        casts: how the params of a changeset are cast, by the columns that are permitted.
        passes: the validations that changesets went through, by what they were told.
        relations: its relations as changesets know them, by name, each since its first use.
        structure: what its table holds beyond the columns, once it was declared.
        parts: its members as they stand inside a document, where it is embedded, since their first use.
        reader: returns what an insert sends of a struct, since its first.
        maker: makes the struct that a write returns, since its first.
        embedded: whether its structs stand inside columns of others.
        embeds: the names of the members that hold structs of embedded schemas.
    """

    schemaless = False

    def __init__(
        self,
        *,
        schema: type[Any],
        table: str | None,
        prefix: str | None,
        declarations: Mapping[str, Declaration],
        associations: Mapping[str, Any],
        scopes: Callable[[str], list[Mapping[str, object]]],
        registry: Any,
        embedded: bool = False,
    ) -> None:
        self.schema = schema
        self.name = schema.__name__
        self.table = table
        self.prefix = prefix
        self.declarations = declarations
        self.associations = associations
        self.scopes = scopes
        self.registry = registry
        self.embedded = embedded
        self.embeds = tuple(name for name, one in declarations.items() if one.embed is not None)
        self.root = Root()
        self.aliases: dict[str, Any] = {}
        self.field_names = tuple(declarations)
        self.column_names = tuple(name for name, one in declarations.items() if not one.options.virtual)
        self.virtual_names = tuple(name for name, one in declarations.items() if one.options.virtual)
        self.primary_key = tuple(name for name, one in declarations.items() if one.options.primary_key)
        self.redacted = frozenset(name for name, one in declarations.items() if one.options.redact)
        self.unwritable: dict[str, frozenset[str]] = {
            "insert": frozenset(name for name, one in declarations.items() if one.options.writable == "never"),
            "update": frozenset(
                name for name, one in declarations.items() if one.options.writable in ("insert", "never")
            ),
        }
        self.unread = frozenset(name for name, one in declarations.items() if not one.options.load_in_query)
        self.autogenerated = tuple(
            (n, d.options.autogenerate) for n, d in declarations.items() if d.options.autogenerate
        )
        self.autoupdated = tuple((n, d.options.autoupdate) for n, d in declarations.items() if d.options.autoupdate)
        self.defaults = tuple((n, d.options) for n, d in declarations.items() if _fills(d.options))
        self.built = intern_meta("built", table, prefix)
        self.loaded = intern_meta("loaded", table, prefix)
        self.deleted = intern_meta("deleted", table, prefix)
        self.twin: type[Any] = schema
        self.slots: dict[str, Any] = {}
        self.attributes: tuple[tuple[str, str], ...] = ()
        self.blank: Any = None
        self.casts: dict[tuple[Any, ...], Any] = {}
        self.passes: dict[tuple[Any, ...], Any] = {}
        self.relations: dict[str, Any] = {}
        self.parts: Any = None
        self.reader: Any = None
        self.maker: Any = None
        self.source: Any = None
        self.excluded: Any = None
        self.structure: Any = None

    @cached_property
    def fields(self) -> dict[str, FieldInfo]:
        """Every field with its type, by name. Raises SchemaError for an annotation that means nothing."""
        return {name: self._field(one) for name, one in self.declarations.items()}

    @cached_property
    def mutable_names(self) -> tuple[str, ...]:
        """The columns whose loaded value is a list or a dict; a struct keeps their originals in `_frozen`."""
        return tuple(name for name in self.column_names if self.fields[name].type.mutable)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The columns whose values are not shown: those that are redacted, and documents in which something is."""
        secret = {name for name in self.embeds if cast("Any", self.fields[name].type).secret}
        return self.redacted | secret if secret else self.redacted

    @cached_property
    def letting_go(self) -> tuple[str, ...]:
        """The associations whose `on_delete` says what happens to their rows first."""
        return tuple(name for name, one in self.associations.items() if one.options.on_delete != "nothing")

    @cached_property
    def insert_only(self) -> frozenset[str]:
        """The columns that an upsert leaves alone unless named: generated keys, and what only an insert fills."""
        return frozenset(
            name for name, one in self.declarations.items() if one.options.generated or one.options.insert_only
        )

    @cached_property
    def read_back(self) -> tuple[str, ...]:
        """The columns that the database fills and that a write reads back when they were not sent."""
        return tuple(
            name
            for name, one in self.declarations.items()
            if (one.options.generated and not one.options.autogenerate) or one.options.read_after_writes
        )

    def _field(self, one: Declaration) -> FieldInfo:
        try:
            annotation = notes.evaluate(one.argument, self.scopes(one.name))
            if one.embed is None:
                type_, nullable = resolve.field_type(annotation, scale=one.options.scale, given=one.options.type)
            else:
                type_, nullable = one.embed.type_of(self, one, annotation)
        except SchemaError as exc:
            exc.add_note(f"in the field `{self.name}.{one.name}: {one.text}`")
            raise
        if one.options.moment and one.options.type is None and type_.__class__ is not DateTime:
            raise SchemaError(
                f"`{self.name}.{one.name}: {one.text}` is filled by the clock, which gives aware datetimes",
                hint=f"give it a clock of its own: `{one.name}: {one.text} = timestamp(autogenerate=…)`",
            )
        if one.options.has_default:
            self._check_default(one, type_, nullable=nullable)
        return FieldInfo(one.name, one.options.source or one.name, type_, nullable, one.options)

    def _check_default(self, one: Declaration, type_: Type[Any], *, nullable: bool) -> None:
        """Raise SchemaError for a default that its own field could not hold."""
        default, label = one.options.default, f"`{self.name}.{one.name}: {one.text}`"
        if default is None:
            if not nullable:
                raise SchemaError(
                    f"{label} is never None, and its default is",
                    hint=f"write `{one.name}: Field[… | None]`, or leave the default out",
                )
            return
        if one.options.virtual:
            return
        try:
            type_.codec("postgres").dump(default)
        except CastError as exc:
            shown = "is of another type" if one.options.redact else f"does not fit: {exc.args[0]}"
            raise SchemaError(f"the default of {label} {shown}", hint="give it a value of the field's type") from None

    def field(self, name: str) -> FieldInfo:
        """Return a field. Raises SchemaError with the closest name when there is none."""
        try:
            return self.fields[name]
        except KeyError:
            raise SchemaError(f"field `{name}` does not exist in {self.name}", hint=self.suggest(name)) from None

    def association(self, name: str) -> Any:
        """Return an association. Raises SchemaError with the closest name when there is none."""
        try:
            return self.associations[name]
        except KeyError:
            raise SchemaError(f"association `{name}` does not exist in {self.name}", hint=self.suggest(name)) from None

    def suggest(self, name: str) -> str:
        """Return the hint for a name that this schema does not have."""
        return did_you_mean(name, [*self.field_names, *self.associations])

    def __repr__(self) -> str:
        return f"<schema {self.name}>"


def _fills(options: FieldOptions) -> bool:
    return options.has_default or options.default_factory is not None


def schema_info(schema: object) -> SchemaInfo:
    """Return what is known of a schema class or an alias of one. Raises SchemaError for anything else."""
    info = getattr(schema, "__schema__", None)
    if info.__class__ is SchemaInfo and cast("Any", info).schema is schema:
        return cast("SchemaInfo", info)
    if not isinstance(info, SchemaInfo) or hasattr(schema.__class__, "__schema__"):
        raise SchemaError(
            f"a schema class was expected, got {schema!r:.80}",
            hint="declare it as `class User(Schema, table='users'): …` and pass the class, not an instance of it",
        )
    return info


def struct_info(struct: object) -> SchemaInfo:
    """Return what is known of a struct's schema. Raises SchemaError when it is no struct."""
    info = getattr(struct.__class__, "__schema__", None)
    if not isinstance(info, SchemaInfo):
        what = "a struct of the schema, not the class" if isinstance(struct, type) else "a struct of a schema"
        raise SchemaError(
            f"a struct of a schema was expected, got {struct!r:.80}", hint=f"give {what}, as `User(name=…)` makes one"
        )
    return info


def meta(struct: object) -> Meta:
    """Return a struct's state, source and prefix."""
    info = struct_info(struct)
    return cast("Meta", getattr(struct, "_meta", info.loaded))
