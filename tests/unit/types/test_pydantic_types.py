from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from annotated_types import Gt, Len, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, computed_field
from typing_extensions import TypedDict

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Target
from ectype.types.numeric import INTEGER
from ectype.types.pydantic import ConstrainedType, PydanticType
from ectype.types.scalars import STRING
from ectype.types.temporal import DATE, DATETIME

BOTH: tuple[Target, ...] = ("postgres", "sqlite")


class Address(BaseModel):
    street: str
    number: int = 1
    since: date | None = None


class Anything(BaseModel):
    value: Any = None
    ratio: float = 0.0


class Secret(BaseModel):
    token: str = Field(default="", exclude=True)


class Area(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int

    @computed_field
    @property
    def double(self) -> int:
        return self.width * 2


@dataclass
class Point:
    x: int
    y: int


class Line(TypedDict):
    title: str


class Node(BaseModel):
    next: "Node | None" = None


class Unfinished(BaseModel):
    later: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


ADDRESS = PydanticType(Address, "Address")
ANYTHING = PydanticType(Anything, "Anything")
SHORT: Any = Annotated[str, MinLen(3)]


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Address, Address(street="A"), Address(street="A")),
        (
            Address,
            {"street": "A", "number": 2, "since": "2026-11-01"},
            Address(street="A", number=2, since=date(2026, 11, 1)),
        ),
        (Point, {"x": 1, "y": 2}, Point(1, 2)),
        (Line, {"title": "t"}, {"title": "t"}),
        (list[Address], [{"street": "A"}], [Address(street="A")]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (int | str, "7", "7"),
        (int | str, 7, 7),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[date], ["2026-11-01"], {date(2026, 11, 1)}),
        (
            dict[UUID, Decimal],
            {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11": "1.5"},
            {UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"): Decimal("1.5")},
        ),
    ],
)
def test_a_value_is_cast_from_itself_and_from_its_json_document(
    annotation: Any, value: object, expected: object
) -> None:
    assert PydanticType(annotation, "x").cast(value) == Ok(expected)


@pytest.mark.parametrize(
    ("type_", "value", "meta"),
    [
        (ADDRESS, {}, {"source": ["street"]}),
        (ADDRESS, {"street": 7}, {"source": ["street"]}),
        (ADDRESS, {"street": "A", "number": "2"}, {"source": ["number"]}),
        (ADDRESS, {"street": {1}}, {"source": ["street"]}),
        (ADDRESS, "street", None),
        (ADDRESS, '{"street": "A"}', None),
        (ADDRESS, None, None),
        (PydanticType(dict[str, int], "x"), {"a": 1, "b": True}, {"source": ["b"]}),
        (PydanticType(dict[str, int], "x"), {"a": "1"}, {"source": ["a"]}),
    ],
)
def test_pydantics_laxity_is_off_and_the_error_is_ectos_with_a_path(type_: Any, value: object, meta: Any) -> None:
    assert type_.cast(value) == Err("is invalid", meta)


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Address, Address(street="é", since=date(2026, 11, 1))),
        (Area, Area(width=2)),
        (Point, Point(1, 2)),
        (Line, {"title": "t"}),
        (list[Address], [Address(street="A")]),
        (int | str, "7"),
        (int | str, 7),
        (set[int], {1, 2}),
        (Anything, Anything(value=[1, {"a": None}], ratio=1e300)),
        (dict[str, datetime], {"a": datetime(2026, 11, 1)}),
    ],
)
def test_a_document_comes_back_as_it_went_in(annotation: Any, value: object, target: Target) -> None:
    codec = PydanticType(annotation, "x").codec(target)
    assert codec.column == ("jsonb" if target == "postgres" else "TEXT")
    load: Any = codec.load
    loaded = load(codec.dump(value))
    assert (loaded, loaded.__class__) == (value, value.__class__)
    assert load("null") is None


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        (ADDRESS, {"street": 7}, r"a value of Address, and it is none: street: Input should be a valid string"),
        (ADDRESS, "A", "a value of Address, and it is none"),
        (ADDRESS, None, "a value of Address, and it is none"),
        (ADDRESS, Address.model_construct(street="A", number="no"), "a value of Address, and it is none"),
        (PydanticType(Secret, "Secret"), Secret(token="t"), "its JSON document gives back"),
        (ANYTHING, Anything(ratio=float("inf")), "a value of Anything"),
        (ANYTHING, Anything(ratio=float("nan")), "a value of Anything"),
        (ANYTHING, Anything(value={1, 2}), "its JSON document gives back"),
        (ANYTHING, Anything(value=(1, 2)), "its JSON document gives back"),
        (ANYTHING, Anything(value={1: 2}), "a value of Anything"),
        (ANYTHING, Anything(value="a\0b"), r'at \["value"\] holds a NUL character'),
        (ANYTHING, Anything(value="\ud800"), "lone surrogate"),
        (ANYTHING, Anything(value=object()), "Unable to serialize"),
    ],
    ids=range(13),
)
def test_what_its_document_would_lose_is_refused(type_: Any, value: object, message: str, target: Target) -> None:
    with pytest.raises(CastError, match=f"(?s){message}"):
        type_.codec(target).dump(value)


