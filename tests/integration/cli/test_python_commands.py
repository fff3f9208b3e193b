import json
import os
import pty
import sqlite3
import subprocess
import sys
from xml.etree import ElementTree

import pytest

SCHEMAS = """
from __future__ import annotations

from ectype import BelongsTo, Field, HasMany, ManyToMany, Schema, belongs_to, field, has_many, many_to_many, primary_key


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    email: Field[str]
    boss_id: Field[int | None] = field(default=None)
    boss: BelongsTo[User | None] = belongs_to(foreign_key="boss_id")
    posts: HasMany[Post] = has_many(foreign_key="author_id")


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to(foreign_key="author_id")
    tags: ManyToMany[Tag] = many_to_many(through="post_tags")


class Tag(Schema, table="tags"):
    id: Field[int] = primary_key()
    name: Field[str]
"""
USERS = (
    'def change(m):\n    with m.create_table("users") as t:\n        t.column("email", str)\n'
    '        t.references("boss_id", "users")\n'
)


@pytest.fixture
def app(project):
    (project / "pyproject.toml").write_text('[tool.ectype]\nurl = "sqlite:///app.db"\nschemas = "shop.schemas"\n')
    for path, text in (("shop/__init__.py", ""), ("shop/schemas.py", SCHEMAS), ("migrations/1_users.py", USERS)):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(text)
    return project


def test_the_shell_has_the_repo_the_schemas_and_await(app, process):
    assert process("migrate").returncode == 0
    typed = (
        'ada = await repo.insert(User(email="ada@example.org"))\nada.email\n1 / 0\n'
        "async def count():\n    return len(await repo.all(from_(User)))\n\nawait count()\n"
    )
    done = process("shell", input=typed)
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["'ada@example.org'", "1"]
    assert "ZeroDivisionError" in done.stderr
    line = process("shell", "-c", "print(await repo.all(from_(User).select(User.email)))")
    assert (line.returncode, line.stdout) == (0, "['ada@example.org']\n")
    assert process("shell", "-c", "1 / 0").returncode == 1
    wrong = process("shell", "--schemas", "shop.schemes")
    assert wrong.returncode == 2
    assert "there is no module `shop.schemes`" in wrong.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
def test_the_shell_greets_on_a_terminal(app):
    master, slave = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    run = subprocess.Popen(
        [sys.executable, "-m", "ectype", "shell"], stdin=slave, stdout=slave, stderr=slave, cwd=app, env=environ
    )
    os.close(slave)
    os.write(master, b"await repo.exists(from_(User)) if False else 41 + 1\nexit()\n")
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert run.wait(timeout=60) == 0
    text = shown.decode()
    assert "repo: sqlite:///app.db" in text
    assert "schemas: Post, Tag, User" in text
    assert "42" in text


def test_seeds_are_one_transaction(app, process):
    assert process("migrate").returncode == 0
    seeds = app / "seeds.py"
    seeds.write_text("from shop.schemas import User\nawait repo.insert(User(email='ada'))\n")
    assert process("seed").stdout == "ran seeds.py\n"
    seeds.write_text("from shop.schemas import User\nawait repo.insert(User(email='bob'))\n1 / 0\n")
    failed = process("seed")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: seeds.py:3: ZeroDivisionError: division by zero")
    count = process("shell", "-c", "print(len(await repo.all(User)))")
    assert count.stdout == "1\n"
    assert process("seed", "other.py").returncode == 2
    (app / "broken.py").write_text("x = = 1\n")
    assert "broken.py:1 cannot be run" in process("seed", "broken.py").stderr
    assert json.loads(process("seed", "--json", "seeds.py").stdout or "{}") != {}


