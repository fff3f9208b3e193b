"""Fields: an expression on the class, a plain value on the instance, an option record in the class body."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from ectype.errors import SchemaError
from ectype.expr.operand import Column, Expr
from ectype.schema.meta import FieldOptions

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
        autogenerate: called at insert when the field has no value.
        read_after_writes: read back after each insert and update, since the database changes it.

    Raises:
        SchemaError: when options exclude each other.
    """
    has_default = default is not ...
    if has_default and default_factory is not None:
        raise SchemaError("a field has a `default` or a `default_factory`, not both")
    if has_default and isinstance(default, list | dict | set | bytearray):
        raise SchemaError(
            f"a default is shared by all structs, and {default!r:.60} can change",
            hint=f"write `field(default_factory={type(default).__name__})`",  # pyright: ignore[reportUnknownArgumentType]
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
    )


def primary_key(*, autogenerate: Callable[[], object] | None = None, source: str | None = None) -> Any:
    """Declare the primary key that the database fills, or `autogenerate` does, as in `id: Field[int] = …`.

    A key that the caller gives is `field(primary_key=True)`.
    """
    return FieldOptions(primary_key=True, generated=True, autogenerate=autogenerate, source=source)


def timestamp(now: Callable[[], object], *, on_update: bool) -> Any:
    """Declare a field that the clock fills at insert, and at update too when `on_update`."""
    return FieldOptions(autogenerate=now, autoupdate=now if on_update else None, insert_only=not on_update)