@pytest.mark.parametrize("text", ["{}", "x", '{"street": 7}', "[1]", b"\xff", None])
def test_a_document_that_fits_no_longer_is_named(text: Any) -> None:
    load: Any = ADDRESS.codec("sqlite").load
    with pytest.raises(CastError, match=r"not a document of Address\n\nhint: give new members of a model a default"):
        load(text)


def test_values_are_compared_with_their_documents() -> None:
    numbers = PydanticType(dict[str, int | bool], "x")
    assert numbers.equal({"a": 1}, {"a": 1})
    assert not numbers.equal({"a": 1}, {"a": True})
    assert not numbers.equal({"a": 1}, {"a": 2})
    unheard: Any = Anything(value=(one := object()))
    assert not ANYTHING.equal(unheard, Anything(value=one))


def test_types_are_equal_by_annotation() -> None:
    assert PydanticType(Address, "Address") == PydanticType(Address, "other") != ANYTHING
    assert (ADDRESS.name, ADDRESS.python, ADDRESS.mutable) == ("Address", Address, True)
    assert repr(ADDRESS) == f"PydanticType(annotation={Address!r}, word='Address')"
    assert hash(ADDRESS) == hash(PydanticType(Address, "x"))


def test_an_annotation_that_pydantic_does_not_know_is_refused_with_the_fix() -> None:
    class Plain:
        pass

    with pytest.raises(SchemaError, match="a field of Plain cannot be stored: neither ectype nor pydantic knows how"):
        PydanticType(Plain, "Plain")
    with pytest.raises(SchemaError, match=r"Nowhere.*(?s:.*)field\(virtual=True\)"):
        PydanticType(Unfinished, "Unfinished")


def test_a_constrained_scalar_is_cast_as_the_scalar_and_then_checked() -> None:
    short = ConstrainedType(SHORT, STRING)
    positive = ConstrainedType(Annotated[int, Gt(0)], INTEGER)
    assert (short.cast("abc"), positive.cast("7")) == (Ok("abc"), Ok(7))
    assert short.cast("ab") == Err(
        "should be at least %{count} character(s)",
        {"validation": "length", "kind": "min", "count": 3, "type": "string"},
    )
    assert positive.cast("-7") == Err(
        "must be greater than %{number}", {"validation": "number", "kind": "greater_than", "number": 0}
    )
    assert positive.cast("x") == Err()
    assert ConstrainedType(Annotated[str, AfterValidator(str.strip)], STRING).cast(" a ") == Ok("a")
    empty = {"year": "", "month": "", "day": ""}
    assert ConstrainedType(Annotated[date, Gt(date(2026, 1, 1))], DATE).cast(empty) == Ok(None)
    either = ConstrainedType(Literal["a", "b"], STRING)
    assert either.cast("c") == Err("is invalid", {"validation": "inclusion", "enum": ["a", "b"]})


@pytest.mark.parametrize("target", BOTH)
def test_a_constrained_scalar_is_stored_as_the_scalar(target: Target) -> None:
    short = ConstrainedType(SHORT, STRING)
    assert short.codec(target).column == STRING.codec(target).column
    assert short.codec(target).dump("abc") == "abc"
    with pytest.raises(CastError, match="at least 3 characters"):
        short.codec(target).dump("ab")
    with pytest.raises(CastError, match="expected a str"):
        short.codec(target).dump(7)
    stripped = ConstrainedType(Annotated[str, AfterValidator(str.strip)], STRING)
    with pytest.raises(CastError, match=r"leaves as it is.*\n\nhint: store 'a'"):
        stripped.codec(target).dump(" a ")
    inner, outer = DATETIME.codec(target), ConstrainedType(Annotated[datetime, "x"], DATETIME).codec(target)
    assert (outer.load, outer.text_load, outer.text_load_slow, outer.inline, outer.names) == (
        inner.load,
        inner.text_load,
        inner.text_load_slow,
        inner.inline,
        inner.names,
    )


