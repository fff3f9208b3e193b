"""The validations and constraints of a changeset, as methods: what is refused here, and what by the database."""

from __future__ import annotations

import re
from collections.abc import Collection, Sized
from typing import Any, Self, TypeVar, Unpack, overload

from ectype.expr.operand import Attr, Column
from ectype.schema import constraints, validations
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.constraint import Match
from ectype.schema.field_error import Message
from ectype.schema.passing import passed
from ectype.schema.rel import Rel
from ectype.schema.validations import Count, Number, NumberRules

M = TypeVar("M")
T = TypeVar("T")


class CheckedChangeset(ChangesetData[M]):
    """A changeset, as far as it is checked. `Changeset` is the class that people meet."""

    __slots__ = ()

    # --- validations ---

    def validate_required(self, *fields: Attr[M, Any] | Rel[M, Any], message: Message | None = None) -> Self:
        """Refuse fields without a value, be it a change or the struct's; white space is none: "can't be blank".

        The change of a refused field is dropped. A field that has an error already gets no second one. An association
        needs an entry that will be there.

        Args:
            fields: the columns, or associations.
            message: another text, or an `Error` whose metadata is added; the same in all validations.
        """
        return validations.required(self, fields, message)

    def validate_format(
        self, column: Attr[M, str | None], pattern: str | re.Pattern[str], *, message: Message | None = None
    ) -> Self:
        r"""Refuse a change in which a pattern is not found: "has invalid format".

        The pattern is searched, as in Ecto: anchor it with `^` and `\Z` to match the whole (`$` also matches in front
        of a line's last newline).

        Raises:
            SchemaError: the pattern is no regular expression, or the change no text.
        """
        key = ("format", column, pattern)
        return passed(self, key) or validations.format_(self, key, column, pattern, message)

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

    @overload
    def validate_subset(
        self, column: Column[M, list[T]], values: Collection[T], *, message: Message | None = None
    ) -> Self: ...
    @overload
    def validate_subset(
        self, column: Column[M, list[T] | None], values: Collection[T], *, message: Message | None = None
    ) -> Self: ...
    def validate_subset(self, column: Any, values: Collection[Any], *, message: Message | None = None) -> Self:
        """Refuse a list that has an element which is not one of some values: "has an invalid entry"."""
        return validations.subset(self, column, values, message=message)

    def validate_length(
        self,
        column: Attr[M, Sized | None] | Rel[M, list[Any]],
        *,
        min: int | None = None,  # noqa: A002  # Ecto's word
        max: int | None = None,  # noqa: A002  # Ecto's word
        is_: int | None = None,
        count: Count = "graphemes",
        message: Message | None = None,
    ) -> Self:
        """Refuse a change that is too short or too long: "should be at least %{count} character(s)".

        Text, bytes, lists and dicts have a length; of an association those entries count that will be there. Of several
        bounds the first that fails is told: `is_`, `min`, `max`.

        Args:
            column: the field.
            min: the least length.
            max: the greatest length.
            is_: the exact length.
            count: of a text, `graphemes`, the characters that people see; `codepoints`, as `len` counts; or `bytes` of
                UTF-8.
            message: another text.

        Raises:
            SchemaError: no bound, or one that nothing can meet.
        """
        key = ("length", column, min, max, is_, count, min.__class__, max.__class__, is_.__class__)
        return passed(self, key) or validations.length(self, key, column, min, max, is_, count, message)

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
        key: tuple[Any, ...] = ("number", column)
        for rule, bound in rules.items():
            key += rule, bound, bound.__class__
        return passed(self, key) or validations.number(self, key, column, rules, message)

    def validate_confirmation(
        self, column: Attr[M, Any], *, required: bool = False, message: Message | None = None
    ) -> Self:
        """Refuse params whose `<field>_confirmation` is not what the field's is: "does not match confirmation".

        The params are compared as they came. The error is that of `<field>_confirmation`.

        Args:
            column: the field, as `User.password`.
            required: whether a confirmation that is missing is refused: "can't be blank". It passes otherwise.
            message: another text.
        """
        return validations.confirmation(self, column, required=required, message=message)

    def validate_acceptance(self, field: Attr[M, Any] | str, *, message: Message | None = None) -> Self:
        """Refuse params that do not say yes, or nothing at all: "must be accepted".

        Args:
            field: a column, or the name of a param that is no field, as "terms_of_service".
            message: another text.
        """
        return validations.acceptance(self, field, message=message)

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

    def assoc_constraint(
        self,
        rel: Rel[M, Any],
        *,
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the refusal by the foreign key of a `belongs_to` into an error of the association: "does not exist".

        The options are those of `foreign_key_constraint`.

        Raises:
            SchemaError: it is no `belongs_to` of the schema.

        Example:
            changeset.assoc_constraint(Post.author)
        """
        return constraints.declare_association(self, rel, name=name, message=message, error_key=error_key, match=match)

    def no_assoc_constraint(
        self,
        rel: Rel[M, Any],
        *,
        name: str | None = None,
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        match: Match = "exact",
    ) -> Self:
        """Turn the refusal to delete what others refer to into an error: "are still associated with this entry".

        The name is that of the others' foreign key, `<their table>_<column>_fkey`, when not given; the options are
        those of `unique_constraint`.

        Raises:
            SchemaError: it is no `has_many` of the schema.

        Example:
            await repo.try_delete(change(post).no_assoc_constraint(Post.comments))
        """
        return constraints.declare_no_association(
            self, rel, name=name, message=message, error_key=error_key, match=match
        )
