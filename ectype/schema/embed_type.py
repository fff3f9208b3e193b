"""The type of an embed's column: structs of embedded schemas, stored as one JSON document.

Each member stands under its column's name, in the form that `ectype.types.document_members` gives. What a document has
and the schema does not know is passed over; what it lacks gets the member's default.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, NamedTuple, Union, cast, get_args, get_origin

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.schema.meta import FieldInfo, FieldOptions, SchemaInfo
from ectype.schema.structs import UNSET
from ectype.types import annotations as notes
from ectype.types.base import Codec, Target, Type
from ectype.types.document_members import Convert, Member, member_of
from ectype.types.documents import Fault, decode, encode, find_fault, path_text, same

Path = tuple[str | int, ...]


class MisfitError(CastError):
    """A document that does not fit its schema, on its way out: `path` grows at the front."""

    def __init__(self, path: Path, reason: str, hint: str | None = None) -> None:
        super().__init__(reason, hint=hint)
        self.path = path
        self.reason = reason
        self.fix = hint


class EmbedError(CastError):
    """A document that cannot be stored or read, told without a value that is redacted."""


class Part(NamedTuple):
    """One member of an embedded schema, inside a document."""

    name: str
    key: str
    field: FieldInfo
    dump: Convert
    load: Convert
    redacted: bool


@dataclass(frozen=True)
class EmbedType(Type[Any]):
    """Structs of one embedded schema, or of several that a tag tells apart; one of them, or a list.

    Attributes:
        label: the member that holds them, for errors.
        infos: the schemas.
        many: whether it is a list.
        tag: the member that says which schema; None for one schema.
    """

    label: str
    infos: tuple[SchemaInfo, ...]
    many: bool
    tag: str | None = None

    mutable: ClassVar = True

    @classmethod
    def of(cls, label: str, annotation: Any, *, many: bool, tag: str | None) -> EmbedType:
        """Return the type of an annotation. Raises SchemaError for what is no embedded schema, or no tagged union."""
        origin = get_origin(annotation)
        members = get_args(annotation) if origin is Union or origin is UnionType else (annotation,)
        infos: list[SchemaInfo] = []
        for one in members:
            if one is NoneType or one is None:
                continue
            info = getattr(one, "__schema__", None)
            if not isinstance(info, SchemaInfo) or not info.embedded or not isinstance(one, type):
                raise _no_schema(label, one)
            infos.append(info)
        if len(infos) > 1 and tag is None:
            word = "embeds_many" if many else "embeds_one"
            raise SchemaError(
                f"`{label}` is a union, and does not say what tells its schemas apart",
                hint=f'write `{word}(tag="type")`, and in each schema `type: Field[Literal["…"]] = field(default="…")`',
            )
        made = cls(label, tuple(infos), many, tag)
        if tag is not None:
            made.variants  # noqa: B018  # what is wrong with the tags is said here
        return made

    @property
    def empty(self) -> bool:  # type: ignore[override]  # what a class says elsewhere depends on the member here
        """Whether it is a list: NULL is an empty one."""
        return self.many

    @property
    def name(self) -> str:
        """`map`, or `array of map`."""
        return "array of map" if self.many else "map"

    @property
    def python(self) -> Any:
        """The schema, the union of schemas, or a list of them."""
        one: Any = Union[tuple(info.schema for info in self.infos)]  # noqa: UP007  # known at run time only
        return list[one] if self.many else one

    @property
    def secret(self) -> bool:
        """Whether something in its documents is redacted."""
        seen: set[SchemaInfo] = set()
        left = list(self.infos)
        while left:
            info = left.pop()
            if info.redacted:
                return True
            if info not in seen:
                seen.add(info)
                left += [one for name in info.embeds for one in cast("EmbedType", info.fields[name].type).infos]
        return False

    @cached_property
    def variants(self) -> dict[Any, SchemaInfo]:
        """The schemas by their tag."""
        found: dict[Any, SchemaInfo] = {}
        for info in self.infos:
            for value in self._tags(info):
                if value in found:
                    raise SchemaError(
                        f"`{self.label}` has two schemas with the tag {value!r}: {found[value].name} and {info.name}",
                        hint="give each a tag of its own, as stored structs keep theirs",
                    )
                found[value] = info
        return found

    def _tags(self, info: SchemaInfo) -> tuple[Any, ...]:
        one = info.declarations.get(str(self.tag))
        annotation = None if one is None else notes.evaluate(one.argument, info.scopes(one.name))
        if get_origin(annotation) is not Literal:
            raise SchemaError(
                f"`{self.label}` tells its schemas apart by `{self.tag}`, and {info.name} does not say its own",
                hint=f'write in {info.name}: `{self.tag}: Field[Literal["{info.name.lower()}"]] = '
                f'field(default="{info.name.lower()}")`',
            )
        return get_args(annotation)

    def info_of(self, tag: Any) -> SchemaInfo | None:
        """Return the schema that a tag names, None where it names none."""
        try:
            return self.variants.get(tag)
        except TypeError:
            return None

    def cast(self, value: object) -> Ok[Any] | Err:
        """Take structs as they are. Params become structs in `cast_embed` only."""
        given: Any = value
        listed: list[Any] = given if self.many and given.__class__ is list else [given]
        if self.many is not (given.__class__ is list) or not all(self._is_one(one) for one in listed):
            return Err()
        return Ok(given)

    def _is_one(self, value: object) -> bool:
        return any(value.__class__ is info.schema for info in self.infos)

    def codec(self, target: Target) -> Codec:
        """Return how the document is stored: `jsonb`, TEXT."""
        member = self.member()

        def dump(value: Any) -> str:
            what = f"`{self.label}` cannot be stored"
            document: Any = None
            try:
                document = member.dump(value)
                return encode(document, target)
            except MisfitError as exc:
                raise _told(exc, what) from exc.__cause__
            except RecursionError:
                raise _told(MisfitError((), "its structs are nested too deep"), what) from None
            except CastError:
                # Its text shows the document, and there may be something redacted in it.
                fault = find_fault(document) or Fault((), "is no JSON document")
                raise _told(MisfitError(fault.path, f"it {fault.reason}"), what) from None

        def load(text: Any) -> Any:
            try:
                document = decode(text)
                if document is None:
                    return [] if self.many else None
                return member.load(document)
            except MisfitError as exc:
                raise _told(exc, f"the stored document of `{self.label}` does not fit") from exc.__cause__
            except RecursionError:
                deep = MisfitError((), "it is nested too deep")
                raise _told(deep, f"the stored document of `{self.label}` does not fit") from None

        return Codec("jsonb" if target == "postgres" else "TEXT", dump, load)

    def member(self) -> Member:
        """Return how it stands inside another document."""
        if self.many:
            return Member(self._dump_many, self._load_many)
        return Member(self._dump_one, self._load_one)

    def _dump_many(self, value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise _other(value, f"a list of {self._names}", "write list(value)")
        return [_at(index, self._dump_one, one) for index, one in enumerate(value)]

    def _load_many(self, value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise MisfitError((), f"it is {_kind(value)}, not an array")
        return [_at(index, self._load_one, one) for index, one in enumerate(value)]

    @property
    def _names(self) -> str:
        return " | ".join(info.name for info in self.infos)

    def _dump_one(self, struct: Any) -> dict[str, Any]:
        for info in self.infos:
            if struct.__class__ is info.schema:
                return dumped(info, struct)
        raise _other(
            struct, f"a struct of {self._names}", f"make one: `{self.infos[0].name}(…)`, or cast with `cast_embed`"
        )

    def _load_one(self, document: Any) -> Any:
        if document.__class__ is not dict:
            raise MisfitError((), f"it is {_kind(document)}, not an object of {self._names}")
        if self.tag is None:
            return loaded(self.infos[0], document)
        key = self.infos[0].fields[self.tag].source
        info = self.info_of(document.get(key))
        if info is None:
            known = ", ".join(map(repr, self.variants))
            raise MisfitError((key,), f"it is no tag of {self._names}, which are {known}")
        return loaded(info, document)

    def equal(self, left: Any, right: Any) -> bool:
        """Compare what is stored: Python calls 1, 1.0 and True equal, and documents do not."""
        dump = self.member().dump
        try:
            return left == right and same(dump(left), dump(right))
        except CastError:
            return False

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and vars(other)["infos"] == self.infos and self.many is other.many  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.infos, self.many))


def _no_schema(label: str, one: Any) -> SchemaError:
    word = notes.annotation_text(one)
    if isinstance(getattr(one, "__schema__", None), SchemaInfo):
        return SchemaError(
            f"`{label}` embeds {word}, which is a schema of its own",
            hint=f"declare it as `class {word}(EmbeddedSchema): …`, or associate it: has_one, has_many",
        )
    return SchemaError(
        f"`{label}` embeds {word}, which is no embedded schema",
        hint=f"declare `class {word.title() if word.isidentifier() else 'Address'}(EmbeddedSchema): …`; "
        f"what is no schema is a field: Field[{word}]",
    )


def _other(value: object, wanted: str, hint: str) -> MisfitError:
    """Return what is said of a value of another class. It is not shown: members of it may be secret in their schema."""
    return MisfitError((), f"expected {wanted}, got a {value.__class__.__name__}", hint)


def _told(exc: MisfitError, what: str) -> EmbedError:
    where = f" at `{path_text(exc.path)}`" if exc.path else ""
    return EmbedError(f"{what}{where}: {exc.reason}", hint=exc.fix)


def _kind(value: Any) -> str:
    words = {dict: "an object", list: "an array", str: "text", bool: "true or false", type(None): "null"}
    return words.get(value.__class__, "a number")


def _at(step: str | int, convert: Convert, value: Any) -> Any:
    """Convert what stands under a key or index; what does not fit says where."""
    try:
        return convert(value)
    except MisfitError as exc:
        exc.path = (step, *exc.path)
        raise
    except CastError as exc:
        raise MisfitError((step,), str(exc.args[0]).partition("\n")[0]) from exc
    except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError) as exc:
        raise MisfitError((step,), f"it is {_kind(value)} that cannot be read") from exc


def parts_of(info: SchemaInfo) -> tuple[Part, ...]:
    """Return the members that are stored."""
    known: tuple[Part, ...] | None = info.parts
    if known is None:
        made: list[Part] = []
        for name in info.column_names:
            field = info.fields[name]
            member = member_of(field.type)
            made.append(Part(name, field.source, field, member.dump, member.load, name in info.redacted))
        known = info.parts = tuple(made)
    return known


def dumped(info: SchemaInfo, struct: Any) -> dict[str, Any]:
    """Return the document of a struct. Raises MisfitError for a member that has no value, or none of its type."""
    document: dict[str, Any] = {}
    if info.associations:
        _check_keys(info, struct)
    for part in parts_of(info):
        value = getattr(struct, part.name, UNSET)
        if value is None or value is UNSET:
            if not part.field.nullable:
                raise MisfitError(
                    (part.key,),
                    f"`{info.name}.{part.name}` {'is None' if value is None else 'has no value'}",
                    f"give it one, or a default, or say that it may be missing: `{part.name}: Field[… | None]`",
                )
            document[part.key] = None
        elif part.redacted:
            document[part.key] = _hidden(part, part.dump, value)
        else:
            document[part.key] = _at(part.key, part.dump, value)
    return document


def _check_keys(info: SchemaInfo, struct: Any) -> None:
    """Raise MisfitError for a struct that holds another one than its foreign key says: only the key is stored."""
    for name, association in info.associations.items():
        related = getattr(struct, f"_assoc_{name}", UNSET)
        if related is UNSET or related is None:
            continue
        for here, there in zip(association.owner_keys, association.related_keys, strict=True):
            if getattr(struct, here, None) != getattr(related, there, None):
                raise MisfitError(
                    (name,),
                    f"it holds another {association.related.name} than `{info.name}.{here}` says, and only the key is "
                    "stored",
                    f"give the key, `{info.name}({here}=…)`, and leave `{name}` out",
                )


def _hidden(part: Part, convert: Convert, value: Any) -> Any:
    try:
        return convert(value)
    except Exception:  # noqa: BLE001  # whatever it says may hold the value
        raise MisfitError((part.key,), "a redacted value does not fit its type") from None


def loaded(info: SchemaInfo, document: dict[str, Any]) -> Any:
    """Return the struct of a document. Raises MisfitError for what does not fit."""
    made: Any = info.twin()
    for part in parts_of(info):
        value = document.get(part.key)
        if value is not None:
            value = _hidden(part, part.load, value) if part.redacted else _at(part.key, part.load, value)
        elif part.field.type.empty:
            value = []
        elif part.key not in document and fills(part.field.options):
            value = filled(part.field.options)
        elif not part.field.nullable:
            raise MisfitError(
                (part.key,),
                f"`{info.name}.{part.name}` is {'null' if part.key in document else 'missing'}",
                f"give the member a default, so that old rows load, or `{part.name}: Field[… | None]`",
            )
        setattr(made, part.name, value)
    for name, options in info.defaults:
        if name in info.virtual_names:
            setattr(made, name, filled(options))
    made.__class__ = info.schema
    return made


def fills(options: FieldOptions) -> bool:
    """Whether a member has a default."""
    return options.has_default or options.default_factory is not None


def filled(options: FieldOptions) -> Any:
    """Return a member's default."""
    return options.default if options.default_factory is None else options.default_factory()