def test_a_constrained_scalar_has_the_scalars_name_and_comparison() -> None:
    short = ConstrainedType(SHORT, STRING)
    assert (short.name, short.python, short.equal("a", "a")) == ("string", SHORT, True)
    assert short == ConstrainedType(SHORT, STRING)


def test_hostile_documents_are_refused_at_once(at_once: Any) -> None:
    deep: Any = []
    chain: Any = {}
    for _ in range(10_000):
        deep, chain = [deep], {"next": chain}

    def refuse() -> None:
        assert ANYTHING.cast({"value": deep}) == Err("is invalid")
        with pytest.raises(CastError):
            ANYTHING.codec("postgres").dump(Anything(value=deep))
        assert PydanticType(Node, "Node").cast(chain) == Err("is invalid")
        assert ADDRESS.cast("[" * 1_000_000) == Err("is invalid")

    at_once(refuse)


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[list[int], MaxLen(3)],
        Annotated[list[int], MinLen(1), Len(0, 3)],
        Annotated[list[int], Field(max_length=3)],
        Annotated[list[int], MaxLen(3), MaxLen(9)],
    ],
)
def test_the_bound_of_a_list_is_checked_before_its_items(annotation: Any) -> None:
    bounded = PydanticType(annotation, "bounded")
    assert bounded.cast([1, 2, 3]) == Ok([1, 2, 3])
    assert bounded.cast(["x", 2, 3]) == Err("is invalid", {"source": [0]})
    assert bounded.cast(["x", 2, 3, 4]) == Err()
    assert bounded.cast([1, 2, 3, 4]) == Err()


def _once_each(values: Any) -> Any:
    return list(dict.fromkeys(values))


def test_a_function_that_shortens_a_list_comes_before_its_bound() -> None:
    short = PydanticType(Annotated[list[int], BeforeValidator(_once_each), MaxLen(2)], "short")
    assert short.cast([1, 1, 1, 2]) == Ok([1, 2])
    assert short.cast([1, 2, 3]) == Err()


class Tree(BaseModel):
    names: dict[str, list[str]] = {}


@pytest.mark.parametrize("many", [1, 19, 20, 21, 5_000])
@pytest.mark.parametrize(
    ("annotation", "wrap", "path"),
    [
        (list[int], lambda bad: bad, [2]),
        (tuple[int, ...], lambda bad: bad, [2]),
        (list[list[int]], lambda bad: [[1], bad], [1, 2]),
        (Tree, lambda bad: {"names": {"a": ["x"], "b": ["x", "y", *[1 for _ in bad]]}}, ["names", "b", 2]),
        (Tree, lambda bad: {"names": {"\ud800": ["x", "y", *[1 for _ in bad]]}}, ["names", "\ufffd" * 3, 2]),
    ],
)
def test_the_first_item_that_is_refused_is_told_however_many_there_are(
    many: int, annotation: Any, wrap: Any, path: list[Any]
) -> None:
    bad: list[object] = [1, 2, *["x"] * many]
    assert PydanticType(annotation, "it").cast(wrap(bad)) == Err("is invalid", {"source": path})


LOOKED_AT: list[object] = []


def _looked_at(value: object) -> object:
    LOOKED_AT.append(value)
    return value


class Shelf(BaseModel):
    boxes: list[tuple[Annotated[int, BeforeValidator(_looked_at)], ...]] = []
    inner: list["Shelf"] = []


@pytest.mark.parametrize(
    ("shelf", "path"),
    [
        ({"boxes": [["x"] * 5_000]}, ["boxes", 0, 0]),
        ({"inner": [{"boxes": [["x"] * 5_000]}] * 3}, ["inner", 0, "boxes", 0, 0]),
    ],
)
def test_the_lists_inside_a_model_are_left_at_their_first_wrong_item(shelf: Any, path: list[Any]) -> None:
    type_ = PydanticType(Shelf, "Shelf")
    LOOKED_AT.clear()
    assert type_.cast(shelf) == Err("is invalid", {"source": path})
    assert len(LOOKED_AT) == 1
