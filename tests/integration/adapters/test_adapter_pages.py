"""The pages on the two databases: their examples run, and they name every option there is."""

import re
from pathlib import Path

import pytest

from ectype.adapters import libpq
from ectype.adapters.url import POSTGRES_OPTIONS, SQLITE_OPTIONS

DOCS = Path(__file__).parents[3] / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def code_of(name: str) -> str:
    return "\n".join(re.findall(r"(?ms)^```python\n(.*?)^```", page(name)))


@pytest.mark.postgres
def test_the_examples_of_the_page_on_postgresql_run(fresh_postgres_url):
    exec(compile(code_of("postgresql"), "docs/postgresql.md", "exec"), {"URL": fresh_postgres_url, "__name__": "page"})


def test_the_examples_of_the_page_on_sqlite_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code_of("sqlite"), "docs/sqlite.md", "exec"), {"__name__": "page"})


def test_the_pages_name_every_option_and_variable():
    postgresql, sqlite = page("postgresql"), page("sqlite")
    assert [name for name in (*POSTGRES_OPTIONS, *libpq.VARIABLES.values()) if f"`{name}`" not in postgresql] == []
    assert [name for name in SQLITE_OPTIONS if f"`{name}`" not in sqlite] == []
