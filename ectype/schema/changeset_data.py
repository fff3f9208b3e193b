"""What a changeset holds and how it is read; the functions that change it each make a new one from a draft."""

from collections.abc import Callable, Mapping
from types import EllipsisType, MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, overload

from ectype.errors import FrozenError
from ectype.expr.operand import Attr, Column
from ectype.schema.constraint import Constraint
from ectype.schema.field_error import Error, FieldError
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.stored_value import base_value
from ectype.types.base import Type

M = TypeVar("M")
T = TypeVar("T")
D = TypeVar("D")
C = TypeVar("C", bound="ChangesetData[Any]")

View: TypeAlias = MappingProxyType[str, Any]


class Validation(NamedTuple):
    """One validation that a changeset went through, for forms and documentation.

    Attributes:
        field: the field's name.
        kind: `length`, `format`, `number`, … as in the metadata of its errors.
        options: what it was told: the pattern of a format, the values of an inclusion, else pairs as `("min", 3)`.
    """

    field: str
    kind: str
    options: Any


class _Storage:
    __slots__ = (
        "action",
        "changes",
        "constraints",
        "data",
        "errors",
        "info",
        "params",
        "required",
        "uncast",
        "valid",
        "validations",
    )


class Draft(_Storage):
    """A changeset that is being made: the only form that can be written to. `sealed` ends it."""

    __slots__ = ()

    action: str | None
    changes: View
    constraints: tuple[Constraint, ...]
    data: Any
    errors: tuple[FieldError, ...]
    info: SchemaInfo
    params: View | None
    required: tuple[str, ...]
    uncast: tuple[str, ...]
    valid: bool
    validations: tuple[Validation, ...]


