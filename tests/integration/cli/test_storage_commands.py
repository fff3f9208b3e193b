import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ectype import Repo
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import parse
from ectype.errors import ConfigError, MigrationError
from ectype.migrations import applied, migrate, storage
from ectype.migrations.storage import pg_dump
from ectype.migrations.storage.databases import quoted
from tests.databases import with_database

USERS = 'def change(m):\n    with m.create_table("users") as t:\n        t.column("email", str)\n'
INDEX = 'def change(m):\n    m.create_index("users", "email", unique=True)\n'


@pytest.fixture
def migrations(project):
    folder = project / "migrations"
    folder.mkdir()
    (folder / "1_users.py").write_text(USERS)
    (folder / "2_index.py").write_text(INDEX)


@pytest.fixture
def new_url(request, project):
    """A database that does not exist yet, on each adapter; gone afterwards."""
    if request.param == "sqlite":
        yield "sqlite:///new.db"
        return
    server = request.getfixturevalue("postgres_server")
    url = with_database(server.url(), f"ectype_test_{uuid.uuid4().hex[:12]}")
    yield url
    asyncio.run(storage.drop(url, force=True))


BOTH = pytest.mark.parametrize(
    "new_url", [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"], indirect=True
)


@BOTH
def test_a_database_is_made_dropped_and_made_again(ectype, migrations, new_url):
    name = storage.database_name(new_url)

    def run(*arguments):
        done = ectype(*arguments, DATABASE_URL=new_url)
        return done.returncode, done.stdout, done.stderr

    assert run("create") == (0, f"created {name}\n", "")
    assert run("create") == (0, f"{name} exists already\n", "")
    assert run("migrate")[0] == 0
    code, out, err = run("drop")
    assert (code, out) == (2, "")
    assert err == (
        f"error: `ectype drop` destroys the database `{name}`, nothing was done\n\n"
        f"hint: say that you mean it: ectype drop --yes-destroy {name}\n"
    )
    assert run("drop", "--yes-destroy", "other")[0] == 2
    assert run("reset")[0] == 2
    assert run("status", "--check")[0] == 0, "nothing was destroyed"
    assert run("reset", "--yes-destroy", name) == (0, f"dropped, created and migrated {name}: 2 applied\n", "")
    assert run("drop", "--yes-destroy", name, "--json")[1].count('"dropped"') == 1
    assert run("drop", "--yes-destroy", name) == (0, f"there is no {name}\n", "")


@BOTH
@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_what_is_dumped_loads_into_the_same_structure(ectype, migrations, new_url, project):
    def run(*arguments):
        return ectype(*arguments, DATABASE_URL=new_url)

    assert run("create").returncode == 0
    assert run("migrate").returncode == 0
    dumped = run("dump")
    if "is older than the server" in dumped.stderr:
        pytest.skip(dumped.stderr)
    assert (dumped.returncode, dumped.stdout) == (0, "wrote structure.sql\n"), dumped.stderr
    first = (project / "structure.sql").read_text()
    assert "users_email_index" in first
    assert "restrict" not in first
    assert run("load").returncode == 2, "it has tables"
    assert run("load", "--skip-if-loaded").stdout == "nothing to load: it has tables\n"
    name = storage.database_name(new_url)
    assert run("drop", "--yes-destroy", name).returncode == 0
    assert run("create").returncode == 0
    loaded = run("load")
    assert (loaded.returncode, loaded.stdout) == (0, "loaded structure.sql\n"), loaded.stderr
    assert json.loads(run("status", "--json").stdout)["migrations"][1]["state"] == "up"
    assert run("migrate").stdout == "nothing to migrate: everything is applied\n"
    assert run("dump", "second.sql").returncode == 0
    assert (project / "second.sql").read_text() == first


@pytest.mark.postgres
@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
async def test_the_journal_of_every_schema_is_dumped_with_its_tables(migrations, postgres_server):
    source, target = postgres_server.create_database(), postgres_server.create_database()
    try:
        async with Repo(source) as repo:
            for schema in ("tenant_b", 'tenant "a"'):
                await repo._session.script(f"CREATE SCHEMA {quoted(schema)}")
            await migrate(repo, "migrations", to=1, prefix="tenant_b")
            await migrate(repo, "migrations", prefix='tenant "a"')
            await migrate(repo, "migrations")
            # Another tool's, which has no versions, and one that only its session may read.
            await repo._session.script("CREATE SCHEMA other; CREATE TABLE other.schema_migrations (filename text)")
            async with repo.checkout():
                await repo.query("CREATE TEMPORARY TABLE schema_migrations AS SELECT 1::bigint AS version")
                try:
                    await storage.dump(source, "structure.sql")
                except ConfigError as exc:
                    pytest.skip(exc.message)
        assert await storage.load(target, "structure.sql")
        async with Repo(target) as repo:
            found = {name: await applied(repo, prefix=name) for name in (None, 'tenant "a"', "tenant_b")}
            assert found == {None: [1, 2], 'tenant "a"': [1, 2], "tenant_b": [1]}
            assert await migrate(repo, "migrations", prefix="tenant_b") == [2]
            assert await migrate(repo, "migrations") == []
        lines = [line for line in Path("structure.sql").read_text().splitlines() if line.startswith("INSERT")]
        assert [line.split(".")[0] for line in lines] == [
            'INSERT INTO "public"',
            'INSERT INTO "public"',
            'INSERT INTO "tenant ""a"""',
            'INSERT INTO "tenant ""a"""',
            'INSERT INTO "tenant_b"',
        ]
    finally:
        for url in (source, target):
            postgres_server.drop_database(url)


async def test_a_file_that_fails_half_way_loads_nothing(project):
    Path("bad.sql").write_text("CREATE TABLE a (x);\nCREATE TABLE a (x);\n")
    await storage.create("sqlite:///a.db")
    with pytest.raises(Exception, match="already exists"):
        await storage.load("sqlite:///a.db", "bad.sql")
    Path("good.sql").write_text("CREATE TABLE a (x);\n")
    assert await storage.load("sqlite:///a.db", "good.sql")
    with pytest.raises(MigrationError, match="has tables already, such as `a`"):
        await storage.load("sqlite:///a.db", "good.sql")


async def test_what_sqlite_made_itself_is_not_dumped(project):
    url = "sqlite:///a.db"
    connection = await adapter_for(url).connect(10)
    await connection.script(
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT UNIQUE); CREATE VIRTUAL TABLE f USING fts5(body);"
        "CREATE VIEW v AS SELECT t FROM a;"
        "CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN INSERT INTO a (t) VALUES (new.t); END;"
    )
    await connection.close()
    await storage.dump(url, "a.sql")
    assert "f_data" not in Path("a.sql").read_text()
    await storage.load("sqlite:///b.db", "a.sql")
    await storage.dump("sqlite:///b.db", "b.sql")
    assert Path("a.sql").read_text() == Path("b.sql").read_text()


