"""How a connection is found: several hosts, TLS, and what libpq reads beside the URL."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import parse
from ectype.errors import ConfigError, ConnectError, DatabaseError
from ectype.repo.repo import Repo
from tests.tls import Certificates, encrypted, make_certificates, needs_openssl

SECRET = "s3cr3t-canary"


async def value(connection: Any, sql: str) -> Any:
    return await connection.fetch(sql, (), lambda found: found[0][0])


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return query["host"][0] if "host" in query else parts.hostname or "localhost", parts.port or 5432


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def nobody() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def several(url: str, *before: int, options: str = "") -> str:
    """Return the URL with other hosts in front of its own."""
    host, port = address(url)
    parts = urlsplit(url)
    hosts = ",".join([*("127.0.0.1" for _ in before), host])
    ports = ",".join(str(one) for one in (*before, port))
    return f"postgresql://postgres@{parts.path}?host={quote(hosts, safe=',')}&port={ports}{options}"


# -- several hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_the_next_host_is_tried_when_one_is_gone_or_silent(postgres_url, nobody, silent):
    began = time.monotonic()
    connection = await adapter_for(several(postgres_url, nobody, silent)).connect(3)
    assert await value(connection, "SELECT 1") == 1
    # The silent one has had its share of the time, not all of it.
    assert time.monotonic() - began < 30
    await connection.close()


async def test_when_no_host_answers_each_one_is_named_with_its_reason(nobody, silent):
    url = f"postgresql://ada:{SECRET}@127.0.0.1:{nobody},127.0.0.1:{silent}/blog"
    with pytest.raises(ConnectError) as caught:
        await adapter_for(url).connect(0.5)
    assert f"127.0.0.1:{nobody}: " in caught.value.message
    assert f"127.0.0.1:{silent}: no answer" in caught.value.message
    assert SECRET not in str(caught.value)


@pytest.mark.postgres
async def test_a_connect_timeout_of_the_url_is_that_of_each_host(postgres_url, silent):
    connection = await adapter_for(several(postgres_url, silent, options="&connect_timeout=1")).connect(60)
    await connection.close()


@pytest.mark.postgres
async def test_a_password_that_is_refused_is_not_tried_on_the_next_host(postgres_url):
    _, port = address(postgres_url)
    url = several(postgres_url).replace("postgres@", "nobody_here@")
    with pytest.raises(ConnectError, match="SQLSTATE 28"):
        await adapter_for(url).connect(5)
    assert port


@pytest.mark.postgres
async def test_a_read_only_server_is_passed_over_until_it_takes_writes(fresh_postgres_url):
    name = urlsplit(fresh_postgres_url).path.lstrip("/")
    wants = several(fresh_postgres_url, options="&target_session_attrs=read-write")
    admin = await adapter_for(fresh_postgres_url).connect(5)
    await admin.script(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises(ConnectError) as caught:
        await adapter_for(wants).connect(5)
    assert "target_session_attrs" in str(caught.value.hint)
    for also in ("any", "primary", "read-only", "prefer-standby"):
        connection = await adapter_for(several(fresh_postgres_url, options=f"&target_session_attrs={also}")).connect(5)
        await connection.close()
    await admin.script(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    connection = await adapter_for(wants).connect(5)
    await connection.close()
    await admin.close()


@pytest.mark.postgres
async def test_a_write_on_a_server_that_only_reads_drops_the_connection_and_the_next_one_writes(fresh_postgres_url):
    name = urlsplit(fresh_postgres_url).path.lstrip("/")
    async with Repo(fresh_postgres_url, pool_size=1) as admin:
        await admin._session.script("CREATE TABLE notes (id int)")
        await admin._session.script(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        async with Repo(fresh_postgres_url, pool_size=1) as repo:

            async def write_inside() -> None:
                async with repo.transaction():
                    await repo._session.execute("INSERT INTO notes VALUES (1)")

            for writing in (repo._session.execute("INSERT INTO notes VALUES (1)"), write_inside()):
                with pytest.raises(DatabaseError) as caught:
                    await writing
                assert caught.value.sqlstate == "25006"
                assert "target_session_attrs=read-write" in str(caught.value.hint)
            await admin._session.script(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            # The only connection of the pool was made when the server took no writes.
            pid = (await repo._session.fetch("SELECT pg_backend_pid()", (), list))[0][0]
            assert await repo._session.execute("INSERT INTO notes VALUES (1)") == 1
            # A transaction that was asked to only read is no reason to drop anything.
            with pytest.raises(DatabaseError):
                async with repo.transaction(read_only=True):
                    await repo._session.execute("INSERT INTO notes VALUES (1)")
            assert (await repo._session.fetch("SELECT pg_backend_pid()", (), list))[0][0] == pid


# -- deadlines and cancellation ----------------------------------------------------------------------------------------

CALLS = {
    "fetch": lambda connection, sql: connection.fetch(sql, (), list, 0.3),
    "execute": lambda connection, sql: connection.execute(sql, (), 0.3),
    "query": lambda connection, sql: connection.query(sql, (), lambda *_: None, 0.3),
    "script": lambda connection, sql: connection.script(sql, 0.3),
    "fetch_many": lambda connection, sql: connection.fetch_many(f"{sql}, $1::int", [(1,)], list, 0.3),
    "copy_out": lambda connection, sql: connection.copy_out(sql, (), ignore, parse_format(), 0.3),
}


async def ignore(_piece: bytes) -> None: ...


def parse_format() -> Any:
    from ectype.adapters.base import CopyFormat  # noqa: PLC0415

    return CopyFormat()


@pytest.mark.postgres
@pytest.mark.parametrize("end", ["deadline", "cancel"])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("call", CALLS)
async def test_what_is_given_up_is_gone_from_the_server_too(postgres_url, call, end, inside):
    adapter = adapter_for(postgres_url)
    connection, other = await adapter.connect(5), await adapter.connect(5)
    if inside:
        await connection.begin(Begin())
    task = asyncio.create_task(CALLS[call](connection, "SELECT pg_sleep(60)"))
    if end == "cancel":
        await asyncio.sleep(0.1)
        task.cancel()
    with pytest.raises((TimeoutError, asyncio.CancelledError)):
        await task
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.server_pid} AND state = 'active'"
    async with asyncio.timeout(10):
        while await value(other, asked):
            await asyncio.sleep(0.01)
    assert not connection.broken
    await connection.close()
    await other.close()


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), SECRET)


@pytest.fixture
async def tls_port(postgres_url: str, certificates: Certificates) -> AsyncIterator[int]:
    async with encrypted(postgres_url, certificates) as port:
        yield port


@pytest.fixture
async def plain_port(postgres_url: str) -> AsyncIterator[int]:
    async with encrypted(postgres_url, None) as port:
        yield port


def through(url: str, port: int, host: str, options: str) -> str:
    return f"postgresql://postgres@{host}:{port}{urlsplit(url).path}?{options}"


async def is_encrypted(url: str) -> bool:
    connection = await adapter_for(url).connect(10)
    try:
        assert await value(connection, "SELECT 1") == 1
        return connection.driver._transport.get_extra_info("sslcontext") is not None
    finally:
        await connection.close()


@needs_openssl
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("mode", "with_tls", "without"),
    [
        ("disable", False, False),
        ("allow", False, False),
        ("prefer", True, False),
        ("require", True, ConnectError),
        ("verify-ca", ConnectError, ConnectError),
        ("verify-full", ConnectError, ConnectError),
    ],
)
async def test_sslmode_says_whether_it_is_encrypted(
    postgres_url, tls_port, plain_port, mode, with_tls, without, tmp_path
):
    # No authority is known, so what verifies refuses.
    none = tmp_path / "none.crt"
    none.write_text("")
    options = f"sslmode={mode}" + (f"&sslrootcert={none}" if mode.startswith("verify") else "")
    for port, expected in ((tls_port, with_tls), (plain_port, without)):
        url = through(postgres_url, port, "localhost", options)
        if isinstance(expected, bool):
            assert await is_encrypted(url) is expected
        else:
            with pytest.raises((ConnectError, ConfigError)):
                await is_encrypted(url)


@needs_openssl
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("mode", "root", "host", "accepted"),
    [
        ("verify-ca", "authority", "localhost", True),
        ("verify-ca", "authority", "127.0.0.1", True),
        ("verify-full", "authority", "localhost", True),
        ("verify-full", "authority", "127.0.0.1", False),
        ("verify-ca", "stranger", "localhost", False),
        ("verify-full", "stranger", "localhost", False),
    ],
)
async def test_a_certificate_is_verified_against_sslrootcert_and_the_host(
    postgres_url, tls_port, certificates, mode, root, host, accepted
):
    options = f"sslmode={mode}&sslrootcert={getattr(certificates, root)}"
    url = through(postgres_url, tls_port, host, options)
    if accepted:
        assert await is_encrypted(url)
    else:
        with pytest.raises(ConnectError) as caught:
            await is_encrypted(url)
        assert "sslrootcert" in str(caught.value.hint)


@needs_openssl
@pytest.mark.postgres
async def test_a_client_certificate_is_sent_its_key_unlocked_and_its_password_never_shown(postgres_url, certificates):
    async with encrypted(postgres_url, certificates, ask_client=True) as port:
        pair = f"sslcert={certificates.client}&sslkey={certificates.client_key}"
        url = through(postgres_url, port, "localhost", f"sslmode=require&{pair}&sslpassword={SECRET}")
        assert await is_encrypted(url)
        assert SECRET not in repr(adapter_for(url).url)
        for options in (f"{pair}&sslpassword=wrong", ""):
            refused = through(postgres_url, port, "localhost", f"sslmode=require&{options}")
            with pytest.raises((ConnectError, ConfigError)) as caught:
                await is_encrypted(refused)
            assert "wrong" not in str(caught.value).replace("went wrong", "")


# -- the environment, the service file, the password file --------------------------------------------------------------

VARIABLES = {
    "PGAPPNAME": ("application_name", "depot"),
    "PGCONNECT_TIMEOUT": ("connect_timeout", "7"),
    "PGOPTIONS": ("options", "-c lock_timeout=1s"),
    "PGPASSFILE": ("passfile", "/tmp/pass"),
    "PGSSLMODE": ("sslmode", "require"),
    "PGSSLCERT": ("sslcert", "/tmp/c"),
    "PGSSLKEY": ("sslkey", "/tmp/k"),
    "PGSSLROOTCERT": ("sslrootcert", "/tmp/r"),
    "PGSSLCRL": ("sslcrl", "/tmp/l"),
    "PGSSLNEGOTIATION": ("sslnegotiation", "direct"),
    "PGSSLMINPROTOCOLVERSION": ("ssl_min_protocol_version", "TLSv1.2"),
    "PGSSLMAXPROTOCOLVERSION": ("ssl_max_protocol_version", "TLSv1.3"),
    "PGTARGETSESSIONATTRS": ("target_session_attrs", "read-write"),
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_says_what_the_url_leaves_out_and_the_url_wins(variable):
    name, text = VARIABLES[variable]
    environ = {variable: text}
    assert parse("postgresql://db/blog", environ=environ).options[name] == text
    other = {"sslmode": "disable", "sslnegotiation": "postgres", "target_session_attrs": "any", "connect_timeout": "1"}
    said = other.get(name, "TLSv1.3" if name.startswith("ssl_m") else "mine")
    assert parse(f"postgresql://db/blog?{name}={said}", environ=environ).options[name] == said
    assert name not in parse("postgresql://db/blog", environ={variable: ""}).options


@pytest.mark.parametrize(
    ("environ", "fix"), [({"PGSSLMODE": "maybe"}, "choose one of"), ({"PGCONNECT_TIMEOUT": "soon"}, "whole number")]
)
def test_a_variable_that_cannot_be_used_is_refused(environ, fix):
    with pytest.raises(ConfigError) as caught:
        parse("postgresql://db/blog", environ=environ)
    assert fix in str(caught.value)


SERVICES = f"""\
# the services of this house
[blog]
host=db.example.org
port=6432
user=ada
password={SECRET}
dbname=blog
sslmode=require

