"""Changesets: the changes to a struct, every reason why one was refused, and what the database shall check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any, Concatenate, Final, Literal, ParamSpec, Self, TypeVar, cast, final, overload

from ectype.expr.operand import Assignment, Attr, Column
from ectype.schema import casting, edits, reading, validations
from ectype.schema.applying import applied
from ectype.schema.association_relations import association_of
from ectype.schema.casting import MessageOf
from ectype.schema.changeset_data import begun, sealed
from ectype.schema.changeset_relations import RelatedChangeset
from ectype.schema.embed_relations import embed_of
from ectype.schema.embeds import Embed
from ectype.schema.invalid_changeset import InvalidChangesetError
from ectype.schema.meta import SchemaInfo, schema_info, struct_info
from ectype.schema.rel import Rel
from ectype.schema.schema import Of, Schema
from ectype.schema.schemaless import SchemalessChangeset, begin_schemaless
from ectype.schema.validations import Refusals

__all__ = ["Changeset", "InvalidChangesetError", "change"]

M = TypeVar("M", bound=Schema)
N = TypeVar("N", bound=Schema)
T = TypeVar("T")
D = TypeVar("D")
R = TypeVar("R")
P = ParamSpec("P")


@final
class Changeset(RelatedChangeset[M]):
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
        self,
        params: Mapping[str, object] | None,
        *permitted: Attr[M, Any],
        empty_values: Sequence[object] = casting.EMPTY,
        trim: bool = True,
        force_changes: bool = False,
        message: MessageOf | None = None,
    ) -> Self:
        """Take the permitted fields from params that come from outside, cast each to its field's type.

        - Params that are not permitted are ignored; a permitted field that is missing changes nothing.
        - What does not fit adds `("age", Error("is invalid", type="integer", validation="cast"))`.
        - A value that equals the struct's, as the type compares, is no change; it also takes back an earlier one.
        - What is empty becomes the field's default, None without one. White space in front does not count.
        - None for a field that cannot be None, where the struct has a value, adds "can't be blank", as
          `validate_required` does. (Ecto records the None, since its types do not say what may be nil.)
        - Params of None stand for a form that was not sent yet: the changeset is not valid, and has no errors.

        Args:
            params: a mapping with str keys, as a form or JSON gives it; or None.
            permitted: the columns that may be set; whatever else the params hold stays out.
            empty_values: what counts as no value at all, in this call; elements of an array that do are removed.
            trim: whether white space in front of a text does not count when it is compared with `empty_values`.
            force_changes: whether a value that equals the struct's is a change too.
            message: gives another message for an error of the cast, from the field's name and the metadata.

        Raises:
            CastError: the params are no mapping, or have keys that are not str.
            SchemaError: a column of another schema, or an association.

        Example:
            change(User).cast({"name": "Ada", "age": "36"}, User.name, User.age)
        """
        return casting.cast_params(self, params, permitted, empty_values, trim, force_changes, message)

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

    def delete_change(self, column: Attr[M, Any] | Rel[M, Any]) -> Self:
        """Take back the change of a field, if there is one. Its errors stay.

        Of an association, the refusals inside its entries go with them.
        """
        return edits.delete(self, column)

    def update_change(self, column: Column[M, T], function: Callable[[T], T]) -> Self:
        """Put the change of a field through a function; without a change it is not called.

        Example:
            changeset.update_change(User.email, str.lower)
        """
        return edits.update(self, column, function)

    def merge(self, other: Changeset[M]) -> Self:
        """Return both changesets in one: all errors, validations and constraints; of changes and params the other's.

        Raises:
            SchemaError: they are of structs that differ, or have different actions.
        """
        return edits.merge(self, other)

    def add_error(self, field: Attr[M, Any] | Rel[M, Any] | str, message: str, /, **meta: Any) -> Self:
        """Add an error to a field, or to a key of your own, and make the changeset invalid.

        Args:
            field: a column, an association, or a text for what concerns no single field.
            message: the text; `%{count}` is filled from `meta` when it is shown.
            meta: what else to say of it.
        """
        return edits.add_error(self, field, message, meta)

    # --- what is refused by your own functions; the rest is in `CheckedChangeset` ---

    @overload
    def validate_change(
        self,
        column: Rel[M, list[N]] | Embed[M, list[N]],
        function: Callable[[list[Changeset[N]]], Refusals],
        *,
        meta: object = None,
    ) -> Self: ...
    @overload
    def validate_change(
        self,
        column: Rel[M, N | None] | Embed[M, N | None],
        function: Callable[[Changeset[N]], Refusals],
        *,
        meta: object = None,
    ) -> Self: ...
    @overload
    def validate_change(
        self,
        column: Rel[M, N] | Embed[M, N],
        function: Callable[[Changeset[N]], Refusals],
        *,
        meta: object = None,
    ) -> Self: ...
    @overload
    def validate_change(
        self, column: Attr[M, T | None], function: Callable[[T], Refusals], *, meta: object = None
    ) -> Self: ...
    def validate_change(self, column: Any, function: Callable[[Any], Refusals], *, meta: object = None) -> Self:
        """Call a function with the change of a field, unless it is None, and add what it returns as errors.

        Of an association or an embed it gets the changesets of the entries that the change leaves there: a list, or
        the one.

        Args:
            column: the field, the association or the embed.
            function: returns None when all is well, a message, or pairs of a column (or key) and a message.
            meta: what `validations` shall tell of it; nothing when not given.

        Raises:
            SchemaError: the function returned something else.

        Example:
            changeset.validate_change(User.name, lambda name: "is reserved" if name == "root" else None)
        """
        return validations.change(self, column, function, meta)

    # --- reading ---

    @overload
    def get_assoc(self, rel: Rel[M, list[N]]) -> list[Changeset[N]]: ...
    @overload
    def get_assoc(self, rel: Rel[M, N | None]) -> Changeset[N] | None: ...
    @overload
    def get_assoc(self, rel: Rel[M, N]) -> Changeset[N] | None: ...
    @overload
    def get_assoc(self, rel: Rel[M, list[N]], *, as_: Literal["struct"]) -> list[N]: ...
    @overload
    def get_assoc(self, rel: Rel[M, N | None], *, as_: Literal["struct"]) -> N | None: ...
    @overload
    def get_assoc(self, rel: Rel[M, N], *, as_: Literal["struct"]) -> N | None: ...
    def get_assoc(self, rel: Rel[M, Any], *, as_: Literal["changeset", "struct"] = "changeset") -> Any:
        """Return the entries of an association as they will be: those of the changes, else those of the struct.

        What is deleted or replaced is not among them, so that they may be put again, with more.

        Args:
            rel: the association, as `User.posts`.
            as_: `struct` for structs with their changes.

        Raises:
            SchemaError: no association of the schema's own.
            NotLoadedError: there is no change, and the association of a loaded struct is not loaded.
        """
        return reading.get_relation(self, association_of(self.info, rel, "get_assoc"), as_)

    @overload
    def get_embed(self, embed: Embed[M, list[N]]) -> list[Changeset[N]]: ...
    @overload
    def get_embed(self, embed: Embed[M, N | None]) -> Changeset[N] | None: ...
    @overload
    def get_embed(self, embed: Embed[M, N]) -> Changeset[N] | None: ...
    @overload
    def get_embed(self, embed: Embed[M, list[N]], *, as_: Literal["struct"]) -> list[N]: ...
    @overload
    def get_embed(self, embed: Embed[M, N | None], *, as_: Literal["struct"]) -> N | None: ...
    @overload
    def get_embed(self, embed: Embed[M, N], *, as_: Literal["struct"]) -> N | None: ...
    def get_embed(self, embed: Embed[M, Any], *, as_: Literal["changeset", "struct"] = "changeset") -> Any:
        """Return the entries of an embed as they will be: those of the changes, else those of the struct.

        What is deleted or replaced is not among them, so that they may be put again, with more.

        Args:
            embed: the embed, as `User.address`.
            as_: `struct` for structs with their changes.

        Raises:
            SchemaError: no embed of the schema's own.
            NotLoadedError: there is no change, and the struct was loaded without it.
        """
        return reading.get_relation(self, embed_of(self.info, embed, "get_embed"), as_)

    @overload
    def get_field(self, column: Attr[M, T]) -> T | None: ...
    @overload
    def get_field(self, column: Attr[M, T], default: D) -> T | D: ...
    def get_field(self, column: Attr[Any, Any], default: Any = None) -> Any:
        """Return the change of a field, else the struct's value, else `default` when it is unset.

        Raises:
            SchemaError: for a column of another schema.
        """
        return reading.get_field(self, column, default)

    def fetch_field(self, column: Attr[M, T]) -> tuple[Literal["changes", "data"], T] | None:
        """Return where the value of a field stands, and the value; None when it is unset and not changed.

        Raises:
            SchemaError: for a column of another schema.

        Example:
            match changeset.fetch_field(User.age):
                case ("changes", age): ...
        """
        return cast("tuple[Literal['changes', 'data'], T] | None", reading.fetch_field(self, column))

    @overload
    def get_change(self, column: Attr[M, T]) -> T | None: ...
    @overload
    def get_change(self, column: Attr[M, T], default: D) -> T | D: ...
    def get_change(self, column: Attr[Any, Any], default: Any = None) -> Any:
        """Return the change of a field, or `default` when there is none.

        Raises:
            SchemaError: for a column of another schema.
        """
        return reading.get_change(self, column, default)

    @overload
    def changed(self, column: Column[M, T], *, from_: T | EllipsisType = ..., to: T | EllipsisType = ...) -> bool: ...
    @overload
    def changed(self, column: Rel[M, Any]) -> bool: ...
    def changed(self, column: Any, *, from_: Any = ..., to: Any = ...) -> bool:
        """Whether a field has a change; with `from_` or `to`, whether it goes from or to that value.

        Values are compared as their type compares them: `Decimal("1.0")` is `Decimal("1.00")`. A member that is unset
        counts as None. An association has changed when one of its entries goes, or writing one would change something.

        Raises:
            SchemaError: for a column of another schema.
        """
        return reading.changed(self, column, from_, to)

    def field_missing(self, column: Attr[M, Any] | Rel[M, Any]) -> bool:
        """Whether a field has no value, neither as a change nor in the struct: what `validate_required` refuses.

        Raises:
            NotLoadedError: there is no change, and the association of a loaded struct is not loaded.
        """
        return reading.field_missing(self, column)

    # --- writing ---

    def optimistic_lock(self, column: Column[M, T], incrementer: Callable[[T], T] | None = None) -> Self:
        """Let the row be written only while a column is what it is here, and move it on with each update.

        SQL: `UPDATE … SET title = $1, lock_version = $2 WHERE id = $3 AND lock_version = $4`. An update without
        changes moves nothing; a delete compares only. Who comes too late gets StaleEntryError.

        Args:
            column: an int that starts with 1; or anything else with an incrementer of its own.
            incrementer: gives the next value from the one before; the next int, and 1 after 2,147,483,647.

        Raises:
            SchemaError: the column is no int and there is no incrementer.
        """
        return edits.lock(self, column, incrementer)

    def prepare_changes(self, function: Callable[[Self, Any], Self | Awaitable[Self]]) -> Self:
        """Call a function in the transaction of the write, just before it: with the changeset and the repo.

        It may be async, and use the repo. It returns the changeset to write; one that is invalid, or an exception,
        rolls back. Functions run in the order given; not for an invalid changeset, nor an update without changes.

        Args:
            function: takes the changeset and the `Repo`, and returns a changeset of the same struct.

        Example:
            async def count(changeset: Changeset[Comment], repo: Repo) -> Changeset[Comment]:
                await repo.update_all(from_(Post).where(Post.id == changeset.data.post_id), Post.comments_count.inc(1))
                return changeset
        """
        return edits.prepare(self, function)

    # --- the end of a pipeline ---

    def with_action(self, action: str) -> Self:
        """Say what is being done: forms show the errors of a changeset only when it has an action.

        Raises:
            SchemaError: the action is no text.
        """
        return edits.act(self, action)

    def apply_changes(self) -> M:
        """Return the struct with the changes, valid or not, and with the related structs that will be there.

        Its state stays what it was. The foreign key of a `belongs_to` follows the related struct; one that changed
        alone makes a loaded struct that it does not point to any more not loaded.
        """
        changed: M = applied(self)
        return changed

    def apply_action(self, action: str) -> M:
        """Return the struct with the changes when they are valid: for what never reaches a database.

        Args:
            action: what is being done, as `insert` or `validate`.

        Raises:
            InvalidChangesetError: there are errors; its changeset has the action.
        """
        return edits.valid(self, action).apply_changes()

    def pipe(self, function: Callable[Concatenate[Self, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function with this changeset first, so that one's own steps stand in the pipeline.

        Example:
            change(user).cast(params, User.email).pipe(normalise_email)
        """
        return function(self, *args, **kwargs)


