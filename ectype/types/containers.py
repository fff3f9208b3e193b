"""The types that hold others: JSON documents, arrays, and `Any`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.at_once import AtOnce, is_none_free
from ectype.types.base import Codec, JsonForm, Target, Type
from ectype.types.documents import copied, decode, encode, find_fault, same, text_of
from ectype.types.refusals import refused, shown, unreadable
from ectype.types.scalars import BINARY, is_scalar

# --- Json -------------------------------------------------------------------------------------------------------------


_ROOTS: Final[dict[tuple[type, ...], tuple[str, Any]]] = {
    (dict,): ("map", dict[str, Any]),
    (list,): ("list", list[Any]),
}
_EITHER: Final[tuple[str, Any]] = ("json", dict[str, Any] | list[Any])


def _dump_json_for(target: Target, roots: tuple[type, ...], name: str) -> Callable[[Any], str]:
    def dump(value: Any) -> str:
        if value.__class__ not in roots:
            raise refused(value, f"a {name}", hint="a pydantic model is stored by a field of its own type")
        return encode(value, target)

    return dump


def _load_json_for(roots: tuple[type, ...], name: str) -> Callable[[Any], Any]:
    def load(text: Any) -> Any:
        document = decode(text)
        if document.__class__ in roots or document is None:
            return document
        raise unreadable(text, f"a {name}")

    return load


@dataclass(frozen=True, slots=True)
class Json(Type[Any]):
    """JSON documents whose outermost value is a dict, a list, or either: `jsonb`, TEXT.

    What a document may hold stands in `ectype.types.documents`. JSON's `null` loads as None.

    Attributes:
        roots: the classes that the outermost value may have.

    Raises:
        SchemaError: the roots are others than dict and list.

    >>> Json((dict,)).cast({"a": [1, None]})
    Ok({'a': [1, None]})
    >>> Json((dict,)).cast({"a": [1, {2}]})
    Err('is invalid', {'source': ['a', 1]})
    """

    roots: tuple[type, ...] = (dict, list)

    mutable: ClassVar = True

    def __post_init__(self) -> None:
        if not self.roots or not set(self.roots) <= {dict, list}:
            raise SchemaError(f"a JSON document is a dict or a list, not one of {self.roots!r}")

    @property
    def name(self) -> str:
        """`map`, as Ecto says, `list`, or `json` for both."""
        return _ROOTS.get(self.roots, _EITHER)[0]

    @property
    def python(self) -> Any:
        """`dict[str, Any]`, `list[Any]`, or both."""
        return _ROOTS.get(self.roots, _EITHER)[1]

    def cast(self, value: object) -> Ok[Any] | Err:
        """Take a document, never its text. The result shares nothing with what was given."""
        if value.__class__ not in self.roots:
            return Err()
        fault = find_fault(value)
        if fault is not None:
            return Err("is invalid", {"source": list(fault.path)} if fault.path else None)
        return Ok(copied(value))

    def codec(self, target: Target) -> Codec:
        """Return how documents are stored."""
        name = " or ".join(root.__name__ for root in self.roots)
        column = "jsonb" if target == "postgres" else "TEXT"
        return Codec(column, _dump_json_for(target, self.roots, name), _load_json_for(self.roots, name))

    def json_form(self) -> JsonForm:
        """Return what JSON makes of the values: itself."""
        kinds = [{dict: "object", list: "array"}[root] for root in self.roots]
        return JsonForm({"type": kinds[0] if len(kinds) == 1 else kinds})

    def equal(self, left: Any, right: Any) -> bool:
        """Compare as JSON does: 1, 1.0 and true are three values, the order of keys is none."""
        return same(left, right)


# --- Array ------------------------------------------------------------------------------------------------------------


def dump_list_for(dump: Callable[[Any], Any], *, nullable: bool) -> Callable[[Any], list[Any]]:
    """Return what dumps a list, each item by `dump`; its refusal says which item it was."""
    dump_one = _or_none(dump) if nullable else dump

    def dump_list(value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise refused(value, "a list", hint="write list(value)")
        try:
            return [dump_one(item) for item in value]
        except CastError as exc:
            exc.add_note(f"at index {_first_refused(dump_one, value)} of the list {shown(value)}")
            raise

    return dump_list


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda item: None if item is None else convert(item)


def _first_refused(dump: Callable[[Any], Any], items: list[Any]) -> int:
    return next(index for index, item in enumerate(items) if _refuses(dump, item))


def _refuses(dump: Callable[[Any], Any], item: object) -> bool:
    try:
        dump(item)
    except CastError:
        return True
    return False


def _load_list_for(load: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def load_list(value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise unreadable(value, "a list")
        return [None if item is None else load(item) for item in value]

    return load_list


def _as_it_is(value: Any) -> Any:
    return value


def _dump_hex(value: Any) -> str:
    return BINARY.codec("sqlite").dump(value).hex()


def _load_hex(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise unreadable(text, "bytes, stored as hex digits") from None


_PART: Final = 1_024
"""How many items are cast at once."""


def _nothing(_value: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ArrayType(Type[list[Any]]):
    """Lists of a scalar: an array of PostgreSQL as `bigint[]`, JSON text on SQLite (bytes as hex digits).

    Attributes:
        element: the scalar.
        nullable: whether an element may be None.

    Raises:
        SchemaError: the element is no scalar.

    >>> from ectype.types.numeric import INTEGER
    >>> ArrayType(INTEGER).cast(["1", 2]), ArrayType(INTEGER).cast([1, "x"])
    (Ok([1, 2]), Err('is invalid', {'source': [1]}))
    """

    element: Type[Any]
    nullable: bool = False

    mutable: ClassVar = True

    def __post_init__(self) -> None:
        if not is_scalar(self.element):
            raise SchemaError(
                f"an array holds scalars, not {self.element!r}", hint="lists of anything else are JSON documents"
            )

    @property
    def name(self) -> str:
        """`array of` and the name of the element."""
        return f"array of {self.element.name}"

    @property
    def python(self) -> Any:
        """`list` of the element's class."""
        return list[self.element.python | None] if self.nullable else list[self.element.python]

    def cast(self, value: object) -> Ok[list[Any]] | Err:
        """Take a list or tuple and cast each element. `source` of an error is the index of the culprit."""
        if not isinstance(value, list | tuple):
            return Err()
        items, made = list(cast("list[Any]", value)), list[Any]()
        at_once, quick = self.element.usual_list(), self.element.usual()
        # In parts, so that one item that is unusual does not cost those of the whole list.
        for start in range(0, len(items), _PART):
            part = items[start : start + _PART]
            found = None if at_once is None else self._at_once(part, at_once)
            if found is None:
                found = self._one_by_one(part, start, quick or _nothing)
                if found.__class__ is Err:
                    return cast("Err", found)
            made += cast("list[Any]", found)
        return Ok(made)

    def _at_once(self, part: list[Any], at_once: AtOnce) -> list[Any] | None:
        """Cast items in one go; None where they have to be looked at, as where None is not allowed."""
        if not self.nullable or is_none_free(part):
            return at_once(part)
        found = at_once([item for item in part if item is not None])
        if found is None:
            return None
        following = iter(found)
        return [None if item is None else next(following) for item in part]

    def _one_by_one(self, part: list[Any], start: int, quick: Callable[[Any], Any]) -> list[Any] | Err:
        cast_one, made = self.element.cast, list[Any]()
        for index, item in enumerate(part, start):
            value = quick(item)
            if value is None and not (item is None and self.nullable):
                one = Err() if item is None else cast_one(item)
                if isinstance(one, Err):
                    return Err(one.message, {**one.meta, "source": [index]})
                value = one.value
                if value is None and not self.nullable:
                    return Err("is invalid", {"source": [index]})
            made.append(value)
        return made

    def codec(self, target: Target) -> Codec:
        """Return how lists of the element are stored."""
        codec = self.element.codec(target)
        if target == "postgres":
            dump = dump_list_for(codec.dump, nullable=self.nullable)
            load = codec.load and _load_list_for(codec.load)
            sent_as = codec.sent_as and f"{codec.sent_as}[]"
            return Codec(f"{codec.column}[]", dump, load, compares=codec.compares, sent_as=sent_as)
        dump_one, load_one = (_dump_hex, _load_hex) if codec.column == "BLOB" else (codec.dump, codec.load)
        dump_list = dump_list_for(dump_one, nullable=self.nullable)
        load_list = _load_list_for(load_one or _as_it_is)
        return Codec("TEXT", lambda value: text_of(dump_list(value)), lambda text: load_list(decode(text)))

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the values: an array of what it makes of the elements."""
        form = self.element.json_form()
        if form is None:
            return None
        item, taken = (
            {"anyOf": [one, {"type": "null"}]} if self.nullable else one for one in (form.schema, form.accepts)
        )
        return JsonForm(
            {"type": "array", "items": item},
            form.dump and _load_list_for(form.dump),
            None if form.accepts is None else {"type": "array", "items": taken},
        )

    def equal(self, left: list[Any], right: list[Any]) -> bool:
        """Compare element by element, as the element's type does."""
        equal = self.element.equal
        return len(left) == len(right) and all(
            one is other or (one is not None and other is not None and equal(one, other))
            for one, other in zip(left, right, strict=True)
        )


# --- Any --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnyType(Type[Any]):
    """Any value at all, for virtual fields: nothing is cast, nothing can be stored."""

    @property
    def name(self) -> str:
        """The word for this type."""
        return "any"

    @property
    def python(self) -> Any:
        """`Any`."""
        return Any

    def cast(self, value: object) -> Ok[Any] | Err:
        """Take everything as it is."""
        return Ok(value)

    def json_form(self) -> JsonForm:
        """Return what JSON makes of the values: whatever it knows of them."""
        return JsonForm({})

    def codec(self, target: Target) -> Codec:  # noqa: ARG002  # no database stores it
        """Refuse. Raises SchemaError with the two ways out."""
        raise SchemaError(
            "a field of Any cannot be stored",
            hint="keep it out of the database: field(virtual=True); or say what it holds, as Field[dict[str, Any]]",
        )


ANY: Final = AnyType()
JSON: Final = Json()
JSON_OBJECT: Final = Json((dict,))
JSON_LIST: Final = Json((list,))
