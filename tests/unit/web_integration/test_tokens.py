"""Tokens are believed when they are ours, for this purpose, and young; and in no other case."""

import ast
import base64
import hmac
import json
import pickle
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.errors import ConfigError
from ectype.web_integration import tokens as module_of_tokens
from ectype.web_integration.payload import PayloadError
from ectype.web_integration.tokens import TokenError, Tokens

SECRET = "0123456789abcdef0123456789abcdef"
TOKENS = Tokens(SECRET, salt="user socket")
TOKEN = TOKENS.sign({"id": 7})


def refused(token: object, reason: str, tokens: Tokens = TOKENS, max_age: Any = 60) -> None:
    with pytest.raises(TokenError) as error:
        tokens.verify(token, max_age=max_age)
    assert error.value.reason == reason


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(documents)
def test_what_was_signed_comes_back_as_it_was(data: Any) -> None:
    token = TOKENS.sign(data)
    found = TOKENS.verify(token, max_age=60)
    assert found == data
    assert repr(found) == repr(data)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_another_process_with_the_same_secret_believes_it() -> None:
    assert Tokens(SECRET.encode(), salt="user socket").verify(TOKEN, max_age=86_400) == {"id": 7}


def test_there_may_be_none() -> None:
    for token in (None, ""):
        refused(token, "missing")


def test_another_purpose_or_secret_is_never_believed() -> None:
    refused(TOKEN, "invalid", Tokens(SECRET, salt="reset password"))
    refused(TOKEN, "invalid", Tokens(SECRET[::-1], salt="user socket"))


def test_every_flipped_bit_is_seen() -> None:
    raw = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        refused(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), "invalid")


def test_every_truncation_and_every_addition_is_seen() -> None:
    for length in range(1, len(TOKEN)):
        refused(TOKEN[:length], "invalid")
    for more in ("=", "A", "AAAA", " ", "\n", "."):
        refused(TOKEN + more, "invalid")
        refused(more + TOKEN, "invalid")


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        pytest.param("A" * 4_096, id="long"),
        pytest.param("A" * 10**6, id="longer than any"),
        "é" * 60,
        7,
        b"bytes",
        ["x"],
        {"a": 1},
        base64.urlsafe_b64encode(pickle.dumps({"id": 7}) * 4).decode().rstrip("="),
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpZCI6N30.",
    ],
)
def test_what_is_no_token_is_refused_without_a_look_at_what_it_says(token: object) -> None:
    refused(token, "invalid")


def test_a_token_of_another_version_is_refused_though_its_signature_is_right() -> None:
    body = bytes([2]) + int(time.time() * 1000).to_bytes(8, "big") + b"7"
    key = TOKENS._keys[0]
    mac = hmac.digest(key, b"ectype token\0" + body, "sha256")
    refused(base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode(), "invalid")


def test_it_expires_with_its_age() -> None:
    day = 24 * 60 * 60
    old = TOKENS.sign(1, signed_at=time.time() - day)
    assert TOKENS.verify(old, max_age=day + 60) == 1
    assert TOKENS.verify(old, max_age=timedelta(days=2)) == 1
    assert TOKENS.verify(old, max_age=None) == 1
    refused(old, "expired", max_age=day - 60)
    refused(old, "expired", max_age=timedelta(hours=1))
    refused(TOKENS.sign(1), "expired", max_age=0)
    refused(TOKENS.sign(1), "expired", max_age=-100)


def test_one_that_was_signed_in_the_future_is_not_believed() -> None:
    assert TOKENS.verify(TOKENS.sign(1, signed_at=time.time() + 10), max_age=60) == 1
    refused(TOKENS.sign(1, signed_at=time.time() + 3600), "invalid")
    refused(TOKENS.sign(1, signed_at=time.time() + 3600), "invalid", max_age=None)


def test_a_secret_can_be_changed_while_old_tokens_live() -> None:
    new = SECRET[::-1]
    both = Tokens((new, SECRET), salt="user socket")
    assert both.verify(TOKEN, max_age=86_400) == {"id": 7}
    assert Tokens(new, salt="user socket").verify(both.sign(1), max_age=60) == 1
    refused(both.sign(1), "invalid")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ((1, 2), "data is of type tuple"),
        ({"id": UUID(int=1)}, "data['id'] is of type UUID"),
        ({1: 2}, "data has a key of type int"),
        ([float("nan")], "data[0] is nan"),
        (b"x", "data is of type bytes"),
        pytest.param("x" * 5_000, "at most 4096 characters", id="long"),
        ([10**5_000], "token"),
    ],
)
def test_what_would_not_come_back_as_it_was_is_not_signed(data: Any, where: str) -> None:
    with pytest.raises(PayloadError) as error:
        TOKENS.sign(data)
    assert where in str(error.value)
    assert "hint:" in str(error.value)


def test_what_holds_itself_is_not_signed() -> None:
    data: list[Any] = []
    data.append(data)
    with pytest.raises(PayloadError, match="nested too deeply"):
        TOKENS.sign(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tokens("short", salt="x"),
        lambda: Tokens((), salt="x"),
        lambda: Tokens((SECRET, "short"), salt="x"),
        lambda: Tokens(None, salt="x"),  # type: ignore[arg-type]
        lambda: Tokens(SECRET, salt=""),
        lambda: Tokens(SECRET, salt=7),  # type: ignore[arg-type]
        lambda: TOKENS.sign(1, signed_at=-1),
        lambda: TOKENS.sign(1, signed_at=float("inf")),
        lambda: TOKENS.verify(TOKEN, max_age=float("nan")),
        lambda: TOKENS.verify(TOKEN, max_age="60"),  # type: ignore[arg-type]
        lambda: TOKENS.verify(TOKEN, max_age=True),
    ],
)
def test_what_would_sign_or_believe_too_much_is_refused_with_the_fix(make: Any) -> None:
    with pytest.raises(ConfigError) as error:
        make()
    assert "hint:" in str(error.value)
    assert SECRET not in str(error.value)
    assert "short" not in str(error.value)


def test_keys_are_never_shown_nor_pickled() -> None:
    assert repr(TOKENS) == "Tokens(salt='user socket')"
    with pytest.raises(TypeError):
        pickle.dumps(TOKENS)
    assert not hasattr(TOKENS, "__dict__")


def test_signatures_are_compared_in_constant_time_and_nothing_but_json_is_read() -> None:
    tree = ast.parse(Path(str(module_of_tokens.__file__)).read_text())
    compared = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert not [text for text in compared if "mac" in text.lower().replace("mac_bytes", "")]
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"hashlib", "hmac", "json"}


def test_what_a_token_says_can_be_read_by_all() -> None:
    raw = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    assert json.loads(raw[9:-32]) == {"id": 7}
