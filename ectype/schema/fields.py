"""Fields: an expression on the class, a plain value on the instance, an option record in the class body."""

import builtins
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast, overload

from ectype.errors import SchemaError
from ectype.expr.operand import Column, Expr
from ectype.schema.meta import FieldOptions
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


@overload
def field(
    *,
    default: T,
    primary_key: bool = ...,
    source: str | None = ...,
    virtual: bool = ...,
    redact: bool = ...,
    scale: int | None = ...,
    type: FieldType[T] | builtins.type[FieldType[T]] | None = ...,
    autogenerate: Callable[[], object] | None = ...,
    read_after_writes: bool = ...,
) -> Field[T]: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    primary_key: bool = ...,
    source: str | None = ...,
    virtual: bool = ...,
    redact: bool = ...,
    scale: int | None = ...,
    type: FieldType[T] | builtins.type[FieldType[T]] | None = ...,
    autogenerate: Callable[[], object] | None = ...,
    read_after_writes: bool = ...,
) -> Field[T]: ...
@overload
def field(
    *,
    type: FieldType[T] | builtins.type[FieldType[T]],
    primary_key: bool = ...,
    source: str | None = ...,
    virtual: bool = ...,
    redact: bool = ...,
    scale: int | None = ...,
    autogenerate: Callable[[], object] | None = ...,
    read_after_writes: bool = ...,
) -> Field[T]: ...
@overload
def field(
    *,
    primary_key: bool = ...,
    source: str | None = ...,
    virtual: bool = ...,
    redact: bool = ...,
    scale: int | None = ...,
    autogenerate: Callable[[], object] | None = ...,
    read_after_writes: bool = ...,
) -> Any: ...
def field(
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    primary_key: bool = False,
    source: str | None = None,
    virtual: bool = False,
    redact: bool = False,
    scale: int | None = None,
    type: FieldType[Any] | builtins.type[FieldType[Any]] | None = None,  # noqa: A002  # what people write
    autogenerate: Callable[[], object] | None = None,
    read_after_writes: bool = False,
) -> Any:
    """Describe a field beyond its annotation.

    Args:
        default: what the constructor fills in; an immutable value.
        default_factory: makes the default anew for each struct, for lists and dicts.
        primary_key: part of the primary key, given by the caller (`primary_key()` is for generated keys).
        source: the column's name, where it differs from the member's.
        virtual: in the struct and in changesets only, never stored.
        redact: hidden in `repr`, logs and errors.
        scale: digits after the point of a Decimal that SQLite stores as a scaled INTEGER.
        type: what stores it, where the annotation does not say: `CIText`, `pg_enum(Role, name="role")`, a
            `CustomType` of your own, as a class or with its options. For a list, what stores its items.
        autogenerate: called at insert when the field has no value.
        read_after_writes: read back after each insert and update, since the database changes it.

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
    if virtual and (primary_key or autogenerate is not None or read_after_writes):
        raise SchemaError("a virtual field is never stored: it has no key, autogenerate or read_after_writes")
    if autogenerate is not None and read_after_writes:
        raise SchemaError("a field is generated here or read back from the database, not both")
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

    A key that the caller gives is `field(primary_key=True)`. `type` says what stores it, as `field(type=…)` does.
    """
    autogenerate = _generator(autogenerate, type)
    return FieldOptions(primary_key=True, generated=True, autogenerate=autogenerate, source=source, type=type)


def timestamp(now: Callable[[], object], *, on_update: bool) -> Any:
    """Declare a field that the clock fills at insert, and at update too when `on_update`."""
    return FieldOptions(autogenerate=now, autoupdate=now if on_update else None, insert_only=not on_update)
