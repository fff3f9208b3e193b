"""Associations as plain data: which keys are compared, over which tables, and under which conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias, cast

from ectype.errors import NotLoadedError, QueryError, SchemaError
from ectype.expr import walk
from ectype.expr.nodes import Ordering
from ectype.expr.operand import Expr, order_term
from ectype.schema.association_options import AssociationOptions, Keys, Kind, key_names
from ectype.schema.join_tables import JoinTable, NarrowInfo
from ectype.schema.meta import FieldInfo, FieldOptions, SchemaInfo, meta, schema_info
from ectype.types import annotations as notes
from ectype.types.numeric import INTEGER

Cardinality = Literal["one", "many"]
Term: TypeAlias = tuple[Ordering, tuple[object, ...]]
"""A term of an ORDER BY, and the values of its parameters."""

_WORDS: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of a class's name begins; an abbreviation is one word."""

ANNOTATIONS: Final[Mapping[Kind, str]] = {
    "belongs_to": "BelongsTo",
    "has_one": "HasOne",
    "has_many": "HasMany",
    "many_to_many": "ManyToMany",
}


class Association:
    """One association of a schema. Names are checked when the class is made, the related schema at first use.

    Attributes:
        owner: what is known of the schema that declares it.
        name: the member's name.
        options: what its declaration says.
        optional: whether the bracket admits None.
        kind: which of the four it is.
        cardinality: whether the instance gives one struct or a list.
        preloaded: the shape of the query of its rows, with the values before and after the owners' keys; None before
            it was first made.
    """

    def __init__(
        self, owner: SchemaInfo, name: str, argument: object, options: AssociationOptions, *, optional: bool
    ) -> None:
        self.owner = owner
        self.name = name
        self.argument = argument
        self.options = options
        self.optional = optional
        self.kind: Kind = options.kind
        self.cardinality: Cardinality = "many" if options.kind in ("has_many", "many_to_many") else "one"
        self.preloaded: tuple[Any, tuple[object, ...], tuple[object, ...]] | None = None

    @property
    def label(self) -> str:
        """What people call it: `User.posts`."""
        return f"{self.owner.name}.{self.name}"

    @property
    def follows(self) -> bool:
        """Whether it only follows other associations."""
        return self.kind != "many_to_many" and self.options.through is not None

    @cached_property
    def related(self) -> SchemaInfo:
        """The schema on the other side. Raises SchemaError when the annotation names none."""
        annotation = notes.evaluate(self.argument, self.owner.scopes(self.name))
        members = [one for one in getattr(annotation, "__args__", ()) if one is not type(None)]
        return schema_info(members[0] if members else annotation)

    @cached_property
    def steps(self) -> tuple[Association, ...]:
        """The associations that it follows; none unless it says `through`.

        Raises:
            SchemaError: when the path does not exist, leads elsewhere, or comes back to itself.
        """
        if not self.follows:
            return ()
        steps = self._path
        self._check_ends(steps)
        self._check_circle(())
        many = next((one for one in steps if one.cardinality == "many"), None)
        if self.cardinality == "one" and many is not None:
            raise SchemaError(
                f"`{self.label}` goes through `{many.label}`, which leads to many rows",
                hint=f"write `{self.name}: HasMany[{self.related.name}] = has_many(through=…)`",
            )
        return steps

    @cached_property
    def _path(self) -> tuple[Association, ...]:
        made: Any = self._called("through")
        hops: Any = getattr(made, "hops", None)
        if not isinstance(hops, tuple) or not getattr(made, "plain", False):
            raise SchemaError(
                f"the `through` of `{self.label}` is a path of plain associations, got {made!r:.80}",
                hint="write `through=lambda: Post.comments / Comment.author`, with conditions in the `where` of these",
            )
        return tuple(hop.association for hop in cast("tuple[Any, ...]", hops))

    def _check_ends(self, steps: tuple[Association, ...]) -> None:
        start, end = steps[0].owner, steps[-1].related
        if start is not self.owner or end is not self.related:
            path = " / ".join(one.label for one in steps)
            raise SchemaError(
                f"`{self.label}` is of {self.related.name}, and its `through`, {path}, goes from {start.name} to "
                f"{end.name}",
                hint=f"begin at an association of {self.owner.name}, and end at {self.related.name}",
            )

    def _check_circle(self, around: tuple[Association, ...]) -> None:
        if self in around:
            raise SchemaError(
                f"`{self.label}` goes through itself",
                hint="a `through` follows associations that have keys of their own",
            )
        if self.follows:
            for one in self._path:
                one._check_circle((*around, self))  # noqa: SLF001  # one of its own kind

    @property
    def keys_here(self) -> tuple[str, ...]:
        """The foreign key of a `belongs_to`, known without the related schema."""
        return key_names(self.options.foreign_key) or (f"{self.name}_id",)

    @cached_property
    def owner_keys(self) -> tuple[str, ...]:
        """The owner's fields that are compared."""
        return self._keys[0]

    @cached_property
    def related_keys(self) -> tuple[str, ...]:
        """The related schema's fields that are compared."""
        return self._keys[1]

    @cached_property
    def _keys(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        mine, theirs = self._found_keys()
        for name in theirs:
            if name in self.related.unread:
                raise SchemaError(
                    f"`{self.related.name}.{name}` is a key of `{self.label}`, and a query of whole structs leaves it "
                    "out",
                    hint=f"drop `load_in_query=False` of `{name}`: related rows are found by it",
                )
        return mine, theirs

    def _found_keys(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self.kind == "many_to_many":
            return self._joined_keys[1], self._joined_keys[3]
        if self.follows:
            raise SchemaError(f"`{self.label}` has no keys of its own: it goes through others")
        named, references = key_names(self.options.foreign_key), key_names(self.options.references)
        if self.kind == "belongs_to":
            return self.keys_here, references or self._primary_key(self.related, len(self.keys_here))
        if named is None:
            named, found = self._inverse()
            references = references or found
        return references or self._primary_key(self.owner, len(named)), named

    def _primary_key(self, info: SchemaInfo, count: int) -> tuple[str, ...]:
        key = info.primary_key
        if len(key) == count:
            return key
        listed = ", ".join(f'"{name}"' for name in key)
        hint = 'name the column: `references="…"`'
        if len(key) > 1:
            hint += f", or all of the key: `foreign_key=({', '.join(['…'] * len(key))}), references=({listed})`"
        wanted = "one key" if count == 1 else f"a key of {count} columns"
        raise SchemaError(
            f"`{self.label}` needs {wanted} of {info.name}, which has {len(key)} primary key columns", hint=hint
        )

    def _inverse(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """Find the foreign key on the related schema, and what it holds.

        It is `<owner>_id` as in Ecto, or that of the only `belongs_to` that points back.
        """
        back = [
            one
            for one in cast("Mapping[str, Association]", self.related.associations).values()
            if one.kind == "belongs_to" and one.related is self.owner
        ]
        default = (f"{underscore(self.owner.name)}_id",)
        found = {one.owner_keys: key_names(one.options.references) for one in back}
        if default[0] in self.related.column_names:
            return default, found.get(default)
        if len(found) == 1:
            return next(iter(found.items()))
        several = ", ".join(sorted(name for names in found for name in names))
        why = f"several point back: {several}" if found else f"it has no `{default[0]}`"
        bracket = self.related.name if self.cardinality == "many" else f"{self.related.name} | None"
        raise SchemaError(
            f"the foreign key of `{self.label}` on {self.related.name} is not known: {why}",
            hint=f'name it: `{self.name}: {ANNOTATIONS[self.kind]}[{bracket}] = {self.kind}(foreign_key="…")`',
        )

    # --- the table between

    @cached_property
    def join(self) -> JoinTable | None:
        """The table between the two schemas; None unless this is a `many_to_many`."""
        if self.kind != "many_to_many":
            return None
        through = self.options.through
        owner_columns, owner_keys, related_columns, related_keys = self._joined_keys
        if not isinstance(through, str):
            return JoinTable(self._join_schema.source, owner_columns, related_columns, named=False)
        columns = {
            **{column: self.owner.field(key) for column, key in zip(owner_columns, owner_keys, strict=True)},
            **{column: self.related.field(key) for column, key in zip(related_columns, related_keys, strict=True)},
        }
        info = NarrowInfo(through, through, self.owner.prefix, columns)
        return JoinTable(info.source, owner_columns, related_columns, named=True)

    @cached_property
    def ranked(self) -> NarrowInfo:
        """The rows of a subquery that counts the related rows of each owner: their key, their owner's, their rank."""
        owners = self.owner_fields
        related = (self.related.fields[name] for name in self.related.primary_key)
        columns = {f"key{position}": known for position, known in enumerate(related)}
        columns |= {f"owner{position}": known for position, known in enumerate(owners)}
        columns["rank"] = FieldInfo("rank", "rank", INTEGER, nullable=False, options=FieldOptions())
        return NarrowInfo(f"ranked {self.label}", None, None, columns)

    @cached_property
    def owner_fields(self) -> tuple[FieldInfo, ...]:
        """The fields that hold the owner's key: of the related schema, or of the table between."""
        if self.join is not None:
            return tuple(self.join.source.info.field(name) for name in self.join.owner_keys)
        return tuple(self.related.field(name) for name in self.related_keys)

    @cached_property
    def _join_schema(self) -> SchemaInfo:
        made = self._called("through")
        if not isinstance(getattr(made, "__schema__", None), SchemaInfo):
            raise SchemaError(
                f"the `through` of `{self.label}` is the schema between, got {made!r:.80}",
                hint='write `through=lambda: Membership`, or the name of its table: `through="memberships"`',
            )
        return schema_info(made)

    @cached_property
    def _joined_keys(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The join table's columns for the owner, the keys that they hold, and the same for the related schema."""
        given = self.options.join_keys
        if given is None:
            pairs = [self._default_join_keys(self.owner), self._default_join_keys(self.related)]
            if pairs[0][0] == pairs[1][0]:
                column = pairs[0][0][0]
                raise SchemaError(
                    f"both sides of `{self.label}` would be `{column}`",
                    hint=f'name them, ours first: `many_to_many(…, join_keys=("{column}", "…"))`',
                )
        else:
            named = cast("Mapping[Any, Any]", given if isinstance(given, dict) else dict.fromkeys(given)).items()
            pairs = [(_names(columns), key_names(key)) for columns, key in named]
        (first, first_key), (second, second_key) = pairs
        mine = first_key or self._primary_key(self.owner, len(first))
        theirs = second_key or self._primary_key(self.related, len(second))
        for columns, keys in ((first, mine), (second, theirs)):
            if len(columns) != len(keys):
                raise SchemaError(f"`join_keys` of `{self.label}` ties {columns} to {keys}, which are not equally many")
        return first, mine, second, theirs

    def _default_join_keys(self, info: SchemaInfo) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        default = (f"{underscore(info.name)}_id",)
        if isinstance(self.options.through, str) or default[0] in self._join_schema.column_names:
            return default, None
        joins = cast("Mapping[str, Association]", self._join_schema.associations).values()
        found = {one.owner_keys: one.related_keys for one in joins if one.kind == "belongs_to" and one.related is info}
        if len(found) == 1:
            return next(iter(found.items()))
        raise SchemaError(
            f"which column of {self._join_schema.name} points to {info.name} is not known for `{self.label}`",
            hint='name both, ours first: `many_to_many(…, join_keys=("…", "…"))`',
        )

    # --- what its lambdas say

    @cached_property
    def where(self) -> Expr[Any, Any] | None:
        """Which related rows count, over the related schema; None for all."""
        return self._condition("where", self.related)

    @cached_property
    def join_where(self) -> Expr[Any, Any] | None:
        """Which rows of the table between count, over its schema; None for all."""
        return None if self.options.join_where is None else self._condition("join_where", self._join_schema)

    @cached_property
    def params(self) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """The values that a join adds: those of the tables on the way, and those of the related table."""
        if self.follows:
            before = tuple(value for one in self.steps[:-1] for values in one.params for value in values)
            between, last = self.steps[-1].params
            return (*before, *between), last
        between = () if self.join_where is None else self.join_where.params
        return between, () if self.where is None else self.where.params

    @cached_property
    def preload_order(self) -> tuple[Term, ...]:
        """In which order preloads give the rows, unless they say their own."""
        if self.options.preload_order is None:
            return ()
        made = self._called("preload_order")
        keys = cast("Sequence[Any]", made if isinstance(made, list | tuple) else (made,))
        try:
            terms = tuple(order_term(key) for key in keys)
        except QueryError as exc:
            raise SchemaError(f"the `preload_order` of `{self.label}`: {exc.message}", hint=exc.hint) from exc
        for node, _ in terms:
            self._check_sources("preload_order", node, self._ordering_schemas())
        return terms

    def _ordering_schemas(self) -> tuple[SchemaInfo, ...]:
        between = self.kind == "many_to_many" and not isinstance(self.options.through, str)
        return (self.related, self._join_schema) if between else (self.related,)

    def _condition(self, option: str, info: SchemaInfo) -> Expr[Any, Any] | None:
        if getattr(self.options, option) is None:
            return None
        made = self._called(option)
        if not isinstance(made, Expr):
            raise SchemaError(
                f"the `{option}` of `{self.label}` gives a condition, got {made!r:.80}",
                hint=f"compare a column: `{option}=lambda: {info.name}.… == …`",
            )
        found = cast("Expr[Any, Any]", made)
        self._check_sources(option, found.node, (info,))
        return found

    def _check_sources(self, option: str, node: walk.Part, infos: tuple[SchemaInfo, ...]) -> None:
        allowed = [info.source for info in infos]
        for source in walk.sources(node):
            if source not in allowed:
                names = " and ".join(info.name for info in infos)
                raise SchemaError(
                    f"the `{option}` of `{self.label}` mentions {source.label}, and may mention {names} only"
                )

    def _called(self, option: str) -> object:
        """Call what an option was given: its names exist by now."""
        try:
            return cast("object", getattr(self.options, option)())
        except (AttributeError, NameError) as exc:
            raise SchemaError(
                f"the `{option}` of `{self.label}` mentions what does not exist: {exc}",
                hint=f"`{option}=lambda: …` is called at first use: import what it mentions into its module",
            ) from exc

    def __repr__(self) -> str:
        return f"<association {self.label}>"


def _names(given: Keys) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def underscore(name: str) -> str:
    """Return a class's name as its foreign keys begin.

    >>> underscore("BlogPost"), underscore("HTTPLog"), underscore("UserV2")
    ('blog_post', 'http_log', 'user_v2')
    """
    return _WORDS.sub("_", name).lower()


class AssociationSlot:
    """The member on the instance: the loaded value, or NotLoadedError with the line that loads it."""

    __slots__ = ("association", "get", "set")

    def __init__(self, association: Association, slot: Any) -> None:
        self.association = association
        self.get = slot.__get__
        self.set = slot.__set__

    def __get__(self, instance: object, owner: object = None) -> object:
        try:
            return self.get(instance)
        except AttributeError:
            raise not_loaded(instance, self.association) from None

    def __set__(self, instance: object, value: object) -> None:
        self.set(instance, value)


def not_loaded(instance: object, association: Association) -> NotLoadedError:
    """Return the error for an association that was read before it was loaded."""
    owner, name = association.owner.name, association.name
    if association.owner.embedded:
        return NotLoadedError(
            f"`{owner}.{name}` is not loaded",
            hint=f"load it with the row that it stands in, through the embed that holds it:\n\n"
            f"    struct = await repo.preload(struct, Holder.embed / {owner}.{name})",
        )
    query, later = f"from_({owner}).preload({owner}.{name})", f"await repo.preload(struct, {owner}.{name})"
    if meta(instance).state == "built":
        return NotLoadedError(
            f"`{owner}.{name}` is not loaded: this struct was built here and is not stored yet",
            hint=f"give it to the constructor, `{owner}({name}=…)`, or insert the struct and then:\n\n    {later}",
        )
    return NotLoadedError(
        f"`{owner}.{name}` is not loaded",
        hint=f"load it with the query, or afterwards:\n\n    {query}\n    struct = {later}",
    )