def test_the_diagram_is_a_picture_that_can_be_read(app, process):
    done = process("erd", "--output", "a.svg")
    assert (done.returncode, done.stdout) == (0, "wrote a.svg: 4 tables, 4 references\n"), done.stderr
    root = ElementTree.fromstring((app / "a.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    names = [one.text for one in root.iter(f"{space}text") if one.get("class") == "name"]
    assert names == ["post_tags", "posts", "tags", "users"]
    said = sorted(one.find(f"{space}title").text for one in root.iter(f"{space}path"))
    assert said == [
        "post_tags.post_id → posts", "post_tags.tag_id → tags", "posts.author_id → users", "users.boss_id → users",
    ]  # fmt: skip
    boxes = [
        tuple(float(one.get(key)) for key in ("x", "y", "width", "height"))
        for one in root.iter(f"{space}rect")
        if one.get("class") == "box"
    ]
    for number, (x, y, width, height) in enumerate(boxes):
        assert 0 <= x <= x + width <= float(root.get("width"))
        assert 0 <= y <= y + height <= float(root.get("height"))
        for x2, y2, width2, height2 in boxes[number + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y, "boxes overlap"


MERMAID = """\
erDiagram
    post_tags {
        int post_id FK
        int tag_id FK
    }
    posts {
        int id PK
        str title
        int author_id FK
    }
    tags {
        int id PK
        str name
    }
    users {
        int id PK
        str email
        int boss_id FK "may be null"
    }
    posts ||--o{ post_tags : "post_id"
    tags ||--o{ post_tags : "tag_id"
    users ||--o{ posts : "author_id"
    users |o--o{ users : "boss_id"
"""


def test_the_diagram_is_mermaid_text_too(app, process):
    assert process("erd", "--format", "mermaid").stdout == MERMAID
    assert process("erd", "--output", "a.mmd").returncode == 0
    assert (app / "a.mmd").read_text() == MERMAID


@pytest.mark.postgres
def test_the_doctor_of_postgres_finds_what_an_application_needs(app, ectype, fresh_postgres_url):
    done = ectype("doctor", "--json", DATABASE_URL=fresh_postgres_url)
    found = {sign["what"]: sign for sign in json.loads(done.stdout)["signs"]}
    assert done.returncode == 0, found
    for what in ("pooler", "encoding", "writing", "indexes"):
        assert found[what]["state"] == "ok", found[what]
    assert found["statement_timeout"]["state"] in ("ok", "warning")
    assert {"server version", "rights", "durability", "connections", "clock"} <= set(found)


def test_the_doctor_of_sqlite_finds_rows_that_lead_nowhere(app, ectype):
    assert ectype("migrate").returncode == 0
    assert ectype("doctor").returncode == 0
    file = sqlite3.connect(app / "app.db")
    file.execute("INSERT INTO users (email, boss_id) VALUES ('a', 99)")
    file.commit()
    file.close()
    sick = ectype("doctor")
    assert sick.returncode == 1
    assert "1 rows lead nowhere: users → users" in sick.stdout
    assert ectype("doctor", "--database", "sqlite:///none.db").returncode == 10


def test_each_repo_has_its_database_and_its_migrations(app, ectype):
    with (app / "pyproject.toml").open("a") as file:
        file.write('[tool.ectype.repos.reports]\nurl = "sqlite:///reports.db"\n')
    (app / "migrations" / "_keep.py").write_text("")
    reports = app / "reports_migrations"
    reports.mkdir()
    (reports / "1_lines.py").write_text(
        'def change(m):\n    with m.create_table("lines") as t:\n        t.timestamps()\n'
    )
    with (app / "pyproject.toml").open("a") as file:
        file.write('migrations = "reports_migrations"\n')
    assert "1_lines" not in ectype("migrate").stdout
    for arguments, extra in (
        (("status", "--repo", "reports"), {}),
        (("--repo", "reports", "status"), {}),
        (("status", "--repo=reports"), {}),
        (("status",), {"ECTYPE_REPO": "reports"}),
    ):
        shown = ectype(*arguments, **extra).stdout
        assert shown.startswith("sqlite:///reports.db")
        assert "lines" in shown
    # The variable of one repo does not lead another one astray.
    assert ectype("status", "--repo", "reports", DATABASE_URL="sqlite:///x.db").stdout.startswith("sqlite:///reports")
    other = ectype("status", "--repo", "reports", REPORTS_DATABASE_URL="sqlite:///y.db")
    assert other.stdout.startswith("sqlite:///y.db")
    unknown = ectype("status", "--repo", "report")
    assert unknown.returncode == 2
    assert "did you mean `reports`?" in unknown.stderr
