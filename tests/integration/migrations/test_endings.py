"""The ways in which a run ends badly: for each the exit code, what is said, and what is left in the database."""

import json
import re
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from ectype import migrations
from ectype.adapters.base import Begin
from ectype.migrations import guard_postgres

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
A = "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')"
TERMINATED = "SELECT pg_terminate_backend(pg_backend_pid())"
LOST = f"m.execute('CREATE TABLE b (); {TERMINATED}', '')"
LOST_STEPS = f"""
transaction = False


def change(m):
    m.execute("CREATE TABLE b (x integer)", "DROP TABLE b")
    m.execute("{TERMINATED}", "")
"""


@asynccontextmanager
async def locked(repo):
    """Somebody else is migrating."""
    holder = await repo.adapter.connect(10)
    try:
        if repo.adapter.dialect.target == "postgres":
            await holder.fetch("SELECT pg_advisory_lock($1)", (await guard_postgres._key(holder, repo.adapter),), list)
        else:
            await holder.begin(Begin())
        yield
    finally:
        await holder.close()


@asynccontextmanager
async def nothing(repo):
    yield


# name, files, circumstances, options, exit code, what is said, the states that are left
ENDINGS = [
    (
        "a failing migration",
        {"1_a": A, "2_b": "m.execute('DROP TABLE no', '')"},
        nothing,
        (),
        8,
        r"error: 2 b failed going up, statement 1 of 1:\n\n    DROP TABLE no\n\n .*no.*\n\n"
        r"migrations/2_b.py: rolled back: the database is unchanged",
        ["up", "pending"],
    ),
    (
        "a function that raises",
        {"1_a": A, "2_b": "raise ValueError('x')"},
        nothing,
        (),
        8,
        r"error: migrations/2_b.py:2: ValueError: x",
        ["pending", "pending"],
    ),
    (
        "two files of one version",
        {"1_a": A, "1_b": A},
        nothing,
        (),
        2,
        r"error: two migrations have the version 1:\n\n    migrations/1_a.py\n    migrations/1_b.py\n\nhint: give one",
        None,
    ),
    (
        "a lock that another run holds",
        {"1_a": A},
        locked,
        ("--lock-wait", "0.3s"),
        5,
        r"error: (the migration lock was not free within 0 s: it is held by pid \d+"
        r"|another connection has been writing to the database)",
        ["pending"],
    ),
    (
        "a database that is not there",
        {"1_a": A},
        nothing,
        ("--database", "postgresql://u:secret@127.0.0.1:1/x"),
        10,
        r"error: no connection to postgresql://u:\*\*\*@127.0.0.1:1/x",
        None,
    ),
]
ON_POSTGRES = [
    ("a connection that is lost in a transaction", {"1_a": A, "2_b": LOST},
     nothing, (), 8, r"error: 2 b failed going up(.|\n)*rolled back: the database is unchanged", ["up", "pending"]),
    ("a connection that is lost between steps", {"1_a": A, "2_b": LOST_STEPS}, nothing, (), 9,
     r"error: 2 b failed going up, step 2 of 2:(.|\n)*what came before is saved: `ectype migrate` goes on from there",
     ["up", "partial"]),
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=[ending[0] for ending in ENDINGS])
async def test_how_a_run_ends(repo, folder, write, database_url, ending):
    await ends(repo, folder, write, database_url, ending)


@on_postgres
@pytest.mark.parametrize("ending", ON_POSTGRES, ids=[ending[0] for ending in ON_POSTGRES])
async def test_how_a_run_ends_whose_connection_is_lost(repo, folder, write, database_url, ending):
    await ends(repo, folder, write, database_url, ending)


async def ends(repo, folder, write, database_url, ending):
    _, files, circumstances, options, code, said, states = ending
    for name, change in files.items():
        write(name, change, text=change if "def change" in change else None)
    command = [sys.executable, "-m", "ectype", "migrate", "--database", database_url, *options]
    async with circumstances(repo):
        ran = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, re.search(said, ran.stderr) is not None) == (code, True), ran.stderr
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stdout + ran.stderr
    if states is not None:
        assert [one.state for one in await migrations.status(repo, folder)] == states


@on_postgres
async def test_a_role_without_rights_ends_with_2_and_leaves_nothing(repo, folder, write, rows, database_url):
    """A role that may log in and not create: the journal cannot be made."""
    write("1_a", A)
    name = "nobody_" + re.sub(r"\W", "_", database_url.rpartition("/")[2])[-20:].lower()
    await rows(f"CREATE ROLE {name}")
    try:
        await rows("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        with_role = f"{database_url}{'&' if '?' in database_url else '?'}options=-c%20role%3D{name}"
        command = [sys.executable, "-m", "ectype", "migrate", "--json", "--database", with_role]
        ran = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120, check=False)
    finally:
        await rows(f"DROP ROLE {name}")
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["exit_code"]) == (2, 2)
    assert document["error"]["message"].startswith("the journal `schema_migrations` cannot be made: ")
    assert "GRANT CREATE ON SCHEMA" in document["error"]["hint"]
    assert await migrations.applied(repo) == []
