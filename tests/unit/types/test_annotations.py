import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, ForwardRef, Generic, Literal, Optional, TypeVar, Union

import pytest

from ectype.errors import SchemaError
from ectype.types.annotations import (
    RawAnnotation,
    annotation_text,
    evaluate,
    is_optional_text,
    read_annotations,
    read_class_annotations,
)

T = TypeVar("T")


class Field(Generic[T]):
    pass


class Pair(Generic[T]):
    def __class_getitem__(cls, item: Any) -> Any:
        return super().__class_getitem__(item)  # type: ignore[misc]


HERE: dict[str, object] = {"Field": Field, "ectype": typing, "ClassVar": ClassVar, "typing": typing}


def read(annotation: Any, names: Mapping[str, object] = HERE, local: Mapping[str, object] | None = None) -> Any:
    return read_annotations({"__annotations__": {"member": annotation}}, names, local or {}).get("member")


@pytest.mark.parametrize(
    ("annotation", "head", "argument", "text"),
    [
        ("Field[int]", Field, "int", "Field[int]"),
        ("Field[ int|None ]", Field, "int | None", "Field[int | None]"),
        ("'Field[Later]'", Field, "Later", "Field[Later]"),
        ("Field['Later']", Field, "'Later'", "Field['Later']"),
        ("dict[A, B]", dict, "(A, B)", "dict[A, B]"),
        ("Field", Field, None, "Field"),
        ("int", int, None, "int"),
        ("ectype.Field[int]", None, "int", "ectype.Field[int]"),
        ("missing.Field[int]", None, "int", "missing.Field[int]"),
        ("Missing[int]", None, "int", "Missing[int]"),
        ("Missing", None, None, "Missing"),
        ("int | None", None, None, "int | None"),
        ("make()[int]", None, "int", "make()[int]"),
        (Field[int], Field, int, "Field[int]"),
        (Field["Later"], Field, "Later", "Field[Later]"),  # type: ignore[name-defined]
        (Field["int | None"], Field, "int | None", "Field[int | None]"),
        (Field[int | None], Field, int | None, "Field[int | None]"),
        (Field, Field, None, "Field"),
        (dict[str, int], dict, (str, int), "dict[str, int]"),
        (int | None, None, None, "int | None"),
        (typing.Optional[int], None, None, "int | None"),  # noqa: UP045
        (Annotated[int, "doc"], None, None, "Annotated[int, 'doc']"),
        (Any, None, None, "Any"),
    ],
    ids=str,
)
def test_an_annotation_is_taken_apart_without_evaluating_what_is_in_its_brackets(
    annotation: Any, head: Any, argument: Any, text: str
) -> None:
    found = read(annotation)
    assert isinstance(found, RawAnnotation)
    assert (found.name, found.head, found.argument) == ("member", head, argument)
    assert found.text == text


@pytest.mark.parametrize(
    "annotation",
    [
        "ClassVar[int]",
        "ClassVar",
        "typing.ClassVar[int]",
        "'ClassVar[int]'",
        ClassVar[int],
        ClassVar,
        "t.ClassVar[int]",
    ],
    ids=str,
)
def test_class_variables_are_left_out(annotation: Any) -> None:
    assert read(annotation) is None
    assert read(annotation, {}) is None


def test_names_of_python_itself_are_left_out() -> None:
    annotations = {"__slots__": "Field[int]", "__x": "Field[int]", "_y": "Field[int]"}
    assert list(read_annotations({"__annotations__": annotations}, HERE, {})) == ["_y"]
    assert read_annotations({}, HERE, {}) == {}


def test_local_names_win_over_those_of_the_module() -> None:
    class Field2(Generic[T]):
        pass

    assert read("Field[int]", HERE, {"Field": Field2}).head is Field2
    assert read("box.Field[int]", {}, {"box": type("box", (), {"Field": Field})}).head is Field


@pytest.mark.parametrize("text", ["Field[", "", "a = 1", "x\0", "(" * 5000], ids=range(5))
def test_text_that_is_no_expression_is_refused_with_the_member(text: str) -> None:
    with pytest.raises(SchemaError, match="the annotation of `member` is no expression"):
        read(text)


class Mixin:
    first: Field[int]
    second: "Field[Later]"  # type: ignore[name-defined]
    third: ClassVar[int]
    inner: "Inner"

    class Inner:
        pass


class Child(Mixin):
    own: Field[str]


def test_a_finished_class_gives_its_own_annotations() -> None:
    found = read_class_annotations(Mixin)
    assert [(name, one.head, one.argument) for name, one in found.items()] == [
        ("first", Field, int),
        ("second", Field, "Later"),
        ("inner", Mixin.Inner, None),
    ]
    assert list(read_class_annotations(Child)) == ["own"]
    assert read_class_annotations(type("Empty", (), {"__module__": "no.such.module"})) == {}


class Later:
    pass


