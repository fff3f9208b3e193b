from typing import Any

import pytest

from ectype.errors import ConfigError
from ectype.web_integration import ParamFilter

SECRETS = ParamFilter()


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"password": "x"}, {"password": "[FILTERED]"}),
        ({"user": {"new_Password": {"a": 1}}}, {"user": {"new_Password": "[FILTERED]"}}),
        ({"list": [{"csrf_token": 1}, 2]}, {"list": [{"csrf_token": "[FILTERED]"}, 2]}),
        ({"client_secret": None, 1: 2}, {"client_secret": "[FILTERED]", 1: 2}),
        ([1, "token"], [1, "token"]),
        (b"abc", "<3 bytes>"),
        ("text", "text"),
    ],
)
def test_secrets_are_masked_at_any_depth(params: object, shown: object) -> None:
    assert SECRETS(params) == shown


def test_what_is_filtered_is_a_copy() -> None:
    params = {"password": "x"}
    SECRETS(params)
    assert params == {"password": "x"}


def test_further_words_are_masked_beside_those_that_always_are() -> None:
    shown = ParamFilter("iban", "Card")({"IBAN": 1, "discard": 2, "password": 3, "name": "ada"})
    assert shown == {"IBAN": "[FILTERED]", "discard": "[FILTERED]", "password": "[FILTERED]", "name": "ada"}


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"id": 7, "body": "hi"}, {"id": 7, "body": "[FILTERED]"}),
        ({"user": {"id": 7, "name": "ada"}}, {"user": {"id": 7, "name": "[FILTERED]"}}),
        ([{"id": [1, {"deep": 2, "password": 3}]}], [{"id": [1, {"deep": 2, "password": "[FILTERED]"}]}]),
        ("text", "[FILTERED]"),
        (b"abc", "<3 bytes>"),
        ({}, {}),
    ],
)
def test_where_some_are_kept_nothing_else_is_shown(params: object, shown: object) -> None:
    assert ParamFilter(keep=["id"])(params) == shown


@pytest.mark.parametrize("make", [lambda: ParamFilter(""), lambda: ParamFilter(7), lambda: ParamFilter(keep=[""])])
def test_a_word_that_is_none_is_refused(make: Any) -> None:
    with pytest.raises(ConfigError, match="is a text"):
        make()


def test_a_text_is_no_list_of_what_is_kept() -> None:
    with pytest.raises(ConfigError, match=r'write keep=\["id"\]'):
        ParamFilter(keep="id")
