"""Types of the application's own: how they are written, what is refused when the class is made, what they are given."""

from datetime import UTC, date, datetime
from types import new_class
from typing import Annotated, Any, Generic, TypeVar

import pytest
from annotated_types import MinLen

from ectype import CIText, Err, Field, Ok, Schema, Vector, change, field, primary_key
from ectype.errors import CastError, SchemaError
from ectype.types.containers import ArrayType
from ectype.types.custom import CustomField, CustomType
from ectype.types.resolve import field_type

T = TypeVar("T")


class Slug(CustomType[str, str]):
    def __init__(self, most: int = 80) -> None:
        self.most = most

    def cast(self, value: object) -> Ok[str] | Err:
        if not isinstance(value, str):
            return Err("is no slug", {"why": "class"})
        return Ok(value.lower()) if len(value) <= self.most else Err("is long")

    def dump(self, value: str) -> str:
        return f"/{value}"

    def load(self, stored: str) -> str:
        return stored[1:]


class Broken(CustomType[str, str]):
    """Its code raises, and answers nonsense."""

    answer: Any = ValueError("secret")

    def _answer(self, _value: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    cast = dump = load = _answer

    def equal(self, left: str, right: str) -> bool:
        return bool(self._answer(left))


class Boxed(CustomType[T, str], Generic[T]):
    """A base for others: what its values are is said later."""

    def dump(self, value: T) -> str:
        return str(value)


class Days(CustomType[int, date]):
    def cast(self, value: object) -> Ok[int] | Err:
        return Ok(value) if isinstance(value, int) else Err()

    def dump(self, value: int) -> date:
        return date.fromordinal(value)

    def load(self, stored: date) -> int:
        return stored.toordinal()


class Tags(CustomType[frozenset[str], list[str]]):
    def cast(self, value: object) -> Ok[frozenset[str]] | Err:
        return Ok(frozenset(map(str, value))) if isinstance(value, list) else Err()

    def dump(self, value: frozenset[str]) -> list[str]:
        return sorted(value)

    def load(self, stored: list[str]) -> frozenset[str]:
        return frozenset(stored)


class Page(Schema, table="pages"):
    id: Field[int] = primary_key()
    slug: Field[str | None] = field(type=Slug, default=None)
    short: Field[str | None] = field(type=Slug(3), default=None)
    noted: Field[Annotated[str, Slug] | None] = field(default=None)
    long: Field[Annotated[str, Slug, MinLen(2)] | None] = field(default=None)
    slugs: Field[list[Annotated[str, Slug(5)]]] = field(default_factory=list)
    others: Field[list[str | None] | None] = field(type=Slug, default=None)
    tags: Field[frozenset[str] | None] = field(type=Tags, default=None)
    hidden: Field[str | None] = field(type=Slug, default=None, redact=True)


def test_a_field_takes_a_custom_type_as_a_class_as_an_instance_and_in_an_annotation() -> None:
    fields = Page.__schema__.fields
    assert fields["slug"].type == fields["noted"].type == CustomField.of(Slug)
    assert fields["short"].type == CustomField.of(Slug(3)) != fields["slug"].type
    assert hash(fields["short"].type) is not None
    assert fields["slugs"].type == ArrayType(CustomField.of(Slug(5)))
    assert fields["others"].type == ArrayType(CustomField.of(Slug), nullable=True)
    assert [fields[name].nullable for name in ("slug", "noted", "slugs")] == [True, True, False]
    assert fields["slug"].type.describe().columns == {"postgres": "text", "sqlite": "TEXT"}
    assert (fields["slug"].type.name, fields["slug"].type.python) == ("Slug", str)
    assert fields["tags"].type.describe().columns == {"postgres": "text[]", "sqlite": "TEXT"}


def test_a_changeset_casts_by_the_types_own_words_and_options() -> None:
    page = change(Page).cast(
        {"slug": "ABC", "short": "ABCD", "noted": 7, "long": "a", "slugs": ["A", "toolong"], "tags": ["b", "a"]},
        Page.slug,
        Page.short,
        Page.noted,
        Page.long,
        Page.slugs,
        Page.tags,
    )
    assert dict(page.changes) == {"slug": "abc", "tags": frozenset({"a", "b"})}
    assert {name: (error.message, dict(error.meta)) for name, error in page.errors} == {
        "short": ("is long", {"type": "Slug", "validation": "cast"}),
        "noted": ("is no slug", {"type": "Slug", "validation": "cast", "why": "class"}),
        "long": (
            "should be at least %{count} character(s)",
            {"type": "string", "validation": "length", "kind": "min", "count": 2},
        ),
        "slugs": ("is long", {"type": "array of Slug", "validation": "cast", "source": [1]}),
    }
    hidden = change(Page).cast({"hidden": "x" * 90}, Page.hidden)
    assert hidden.errors[0][1].message == "is invalid"


def test_none_reaches_no_custom_type() -> None:
    class Never(CustomType[str, str]):
        def cast(self, value: object) -> Ok[str] | Err:
            raise AssertionError(value)

        def dump(self, value: str) -> str:
            raise AssertionError(value)

        def load(self, stored: str) -> str:
            raise AssertionError(stored)

    class Silent(Schema, table="silent"):
        id: Field[int] = primary_key()
        word: Field[str | None] = field(type=Never, default_factory=lambda: "x")
        words: Field[list[str | None]] = field(type=Never, default_factory=list)

    made = change(Silent(word="x")).cast({"word": None, "words": [None]}, Silent.word, Silent.words)
    assert dict(made.changes) == {"word": None, "words": [None]}


def test_values_pass_through_the_type_and_then_through_what_stores_them() -> None:
    slug, days = CustomField.of(Slug), CustomField.of(Days)
    for target in ("postgres", "sqlite"):
        codec = slug.codec(target)
        assert codec.dump("a") == "/a"
        assert codec.load is not None
        assert codec.load("/a") == "a"
    assert days.codec("sqlite").dump(739_000) == "2024-04-24"
    postgres = days.codec("postgres")
    assert postgres.text_load is not None
    assert postgres.text_load("2024-04-24") == 739_000
    with pytest.raises(ValueError, match="Invalid isoformat"):
        postgres.text_load("infinity")
    assert postgres.text_load_slow is not None
    assert postgres.text_load_slow("infinity") == date.max.toordinal()


@pytest.mark.parametrize("wrong", [7, None, b"a", ["a"]])
def test_a_value_of_another_class_never_reaches_the_types_own_dump(wrong: object) -> None:
    with pytest.raises(CastError, match="expected a value of Slug"):
        CustomField.of(Slug).codec("sqlite").dump(wrong)
    assert not CustomField.of(Slug).equal("a", wrong)


@pytest.mark.parametrize("problem", [ValueError("secret"), RecursionError(), KeyError("secret"), ArithmeticError()])
def test_what_the_types_own_code_raises_is_named_and_not_shown(problem: Exception) -> None:
    broken = Broken()
    broken.answer = problem
    type_ = CustomField.of(broken)
    codec = type_.codec("sqlite")
    assert codec.load is not None
    for method, call in (
        ("cast", lambda: type_.cast("x")),
        ("dump", lambda: codec.dump("x")),
        ("load", lambda: codec.load("x")),
        ("equal", lambda: type_.equal("x", "y")),
    ):
        with pytest.raises(CastError) as caught:
            call()
        assert caught.value.message == f"`Broken.{method}` raised {problem.__class__.__name__}"
        assert caught.value.__cause__ is problem
        assert "secret" not in str(caught.value)


def test_an_answer_that_is_none_of_those_asked_for_is_refused() -> None:
    broken = Broken()
    broken.answer = "x"
    with pytest.raises(CastError, match=r"`Broken.cast` returned a str, neither Ok nor Err"):
        CustomField.of(broken).cast("x")
    broken.answer = None
    with pytest.raises(CastError, match=r"`Broken.dump` returned None"):
        CustomField.of(broken).codec("sqlite").dump("x")
    broken.answer = 7
    with pytest.raises(CastError, match="expected a str, got 7") as caught:
        CustomField.of(broken).codec("sqlite").dump("x")
    assert caught.value.__notes__ == ["that is what `Broken.dump` returned"]


def test_an_error_of_ours_passes_as_it_is() -> None:
    broken = Broken()
    broken.answer = CastError("my own")
    with pytest.raises(CastError, match="my own"):
        CustomField.of(broken).cast("x")


def test_a_class_that_is_unfinished_is_refused_when_it_is_made() -> None:
    with pytest.raises(SchemaError, match="Bare does not say what its values are") as caught:
        type("Bare", (CustomType,), {})
    assert "class Bare(CustomType[str, str])" in str(caught.value)
    with pytest.raises(SchemaError, match="Half has no `cast`") as half:
        new_class("Half", (Boxed[int],))
    assert "add `def cast(self, value: object)" in str(half.value)
    with pytest.raises(SchemaError, match="Asked is stored as <class 'complex'>, and no column holds that"):

        class Asked(CustomType[complex, complex]):
            pass

    with pytest.raises(SchemaError, match=r"`Waiting.cast` is async"):

        class Waiting(CustomType[str, str]):
            async def cast(self, value: object) -> Ok[str] | Err:  # type: ignore[override]
                return Ok(str(value))


def test_a_method_that_asks_the_base_is_told_that_it_has_none() -> None:
    class Asking(Slug):
        def dump(self, value: str) -> str:
            return CustomType[str, str].dump(self, value)

    with pytest.raises(CastError, match=r"`Asking.dump` raised SchemaError") as caught:
        CustomField.of(Asking).codec("sqlite").dump("x")
    assert "Asking has no `dump` for a str" in str(caught.value.__cause__)


def test_the_wrong_type_for_an_annotation_is_refused_with_the_right_one() -> None:
    with pytest.raises(SchemaError, match=r"`type=` gives a type of str, and the field is of int"):
        field_type(int, given=Slug)
    with pytest.raises(SchemaError, match=r"gives a type of list\[float\]"):
        field_type(str, given=Vector(3))
    with pytest.raises(SchemaError, match=r"(?s)Vector takes options.*write `Vector\(…\)`"):
        field_type(list[float], given=Vector)
    with pytest.raises(SchemaError, match="takes a type of a field, got 7"):
        field_type(str, given=7)
    with pytest.raises(SchemaError, match="names two types"):
        field_type(Annotated[str, Slug, CIText])
    with pytest.raises(SchemaError, match="`type=` gives a type of frozenset"):
        field_type(list[frozenset[str]], given=Tags)


@pytest.mark.parametrize(
    "annotation",
    [dict[str, Annotated[str, Slug]], dict[str, Annotated[str, Slug(3)]], list[list[Annotated[str, CIText]]]],
)
def test_a_type_inside_a_document_is_refused_since_it_would_be_passed_over(annotation: Any) -> None:
    with pytest.raises(SchemaError, match="cannot stand inside a document"):
        field_type(annotation)


class NeedsOptions(CustomType[str, str]):
    def __init__(self, most: int) -> None:
        self.most = most

    def cast(self, value: object) -> Ok[str] | Err:
        return Err()

    def dump(self, value: str) -> str:
        return value

    def load(self, stored: str) -> str:
        return stored


def test_a_custom_type_without_its_options_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"NeedsOptions takes options, and none were given"):
        field_type(str, given=NeedsOptions)
    assert repr(NeedsOptions(3)) == "NeedsOptions(most=3)"
    assert NeedsOptions(3) == NeedsOptions(3) != NeedsOptions(4)


def test_a_type_that_makes_values_is_asked_where_the_field_says_nothing_else() -> None:
    class Made(Slug):
        def autogenerate(self) -> str:
            return f"made{self.most}"

    class Maker(Schema, table="makers"):
        id: Field[int] = primary_key()
        one: Field[str] = field(type=Made(7))
        two: Field[str] = field(type=Made, autogenerate=lambda: "own")

    made = {name: make() for name, make in Maker.__schema__.autogenerated}
    assert made == {"one": "made7", "two": "own"}


def test_a_moment_beyond_python_reaches_a_custom_type_as_the_end_of_time() -> None:
    class Stamp(CustomType[datetime, datetime]):
        def cast(self, value: object) -> Ok[datetime] | Err:
            return Ok(value) if isinstance(value, datetime) else Err()

        def dump(self, value: datetime) -> datetime:
            return value

        def load(self, stored: datetime) -> datetime:
            return stored

    codec = CustomField.of(Stamp).codec("postgres")
    assert codec.text_load_slow is not None
    assert str(codec.text_load_slow("infinity")) == "infinity"
    assert codec.dump(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)
