"""What the depot keeps: distributions with their files, requirements and entry points, and what each scan saw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    Schema,
    Timestamps,
    belongs_to,
    change,
    field,
    has_many,
    primary_key,
)


class Distribution(Schema, Timestamps, table="distributions"):
    """An installed distribution, found by its normalised name."""

    id: Field[int] = primary_key()
    name: Field[str]
    version: Field[str]
    summary: Field[str | None] = field(default=None)
    keywords: Field[list[str]] = field(default_factory=list)
    size: Field[int] = field(default=0)
    files: HasMany[File] = has_many()
    requirements: HasMany[Requirement] = has_many()
    entry_points: HasMany[EntryPoint] = has_many()

    @staticmethod
    def changeset(struct: Distribution | type[Distribution], params: Mapping[str, object]) -> Changeset[Distribution]:
        """Take what a scan found; metadata comes from strangers, so it is checked like a form."""
        checked = (Distribution.name, Distribution.version, Distribution.summary, Distribution.size)
        return (
            change(struct)
            .cast(params, *checked, Distribution.keywords)
            .validate_required(Distribution.name, Distribution.version)
            .validate_format(Distribution.name, r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
            .validate_length(Distribution.version, max=120)
            .validate_number(Distribution.size, greater_than_or_equal_to=0)
            .unique_constraint(Distribution.name)
        )


class File(Schema, table="files"):
    """A file that a distribution installed."""

    id: Field[int] = primary_key()
    path: Field[str]
    suffix: Field[str]
    size: Field[int]
    distribution_id: Field[int]
    distribution: BelongsTo[Distribution] = belongs_to()


class Requirement(Schema, table="requirements"):
    """What a distribution asks for, by normalised name; `extra` when only an optional feature needs it."""

    id: Field[int] = primary_key()
    name: Field[str]
    specifier: Field[str]
    extra: Field[bool] = field(default=False)
    distribution_id: Field[int]
    distribution: BelongsTo[Distribution] = belongs_to()


class EntryPoint(Schema, table="entry_points"):
    """A name that a distribution offers to others, as `console_scripts`."""

    id: Field[int] = primary_key()
    group: Field[str] = field(source="entry_group")
    name: Field[str]
    value: Field[str]
    distribution_id: Field[int]
    distribution: BelongsTo[Distribution] = belongs_to()


class Kind(StrEnum):
    """What happened to a distribution between two scans."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Scan(Schema, table="scans"):
    """One look at the environment."""

    id: Field[int] = primary_key()
    started_at: Field[datetime]
    distributions: Field[int]
    files: Field[int]
    size: Field[int]
    changes: HasMany[Change] = has_many()


class Change(Schema, table="changes"):
    """A difference between a scan and the one before it."""

    id: Field[int] = primary_key()
    kind: Field[Kind]
    name: Field[str]
    before: Field[str | None] = field(default=None)
    after: Field[str | None] = field(default=None)
    scan_id: Field[int]
    scan: BelongsTo[Scan] = belongs_to()


class Weight(Schema):
    """A shape: what a distribution weighs."""

    name: Field[str]
    version: Field[str]
    files: Field[int]
    size: Field[int]


class Need(Schema):
    """A shape: a distribution that is needed, and how many steps away."""

    id: Field[int]
    name: Field[str]
    depth: Field[int]


class SuffixLine(Schema):
    """A shape: the files of one suffix, and their place among all."""

    suffix: Field[str]
    files: Field[int]
    size: Field[int]
    rank: Field[int]
