"""What a changeset holds and how it is read; the functions that change it each make a new one from a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, overload

from ectype.errors import FrozenError
from ectype.schema.arguments import required_arguments
from ectype.schema.constraint import Constraint
from ectype.schema.field_error import Error, FieldError, Translate
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.nesting import all_valid, children, merged
from ectype.schema.problem import Path, masked, problem
from ectype.schema.stored_value import value_of
from ectype.types.base import Type

M = TypeVar("M")
C = TypeVar("C", bound="ChangesetData[Any]")

View: TypeAlias = MappingProxyType[str, Any]


class Lock(NamedTuple):
    """An optimistic lock: the row is written only while a field is what it was, and the field moves on.

    Attributes:
        field: the field's name.
        current: what it was.
        incrementer: gives what it becomes.
    """

    field: str
    current: Any
    incrementer: Callable[[Any], Any]


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


class RelationCast(NamedTuple):
    """A relation that was cast, for documentation: a changeset forgets it when it is copied or pickled.

    Attributes:
        relation: the `Relation`.
        make: gives of each schema of its entries what makes their changesets, and whether that wants a position.
        sort_param: the param that lists the indexes in their order, None for none.
        drop_param: the param that lists the indexes to leave out, None for none.
    """

    relation: Any
    make: Callable[[SchemaInfo], tuple[Callable[..., Any], bool]]
    sort_param: str | None
    drop_param: str | None


class Seldom(NamedTuple):
    """What few changesets have, in one place: a changeset is copied at each step, and each place costs its copy."""

    action: str | None = None
    casts: tuple[RelationCast, ...] = ()
    locks: tuple[Lock, ...] = ()
    preparations: tuple[Callable[[Any, Any], Any], ...] = ()
    touched: bool = False

    def doing(self, action: str) -> Seldom:
        """Return the same with an action."""
        return Seldom(action, *self[1:])


class _Storage:
    __slots__ = (
        "changes",
        "constraints",
        "data",
        "errors",
        "info",
        "params",
        "permitted",
        "required",
        "seldom",
        "uncast",
        "valid",
        "validations",
    )


class Draft(_Storage):
    """A changeset that is being made: the only form that can be written to. `sealed` ends it."""

    __slots__ = ()

    changes: View
    constraints: tuple[Constraint, ...]
    data: Any
    errors: tuple[FieldError, ...]
    info: SchemaInfo
    params: View | None
    permitted: tuple[str, ...]
    required: tuple[str, ...]
    seldom: Seldom
    uncast: tuple[str, ...]
    valid: bool
    validations: tuple[Validation, ...]


class ChangesetData(_Storage, Generic[M]):
    """The values of a changeset, and all that only reads them. `Changeset` is the class that people meet."""

    __slots__ = ()

    if TYPE_CHECKING:  # the slots hold them; checkers see that they are read-only

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
        def permitted(self) -> tuple[str, ...]:
            """The fields that `cast` was told to take from params."""
            ...

        @property
        def required(self) -> tuple[str, ...]:
            """The fields of `validate_required`."""
            ...

        @property
        def seldom(self) -> Seldom:
            """The action, casts, locks, preparations and whether it is touched, as a changeset keeps them."""
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

    @property
    def action(self) -> str | None:
        """What the repo was asked to do (`insert`, `update`, `delete`), or what `apply_action` was given."""
        return self.seldom.action

    @property
    def casts(self) -> tuple[RelationCast, ...]:
        """The relations that were cast."""
        return self.seldom.casts

    @property
    def locks(self) -> tuple[Lock, ...]:
        """What `optimistic_lock` was given."""
        return self.seldom.locks

    @property
    def preparations(self) -> tuple[Callable[[Any, Any], Any], ...]:
        """What `prepare_changes` was given, in order."""
        return self.seldom.preparations

    @property
    def touched(self) -> bool:
        """Whether an update writes the row's `updated_at` although none of its own fields changed."""
        return self.seldom.touched

    @property
    def inner(self) -> type[Any]:
        """The class of the changesets inside it: its own."""
        return self.__class__

    def __setattr__(self, name: str, value: object) -> None:
        raise _frozen(name)

    def __delattr__(self, name: str) -> None:
        raise _frozen(name)

    @overload
    def traverse_errors(self) -> dict[str, Any]: ...
    @overload
    def traverse_errors(self, function: Callable[[Error], object]) -> dict[str, Any]: ...
    @overload
    def traverse_errors(self, function: Callable[[Any, str, Error], object]) -> dict[str, Any]: ...
    def traverse_errors(self, function: Callable[..., object] = str) -> dict[str, Any]:
        """Return the errors by field, each field's in the order in which they were added.

        A relation has those of its entry, or a list with those of each entry: `{}` for one without errors. What is
        replaced is not among them. Errors of the relation itself stand behind.

        Args:
            function: what becomes of each error, as a translation; it is given the error, or the changeset, the key
                and the error. The error's text with the gaps filled when not given.

        Example:
            `changeset.traverse_errors()` gives `{"email": ["has invalid format"]}`
        """
        whole = function is not str and required_arguments(function) == 3
        found: dict[str, list[object]] = {}
        for key, error in self._shown():
            found.setdefault(key, []).append(function(self, key, error) if whole else function(error))
        return merged(found, self.changes, self.inner, lambda child: child.traverse_errors(function))

    @overload
    def traverse_validations(self) -> dict[str, Any]: ...
    @overload
    def traverse_validations(self, function: Callable[[Validation], object]) -> dict[str, Any]: ...
    @overload
    def traverse_validations(self, function: Callable[[Any, str, Validation], object]) -> dict[str, Any]: ...
    def traverse_validations(self, function: Callable[..., object] | None = None) -> dict[str, Any]:
        """Return the validations by field, each field's in the order in which they were made.

        Args:
            function: what becomes of each, given the validation, or the changeset, the field and the validation; the
                pair of its kind and options when not given. `required` fields are in `changeset.required`.

        Example:
            `changeset.traverse_validations()` gives `{"title": [("length", (("min", 3),))]}`
        """
        whole = function is not None and required_arguments(function) == 3
        found: dict[str, list[object]] = {}
        for one in self.validations:
            if function is None:
                made: object = (one.kind, one.options)
            else:
                made = function(self, one.field, one) if whole else function(one)
            found.setdefault(one.field, []).append(made)
        return merged(found, self.changes, self.inner, lambda child: child.traverse_validations(function))

    def problem(
        self,
        *,
        type: str = "about:blank",  # noqa: A002  # the member's name in RFC 9457
        title: str | None = None,
        status: int = 422,
        translate: Translate | None = None,
    ) -> dict[str, Any]:
        """Return the errors as problem details (RFC 9457), ready for JSON: each with pointer, detail, code and meta.

        Values of redacted fields are in none of them.

        Args:
            type: the URI of the kind of problem.
            title: what it is called; the status's phrase when not given.
            status: the HTTP status.
            translate: as `Error.text` takes it.

        Example:
            `{"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "errors": [{"pointer": "#/email",
            "detail": "has invalid format", "code": "format", "meta": {"validation": "format"}}]}`
        """
        return problem(self.located_errors(), kind=type, title=title, status=status, translate=translate)

    def located_errors(self) -> Iterator[tuple[Path, Error]]:
        """Give each error with its path: those of its own, then those of relations, as `("posts", 1, "title")`."""
        for key, error in self._shown():
            yield (key,), error
        for path, child in children(self.changes, self.inner):
            for inner, error in child.located_errors():
                yield (*path, *inner), error

    def _shown(self) -> Iterable[FieldError]:
        """Give each error as it may be shown: one of a redacted field never holds its value."""
        if not self.info.redacted:
            return self.errors
        return [(key, masked(error, self._secrets(key))) for key, error in self.errors]

    def _secrets(self, key: str) -> list[str]:
        """Return the values of a redacted field that its errors could hold, as text."""
        if key not in self.info.redacted:
            return []
        values = (self.changes.get(key), (self.params or EMPTY).get(key), value_of(self.data, key))
        return [text for value in values if value is not None and (text := str(value))]

    def __repr__(self) -> str:
        changes = ", ".join(
            f"{name!r}: {'<redacted>' if name in self.info.redacted else repr(value)}"
            for name, value in self.changes.items()
        )
        errors = tuple(self._shown())
        return (
            f"<Changeset of {self.info.name}: action={self.action!r}, changes={{{changes}}}, "
            f"errors={errors!r}, valid={self.valid}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        values = {name: getattr(self, name) for name in _Storage.__slots__ if name != "info"}
        values["seldom"] = self.seldom._replace(casts=())
        values["changes"] = dict(self.changes)
        values["params"] = None if self.params is None else dict(self.params)
        if values["data"].__class__ is MappingProxyType:
            values["data"] = dict(self.data)  # type: ignore[call-overload]
            return _restored, (self.__class__, values, self.info)
        return _restored, (self.__class__, values)


EMPTY: Final[View] = MappingProxyType({})
_NOTHING_SELDOM: Final = Seldom()


def begun(data: Any, info: SchemaInfo) -> Draft:
    """Return the draft of a changeset without changes."""
    made = Draft()
    made.changes = EMPTY
    made.constraints = ()
    made.data = data
    made.errors = ()
    made.info = info
    made.params = None
    made.permitted = ()
    made.required = ()
    made.seldom = _NOTHING_SELDOM
    made.uncast = ()
    made.valid = True
    made.validations = ()
    return made


def draft(changeset: ChangesetData[Any]) -> Draft:
    """Return a copy that can be written to, until it is sealed."""
    made = Draft()
    made.changes = changeset.changes
    made.constraints = changeset.constraints
    made.data = changeset.data
    made.errors = changeset.errors
    made.info = changeset.info
    made.params = changeset.params
    made.permitted = changeset.permitted
    made.required = changeset.required
    made.seldom = changeset.seldom
    made.uncast = changeset.uncast
    made.valid = changeset.valid
    made.validations = changeset.validations
    return made


def recorded(changeset: C, done: Validation) -> C:
    """Return the changeset with a validation that found nothing."""
    made = draft(changeset)
    made.validations = (*changeset.validations, done)
    return sealed(made, changeset.__class__)


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


def settled(changeset: C, changes: View) -> C:
    """Return the changeset with these changes, valid when nothing of it was refused, nor of those inside it.

    One that was cast without params has no errors, and stays what it is.
    """
    cls = changeset.inner
    unsent = not changeset.valid and not changeset.errors and all_valid(changeset.changes, cls)
    made = draft(changeset)
    made.changes = changes
    made.valid = not unsent and not changeset.errors and all_valid(changes, cls)
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


def _restored(cls: type[C], values: Mapping[str, Any], info: SchemaInfo | None = None) -> C:
    made = begun(values["data"], struct_info(values["data"]) if info is None else info)
    for name, value in values.items():
        setattr(made, name, value)
    if info is not None:
        made.data = MappingProxyType(values["data"])
    made.changes = MappingProxyType(values["changes"])
    made.params = None if values["params"] is None else MappingProxyType(values["params"])
    return sealed(made, cls)
