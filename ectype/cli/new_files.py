"""The files of a new project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PYPROJECT: Final = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["ectype"]

[project.optional-dependencies]
test = ["pytest"]

[tool.ectype]
url = "sqlite:///{name}.db"          # DATABASE_URL wins, as postgresql://localhost/{package}
schemas = "{package}.schemas"

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""

README: Final = """\
# {name}

Notes in a database, with ectype.

```console
$ pip install -e '.[test]'
$ ectype migrate
$ ectype seed
$ python -m {package}
$ python -m {package} "Buy bread"
$ python -m pytest
$ ectype lint
$ ectype status --check
```

| file | what is in it |
|---|---|
| `{package}/schemas.py` | the schemas and their changesets |
| `{package}/__main__.py` | the program |
| `migrations/` | how the database changes: `ectype gen migration NAME` writes another one |
| `seeds.py` | the first rows |
| `tests/` | the tests, on a database of their own |

The database is `{name}.db`, a SQLite file. For PostgreSQL:

    export DATABASE_URL=postgresql://localhost/{package}
    ectype create
    ectype migrate

`ectype shell` starts Python with `repo` and the schemas; `ectype erd --output schema.svg` draws them.
"""

SCHEMAS: Final = '''\
"""What is in the database."""

from __future__ import annotations

from collections.abc import Mapping

from ectype import Changeset, Field, Schema, Timestamps, change, field, primary_key


class Note(Schema, Timestamps, table="notes"):
    id: Field[int] = primary_key()
    title: Field[str]
    done: Field[bool] = field(default=False)


def note_changes(note: Note | type[Note], params: Mapping[str, object]) -> Changeset[Note]:
    """Return what the params change, and what is wrong with them."""
    return (
        change(note)
        .cast(params, Note.title, Note.done)
        .validate_required(Note.title)
        .validate_length(Note.title, max=100)
        .unique_constraint(Note.title)
    )
'''

MAIN: Final = '''\
"""Adds a note when a title is given; shows all notes."""

import asyncio
import os
import sys

from ectype import Invalid, Repo, from_
from {package}.schemas import Note, note_changes


async def main(titles: list[str]) -> int:
    async with Repo(os.environ.get("DATABASE_URL", "sqlite:///{name}.db")) as repo:
        for title in titles:
            outcome = await repo.try_insert(note_changes(Note, {{"title": title}}))
            if isinstance(outcome, Invalid):
                print(title, outcome.changeset.traverse_errors(), file=sys.stderr)
                return 1
        for note in await repo.all(from_(Note).order_by(Note.id)):
            print("x" if note.done else "-", note.title)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
'''

MIGRATION: Final = '''\
"""create notes"""

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("notes") as t:
        t.column("title", str, null=False)
        t.column("done", bool, null=False, default=False)
        t.timestamps()
    m.create_index("notes", "title", unique=True)
'''

SEEDS: Final = '''\
"""The first rows. `ectype seed` runs this with `repo`, in one transaction; to run it twice does no harm."""

from ectype import Repo
from {package}.schemas import Note, note_changes

repo: Repo

for title in ("Read the README", "Write a migration"):
    if not await repo.get_by(Note, Note.title == title):  # noqa: F704
        await repo.insert(note_changes(Note, {{"title": title}}))  # noqa: F704
'''

TESTS: Final = """\
import asyncio
from pathlib import Path

from ectype import Invalid, Repo, migrations
from {package}.schemas import Note, note_changes

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def test_a_note_is_kept_once():
    async def run():
        async with Repo("sqlite:///:memory:") as repo:
            await migrations.migrate(repo, MIGRATIONS)
            note = await repo.insert(note_changes(Note, {{"title": "Buy bread"}}))
            assert not note.done
            again = await repo.try_insert(note_changes(Note, {{"title": "Buy bread"}}))
            assert isinstance(again, Invalid)
            assert again.changeset.traverse_errors() == {{"title": ["has already been taken"]}}

    asyncio.run(run())


def test_a_note_has_a_title():
    assert note_changes(Note, {{"title": ""}}).traverse_errors() == {{"title": ["can't be blank"]}}
"""

GITIGNORE: Final = """\
__pycache__/
.venv/
*.db
*.db-shm
*.db-wal
"""


def files(name: str, package: str) -> Mapping[str, str]:
    """Return the text of each file of the project, by its path."""
    texts = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        f"{package}/__init__.py": f'"""{name}."""\n',
        f"{package}/__main__.py": MAIN,
        "seeds.py": SEEDS,
        "tests/test_notes.py": TESTS,
    }
    made = {path: text.format(name=name, package=package) for path, text in texts.items()}
    return {
        **made,
        f"{package}/schemas.py": SCHEMAS,
        "migrations/20260101000000_create_notes.py": MIGRATION,
        ".gitignore": GITIGNORE,
    }
