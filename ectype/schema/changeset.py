"""Changesets: the changes to a struct, every reason why one was refused, and what the database shall check."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar, Unpack, cast, final, overload

from ectype.errors import EctypeError, SchemaError
from ectype.expr.operand import Assignment, Attr, Column
from ectype.schema import casting, constraints, edits, validations
from ectype.schema.changeset_data import ChangesetData, begun, draft, sealed, with_errors
from ectype.schema.constraint import Match
from ectype.schema.field_error import Error, Message
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, schema_info, struct_info
from ectype.schema.schema import Of, Schema
from ectype.schema.structs import evolve
from ectype.schema.validations import Count, Number, NumberRules, Refusals

M = TypeVar("M", bound=Schema)
T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


@final
class Changeset(ChangesetData[M]):
    r"""The changes to a struct, and every reason why they were refused. Made by `change`; it never changes itself.

    Each method returns a new changeset, so that a pipeline of them reads from top to bottom. Nothing here does I/O:
    `repo.insert(changeset)` and its kin do.

    Example:
        def registration(user: User | type[User], params: Mapping[str, object]) -> Changeset[User]:
            return (
                change(user)
                .cast(params, User.name, User.email)
                .validate_required(User.name, User.email)
                .validate_format(User.email, r"^[^@\s]+@[^@\s]+\Z")
                .unique_constraint(User.email)
            )
    """

    __slots__ = ()

    # --- changes ---

    def cast(
        self, params: Mapping[str, object], *permitted: Attr[M, Any], empty_values: Sequence[object] = ("",)
    ) -> Self:
        """Take the permitted fields from params that come from outside, cast each to its field's type.

        - Params that are not permitted are ignored; a permitted field that is missing changes nothing.
        - What does not fit adds `("age", Error("is invalid", type="integer", validation="cast"))`.
        - A value that equals the struct's, as the type compares, is no change; it also takes back an earlier one.
        - What is empty becomes the field's default, None without one. White space in front does not count.
        - None for a field that cannot be None, where the struct has a value, adds "can't be blank", as
          `validate_required` does. (Ecto records the None, since its types do not say what may be nil.)

        Args:
            params: a mapping with str keys, as a form or JSON gives it.
            permitted: the columns that may be set; whatever else the params hold stays out.
            empty_values: what counts as no value at all, in this call; elements of an array that do are removed.

        Raises:
            CastError: the params are no mapping, or have keys that are not str.
            SchemaError: a column of another schema, or an association.

        Example:
            change(User).cast({"name": "Ada", "age": "36"}, User.name, User.age)
        """
        return casting.cast_params(self, params, permitted, empty_values)

    def put_change(self, column: Column[M, T], value: T) -> Self:
        """Set a field to a value of its type; one that equals the struct's takes back an earlier change.

        The value is not cast. What is no value of the type is refused when it is stored.

        Raises:
            SchemaError: a column of another schema, or an expression instead of a value.
        """
        return edits.put(self, column, value)

    def force_change(self, column: Column[M, T], value: T) -> Self:
        """Set a field even if the value equals the struct's: sends it anyway, also NULL over a column's default.

        Raises:
            SchemaError: as `put_change`.
        """
        return edits.force(self, column, value)

    def delete_change(self, column: Attr[M, Any]) -> Self:
        """Take back the change of a field, if there is one. Its errors stay."""
        return edits.delete(self, column)

    def update_change(self, column: Column[M, T], function: Callable[[T], T]) -> Self:
        """Put the change of a field through a function; without a change it is not called.

        Example:
            changeset.update_change(User.email, str.lower)
        """
        return edits.update(self, column, function)

    # --- validations ---

    def add_error(self, field: Attr[M, Any] | str, message: str, /, **meta: Any) -> Self:
        """Add an error to a field, or to a key of your own, and make the changeset invalid.

        Args:
            field: a column, or a text for what concerns no single field.
            message: the text; `%{count}` is filled from `meta` when it is shown.
            meta: what else to say of it.
        """
        key = field if isinstance(field, str) else field_name(self.info, field)
        return with_errors(self, (key, Error(message, **meta)))

    def validate_required(self, *fields: Attr[M, Any], message: Message | None = None) -> Self:
        """Refuse fields without a value, be it a change or the struct's; white space is none: "can't be blank".

        The change of a refused field is dropped. A field that has an error already gets no second one.

        Args:
            fields: the columns.
            message: another text, or an `Error` whose metadata is added; the same in all validations.
        """
        return validations.required(self, fields, message=message)

    def validate_change(self, column: Attr[M, T | None], function: Callable[[T], Refusals]) -> Self:
        """Call a function with the change of a field, unless it is None, and add what it returns as errors.

        Args:
            column: the field.
            function: returns None when all is well, a message, or pairs of a column (or key) and a message.

        Raises:
            SchemaError: the function returned something else.

        Example:
            changeset.validate_change(User.name, lambda name: "is reserved" if name == "root" else None)
        """
        return validations.change(self, column, function)

    def validate_format(
        self, column: Attr[M, str | None], pattern: str | re.Pattern[str], *, message: Message | None = None
    ) -> Self:
        r"""Refuse a change in which a pattern is not found: "has invalid format".

        The pattern is searched, as in Ecto: anchor it with `^` and `\Z` to match the whole (`$` also matches in front
        of a line's last newline).

        Raises:
            SchemaError: the pattern is no regular expression, or the change no text.
        """
        return validations.format_(self, column, pattern, message=message)

    def validate_inclusion(
        self, column: Column[M, T], values: Collection[T], *, message: Message | None = None
    ) -> Self:
        """Refuse a change that is not one of some values: "is invalid". Compared as the field's type compares."""
        return validations.inclusion(self, column, values, message=message)

    def validate_exclusion(
        self, column: Column[M, T], values: Collection[T], *, message: Message | None = None
    ) -> Self:
        """Refuse a change that is one of some values: "is reserved". Compared as the field's type compares."""
        return validations.exclusion(self, column, values, message=message)

    def validate_length(
        self,
        column: Attr[M, Sized | None],
        *,
        min: int | None = None,  # noqa: A002  # Ecto's word
        max: int | None = None,  # noqa: A002  # Ecto's word
        is_: int | None = None,
        count: Count = "codepoints",
        message: Message | None = None,
    ) -> Self:
        """Refuse a change that is too short or too long: "should be at least %{count} character(s)".

        Text, bytes, lists and dicts have a length. Of several bounds the first that fails is told: `is_`, `min`, `max`.

        Args:
            column: the field.
            min: the least length.
            max: the greatest length.
            is_: the exact length.
            count: of a text, `codepoints` as `len` counts, or `bytes` of UTF-8. (Ecto counts graphemes, for which
                Python has no rule of its own; `validate_change` takes a library's.)
            message: another text.

        Raises:
            SchemaError: no bound, or one that nothing can meet.
        """
        return validations.length(self, column, min_=min, max_=max, is_=is_, count=count, message=message)

    def validate_number(
        self, column: Attr[M, Number | None], *, message: Message | None = None, **rules: Unpack[NumberRules]
    ) -> Self:
        """Refuse a change out of bounds: "must be greater than %{number}". The first rule that fails is told.

        Args:
            column: the field.
            message: another text.
            rules: `less_than`, `greater_than`, `less_than_or_equal_to`, `greater_than_or_equal_to`, `equal_to`,
                `not_equal_to`, in the order in which they are checked.

        Raises:
            SchemaError: no rule, one that does not exist, or a bound that is no number.
        """
        return validations.number(self, column, rules, message=message)

    # --- constraints ---

    def unique_constraint(
        self,
        *columns: Attr[M, Any],
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the database's refusal by a unique index into an error: "has already been taken".

        Args:
            columns: those of the index; the first gets the error.
            name: the index; `<table>_<columns>_index` when not given.
            message: another text.
            error_key: who gets the error instead, a column or a key of your own.
            match: whether `name` is the whole name, its `prefix` or its `suffix` (partitions name their own); or a
                compiled pattern, searched in the name, instead of `name`.

        Raises:
            SchemaError: no column; no name and no table to make one from; or both `name` and a pattern.
        """
        return constraints.declare(
            self, "unique", columns, name=name, message=message, error_key=error_key, match=match
        )

    def foreign_key_constraint(
        self,
        column: Attr[M, Any],
        *,
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the database's refusal by a foreign key into an error: "does not exist".

        The name is `<table>_<column>_fkey` when not given; the options are those of `unique_constraint`. SQLite does
        not name the key, so the repo looks up which one it is.
        """
        return constraints.declare(
            self, "foreign_key", (column,), name=name, message=message, error_key=error_key, match=match
        )

    def check_constraint(
        self,
        column: Attr[M, Any],
        *,
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the database's refusal by a check into an error: "is invalid".

        A check has no name that follows from its column: `name` or a pattern for `match` must be given. The options are
        those of `unique_constraint`.
        """
        return constraints.declare(
            self, "check", (column,), name=name, message=message, error_key=error_key, match=match
        )

    def exclusion_constraint(
        self,
        column: Attr[M, Any],
        *,
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the refusal by an exclusion constraint of PostgreSQL into an error: "violates an exclusion constraint".

        The name is `<table>_<column>_exclusion` when not given; the options are those of `unique_constraint`.
        """
        return constraints.declare(
            self, "exclusion", (column,), name=name, message=message, error_key=error_key, match=match
        )

    # --- the end of a pipeline ---

    def with_action(self, action: str) -> Self:
        """Say what is being done: forms show the errors of a changeset only when it has an action.

        Raises:
            SchemaError: the action is no text.
        """
        if not isinstance(action, str) or not action:  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise SchemaError(f"an action is a text, got {action!r:.60}", hint='write "insert", "update" or "validate"')
        made = draft(self)
        made.action = action
        return sealed(made, self.__class__)

    def apply_changes(self) -> M:
        """Return the struct with the changes, valid or not. Its state stays what it was."""
        return evolve(self.data, **self.changes) if self.changes else self.data

    def apply_action(self, action: str) -> M:
        """Return the struct with the changes when they are valid: for what never reaches a database.

        Args:
            action: what is being done, as `insert` or `validate`.

        Raises:
            InvalidChangesetError: there are errors; its changeset has the action.
        """
        acted = self.with_action(action)
        if not acted.valid:
            raise InvalidChangesetError(acted)
        return acted.apply_changes()

    def pipe(self, function: Callable[Concatenate[Self, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function with this changeset first, so that one's own steps stand in the pipeline.

        Example:
            change(user).cast(params, User.email).pipe(normalise_email)
        """
        return function(self, *args, **kwargs)


class InvalidChangesetError(EctypeError):
    """A changeset with errors met what needs a valid one. It is imported from `ectype.schema.errors`.

    Attributes:
        changeset: with its errors, and the action that was asked for.
    """

    def __init__(self, changeset: Changeset[Any]) -> None:
        listed = "".join(f"\n    {key}: {error}" for key, error in changeset.errors)
        verb = changeset.action or "apply"
        super().__init__(
            f"could not {verb} {changeset.info.name}: its changeset is invalid\n{listed}",
            hint="show `exc.changeset.traverse_errors()` to who gave the values; the repo's `try_insert`, `try_update` "
            "and `try_delete` return an invalid changeset instead of raising",
        )
        self.changeset = changeset

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__class__, (self.changeset,)


@overload
def change(subject: Changeset[M], *assignments: Assignment[M]) -> Changeset[M]: ...
@overload
def change(subject: M | type[M]) -> Changeset[M]: ...
@overload
def change(subject: Of[M], *assignments: Assignment[M]) -> Changeset[M]: ...
def change(subject: Any, *assignments: Assignment[Any]) -> Any:
    """Begin a changeset: of a struct, of a new struct of a schema, or go on with one.

    Args:
        subject: a struct; a schema class, for a new struct with its defaults; or a changeset.
        assignments: changes to put, as `Post.title.set("x")`; values only, no expressions.

    Raises:
        SchemaError: the subject is none of these; an assignment of another schema, or of an expression.

    Example:
        change(post, Post.title.set("A better title"), Post.score.set(5))
    """
    if isinstance(subject, Changeset):
        begin = cast("Changeset[Any]", subject)
    else:
        data, info = _subject(subject)
        begin = sealed(begun(data, info), _CLASS)
    return edits.assign(begin, assignments) if assignments else begin


_CLASS: Final[type[Changeset[Any]]] = Changeset


def _subject(subject: Any) -> tuple[Any, SchemaInfo]:
    if isinstance(subject, type):
        info = schema_info(subject)
        return subject(), info
    return subject, struct_info(subject)