async def test_without_pg_dump_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="`pg_dump` is not installed") as caught:
        await pg_dump.structure(None, 15)
    assert "15 or newer" in (caught.value.hint or "")


def test_a_password_reaches_pg_dump_by_the_environment_only():
    environ = pg_dump.environment(parse("postgresql://ada:secret@db:5433/blog?sslmode=require", environ={}))
    names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE")
    assert [environ[name] for name in names] == ["db", "5433", "ada", "secret", "blog", "require"]
    assert "secret" not in " ".join(pg_dump.ARGUMENTS)


@pytest.mark.parametrize("command", [("create",), ("drop", "--yes-destroy", "blog"), ("dump",), ("load",), ("doctor",)])
def test_no_command_prints_a_password(ectype, project, command):
    (project / "structure.sql").write_text("")
    done = ectype(*command, DATABASE_URL="postgresql://ada:secret@127.0.0.1:1/blog")
    assert done.returncode == 10
    assert "ada:***@127.0.0.1" in done.stderr
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.postgres
async def test_what_the_server_needs_is_never_dropped(postgres_server):
    with pytest.raises(ConfigError, match="belongs to the server"):
        await storage.drop(with_database(postgres_server.url(), "template1"))


async def test_a_database_in_memory_is_refused():
    with pytest.raises(Exception, match="in memory"):
        await storage.create("sqlite:///:memory:")


def on_terminal(arguments, typed, cwd):
    """Run a command under a pseudo-terminal, type, and return its code and all that was shown."""
    master, slave = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "DATABASE_URL")}
    environ |= {"DATABASE_URL": "sqlite:///a.db", "TERM": "xterm", "COLUMNS": "100"}
    run = subprocess.Popen(
        [sys.executable, "-m", "ectype", *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environ
    )
    os.close(slave)
    os.write(master, typed.encode())
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return run.wait(timeout=60), shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
def test_on_a_terminal_the_name_is_asked_for(project):
    (project / "a.db").write_bytes(b"")
    code, shown = on_terminal(["drop"], "b.db\n", project)
    assert code == 2
    assert "Type its name, a.db" in shown
    assert (project / "a.db").exists()
    code, shown = on_terminal(["drop"], "a.db\n", project)
    assert (code, (project / "a.db").exists()) == (0, False)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
def test_the_doctor_shows_a_table_on_a_terminal_and_lines_in_a_pipe(project, process):
    assert process("create", DATABASE_URL="sqlite:///a.db").returncode == 0
    code, shown = on_terminal(["doctor"], "", project)
    assert code == 0
    assert "┃" in shown
    assert "\x1b[32m" in shown
    piped = process("doctor", DATABASE_URL="sqlite:///a.db").stdout
    assert piped.splitlines()[1].split() == ["What", "State", "Found"]
    assert "\x1b" not in piped


def test_urls_name_their_database():
    assert urlsplit(with_database("postgresql://localhost/a", "b")).path == "/b"
