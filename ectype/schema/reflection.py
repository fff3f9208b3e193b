"""What a schema says, as plain typed data: `reflect(User)`, for forms, documentation, exports and tests.

Nothing of it is a name on the schema class itself, so a schema may have members of any name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from ectype.errors import SchemaError, did_you_mean
from ectype.expr.operand import Attr
from ectype.schema.association_options import Kind
from ectype.schema.associations import Association, Cardinality
from ectype.schema.columns import ColumnStructure
from ectype.schema.members import field_name
from ectype.schema.meta import FieldInfo, OnViolation, SchemaInfo, Writable, schema_info
from ectype.schema.rel import Rel
from ectype.schema.schema import Of
from ectype.schema.structure import Structure
from ectype.schema.targets import related_table
from ectype.types.base import Type

M = TypeVar("M")

Filled: TypeAlias = Literal["default", "database", "program", "clock"]
"""Where the value of a field comes from that the constructor may omit: its default, the database at insert, a function
at insert, or the clock."""


@dataclass(frozen=True, slots=True)
class FieldReflection:
    """One field of a schema.

    Attributes:
        name: the member's name.
        column: the column's name in the database; None for a virtual field.
        type: how it is cast, dumped and loaded.
        nullable: whether it may be None.
        primary_key: whether it belongs to the primary key.
        filled: where its value comes from when nobody gives one; None when it must be given, or stays unset.
        filled_at_update: whether the clock fills it at updates too.
        writable: which writes may set it.
        on_writable_violation: what is done about a change that may not be written.
        read_after_writes: whether writes read it back.
        load_in_query: whether whole structs are read with it.
        redacted: whether its values are never shown.
        db: what its column is in the database beyond that, as `field(db=column(…))` says.
    """

    name: str
    column: str | None
    type: Type[Any]
    nullable: bool
    primary_key: bool
    filled: Filled | None
    filled_at_update: bool
    writable: Writable
    on_writable_violation: OnViolation
    read_after_writes: bool
    load_in_query: bool
    redacted: bool
    db: ColumnStructure | None

    @property
    def virtual(self) -> bool:
        """Whether it lives in structs and changesets only."""
        return self.column is None


@dataclass(frozen=True, slots=True)
class AssociationReflection:
    """One association of a schema.

    Attributes:
        name: the member's name.
        kind: `belongs_to`, `has_one`, `has_many` or `many_to_many`.
        cardinality: whether a struct has `one` related struct or `many`.
        related: the schema on the other side.
        table: the table of its rows: that of the schema, unless the association names another.
        owner_keys: the fields here that are compared; () where it follows others.
        related_keys: the fields there that are compared.
        optional: whether the one struct may be None.
        through: the names of the associations that it follows, in order, each of the schema before it.
        join_table: the table between, of a `many_to_many`.
        join_keys: its columns that point here, and those that point there.
    """

    name: str
    kind: Kind
    cardinality: Cardinality
    related: type[Any]
    table: str | None
    owner_keys: tuple[str, ...]
    related_keys: tuple[str, ...]
    optional: bool
    through: tuple[str, ...]
    join_table: str | None
    join_keys: tuple[tuple[str, ...], tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class SchemaReflection(Generic[M]):
    """What a schema says.

    Attributes:
        schema: the class.
        table: the table; None for a shape.
        prefix: the PostgreSQL schema or attached database of the table.
        primary_key: the names of the key's fields.
        fields: every field, virtual ones too, in order of declaration.
        associations: every association, in order of declaration.
        structure: what the table holds beyond its columns, as `structure` declares it; None where nothing does.
    """

    schema: type[M]
    table: str | None
    prefix: str | None
    primary_key: tuple[str, ...]
    fields: tuple[FieldReflection, ...]
    associations: tuple[AssociationReflection, ...]
    structure: Structure[M] | None

    @property
    def columns(self) -> tuple[FieldReflection, ...]:
        """The fields that are columns."""
        return tuple(one for one in self.fields if not one.virtual)

    def field(self, column: Attr[M, Any] | str) -> FieldReflection:
        """Return one field, by its column or its name. Raises SchemaError when there is none."""
        name = column if isinstance(column, str) else field_name(schema_info(self.schema), column)
        for one in self.fields:
            if one.name == name:
                return one
        known = [one.name for one in self.fields]
        raise SchemaError(f"field `{name}` does not exist in {self.schema.__name__}", hint=did_you_mean(name, known))

    def association(self, rel: Rel[M, Any] | str) -> AssociationReflection:
        """Return one association, by its path or its name. Raises SchemaError when there is none."""
        name = rel if isinstance(rel, str) else rel.hops[0].association.name
        for one in self.associations:
            if one.name == name:
                return one
        known = [one.name for one in self.associations]
        raise SchemaError(
            f"association `{name}` does not exist in {self.schema.__name__}", hint=did_you_mean(name, known)
        )


def reflect(model: Of[M]) -> SchemaReflection[M]:
    """Return what a schema says, as plain data that nothing can change. Forward references are resolved.

    Raises:
        SchemaError: for what is no schema, or an annotation that means nothing.

    Example:
        [field.column for field in reflect(User).columns]      # ["id", "name", "email"]
        reflect(User).field(User.email).redacted               # False
        reflect(User).association(User.posts).related          # Post
    """
    info = schema_info(model)
    associations = cast("dict[str, Association]", info.associations)
    return SchemaReflection(
        schema=cast("type[M]", info.schema),
        table=info.table,
        prefix=info.prefix,
        primary_key=info.primary_key,
        fields=tuple(_field(info, one) for one in info.fields.values()),
        associations=tuple(_association(one) for one in associations.values()),
        structure=info.structure,
    )


def _field(info: SchemaInfo, one: FieldInfo) -> FieldReflection:
    options = one.options
    return FieldReflection(
        name=one.name,
        column=None if options.virtual else one.source,
        type=one.type,
        nullable=one.nullable,
        primary_key=options.primary_key,
        filled=_filled(one),
        filled_at_update=options.autoupdate is not None,
        writable=options.writable or "always",
        on_writable_violation=options.on_writable_violation or "nothing",
        read_after_writes=options.read_after_writes,
        load_in_query=options.load_in_query,
        redacted=one.name in info.redacted,
        db=options.db,
    )


def _filled(one: FieldInfo) -> Filled | None:
    options = one.options
    if options.insert_only or options.autoupdate is not None:
        return "clock"
    if options.autogenerate is not None:
        return "program"
    if options.generated or options.read_after_writes:
        return "database"
    return "default" if options.has_default or options.default_factory is not None else None


def _association(one: Association) -> AssociationReflection:
    join = one.join
    return AssociationReflection(
        name=one.name,
        kind=one.kind,
        cardinality=one.cardinality,
        related=one.related.schema,
        table=related_table(one),
        owner_keys=() if one.follows else one.owner_keys,
        related_keys=() if one.follows else one.related_keys,
        optional=one.optional,
        through=tuple(step.name for step in one.steps),
        join_table=None if join is None else join.source.table,
        join_keys=None if join is None else (join.owner_keys, join.related_keys),
    )
