"""Embeds in a class body: the annotations, what stands on their right, and what queries see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast, overload

from ectype.errors import SchemaError
from ectype.expr.expression import Document
from ectype.expr.operand import Column, Operand
from ectype.expr.places import stepped
from ectype.schema.embed_type import EmbedType
from ectype.schema.fields import Frozen
from ectype.schema.meta import Declaration, FieldOptions, SchemaInfo
from ectype.schema.rel import EmbedPath, EmbedStep, Hop, Onward, Rel
from ectype.types import annotations as notes
from ectype.types.annotations import RawAnnotation

S_co = TypeVar("S_co", covariant=True)
Target = TypeVar("Target")
Owner = TypeVar("Owner")
M = TypeVar("M")
T = TypeVar("T")

OnReplaceOne: TypeAlias = Literal["raise", "mark_as_invalid", "update", "delete"]
OnReplaceMany: TypeAlias = Literal["raise", "mark_as_invalid", "delete"]

CHOICES: Final = {
    False: ("raise", "mark_as_invalid", "update", "delete"),
    True: ("raise", "mark_as_invalid", "delete"),
}
"""What `on_replace` may say, by whether the embed holds many."""


class Embed(Column[S_co, Target]):
    """An embed on the class, as `User.address`: a column that holds structs of an embedded schema as JSON.

    In queries it is a column, and a document: `User.address["city"]`. In changesets it is cast and put by
    `cast_embed` and `put_embed`.
    """

    __slots__ = ()

    def __getitem__(self, key: str | int) -> Document[S_co]:  # type: ignore[override]
        """The value under a key or an index of the stored document: see `path`.

        Example:
            `query.where(User.address["city"] == "London")`
        """
        return Document(*stepped(self.node, self.params, (key,)))

    def path(self, *keys: str | int) -> Document[S_co]:  # type: ignore[override]
        """The value that keys and indexes lead to in the stored document; missing and JSON's null are None.

        Example:
            `query.where(Order.items.path(0, "price") == "1.50")`
        """
        return Document(*stepped(self.node, self.params, keys))

    @property
    def step(self) -> Rel[S_co, Target]:
        """The step of a path that leads into it."""
        source: Any = self.reference.source
        return EmbedPath((Hop(cast("Any", EmbedStep(source.info, self.name)), source),))

    @overload  # type: ignore[override]
    def __truediv__(self: Embed[S_co, list[M]], other: Onward[M, T]) -> Rel[S_co, T]: ...
    @overload
    def __truediv__(self: Embed[S_co, M | None], other: Onward[M, T]) -> Rel[S_co, T]: ...
    @overload
    def __truediv__(self: Embed[S_co, M], other: Onward[M, T]) -> Rel[S_co, T]: ...
    def __truediv__(self: Any, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # not a number
        """Follow an association of the embedded structs, for a preload: `Order.items / Item.user`."""
        return self.step / other

    if TYPE_CHECKING:

        def has_key(self, key: str) -> Operand[S_co, bool]:  # type: ignore[override]
            """Whether the stored document has a key."""
            ...


class EmbedsOne(Generic[Target]):
    """The annotation of one embedded struct: `address: EmbedsOne[Address | None] = embeds_one()`."""

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> Embed[Owner, Target]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> Target: ...
    def __get__(self, instance: object, owner: type[Any]) -> Any:
        """Give the column on the class, the struct on the instance."""
        raise SchemaError(f"{self.__class__.__name__} is an annotation of a schema's member")

    def __set__(self, instance: Frozen, value: Target) -> None:
        """Refuse assignment; checkers take the constructor's parameter from `value`."""
        raise SchemaError("structs are frozen")


class EmbedsMany(EmbedsOne[list[M]], Generic[M]):
    """The annotation of a list of embedded structs: `items: EmbedsMany[Item] = embeds_many()`."""


EMBEDS: Final[dict[object, bool]] = {EmbedsOne: False, EmbedsMany: True}
"""The annotations, and whether they hold many."""


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """What the call on the right of an embed says, as it was given."""

    many: bool
    source: str | None = None
    on_replace: str | None = None
    tag: str | None = None
    defaults_to_struct: bool = False

    def column(self, node: Any) -> Column[Any, Any]:
        """Return the column that it is in queries."""
        return Embed(node)

    def type_of(self, owner: SchemaInfo, member: Declaration, annotation: Any) -> tuple[EmbedType, bool]:
        """Return the type of the column. Raises SchemaError for what is no embedded schema."""
        type_ = EmbedType.of(f"{owner.name}.{member.name}", annotation, many=self.many, tag=self.tag)
        return type_, self.many or bool(notes.is_optional_text(member.argument))


