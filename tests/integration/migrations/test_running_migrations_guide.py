"""The page on running migrations: its session is run, its code compiles, and it names what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ectype import migrations
from ectype.adapters.registry import adapter_for
from ectype.cli.app import app

PAGE = (Path(__file__).parents[3] / "docs" / "running-migrations.md").read_text()
CODE = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE)


def masked(text):
    text = re.sub(r"\d+ ms", "N ms", text)
    text = re.sub(r"\(\*\*\*\) (is duplicated|already exists)", "(***) is duplicated", text)
    text = re.sub(r"sha256 [0-9a-f]{4}…[0-9a-f]{2}", "sha256 HASH", text)
    return re.sub(r"(?m)^postgresql:.*   PostgreSQL \d+\.\d+   lock", "URL   lock", text)


def session():
    """The commands of the console block, each with what is shown after it."""
    (block,) = re.findall(r"(?ms)^```console\n(.*?)^```", PAGE)
    parts = re.split(r"(?m)^\$ (.*)\n", block)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.postgres
async def test_the_session_of_the_page_is_what_a_user_sees(fresh_postgres_url, tmp_path):
    connection = await adapter_for(fresh_postgres_url).connect(10)
    await connection.script(
        "CREATE TABLE users (id bigint, email text);"
        "INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'a'); ANALYZE users"
    )
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20261110120000_add_email_index.py").write_text(CODE[0])
    environ = {**os.environ, "DATABASE_URL": fresh_postgres_url, "COLUMNS": "200"}
    code = 0
    for command, shown in session():
        if command.startswith("psql"):
            await connection.script(re.fullmatch(r'psql -qc "(.*)"', command)[1])
            continue
        if command == "echo $?":
            assert shown == f"{code}\n"
            continue
        ran = subprocess.run(
            [sys.executable, "-u", "-m", *command.split()],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        code = ran.returncode
        # Hints of the server differ from version to version, and the page leaves them out.
        assert masked(ran.stdout.partition("\n\nhint:")[0].rstrip()) == masked(shown.rstrip()), command
    await connection.close()


@pytest.mark.parametrize("code", CODE, ids=[str(number) for number in range(len(CODE))])
def test_the_code_of_the_page_compiles_and_imports_what_there_is(code):
    compile(code, "page", "exec", flags=0x2000)  # top-level await is allowed, as in the interpreter of asyncio
    for line in re.findall(r"(?m)^from ectype.*$", code):
        exec(line, {})


def test_the_page_names_every_function_of_migrations_and_no_other():
    public = {name for name in migrations.__all__ if name[0].islower()}
    on_other_page = {"up", "down", "applied", "status", "new_migration"}
    on_other_page |= {"was", "references", "indexed", "set_null", "set_default"}
    named = set(re.findall(r"\b[a-z_]+\b", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert public - on_other_page <= named
    for name in re.findall(r"migrations\.([a-z_]+)\(", PAGE):
        assert hasattr(migrations, name), name


def test_the_page_names_every_command_and_no_other():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"(?<!from )ectype ([a-z]+)\b", PAGE))
    assert named <= commands
    assert {"migrate", "status", "verify", "resolve", "baseline", "squash", "backfill", "tenants"} <= named
