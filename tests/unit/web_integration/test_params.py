"""Params nest as Plug nests them, and hostile ones are refused before they cost anything."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.errors import CastError, ConfigError
from ectype.web_integration.params import (
    ParamLimits,
    ParamsError,
    ParamsTooLargeError,
    UnsupportedMediaTypeError,
    decode_params,
    nest_params,
    read_params,
)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        ("foo=bar&baz=bat", {"foo": "bar", "baz": "bat"}),
        ("foo=bar&foo=baz", {"foo": "baz"}),
        ("users[name]=hello&users[age]=17", {"users": {"name": "hello", "age": "17"}}),
        ("users[address][street]=foo&users[address][no]=1", {"users": {"address": {"street": "foo", "no": "1"}}}),
        ("users%5Bname%5D=ada", {"users": {"name": "ada"}}),
        ("my+weird+field=q1%212%22%27w%245%267%2Fz8%29%3F", {"my weird field": "q1!2\"'w$5&7/z8)?"}),
        ("a=%C3%A5&b=%e2%82%ac", {"a": "å", "b": "€"}),
        ("=", {"": ""}),
        ("key", {"key": ""}),
        ("key=", {"key": ""}),
        ("=value", {"": "value"}),
        ("a=b=c", {"a": "b=c"}),
        ("foo[]", {"foo": [""]}),
        ("foo[]=bar&foo[]=baz", {"foo": ["bar", "baz"]}),
        ("x[y][z][]=1&x[y][z][]=2", {"x": {"y": {"z": ["1", "2"]}}}),
        ("posts[][title]=a&posts[][title]=b", {"posts": [{"title": "a"}, {"title": "b"}]}),
        ("x[y][][z][]=1", {"x": {"y": [{"z": ["1"]}]}}),
        ("x[][][]=1", {"x": [[["1"]]]}),
        ("posts[0][title]=a&posts[10][title]=b", {"posts": {"0": {"title": "a"}, "10": {"title": "b"}}}),
        ("&x=1&&y=2&", {"x": "1", "y": "2"}),
        ("x[]=1&x[y]=1", {"x": {"y": "1"}}),
        ("x[y][][w]=2&x[y]=1", {"x": {"y": "1"}}),
        ("x=1&x[y]=1", {"x": {"y": "1"}}),
        ("x[y]=1&x[]=2&x=3", {"x": "3"}),
        ("x[y][0][w]=2&x[y]=1", {"x": {"y": "1"}}),
        ("x[y=1&y]=2&x]z[=3", {"x[y": "1", "y]": "2", "x]z[": "3"}),
        ("[]=1&[a]=2", {"": {"a": "2"}}),
        ("__class__[__init__]=x&_connector=OR", {"__class__": {"__init__": "x"}, "_connector": "OR"}),
    ],
)
def test_params_nest_as_plug_nests_them(text: str, params: dict[str, Any]) -> None:
    assert decode_params(text) == params
    assert decode_params(text.encode()) == params


@pytest.mark.parametrize(
    "text", ["_utf8=%R2%9P%93", "a=%", "a=%1", "%zz=1", "a=%ff", "a=%ed%a0%80", b"a=\xff", "a=\ud800"]
)
def test_params_that_are_no_percent_encoded_utf_8_are_refused(text: str | bytes) -> None:
    with pytest.raises(ParamsError):
        decode_params(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a" * 1_000_001, "1,000,000 bytes"),
        ("&".join(["a"] * 1_001), "1,000 params"),
        ("&" * 1_000, "1,000 params"),
        ("a" + "[b]" * 32, "32 levels"),
        ("a" + "[]" * 100_000, "32 levels"),
        ("%5B" * 33, "32 levels"),
    ],
    ids=["size", "count", "separators", "mappings", "lists", "encoded"],
)
def test_more_than_the_limits_allow_is_refused_with_the_line_that_raises_them(text: str, what: str) -> None:
    with pytest.raises(ParamsTooLargeError, match=what) as refused:
        decode_params(text)
    assert "limits=ParamLimits(" in str(refused.value)
    assert len(str(refused.value)) < 300


def test_limits_can_be_set_and_hold_to_the_last_one() -> None:
    limits = ParamLimits(size=9, count=2, depth=2)
    assert decode_params("a[b]=1&c", limits=limits) == {"a": {"b": "1"}, "c": ""}
    for text in ("a[b]=1&cde", "a&b&c", "a[b][c]"):
        with pytest.raises(ParamsTooLargeError):
            decode_params(text, limits=limits)


@pytest.mark.parametrize("bad", [{"size": 0}, {"count": -1}, {"depth": True}, {"depth": 65}, {"size": "1"}])
def test_limits_that_limit_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="positive int"):
        ParamLimits(**bad)


def test_pairs_of_a_form_with_files_keep_their_values_and_the_limits() -> None:
    upload = object()
    assert nest_params([("user[photo]", upload), ("user[name]", "ada")]) == {"user": {"photo": upload, "name": "ada"}}
    with pytest.raises(ParamsTooLargeError):
        nest_params(("a", number) for number in range(10**9))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_the_text_params_are_a_dict_or_refused(text: str) -> None:
    with contextlib.suppress(CastError):
        assert isinstance(decode_params(text), dict)


names = st.text(st.sampled_from("ab[]"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(names, st.text(max_size=3)), max_size=12))
def test_whatever_the_names_the_last_value_is_in_the_params(pairs: list[tuple[str, str]]) -> None:
    params = nest_params(pairs)

    def values(place: Any) -> set[Any]:
        match place:
            case dict():
                return set().union(*(values(one) for one in place.values()))
            case list():
                return set().union(*(values(one) for one in place))
            case _:
                return {place}

    assert not pairs or pairs[-1][1] in values(params)
    assert values(params) <= {value for _, value in pairs}


class Body:
    """A request with a body in pieces, which counts how many were read."""

    def __init__(self, kind: str, *pieces: bytes) -> None:
        self.headers = {"content-type": kind}
        self.pieces, self.read = pieces, 0

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece


FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "params"),
    [
        (Body(FORM, b"user[na", b"me]=ada"), {"user": {"name": "ada"}}),
        (Body("application/json", b'{"user": {"age": 3}}'), {"user": {"age": 3}}),
        (Body("Application/Vnd.Api+JSON", b"{}"), {}),
        (Body(""), {}),
        (Body("text/plain", b""), {}),
    ],
)
async def test_a_body_gives_its_params(body: Body, params: dict[str, Any]) -> None:
    assert await read_params(body) == params


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (Body("text/plain", b"a=1"), UnsupportedMediaTypeError),
        (Body("multipart/form-data; boundary=x", b"--x--"), UnsupportedMediaTypeError),
        (Body("", b"a=1"), UnsupportedMediaTypeError),
        (Body("application/json", b"[1]"), ParamsError),
        (Body("application/json", b'"a"'), ParamsError),
        (Body("application/json", b"{"), ParamsError),
        (Body("application/json", b'{"a": NaN}'), ParamsError),
        (Body("application/json", b'{"a": "\xff"}'), ParamsError),
        (Body("application/json", b'{"a": ' + b"9" * 5_000 + b"}"), ParamsError),
        (Body("application/json", b'{"a":' * 33 + b"1" + b"}" * 33), ParamsTooLargeError),
        (Body("application/json", b"[" * 100_000), ParamsError),
    ],
)
async def test_a_body_that_holds_no_params_is_refused(body: Body, error: type[ParamsError]) -> None:
    with pytest.raises(error) as refused:
        await read_params(body)
    assert refused.type is error


async def test_a_body_is_not_read_further_than_it_may_be() -> None:
    body = Body(FORM, *[b"a" * 600_000] * 10)
    with pytest.raises(ParamsTooLargeError):
        await read_params(body)
    assert body.read == 2
