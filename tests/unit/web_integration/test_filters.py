import pytest

from ectype.web_integration.filters import filtered


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
    assert filtered(params) == shown


def test_what_is_filtered_is_a_copy() -> None:
    params = {"password": "x"}
    filtered(params)
    assert params == {"password": "x"}
