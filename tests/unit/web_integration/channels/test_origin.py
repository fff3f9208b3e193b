import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import ConfigError
from ectype.web_integration.channels.origin import OriginCheck

SAME_HOST = [
    (None, "app.test", True),
    ("https://app.test", "app.test", True),
    ("http://app.test:5173", "app.test:8000", True),
    ("HTTPS://APP.test", "app.TEST", True),
    ("http://[::1]:3000", "[::1]:8000", True),
    ("http://127.0.0.1", "127.0.0.1:8000", True),
    ("https://evil.test", "app.test", False),
    ("https://app.test.evil.test", "app.test", False),
    ("https://evilapp.test", "app.test", False),
    ("https://sub.app.test", "app.test", False),
    ("null", "app.test", False),
    ("", "app.test", False),
    ("app.test", "app.test", False),
    ("https://app.test/", "app.test", False),
    ("https://app.test@evil.test", "app.test", False),
    ("https://evil.test\\@app.test", "app.test", False),
    ("https://evil.test#app.test", "app.test", False),
    ("https://evil.test?app.test", "app.test", False),
    ("https://app.test, https://evil.test", "app.test", False),
    ("https://app.test\n", "app.test", False),
    ("https://", "", False),
    ("https://app.test", None, False),
    ("https://app.test", "app.test, evil.test", False),
]


@pytest.mark.parametrize(("origin", "host", "allowed"), SAME_HOST)
def test_by_default_the_page_must_come_from_the_host_of_the_request(
    origin: str | None, host: str | None, allowed: bool
) -> None:
    assert OriginCheck(True).allows(origin, host=host) is allowed


LISTED = [
    ("https://app.test", "https://app.test", True),
    ("https://app.test", "https://app.test:443", True),
    ("https://app.test", "http://app.test", False),
    ("https://app.test", "https://app.test:8443", False),
    ("//app.test", "http://app.test:8080", True),
    ("//app.test:888", "http://app.test:888", True),
    ("//app.test:888", "http://app.test", False),
    ("//*.app.test", "https://a.b.app.test", True),
    ("//*.app.test", "https://app.test", True),
    ("//*.app.test", "https://evilapp.test", False),
    ("https://*.app.test", "http://a.app.test", False),
    ("https://app.test", "null", False),
    ("https://app.test", None, True),
]


@pytest.mark.parametrize(("entry", "origin", "allowed"), LISTED)
def test_a_list_names_the_origins(entry: str, origin: str | None, allowed: bool) -> None:
    check = OriginCheck(["https://first.test", entry])
    assert check.allows(origin, host="elsewhere.test") is allowed


EXACT = [
    (None, "http", "app.test", True),
    ("http://app.test", "http", "app.test", True),
    ("http://app.test", "ws", "app.test:80", True),
    ("https://app.test", "wss", "app.test", True),
    ("https://APP.test:443", "https", "app.TEST", True),
    ("http://app.test:8000", "ws", "app.test:8000", True),
    ("http://[::1]:8000", "ws", "[::1]:8000", True),
    ("http://app.test:5173", "ws", "app.test:8000", False),
    ("https://app.test", "ws", "app.test", False),
    ("https://app.test:8000", "ws", "app.test:8000", False),
    ("http://app.test", "wss", "app.test", False),
    ("http://app.test", "ws", "app.test:443", False),
    ("http://evil.test", "ws", "app.test", False),
    ("null", "ws", "app.test", False),
    ("http://app.test", "ws", None, False),
]


@pytest.mark.parametrize(("origin", "scheme", "host", "allowed"), EXACT)
def test_exact_wants_the_scheme_and_the_port_of_the_request_too(
    origin: str | None, scheme: str, host: str | None, allowed: bool
) -> None:
    assert OriginCheck("exact").allows(origin, host=host, scheme=scheme) is allowed


def test_false_lets_everybody_in() -> None:
    assert OriginCheck(False).allows("https://evil.test", host="app.test")


def test_an_empty_list_lets_no_page_in() -> None:
    assert not OriginCheck([]).allows("https://app.test", host="app.test")


@pytest.mark.parametrize("entry", ["app.test", "", "https://", "//a.*.test", "https://app.test/path", "*", "//*"])
def test_an_entry_that_is_no_origin_is_refused_with_the_forms_it_may_have(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"https://example\.org"):
        OriginCheck([entry])


def test_a_bare_string_is_refused_with_the_list_to_write() -> None:
    with pytest.raises(ConfigError, match=r'check_origin=\["https://app\.test"\]'):
        OriginCheck("https://app.test")


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_breaks_the_check(origin: str, host: str) -> None:
    OriginCheck(True).allows(origin, host=host)
    OriginCheck(["//*.app.test"]).allows(f"https://{origin}", host=host)
