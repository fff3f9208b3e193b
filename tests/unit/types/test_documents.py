import json
from collections import OrderedDict
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import CastError
from ectype.types.documents import MAX_DEPTH, copied, decode, encode, find_fault, path_text, same

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


class Role(StrEnum):
    ADMIN = "admin"


def nested(depth: int) -> Any:
    document: Any = []
    for _ in range(depth - 1):
        document = [document]
    return document


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"a": (1, 2)}, ("a",), "is a tuple"),
        ({"a": {1}}, ("a",), "is a set"),
        ([1, b"x"], (1,), "is a bytes"),
        ({"a": [{"b": float("nan")}]}, ("a", 0, "b"), "is nan"),
        ([float("-inf")], (0,), "is -inf"),
        ({1: 2}, (), "has the key 1, and keys are text without NUL and lone surrogates"),
        ({"a": {None: 2}}, ("a",), "has the key None, and keys are text without NUL and lone surrogates"),
        ({"a\0": 2}, (), "has the key 'a\\x00', and keys are text without NUL and lone surrogates"),
        ({"a": "x\0"}, ("a",), "holds a NUL character"),
        ({"a": "é\0"}, ("a",), "holds a NUL character"),
        (["\ud800"], (0,), "holds a lone surrogate"),
        ([10**1001], (0,), "has 3326 bits"),
        ([Role.ADMIN], (0,), "is a Role"),
        ([OrderedDict()], (0,), "is a OrderedDict"),
        (nested(MAX_DEPTH + 1), (0,) * MAX_DEPTH, "is nested more than 100 levels deep"),
    ],
    ids=range(15),
)
def test_what_json_cannot_hold_is_found_with_its_path(value: Any, path: tuple[str | int, ...], reason: str) -> None:
    fault = find_fault(value)
    assert fault is not None
    assert (fault.path, fault.reason) == (path, reason)
    with pytest.raises(CastError, match="a document is made of dict, list"):
        encode(value, "sqlite")


def test_the_error_of_a_document_shows_the_path_as_one_writes_it() -> None:
    with pytest.raises(CastError, match=r'expected a JSON document, and it at \["a"\]\[0\] is a set'):
        encode({"a": [{1}]}, "postgres")
    with pytest.raises(CastError, match="and it has the key 1"):
        encode({1: 1}, "postgres")
    assert path_text(()) == ""


def test_a_hundred_levels_and_a_thousand_digits_are_allowed() -> None:
    assert find_fault(nested(MAX_DEPTH)) is None
    assert find_fault([10**999, -(10**999)]) is None


@given(DOCUMENTS)
def test_a_document_comes_back_from_its_text_as_it_was(document: Any) -> None:
    if find_fault(document) is not None:
        return
    assert same(decode(encode(document, "sqlite")), document)
    text = encode(document, "postgres")
    assert same(decode(text), document)
    assert same(copied(document), document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_postgres_gets_large_floats_without_an_exponent(number: float) -> None:
    text = encode({"e+": [number]}, "postgres")
    assert "e+" not in text.removeprefix('{"e+"')
    assert same(json.loads(text), {"e+": [number]})


def test_the_text_is_short_and_readable() -> None:
    assert encode({"a": [1, 1.5, None, True, "é"]}, "postgres") == '{"a":[1,1.5,null,true,"é"]}'
    assert encode([1e16, "1e+16"], "sqlite") == '[1e+16,"1e+16"]'
    assert encode([1e16, "1e+16"], "postgres") == '[10000000000000000.0,"1e+16"]'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "[NaN]",
        "[Infinity]",
        '{"a":1}x',
        "[1] [2]",
        "[" * 100_000,
        "[" + "1" * 5000 + "]",
        b"[1]",
        None,
        7,
    ],
    ids=range(12),
)
def test_what_a_database_gives_that_is_no_document_is_named(text: Any) -> None:
    with pytest.raises(CastError, match=r"the database gave .* JSON document"):
        decode(text)


def test_white_space_behind_a_document_is_no_error() -> None:
    assert decode('{"a": [1]}\n ') == {"a": [1]}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1.0}, False),
        ([0], [False], False),
        ([1, 2], [1], False),
        ([1, [2]], [1, [2]], True),
        ({"a": 1}, {"b": 1}, False),
        ({}, [], False),
        ("a", "a", True),
        (None, None, True),
    ],
)
def test_documents_are_the_same_when_their_text_is(left: Any, right: Any, expected: bool) -> None:
    assert same(left, right) is expected


def test_a_copy_shares_nothing() -> None:
    document: Any = {"a": [{"b": 1}]}
    copy = copied(document)
    document["a"][0]["b"] = 2
    assert copy == {"a": [{"b": 1}]}


@pytest.mark.parametrize("value", [nested(10_000), [10**100_000], ["\ud800" * 100_000]], ids=range(3))
def test_hostile_documents_are_refused_at_once(value: Any, at_once: Any) -> None:
    def refuse() -> None:
        assert find_fault(value) is not None
        with pytest.raises(CastError):
            encode(value, "postgres")

    at_once(refuse)


@pytest.mark.parametrize("text", ["[" * 1_000_000, "1" * 1_000_000, '{"a":' * 200_000], ids=range(3))
def test_hostile_text_is_refused_at_once(text: str, at_once: Any) -> None:
    def refuse() -> None:
        with pytest.raises(CastError):
            decode(text)

    at_once(refuse)
