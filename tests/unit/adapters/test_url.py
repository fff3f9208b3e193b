"""Database URLs: what is read from them, what is refused with which fix, and that no password is ever shown."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.adapters.url import Config, mask, parse
from ectype.errors import ConfigError

SECRET = "s3cr3t-canary"


def postgres(url: str, **environ: str) -> Config:
    return parse(url, environ=environ)


@pytest.mark.parametrize(
    ("url", "hosts", "ports", "user", "database"),
    [
        ("postgresql://", (), (), None, None),
        ("postgres://db/blog", ("db",), (), None, "blog"),
        ("postgresql://ada@db:6432/blog", ("db",), (6432,), "ada", "blog"),
        ("postgresql://a,b:1,c/blog", ("a", "b", "c"), (5432, 1, 5432), None, "blog"),
        ("postgresql://[::1]:5433/blog", ("::1",), (5433,), None, "blog"),
        ("postgresql:///blog?host=/run/postgresql", ("/run/postgresql",), (), None, "blog"),
        ("postgresql://%2Frun%2Fpg:5433/blog", ("/run/pg",), (5433,), None, "blog"),
        ("postgresql:///?dbname=blog&user=ada&host=db&port=7", ("db",), (7,), "ada", "blog"),
        ("postgresql://gr%40ce@db/my%2Fdb", ("db",), (), "gr@ce", "my/db"),
    ],
)
def test_a_postgres_url_says_where_who_and_what(url, hosts, ports, user, database):
    config = postgres(url)
    assert (config.scheme, config.hosts, config.ports, config.user, config.database) == (
        "postgresql",
        hosts,
        ports,
        user,
        database,
    )


def test_the_environment_fills_in_what_the_url_leaves_out_and_nothing_else():
    environ = {"PGHOST": "h", "PGPORT": "1", "PGUSER": "u", "PGPASSWORD": SECRET, "PGDATABASE": "d"}
    bare = postgres("postgresql://", **environ)
    assert (bare.hosts, bare.ports, bare.user, bare.password, bare.database) == (("h",), (1,), "u", SECRET, "d")
    full = postgres("postgresql://ada:x@db:2/blog", **environ)
    assert (full.hosts, full.ports, full.user, full.password, full.database) == (("db",), (2,), "ada", "x", "blog")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", ":memory:"),
        ("sqlite:///", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite:///relative.db", "relative.db"),
        ("sqlite:////abs/olute.db", "/abs/olute.db"),
        ("sqlite:///with%20space%3F.db", "with space?.db"),
        ("SQLite:///C:/x.db?mode=ro", "C:/x.db"),
    ],
)
def test_a_sqlite_url_says_which_file(url, path):
    assert parse(url).path == path


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("blog.db", "sqlite:///blog.db"),
        ("", "sqlite:///blog.db"),
        ("sqlite:blog.db", 'write "sqlite:///blog.db"'),
        ("sqlite:/blog.db", 'write "sqlite:///blog.db"'),
        ("postgresql:db/blog", 'write "postgresql://db/blog"'),
        ("sqlite://blog.db", '"sqlite:///blog.db"'),
        ("mysql://db/blog", "mysql is not supported yet"),
        ("postgresql+asyncpg://ada@db/blog", 'write "postgresql://ada@db/blog"'),
        ("sqlite+aiosqlite:///blog.db", 'write "sqlite:///blog.db"'),
        ("postgre://db/blog", "did you mean `postgres"),
        ("http://db/blog", "known names are"),
        ("postgresql://db/blog?sslmod=require", "did you mean `sslmode`?"),
        ("postgresql://db/blog?sslmode=maybe", "choose one of disable, allow"),
        ("postgresql://db/blog?connect_timeout=soon", "connect_timeout=5"),
        ("postgresql://db/blog?user=a&user=b", "leave one of them out"),
        ("postgresql://db:port/blog", "1 to 65535"),
        ("postgresql://db:70000/blog", "1 to 65535"),
        ("postgresql://db/a/b", "percent-encode"),
        ("sqlite:///blog.db?busytimeout=5", "did you mean `busy_timeout`?"),
        ("sqlite:///blog.db?poolsize=5", "did you mean `pool_size`?"),
        ("postgresql://db/blog?pool_size=many", "pool_size=5"),
        ("postgresql://db/blog?pool_size=-1", "pool_size=5"),
        ("postgresql://db/blog?timeout=inf", "timeout=2.5"),
        ("postgresql://db/blog?max_lifetime=1e9", "max_lifetime=2.5"),
        ("sqlite:///a%00b", "%00"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_fix(url, fix):
    with pytest.raises(ConfigError) as caught:
        parse(url, environ={})
    assert fix in str(caught.value)


SPOILED = [
    "postgresql://{}",
    "postgresql://{}?x=1",
    "postgresql://{}?sslmode=no",
    "postgresql://{}/a/b",
    "postgresql+asyncpg://{}",
    "mysql://{}",
    "sqlite://{}",
    "postgresql:{}",
    "{}",
]
PASSWORDS = [
    SECRET,
    f"a@{SECRET}",
    f"{SECRET}/x",
    f"{SECRET}:1",
    f"x?{SECRET}",
    f"{SECRET}#?x",
    f"{SECRET}%",
    f"\n{SECRET}",
]


@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_is_ever_shown_however_wrong_the_url(spoiled, password):
    url = spoiled.format(f"ada:{password}@db:5432/blog")
    assert SECRET not in mask(url)
    assert SECRET not in outcome(url)


def outcome(url: str) -> str:
    try:
        config = parse(url, environ={})
    except ConfigError as exc:
        return str(exc)
    return f"{config!r} {config.masked}"


@pytest.mark.parametrize("url", [f"postgresql://ada:{SECRET}", f"postgresql://ada:{SECRET}/blog"])
def test_a_password_without_a_host_is_not_shown_as_a_wrong_port(url):
    with pytest.raises(ConfigError) as caught:
        parse(url, environ={})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_passwords_among_the_options_are_masked_too(name):
    url = f"postgresql://db/blog?sslmode=require&{name}={SECRET}"
    assert SECRET not in mask(url)
    assert SECRET not in postgres(url).masked
    with pytest.raises(ConfigError) as caught:
        postgres(f"{url}&nonsense=1")
    assert SECRET not in str(caught.value)


@given(
    user=st.text(min_size=1),
    password=st.text(min_size=1),
    name=st.text(min_size=1),
    host=st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True),
    port=st.integers(1, 65535),
)
def test_what_is_percent_encoded_comes_out_as_it_was(user, password, name, host, port):
    def encode(text: str) -> str:
        return quote(text, safe="", errors="surrogatepass")

    if any("\ud800" <= char <= "\udfff" for char in user + password + name):
        return
    config = postgres(f"postgresql://{encode(user)}:{encode(password)}@{host}:{port}/{encode(name)}")
    assert (config.user, config.password, config.database) == (user, password, name)
    again = postgres(config.masked)
    assert (again.user, again.hosts, again.ports, again.database) == (user, (host,), (port,), name)


@given(st.text())
def test_any_text_is_a_config_or_a_config_error(text):
    for url in (text, f"postgresql://{text}", f"sqlite://{text}"):
        try:
            parse(url, environ={})
        except ConfigError:
            continue
