"""What is written: enums, classes, their members, and what is left out with the reason. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ectype.migrations.scaffold.column_types import Imports

RESERVED_MEMBERS: Final = frozenset(
    {"int", "str", "bool", "float", "bytes", "dict", "list", "date", "time", "datetime", "timedelta"}
    | {"field", "primary_key", "belongs_to", "has_one", "has_many", "many_to_many", "pg_enum", "self", "mro"}
)
"""What the text of a class mentions: a member of that name would be taken for it."""
RESERVED_CLASSES: Final = frozenset(
    {"Any", "Annotated", "Decimal", "StrEnum", "TYPE_CHECKING", "UUID"}
    | {
        "IPv4Address",
        "IPv4Network",
        "IPv6Address",
        "IPv6Network",
        "Interval",
        "MacAddress",
        "CIText",
        "Range",
        "Vector",
    }
    | {"Field", "Schema", "Timestamps", "BelongsTo", "HasMany", "HasOne", "ManyToMany"}
)
"""What a module of schemas may import."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of the database is in no schema, and why: a column, or an association by its columns."""

    table: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class EnumPlan:
    """An enum class: its members by name, each with its label."""

    name: str
    members: tuple[tuple[str, str], ...]
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A line of a class: `name: annotation = call(options)`.

    Attributes:
        call: `field`, `primary_key`, `has_many` …; empty for a bare annotation.
        comments: what stands above it.
        imports: what the line mentions, the schemas and enums of the database excepted.
        schema: the class that an association leads to.
        enum: the enum class that the line needs.
    """

    name: str
    annotation: str
    call: str = ""
    options: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    imports: Imports = ()
    schema: str | None = None
    enum: str | None = None


@dataclass(slots=True)
class ClassPlan:
    """A schema class, while its members are found.

    Attributes:
        name: the class.
        table: its table.
        prefix: the schema that the table stands in, None for the default.
        comment: what the database says of the table.
        timestamps: whether `Timestamps` brings two of the columns.
        notes: what is left out, as comments.
        fields: the members that hold columns.
        links: its associations.
        by_column: the member of each column; a column that is left out has none.
        key: the members of its primary key, in order.
        taken: all names of members.
    """

    name: str
    table: str
    prefix: str | None = None
    comment: str | None = None
    timestamps: bool = False
    notes: list[str] = field(default_factory=list[str])
    fields: list[Member] = field(default_factory=list[Member])
    links: list[Member] = field(default_factory=list[Member])
    by_column: dict[str, str] = field(default_factory=dict[str, str])
    key: tuple[str, ...] = ()
    taken: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is written, and all that is not."""

    enums: tuple[EnumPlan, ...]
    classes: tuple[ClassPlan, ...]
    left_out: tuple[LeftOut, ...]