class ChangesetData(_Storage, Generic[M]):
    """The values of a changeset, and all that only reads them. `Changeset` is the class that people meet."""

    __slots__ = ()

    if TYPE_CHECKING:  # the slots hold them; checkers see that they are read-only

        @property
        def action(self) -> str | None:
            """What the repo was asked to do (`insert`, `update`, `delete`), or what `apply_action` was given."""
            ...

        @property
        def changes(self) -> View:
            """The new values by field, read-only. What equals the struct's value is no change."""
            ...

        @property
        def constraints(self) -> tuple[Constraint, ...]:
            """What the database shall check."""
            ...

        @property
        def data(self) -> M:
            """The struct that is changed."""
            ...

        @property
        def errors(self) -> tuple[FieldError, ...]:
            """Pairs of a key, mostly a field's name, and its `Error`, in the order in which they were added."""
            ...

        @property
        def info(self) -> SchemaInfo:
            """What is known of the struct's schema."""
            ...

        @property
        def params(self) -> View | None:
            """What `cast` was given, by name, read-only; None before."""
            ...

        @property
        def required(self) -> tuple[str, ...]:
            """The fields of `validate_required`."""
            ...

        @property
        def uncast(self) -> tuple[str, ...]:
            """The fields whose cast has failed: validations leave them alone."""
            ...

        @property
        def valid(self) -> bool:
            """Whether nothing was refused."""
            ...

        @property
        def validations(self) -> tuple[Validation, ...]:
            """What was validated, and how, in order."""
            ...

    def __setattr__(self, name: str, value: object) -> None:
        raise _frozen(name)

    def __delattr__(self, name: str) -> None:
        raise _frozen(name)

    @overload
    def get_field(self, column: Attr[M, T]) -> T | None: ...
    @overload
    def get_field(self, column: Attr[M, T], default: D) -> T | D: ...
    def get_field(self, column: Attr[Any, Any], default: Any = None) -> Any:
        """Return the change of a field, else the struct's value, else `default` when it is unset.

        Raises:
            SchemaError: for a column of another schema.
        """
        name = field_name(self.info, column)
        if name in self.changes:
            return self.changes[name]
        return getattr(self.data, name, default)

    @overload
    def get_change(self, column: Attr[M, T]) -> T | None: ...
    @overload
    def get_change(self, column: Attr[M, T], default: D) -> T | D: ...
    def get_change(self, column: Attr[Any, Any], default: Any = None) -> Any:
        """Return the change of a field, or `default` when there is none.

        Raises:
            SchemaError: for a column of another schema.
        """
        return self.changes.get(field_name(self.info, column), default)

    def changed(self, column: Column[M, T], *, from_: T | EllipsisType = ..., to: T | EllipsisType = ...) -> bool:
        """Whether a field has a change; with `from_` or `to`, whether it goes from or to that value.

        Values are compared as their type compares them: `Decimal("1.0")` is `Decimal("1.00")`. A member that is unset
        counts as None.

        Raises:
            SchemaError: for a column of another schema.
        """
        name = field_name(self.info, column)
        if name not in self.changes:
            return False
        field = self.info.fields[name]
        return (from_ is ... or same(field.type, base_value(self.data, field), from_)) and (
            to is ... or same(field.type, self.changes[name], to)
        )

    @overload
    def traverse_errors(self) -> dict[str, Any]: ...
    @overload
    def traverse_errors(self, function: Callable[[Error], object]) -> dict[str, Any]: ...
    def traverse_errors(self, function: Callable[[Error], object] = str) -> dict[str, Any]:
        """Return the errors by field, each field's in the order in which they were added.

        Args:
            function: what becomes of each error, as a translation; its text with the gaps filled when not given.

        Example:
            `changeset.traverse_errors()` gives `{"email": ["has invalid format"]}`
        """
        found: dict[str, list[object]] = {}
        for key, error in self.errors:
            found.setdefault(key, []).append(function(error))
        return found

    def __repr__(self) -> str:
        changes = ", ".join(
            f"{name!r}: {'<redacted>' if name in self.info.redacted else repr(value)}"
            for name, value in self.changes.items()
        )
        return (
            f"<Changeset of {self.info.name}: action={self.action!r}, changes={{{changes}}}, "
            f"errors={self.errors!r}, valid={self.valid}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        values = {name: getattr(self, name) for name in _Storage.__slots__ if name != "info"}
        values["changes"] = dict(self.changes)
        values["params"] = None if self.params is None else dict(self.params)
        return _restored, (self.__class__, values)


EMPTY: Final[View] = MappingProxyType({})
new: Callable[[type[Draft]], Draft] = object.__new__


def begun(data: Any, info: SchemaInfo) -> Draft:
    """Return the draft of a changeset without changes."""
    made = new(Draft)
    made.action = None
    made.changes = EMPTY
    made.constraints = ()
    made.data = data
    made.errors = ()
    made.info = info
    made.params = None
    made.required = ()
    made.uncast = ()
    made.valid = True
    made.validations = ()
    return made


def draft(changeset: ChangesetData[Any]) -> Draft:
    """Return a copy that can be written to, until it is sealed."""
    made = new(Draft)
    made.action = changeset.action
    made.changes = changeset.changes
    made.constraints = changeset.constraints
    made.data = changeset.data
    made.errors = changeset.errors
    made.info = changeset.info
    made.params = changeset.params
    made.required = changeset.required
    made.uncast = changeset.uncast
    made.valid = changeset.valid
    made.validations = changeset.validations
    return made


def sealed(made: Draft, cls: type[C]) -> C:
    """Turn a draft into a changeset. The draft is that changeset from now on, and frozen."""
    changeset: Any = made
    changeset.__class__ = cls
    return changeset


def with_changes(changeset: C, changes: dict[str, Any]) -> C:
    """Return the changeset with these changes instead of its own. The dict is kept: give one of your own."""
    made = draft(changeset)
    made.changes = MappingProxyType(changes)
    return sealed(made, changeset.__class__)


def with_errors(changeset: C, *errors: FieldError) -> C:
    """Return the changeset with errors added, invalid from then on."""
    made = draft(changeset)
    made.errors = changeset.errors + errors
    made.valid = False
    return sealed(made, changeset.__class__)


def same(type_: Type[Any], left: Any, right: Any) -> bool:
    """Whether two values, or None, are equal for change detection."""
    if left is right:
        return True
    if left is None or right is None:
        return False
    try:
        return type_.equal(left, right)
    except (TypeError, ValueError, AttributeError, ArithmeticError):
        # A value of another type is not equal; dumping it says so, with the fix.
        return False


def _frozen(name: str) -> FrozenError:
    return FrozenError(
        f"a changeset never changes: `{name}` cannot be set",
        hint="each method returns a new one: `changeset = changeset.put_change(User.name, 'Ada')`",
    )


def _restored(cls: type[C], values: Mapping[str, Any]) -> C:
    made = begun(values["data"], struct_info(values["data"]))
    for name, value in values.items():
        setattr(made, name, value)
    made.changes = MappingProxyType(values["changes"])
    made.params = None if values["params"] is None else MappingProxyType(values["params"])
    return sealed(made, cls)