@overload
def change(subject: Changeset[M], *assignments: Assignment[M]) -> Changeset[M]: ...
@overload
def change(subject: M | type[M]) -> Changeset[M]: ...
@overload
def change(subject: Of[M], *assignments: Assignment[M]) -> Changeset[M]: ...
@overload
def change(
    subject: Mapping[str, Any], *, types: Mapping[str, Any], redact: Sequence[str] = ()
) -> SchemalessChangeset: ...
def change(
    subject: Any,
    *assignments: Assignment[Any],
    types: Mapping[str, Any] | None = None,
    redact: Sequence[str] = (),
) -> Any:
    """Begin a changeset: of a struct, of a new struct of a schema, or go on with one.

    Args:
        subject: a struct; a schema class, for a new struct with its defaults; or a changeset. With `types`, a mapping
            of values by name.
        assignments: changes to put, as `Post.title.set("x")`; values only, no expressions.
        types: the fields of a changeset without a schema, each with its type: `{"age": int, "email": str | None}`.
        redact: the names of those whose values are never shown.

    Raises:
        SchemaError: the subject is none of these; an assignment of another schema, or of an expression.

    Example:
        change(post, Post.title.set("A better title"), Post.score.set(5))
        change({}, types={"term": str, "page": int}).cast(params, "term", "page").apply_action("validate")
    """
    if types is not None:
        return begin_schemaless(subject, types, redact, assignments)
    if isinstance(subject, Changeset):
        begin = cast("Changeset[Any]", subject)
    elif isinstance(subject, type):
        begin = _blank(schema_info(subject))
    else:
        begin = sealed(begun(subject, struct_info(subject)), _CLASS)
    return edits.assign(begin, assignments) if assignments else begin


_CLASS: Final[type[Changeset[Any]]] = Changeset


def _blank(info: SchemaInfo) -> Changeset[Any]:
    """Return the changeset of a new struct. It never changes, so one serves all, unless a default is made anew."""
    if info.blank is not None:
        return cast("Changeset[Any]", info.blank)
    made = sealed(begun(info.schema(), info), _CLASS)
    if all(options.default_factory is None for _, options in info.defaults):
        info.blank = made
    return made
