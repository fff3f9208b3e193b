"""Fields: an expression on the class, a plain value on the instance, an option record in the class body."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack, cast, get_args, overload

from ectype.errors import SchemaError
from ectype.expr.operand import Column, Expr
from ectype.schema.columns import ColumnStructure
from ectype.schema.meta import FieldOptions, OnViolation, Writable
from ectype.types.base import FieldType
from ectype.types.custom import custom_of

T = TypeVar("T")
Owner = TypeVar("Owner")


class Frozen:
    """Nobody is one: its name stands in a checker's message when a member of a struct is assigned."""


class Field(Generic[T]):
    """The annotation of a schema's field: `name: Field[str]`.

    On the class it is a `Column`, on the instance the plain value. Only checkers use the descriptor: at run time the
    schema's metaclass gives the columns, and a slot holds the value.
    """

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> Column[Owner, T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object, owner: type[Any]) -> Any:
        """Give the column on the class, the value on the instance."""
        raise SchemaError("Field is an annotation of a schema's member")

    def __set__(self, instance: Frozen, value: T | Expr[Any, T]) -> None:
        """Refuse assignment; checkers take the constructor's parameter from `value`."""
        raise SchemaError("structs are frozen")


class FieldKeywords(TypedDict, total=False):
    """What every form of `field(…)` takes; `field` itself says what each means."""

    primary_key: bool
    source: str | None
    virtual: bool
    redact: bool | None
    scale: int | None
    autogenerate: Callable[[], object] | None
    read_after_writes: bool
    writable: Writable | None
    on_writable_violation: OnViolation | None
    load_in_query: bool
    db: ColumnStructure | None


@overload
def field(
    *, default: T, type: FieldType[T] | builtins.type[FieldType[T]] | None = ..., **options: Unpack[FieldKeywords]
) -> Field[T]: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    type: FieldType[T] | builtins.type[FieldType[T]] | None = ...,
    **options: Unpack[FieldKeywords],
) -> Field[T]: ...
@overload
def field(*, type: FieldType[T] | builtins.type[FieldType[T]], **options: Unpack[FieldKeywords]) -> Field[T]: ...
@overload
def field(**options: Unpack[FieldKeywords]) -> Any: ...
def field(
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    primary_key: bool = False,
    source: str | None = None,
    virtual: bool = False,
    redact: bool | None = None,
    scale: int | None = None,
    type: FieldType[Any] | builtins.type[FieldType[Any]] | None = None,  # noqa: A002  # what people write
    autogenerate: Callable[[], object] | None = None,
    read_after_writes: bool = False,
    writable: Writable | None = None,
    on_writable_violation: OnViolation | None = None,
    load_in_query: bool = True,
    db: ColumnStructure | None = None,
) -> Any:
    """Describe a field beyond its annotation.

    Args:
        default: what the constructor fills in; an immutable value.
        default_factory: makes the default anew for each struct, for lists and dicts.
        primary_key: part of the primary key, given by the caller (`primary_key()` is for generated keys).
        source: the column's name, where it differs from the member's and from what the base's `source_mapper` makes.
        virtual: in the struct and in changesets only, never stored.
        redact: hidden in `repr`, logs and errors; where it says nothing, the base's `redact` decides.
        scale: digits after the point of a Decimal that SQLite stores as a scaled INTEGER.
        type: what stores it, where the annotation does not say: `CIText`, `pg_enum(Role, name="role")`, a
            `CustomType` of your own, as a class or with its options. For a list, what stores its items.
        autogenerate: called at insert when the field has no value.
        read_after_writes: read back after each insert, update and delete, since the database changes it.
        writable: which writes may set it: `always`, `insert` for what never changes afterwards, `never` for what the
            database fills. Of changesets `insert`, `update` and `upsert` leave other changes out; `insert_all`,
            `update_all` and what `upsert` replaces by name refuse them.
        on_writable_violation: what is done about a change that is left out: `nothing`, `warn` or `raise`.
        load_in_query: whether a query that reads whole structs reads it too. Where it does not, the member stays unset
            unless it is selected by name or comes back from a write.
        db: what its column is in the database, for migrations: `column(type="numeric(12,2)")`. A generated column is
            never written.

    Raises:
        SchemaError: when options exclude each other.
    """
    has_default = default is not ...
    autogenerate = _generator(autogenerate, type)
    if has_default and default_factory is not None:
        raise SchemaError("a field has a `default` or a `default_factory`, not both")
    if has_default and isinstance(default, list | dict | set | bytearray):
        raise SchemaError(
            f"a default is shared by all structs, and {default!r:.60} can change",
            hint=f"write `field(default_factory={default.__class__.__name__})`",  # pyright: ignore[reportUnknownMemberType]
        )
    if virtual and (primary_key or autogenerate or read_after_writes or writable or not load_in_query or db):
        raise SchemaError(
            "a virtual field is never stored: it has no key, autogenerate, read_after_writes, writable, load_in_query "
            "or db"
        )
    if autogenerate is not None and read_after_writes:
        raise SchemaError("a field is generated here or read back from the database, not both")
    if primary_key and not load_in_query:
        raise SchemaError("a primary key is always read: without it a struct cannot be told from others")
    check_writing(writable, on_writable_violation)
    writable = _written(db, writable)
    if autogenerate is not None and writable not in (None, "always"):
        raise SchemaError(
            f'a field that is generated at insert is written, so it is not `writable="{writable}"`',
            hint="drop `autogenerate`, or `writable`; a moment that only an insert may set is "
            '`timestamp(writable="insert")`',
        )
    return FieldOptions(
        default=default if has_default else None,
        has_default=has_default,
        default_factory=default_factory,
        primary_key=primary_key,
        autogenerate=autogenerate,
        read_after_writes=read_after_writes,
        source=source,
        virtual=virtual,
        redact=redact,
        scale=scale,
        type=type,
        writable=writable,
        on_writable_violation=on_writable_violation,
        load_in_query=load_in_query,
        db=db,
    )


