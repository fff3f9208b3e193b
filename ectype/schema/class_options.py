"""What a class statement says beside its members, `class Post(AppSchema, table="posts")`, and what its bases said.

A base that is itself a schema, `class AppSchema(Schema, abstract=True, …)`, carries these options for its subclasses,
each of which may say its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, cast

from ectype.errors import SchemaError
from ectype.schema.association_options import AssociationOptions, key_names
from ectype.schema.embedded_checks import refuse_table
from ectype.schema.fields import check_writing
from ectype.schema.meta import Declaration, FieldOptions, OnViolation
from ectype.schema.registry import Registry

KNOWN: Final = (
    "table",
    "prefix",
    "abstract",
    "registry",
    "primary_key",
    "foreign_key_type",
    "timestamps",
    "redact",
    "source_mapper",
    "on_writable_violation",
)
ALL_BUT_KEYS: Final = "all_except_primary_keys"
PROCESS: Final = Registry()
"""The registry of the schemas whose bases bring none."""


class ClassOptions:
    """What the class statement says, and what base classes said before it.

    Attributes:
        table: the table; None for a shape.
        abstract: whether the class only carries options.
        prefix: the PostgreSQL schema or attached database of the table.
        registry: where forward references are looked up last.
        primary_key: what a bare `primary_key()` stands for.
        foreign_key_type: what stores the keys of `belongs_to`, where their fields do not say it.
        timestamps: what `timestamp()` stands for, in the `Timestamps` mixin too.
        redact: `all_except_primary_keys`, or None.
        source_mapper: from the name of a field to that of its column.
        on_writable_violation: what is done about changes that may not be written.
        embedded: whether its structs stand inside columns of others.
    """

    __slots__ = (*KNOWN, "embedded")

    def __init__(self, name: str, parent: Any, options: dict[str, Any]) -> None:
        before: ClassOptions | None = getattr(parent, "__options__", None)
        for option in options:
            if option not in KNOWN:
                raise SchemaError(
                    f"`class {name}` does not know the option `{option}`",
                    hint=f"known options are: {', '.join(KNOWN)}",
                )

        self.embedded: bool = before is not None and before.embedded
        if self.embedded:
            refuse_table(name, options)

        def inherited(option: str) -> Any:
            return options.get(option, getattr(before, option, None))

        self.table: str | None = options.get("table")
        self.abstract: bool = options.get("abstract", False)
        self.prefix: str | None = inherited("prefix")
        self.registry: Registry = inherited("registry") or PROCESS
        self.primary_key: FieldOptions | None = inherited("primary_key")
        self.foreign_key_type: object = inherited("foreign_key_type")
        self.timestamps: FieldOptions | None = inherited("timestamps")
        self.redact: str | None = inherited("redact")
        self.source_mapper: Callable[[str], str] | None = inherited("source_mapper")
        self.on_writable_violation: OnViolation | None = inherited("on_writable_violation")
        self._check(name)

    def _check(self, name: str) -> None:
        for option, value, example in (
            ("table", self.table, "users"),
            ("prefix", self.prefix, "accounting"),
        ):
            if value is not None and (not isinstance(value, str) or not value):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
                raise SchemaError(f'the {option} of {name} is a name, got {value!r}: `{option}="{example}"`')
        key, stamps = cast("Any", self.primary_key), cast("Any", self.timestamps)
        if key is not None and not (isinstance(key, FieldOptions) and key.generated and key.source is None):
            raise SchemaError(
                f"`primary_key` of {name} says what a bare `primary_key()` stands for, got {key!r:.80}",
                hint="write `primary_key=primary_key(autogenerate=uuid7)`, without a source",
            )
        if stamps is not None and not (isinstance(stamps, FieldOptions) and stamps.insert_only and not stamps.source):
            raise SchemaError(
                f"`timestamps` of {name} says what a bare `timestamp()` stands for, got {stamps!r:.80}",
                hint="write `timestamps=timestamp(autogenerate=clock)`, without `on_update` and `source`",
            )
        if self.redact not in (None, ALL_BUT_KEYS):
            raise SchemaError(
                f'`redact` of {name} is "{ALL_BUT_KEYS}" or None, got {self.redact!r:.60}',
                hint="hide single fields with `field(redact=True)`",
            )
        if self.source_mapper is not None and not callable(self.source_mapper):
            raise SchemaError(
                f"`source_mapper` of {name} makes a column's name from that of a field, got {self.source_mapper!r:.60}",
                hint="write `source_mapper=str.upper`",
            )
        check_writing(None, self.on_writable_violation)

    def applied(
        self, name: str, fields: dict[str, Declaration], links: Iterable[tuple[str, AssociationOptions]]
    ) -> dict[str, Declaration]:
        """Return the fields with what their declarations leave to the class.

        Raises:
            SchemaError: when two keys are filled by the database, or two fields are one column.
        """
        keys = {key for member, options in links for key in _keys_here(member, options)}
        made = {one.name: replace(one, options=self._options(name, one, keys)) for one in fields.values()}
        numbered = [one.name for one in made.values() if one.options.generated and one.options.autogenerate is None]
        if len(numbered) > 1:
            raise SchemaError(
                f"the database fills one key of {name}, and {' and '.join(f'`{one}`' for one in numbered)} are both "
                "`primary_key()`",
                hint=f"write `{numbered[1]}: Field[…] = field(primary_key=True)` for a key that the caller gives",
            )
        self._check_columns(name, made)
        return made

    def _options(self, name: str, one: Declaration, keys: set[str]) -> FieldOptions:
        options = one.options
        if options.generated and self.primary_key is not None and not options.autogenerate and options.type is None:
            options = replace(options, autogenerate=self.primary_key.autogenerate, type=self.primary_key.type)
        if self.timestamps is not None and (options.insert_only or options.autoupdate is not None):
            options = _stamped(options, self.timestamps)
        if one.name in keys and options.type is None:
            options = replace(options, type=self.foreign_key_type)
        if options.redact is None:
            options = replace(options, redact=self.redact == ALL_BUT_KEYS and not options.primary_key)
        if options.on_writable_violation is None:
            options = replace(options, on_writable_violation=self.on_writable_violation)
        if options.source is None and self.source_mapper is not None and not options.virtual:
            options = replace(options, source=self._mapped(name, one.name))
        return options

    def _mapped(self, name: str, field: str) -> str:
        assert self.source_mapper is not None  # its caller has seen to it
        made: Any = self.source_mapper(field)
        if not isinstance(made, str) or not made:
            raise SchemaError(
                f"the `source_mapper` of {name} gave {made!r:.60} for `{field}`",
                hint="it returns the name of a column; say it for the field alone with `field(source=…)`",
            )
        return made

    @staticmethod
    def _check_columns(name: str, fields: dict[str, Declaration]) -> None:
        seen: dict[str, str] = {}
        for one in fields.values():
            if one.options.virtual:
                continue
            column = one.options.source or one.name
            first = seen.setdefault(column, one.name)
            if first != one.name:
                raise SchemaError(
                    f"`{first}` and `{one.name}` of {name} are both the column `{column}`",
                    hint="a column has one field; drop one of them, or its `source`",
                )


def _stamped(options: FieldOptions, given: FieldOptions) -> FieldOptions:
    """Return the options of a timestamp, where it says nothing those of its base."""
    if options.moment and not given.moment:
        clock = given.autogenerate
        options = replace(
            options, autogenerate=clock, autoupdate=None if options.autoupdate is None else clock, moment=False
        )
    if options.insert_only and options.writable is None:
        options = replace(options, writable=given.writable)
    if options.on_writable_violation is None:
        options = replace(options, on_writable_violation=given.on_writable_violation)
    return options if options.type is not None else replace(options, type=given.type)


def _keys_here(member: str, options: AssociationOptions) -> tuple[str, ...]:
    if options.kind != "belongs_to":
        return ()
    return key_names(options.foreign_key) or (f"{member}_id",)