[wrong]
hots=db
[broken]
host
"""


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "services").write_text(SERVICES)
    (tmp_path / "pg_service.conf").write_text("[shared]\nhost=shared\n[blog]\nhost=not this one\n")
    return {"PGSERVICEFILE": str(tmp_path / "services"), "PGSYSCONFDIR": str(tmp_path)}


@pytest.mark.parametrize("by", ["url", "variable"])
def test_a_service_says_what_the_url_leaves_out_before_the_environment(services, by):
    environ = {**services, "PGUSER": "somebody", "PGAPPNAME": "depot"}
    url = "postgresql://?service=blog"
    if by == "variable":
        environ["PGSERVICE"], url = "blog", "postgresql://"
    config = parse(url, environ=environ)
    assert (config.hosts, config.ports, config.user, config.password, config.database) == (
        ("db.example.org",),
        (6432,),
        "ada",
        SECRET,
        "blog",
    )
    assert dict(config.options) == {"sslmode": "require", "application_name": "depot"}
    assert SECRET not in repr(config)
    written = parse("postgresql://grace@other:1/log?service=blog&sslmode=disable", environ=environ)
    assert (written.hosts, written.ports, written.user, written.database) == (("other",), (1,), "grace", "log")
    assert written.options["sslmode"] == "disable"


def test_the_users_own_file_comes_before_the_systems(services, tmp_path):
    assert parse("postgresql://?service=shared", environ=services).hosts == ("shared",)
    (tmp_path / ".pg_service.conf").write_text("[mine]\nhost=mine\n")
    assert parse("postgresql://?service=mine", environ={}).hosts == ("mine",)


@pytest.mark.parametrize(
    ("service", "fix"), [("none", "section [none]"), ("wrong", "did you mean `host`"), ("broken", "no `option=value`")]
)
def test_a_service_that_cannot_be_used_is_refused_with_the_file(services, service, fix):
    with pytest.raises(ConfigError) as caught:
        parse(f"postgresql://?service={service}", environ=services)
    assert fix in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "matches"),
    [
        ("db:5432:blog:ada:word", True),
        ("*:*:*:*:word", True),
        ("db:*:blog:*:word", True),
        ("other:5432:blog:ada:word", False),
        ("db:6432:blog:ada:word", False),
        ("db:5432:log:ada:word", False),
        ("db:5432:blog:grace:word", False),
        ("# db:5432:blog:ada:word", False),
        ("db:5432:blog:ada", False),
        ("", False),
    ],
)
def test_the_password_file_is_read_line_by_line(tmp_path, line, matches):
    file = tmp_path / "pass"
    file.write_text(f"{line}\n")
    file.chmod(0o600)
    config = parse(f"postgresql://ada@db/blog?passfile={file}", environ={})
    assert adapter_for(config)._password_of("db", None) == ("word" if matches else None)


def test_what_is_escaped_in_the_password_file_comes_out_as_it_was(tmp_path):
    file = tmp_path / "pass"
    file.write_text("/run/pg:5432:a\\:b:ada:pass\\:wo\\\\rd:x\nlocalhost:*:*:*:for sockets too\n")
    file.chmod(0o600)
    adapter = adapter_for(parse(f"postgresql://ada@/a%3Ab?passfile={file}", environ={}))
    assert adapter._password_of("/run/pg", 5432) == "pass:wo\\rd:x"
    assert adapter._password_of("/tmp", 5432) == "for sockets too"
    assert adapter._password_of(None, None) == "for sockets too"


def test_each_host_has_its_own_password(tmp_path):
    file = tmp_path / "pass"
    file.write_text("a:1:*:*:first\nb:2:*:*:second\n")
    file.chmod(0o600)
    adapter = adapter_for(parse(f"postgresql://ada@a:1,b:2/blog?passfile={file}", environ={}))
    assert [adapter._password_of(*place) for place in adapter._places] == ["first", "second"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_password_file_that_others_may_read_is_not_used(tmp_path):
    file = tmp_path / "pass"
    file.write_text("*:*:*:*:word\n")
    file.chmod(0o644)
    adapter = adapter_for(parse(f"postgresql://ada@db/blog?passfile={file}", environ={}))
    with pytest.warns(RuntimeWarning, match="chmod 600"):
        assert adapter._password_of("db", None) is None


@pytest.mark.postgres
async def test_a_password_of_the_file_is_what_the_server_is_given(postgres_url, tmp_path, monkeypatch):
    """The whole way: the home folder's file, read at connect, sent to whoever asks."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".pgpass").write_text("*:*:*:*:word\n")
    (tmp_path / ".pgpass").chmod(0o600)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        # AuthenticationCleartextPassword
        writer.write(b"R\0\0\0\x08\0\0\0\x03")
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectError):
        await adapter_for(f"postgresql://ada@127.0.0.1:{port}/blog?sslmode=disable").connect(5)
    server.close()
    await server.wait_closed()
    assert asked == [b"p\0\0\0\x09word\0"]