OPTIONAL_LATER: Any = typing.Optional[Later]  # noqa: UP045  # another class than `Later | None` on old Pythons

SCOPES: list[Mapping[str, object]] = [
    {"Later": Later},
    {"Later": int, "Text": "Later", "Loop": "Loop", "typing": typing},
]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("Later", Later),
        (" int ", int),
        ("'Later'", Later),
        ("Text", Later),
        ("Later | None", Later | None),
        ("typing.Optional['Later']", OPTIONAL_LATER),
        ("list['Later']", list[Later]),
        ("dict[str, 'Later | None']", dict[str, Later | None]),
        (ForwardRef("Later"), Later),
        (Optional["Later"], OPTIONAL_LATER),
        (list["Later"], list[Later]),
        (typing.List["Later"], typing.List[Later]),  # noqa: UP006
        (Field["Later"], Field[Later]),
        (Annotated["Later", "doc"], Annotated[Later, "doc"]),
        (Annotated[int, "Later"], Annotated[int, "Later"]),
        (Literal["Later"], Literal["Later"]),
        (Literal["Later"] | None, Literal["Later"] | None),
        (Union["Later", int], Later | int),
        (list[int], list[int]),
        (("Later", int), (Later, int)),
        (int, int),
        (None, None),
        ("None", None),
    ],
    ids=str,
)
def test_names_are_looked_up_wherever_they_stand(argument: Any, expected: Any) -> None:
    assert evaluate(argument, SCOPES) == expected


def test_what_holds_no_name_is_returned_as_it_is() -> None:
    for one in (list[int], int | None, Annotated[int, "x"], Callable[[int], str]):
        assert evaluate(one, []) is one


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("Lateer", r"the name `Lateer` of the annotation `Lateer` does not exist\n\nhint: did you mean `Later`\?"),
        ("list[Zzzzzzzz]", r"`Zzzzzzzz` .* does not exist\n\nhint: import `Zzzzzzzz` in the module of the class"),
        (ForwardRef("Zzzzzzzz"), "the name `Zzzzzzzz`"),
        ("typing.Nothing", "cannot be evaluated: .*no attribute 'Nothing'"),
        ("Later | 'x'", "cannot be evaluated: unsupported operand"),
        ("list[", "cannot be evaluated"),
        ("1 / 0", "cannot be evaluated: division by zero"),
        ("Loop", "stands for itself"),
    ],
)
def test_an_annotation_that_means_nothing_is_refused_with_the_name(argument: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        evaluate(argument, SCOPES)


class Ambiguous(Mapping[str, object]):
    def __getitem__(self, name: str) -> object:
        if name == "User":
            raise SchemaError("two schemas are named `User`")
        raise KeyError(name)

    def __iter__(self) -> Any:
        return iter(["User"])

    def __len__(self) -> int:
        return 1


def test_a_scope_may_refuse_a_name_and_lets_the_builtins_through() -> None:
    with pytest.raises(SchemaError, match="two schemas are named"):
        evaluate("User | None", [{}, Ambiguous()])
    assert evaluate("list[int]", [Ambiguous()]) == list[int]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("User | None", True),
        ("None | User", True),
        ("None", True),
        ("Optional[User]", True),
        ("typing.Optional[User]", True),
        ("Union[User, None]", True),
        ("Union[User, Post]", False),
        ("Union[User]", False),
        ("'User | None'", True),
        ("Annotated[User | None, x]", True),
        ("Annotated[User, x]", False),
        ("User", False),
        ("models.User", False),
        ("list[User | None]", False),
        ("User | Post", False),
        ("Any", None),
        ("typing.Any", None),
        ("User | Any", None),
        ("Any | None", True),
        ("make()", None),
        ("[", None),
        (ForwardRef("User | None"), True),
        (int | None, True),
        (Optional["User"], True),  # type: ignore[name-defined]  # noqa: F821
        (Union["User | None", int], True),  # type: ignore[name-defined]  # noqa: F821
        (int | str, False),
        (Annotated[int | None, "x"], True),
        (int, False),
        (None, True),
        (type(None), True),
        (Any, None),
        (object, None),
        (list[int | None], False),
    ],
    ids=str,
)
def test_whether_none_is_admitted_is_seen_without_evaluating(argument: Any, expected: bool | None) -> None:
    assert is_optional_text(argument) is expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("Later", "Later"),
        (ForwardRef("Later"), "Later"),
        (None, "None"),
        (type(None), "None"),
        (int, "int"),
        (Any, "Any"),
        (int | None, "int | None"),
        (OPTIONAL_LATER, "Later | None"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[str, 3], "Annotated[str, 3]"),
        (Field[Later], "Field[Later]"),
        (T, "~T"),
    ],
    ids=str,
)
def test_an_annotation_is_shown_as_one_writes_it(annotation: Any, expected: str) -> None:
    assert annotation_text(annotation) == expected