def _written(db: ColumnStructure | None, writable: Writable | None) -> Writable | None:
    """Return when a field is written: never, where the database computes it."""
    if db is not None and not isinstance(db, ColumnStructure):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise SchemaError(f"`db` of a field is what `column(…)` makes, got {db!r:.60}")
    if db is None or db.generated is None:
        return writable
    if writable not in (None, "never"):
        raise SchemaError(
            f'a generated column is computed by the database, so it is not `writable="{writable}"`',
            hint="drop `writable`",
        )
    return "never"


def check_writing(writable: object, on_writable_violation: object) -> None:
    """Raise SchemaError for a `writable` or an `on_writable_violation` that does not exist."""
    for option, value, known in (
        ("writable", writable, get_args(Writable)),
        ("on_writable_violation", on_writable_violation, get_args(OnViolation)),
    ):
        if value is not None and value not in known:
            raise SchemaError(
                f"`{option}` of a field is one of {', '.join(map(repr, known))}, got {value!r:.60}",
                hint=f'write `field({option}="{known[1]}")`',
            )


def _generator(given: Callable[[], object] | None, type_: Any) -> Callable[[], object] | None:
    """Return what makes a field's value at insert: what the field says, else what its custom type does."""
    if given is not None or getattr(type_, "autogenerate", None) is None:
        return given
    made: Any = custom_of(type_).autogenerate
    return cast("Callable[[], object]", made)


def primary_key(
    *,
    autogenerate: Callable[[], object] | None = None,
    source: str | None = None,
    type: FieldType[Any] | builtins.type[FieldType[Any]] | None = None,  # noqa: A002  # what people write
) -> Any:
    """Declare the primary key that the database fills, or `autogenerate` does, as in `id: Field[int] = …`.

    A key that the caller gives is `field(primary_key=True)`. `type` says what stores it, as `field(type=…)` does. What
    is not said here, the base says: `class Base(Schema, abstract=True, primary_key=primary_key(autogenerate=uuid7))`.
    """
    autogenerate = _generator(autogenerate, type)
    return FieldOptions(primary_key=True, generated=True, autogenerate=autogenerate, source=source, type=type)


def now() -> datetime:
    """Return the moment, aware, in UTC: the clock of timestamps that have none of their own."""
    return datetime.now(UTC)


def timestamp(
    *,
    on_update: bool = False,
    autogenerate: Callable[[], object] | None = None,
    source: str | None = None,
    type: FieldType[Any] | builtins.type[FieldType[Any]] | None = None,  # noqa: A002  # what people write
    writable: Literal["always", "insert"] | None = None,
    on_writable_violation: OnViolation | None = None,
) -> Any:
    """Declare a moment that the clock fills, under any name and with any clock.

    The `Timestamps` mixin has two; this is for others: under another name, only one of them, with another clock.
    Fields with one clock get the same value at an insert. A value that was given wins over the clock.

    Args:
        on_update: whether an update fills it too, when it has changes.
        autogenerate: the clock; it gives aware datetimes in UTC unless another one is named here or by the base.
        source: the column's name, where it differs from the member's.
        type: what stores it, as `field(type=…)`.
        writable: `insert` where no update may change it, even if told to.
        on_writable_violation: what is done about such a change, as in `field`.

    Raises:
        SchemaError: when updates both fill it and may not write it.

    Example:
        class Stamps:
            created_at: Field[datetime] = timestamp(source="created", writable="insert")
            changed_at: Field[datetime] = timestamp(on_update=True)
    """
    check_writing(writable, on_writable_violation)
    if writable not in (None, "always") and (on_update or writable != "insert"):
        raise SchemaError(
            f'a moment that the clock fills is written, so it is not `writable="{writable}"`',
            hint='write `timestamp(writable="insert")` for the moment of an insert, and nothing for that of an update',
        )
    clock = now if autogenerate is None else autogenerate
    return FieldOptions(
        autogenerate=clock,
        autoupdate=clock if on_update else None,
        insert_only=not on_update,
        source=source,
        type=type,
        writable=writable,
        on_writable_violation=on_writable_violation,
        moment=autogenerate is None,
    )
