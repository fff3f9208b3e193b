"""Journey C: from the command line, through a migration's text, to tables that the schemas can use; and back."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ectype import ConstraintError, DatabaseError, Repo, change
from ectype.cli.app import app
from tests.databases import run
from tests.journeys.library import Author, Book

BODY = """
    with m.create_table("authors") as t:
        t.column("name", str, null=False)
    with m.create_table("books") as t:
        t.column("title", str, null=False)
        t.column("isbn", str, null=False)
        t.column("pages", int, null=False)
        t.column("published", date)
        t.column("shelf", dict, null=False)
        t.references("author_id", "authors", null=False)
        t.timestamps()
    m.create_index("books", "isbn", unique=True)
"""


@pytest.fixture
def ectype(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch):
    """Type `ectype …` in a project of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)

    def typed(*words: str) -> str:
        result = CliRunner().invoke(app, words, prog_name="ectype", catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return typed


def test_a_project_gets_its_tables_by_a_migration_uses_them_and_takes_them_back(
    ectype, tmp_path: Path, database_url: str
):
    # A migration is a file with an empty `change`; its author writes what shall be.
    path = tmp_path / ectype("gen", "migration", "MakeLibrary").removeprefix("wrote ").strip()
    header = path.read_text().replace("from ectype", "from datetime import date\n\nfrom ectype", 1)
    path.write_text(header + BODY)
    version = path.name.split("_", 1)[0]
    assert "pending" in ectype("status")

    # It is applied once, and the journal knows.
    assert ectype("migrate").splitlines()[-1].startswith("1 applied · schema sha256 ")
    assert f"{version}  make_library  up" in ectype("status")
    assert ectype("migrate") == "nothing to migrate: everything is applied\n"

    # The tables are those that the schemas mean: keys, references and the unique index hold.
    async def use() -> None:
        async with Repo(database_url) as repo:
            lem = await repo.insert(Author(name="Lem"))
            book = await repo.insert(Book(title="Eden", isbn="1", pages=310, author_id=lem.id, shelf={"room": 1}))
            assert await repo.get(Book, book.id) == book
            loaded = await repo.preload(lem, Author.books)
            assert loaded.books == [book]
            refused = change(Book(title="Eden", isbn="1", pages=1, author_id=lem.id)).unique_constraint(Book.isbn)
            outcome = await repo.try_insert(refused)
            assert outcome.changeset.traverse_errors() == {"isbn": ["has already been taken"]}
            with pytest.raises(ConstraintError):
                await repo.insert(Book(title="x", isbn="2", pages=1, author_id=999))

    run(use())

    # Going back takes the tables away, in the order that their references ask for.
    assert ectype("rollback").splitlines()[-1].startswith("1 rolled back · schema sha256 ")

    async def gone() -> None:
        async with Repo(database_url) as repo:
            for schema in (Author, Book):
                with pytest.raises(DatabaseError):
                    await repo.all(schema)

    run(gone())
    assert "pending" in ectype("status")