def embeds_one(
    *,
    source: str | None = None,
    on_replace: OnReplaceOne | None = None,
    tag: str | None = None,
    defaults_to_struct: bool = False,
) -> Any:
    """Declare one embedded struct, in a column of its own as JSON: `address: EmbedsOne[Address | None] = …`.

    Args:
        source: the column's name, where it differs from the member's.
        on_replace: what a changeset does with a stored struct that is replaced: `raise`; `mark_as_invalid`, an error
            of the changeset; `update`, keep it and give it the new values; `delete`, let it go. When not given, `raise`
            where the schema has a primary key; without one nothing tells structs apart, and it is `update`.
        tag: for a union of schemas, the member that says which: each declares it as a `Field[Literal["card"]]`.
        defaults_to_struct: begin with a struct of defaults instead of None.

    Example:
        `payment: EmbedsOne[Card | Transfer] = embeds_one(tag="type")`
    """
    return EmbedOptions(
        many=False, source=source, on_replace=on_replace, tag=tag, defaults_to_struct=defaults_to_struct
    )


def embeds_many(
    *,
    source: str | None = None,
    on_replace: OnReplaceMany | None = None,
    tag: str | None = None,
) -> Any:
    """Declare a list of embedded structs, in a column of its own as JSON: `items: EmbedsMany[Item] = …`.

    A new struct begins with an empty list, and NULL is read as one. The arguments are those of `embeds_one`; a list has
    no `update`, and is replaced as a whole, `delete`, where the schema has no primary key.
    """
    return EmbedOptions(many=True, source=source, on_replace=on_replace, tag=tag)


def declare_embed(owner: str, raw: RawAnnotation, value: object, *, given: bool) -> Declaration:
    """Return an embed of a class body as the declaration of a column.

    Args:
        owner: the schema's name.
        raw: the annotation.
        value: what stands on its right.
        given: whether anything does.

    Raises:
        SchemaError: for what it cannot be, with the line to write.
    """
    many = raw.head is EmbedsMany
    word, call = ("EmbedsMany", "embeds_many") if many else ("EmbedsOne", "embeds_one")
    label = f"{owner}.{raw.name}"
    if raw.argument is None:
        raise SchemaError(f"`{label}: {raw.text}` does not say its schema", hint=f"write `{raw.name}: {word}[Other]`")
    inner = notes.annotation_text(raw.argument)
    optional = bool(notes.is_optional_text(raw.argument))
    if many and optional:
        raise SchemaError(
            f"`{label}` is a list, which is empty where there is nothing, and never None",
            hint=f"write `{raw.name}: EmbedsMany[{inner.replace(' | None', '')}] = embeds_many()`",
        )
    if not given and not many and not optional:
        value = EmbedOptions(many=False)
    if not isinstance(value, EmbedOptions) or value.many is not many:
        raise SchemaError(
            f"`{label}: {raw.text}` needs a call on its right, since the constructor may omit it",
            hint=f"write `{raw.name}: {word}[{inner}] = {call}()`",
        )
    if value.on_replace is not None and value.on_replace not in CHOICES[many]:
        raise SchemaError(
            f"the `on_replace` of `{label}` is {value.on_replace!r:.60}",
            hint=f"it may be: {', '.join(CHOICES[many])}",
        )
    if raw.name.startswith("_"):
        raise SchemaError(
            f"`{label}`: a member's name has no underscore in front",
            hint=f'write `{raw.name.lstrip("_")}: {word}[…] = {call}(source="{raw.name}")`',
        )
    return Declaration(raw.name, raw.argument, raw.text, _as_field(label, value, optional=optional), value)


def _as_field(label: str, options: EmbedOptions, *, optional: bool) -> FieldOptions:
    if options.many:
        return FieldOptions(default_factory=list, source=options.source)
    if options.defaults_to_struct:
        return FieldOptions(default_factory=_Fresh(label), source=options.source)
    return FieldOptions(has_default=optional, source=options.source)


class _Fresh:
    """Makes a struct of defaults; the schema is known once the owner's class is made."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.owner: Any = None

    def __call__(self) -> Any:
        infos: Sequence[SchemaInfo] = self.owner.fields[self.label.partition(".")[2]].type.infos
        if len(infos) > 1:
            raise SchemaError(
                f"`{self.label}` is a union, so nobody knows which of its schemas it begins with",
                hint="give the struct to the constructor",
            )
        made: Any = infos[0].schema()
        return made


def bind_defaults(info: SchemaInfo) -> None:
    """Let the embeds that begin with a struct know the schema that they belong to."""
    for _, options in info.defaults:
        if isinstance(options.default_factory, _Fresh):
            options.default_factory.owner = info
