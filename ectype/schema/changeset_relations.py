"""The relations of a changeset, as methods: related structs that are cast, put and read with their owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar, overload

from ectype.errors import SchemaError
from ectype.schema.association_relations import association_of
from ectype.schema.changeset_checks import CheckedChangeset
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.embed_relations import embed_of, relation_named
from ectype.schema.embeds import Embed
from ectype.schema.field_error import Message
from ectype.schema.rel import Rel
from ectype.schema.relation_casts import cast_relation
from ectype.schema.relation_puts import put_relation
from ectype.schema.schema import StructOf

M = TypeVar("M")
R = TypeVar("R")


class RelatedChangeset(CheckedChangeset[M]):
    """A changeset, as far as it holds others. `Changeset` is the class that people meet."""

    __slots__ = ()

    @overload
    def cast_assoc(
        self,
        rel: Rel[M, list[R]],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]]
        | Callable[[R, Mapping[str, Any], int], ChangesetData[R]]
        | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
        force_update_on_change: bool = True,
    ) -> Self: ...
    @overload
    def cast_assoc(
        self,
        rel: Rel[M, R | None],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        force_update_on_change: bool = True,
    ) -> Self: ...
    @overload
    def cast_assoc(
        self,
        rel: Rel[M, R],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        force_update_on_change: bool = True,
    ) -> Self: ...
    def cast_assoc(
        self,
        rel: Rel[M, Any],
        *,
        with_: Callable[..., ChangesetData[Any]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
        force_update_on_change: bool = True,
    ) -> Self:
        """Take related structs from the params that `cast` was given, under the association's name.

        - The params are compared with what the struct has loaded, by primary key: one that it has is updated, one that
          is new is inserted, what is not among them goes the way of the association's `on_replace`. A key that is none
          of its own names nothing: no row of another owner is ever reached.
        - Many entries come as a list, or keyed by their index: `{"0": {…}, "1": {…}}`; at most 1,000 of them.
        - Their changesets stand in `changes`, a tuple of many; the changeset is valid only if all of them are.
        - Entries that are valid and change nothing are no change.

        Args:
            rel: the association, as `User.posts`.
            with_: makes the changeset of an entry from its struct, which is a new one where there is none, and its
                params; and from its position where it takes three arguments. `Post.changeset` when not given.
            required: whether to refuse it when it ends up without an entry: "can't be blank".
            required_message: another text for that.
            invalid_message: another text for "is invalid".
            sort_param: the param that lists the indexes in their order; those it does not list come last, and one
                without params is a new entry.
            drop_param: the param that lists the indexes to leave out.
            force_update_on_change: whether an update moves the owner's `updated_at` when only an entry changed.

        Raises:
            SchemaError: `cast` was not called before; no association of the schema's own; no function for its entries,
                or one that gives an entry an action that it may not have.
            NotLoadedError: the association of a loaded struct is not loaded, or only in part.
            CastError: an entry would be replaced, and `on_replace` does not allow it.

        Example:
            change(user).cast(params, User.name).cast_assoc(User.posts, with_=Post.changeset, sort_param="posts_sort")
        """
        return cast_relation(
            self,
            association_of(self.info, rel, "cast_assoc"),
            "cast_assoc",
            with_=with_,
            required=required,
            required_message=required_message,
            invalid_message=invalid_message,
            sort_param=sort_param,
            drop_param=drop_param,
            force_update_on_change=force_update_on_change,
        )

    @overload
    def put_assoc(
        self, rel: Rel[M, list[R]], value: Sequence[StructOf[R] | ChangesetData[R] | Mapping[str, Any]]
    ) -> Self: ...
    @overload
    def put_assoc(
        self, rel: Rel[M, R | None], value: StructOf[R] | ChangesetData[R] | Mapping[str, Any] | None
    ) -> Self: ...
    @overload
    def put_assoc(self, rel: Rel[M, R], value: StructOf[R] | ChangesetData[R] | Mapping[str, Any]) -> Self: ...
    def put_assoc(self, rel: Rel[M, Any], value: Any) -> Self:
        """Set an association to related structs, changesets, or values by member: all of them, not some more.

        What the struct has loaded and is not among them goes the way of the association's `on_replace`. A struct is
        associated, and what its fields say is not written; a changeset is written too; values make a new row, or
        change the one with their primary key. Values are trusted to be of their field's type.

        Args:
            rel: the association, as `User.posts`.
            value: a list of entries, or one entry or None.

        Raises:
            SchemaError: no entry of the association; an entry would be replaced, and `on_replace` does not allow it.
            NotLoadedError: the association of a loaded struct is not loaded, or only in part.

        Example:
            change(post).put_assoc(Post.tags, [*post.tags, Tag(name="new")])
        """
        return put_relation(self, association_of(self.info, rel, "put_assoc"), "put_assoc", value, put_member)

    @overload
    def cast_embed(
        self,
        embed: Embed[M, list[R]],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]]
        | Callable[[R, Mapping[str, Any], int], ChangesetData[R]]
        | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
    ) -> Self: ...
    @overload
    def cast_embed(
        self,
        embed: Embed[M, R | None],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
    ) -> Self: ...
    @overload
    def cast_embed(
        self,
        embed: Embed[M, R],
        *,
        with_: Callable[[R, Mapping[str, Any]], ChangesetData[R]] | None = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
    ) -> Self: ...
    @overload
    def cast_embed(
        self,
        embed: Embed[M, Any],
        *,
        with_: Mapping[type[Any], Callable[..., ChangesetData[Any]]],
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
    ) -> Self: ...
    def cast_embed(
        self,
        embed: Embed[M, Any],
        *,
        with_: Any = None,
        required: bool = False,
        required_message: Message | None = None,
        invalid_message: Message | None = None,
        sort_param: str | None = None,
        drop_param: str | None = None,
    ) -> Self:
        """Take embedded structs from the params that `cast` was given, under the embed's name.

        All is as in `cast_assoc`, with these differences:

        - The params are compared with what was stored when the struct was loaded.
        - The same entries in another order are a change, since the order of a list is a part of its value.
        - A schema without a primary key has nothing by which an entry is recognised: one struct takes the new params, a
          list is made anew.
        - Of a union the tag in the params says which schema an entry is of; one that names none "is invalid".
        - An embed that cannot be None is required: "can't be blank".

        Args:
            embed: the embed, as `User.address`.
            with_: as for `cast_assoc`; for a union also one function for each schema, `{Card: card_changeset, …}`.
            required: whether to refuse it when it ends up without an entry: "can't be blank".
            required_message: another text for that.
            invalid_message: another text for "is invalid".
            sort_param: as for `cast_assoc`.
            drop_param: as for `cast_assoc`.

        Raises:
            SchemaError: `cast` was not called before; no embed of the schema's own; no function for its entries.
            CastError: an entry would be replaced, and `on_replace` does not allow it.
            NotLoadedError: the struct was loaded without it.

        Example:
            change(user).cast(params, User.name).cast_embed(User.address, with_=Address.changeset)
        """
        relation = embed_of(self.info, embed, "cast_embed")
        return cast_relation(
            self,
            relation,
            "cast_embed",
            with_=with_,
            required=required or not relation.nullable,
            required_message=required_message,
            invalid_message=invalid_message,
            sort_param=sort_param,
            drop_param=drop_param,
            force_update_on_change=False,
        )

    @overload
    def put_embed(
        self, embed: Embed[M, list[R]], value: Sequence[StructOf[R] | ChangesetData[R] | Mapping[str, Any]]
    ) -> Self: ...
    @overload
    def put_embed(self, embed: Embed[M, list[R]], value: Sequence[R | Mapping[str, Any]]) -> Self: ...
    @overload
    def put_embed(self, embed: Embed[M, R | None], value: R | ChangesetData[R] | Mapping[str, Any] | None) -> Self: ...
    @overload
    def put_embed(self, embed: Embed[M, R], value: R | ChangesetData[R] | Mapping[str, Any]) -> Self: ...
    def put_embed(self, embed: Embed[M, Any], value: Any) -> Self:
        """Set an embed to structs, changesets, or values by member: all of them, not some more.

        What is stored and not among them goes the way of the embed's `on_replace`. What a struct says is stored, also
        where one with its primary key is there already. Values are trusted to be of their field's type.

        Args:
            embed: the embed, as `User.address`.
            value: a list of entries, or one entry or None.

        Raises:
            SchemaError: no entry of the embed; an entry would be replaced, and `on_replace` does not allow it; None
                for an embed that is never None.
            NotLoadedError: the struct was loaded without it.

        Example:
            change(user).put_embed(User.address, Address(street="Main St", city="London"))
        """
        relation = embed_of(self.info, embed, "put_embed")
        if value is None and not relation.nullable:
            raise SchemaError(
                f"`{relation.label}` is never None, and `put_embed` got None",
                hint=f"give it a struct, or declare `{relation.name}: EmbedsOne[… | None] = embeds_one()`",
            )
        return put_relation(self, relation, "put_embed", value, put_member)


def put_member(changeset: ChangesetData[Any], name: str, value: Any) -> Any:
    """Put a relation of an entry that is given as values."""
    method = "put_embed" if name in changeset.info.embeds else "put_assoc"
    return put_relation(changeset, relation_named(changeset.info, name, method), method, value, put_member)
