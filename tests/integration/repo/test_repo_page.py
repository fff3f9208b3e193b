"""The page on the repo is true: its examples run on both databases, and it names everything that a repo does."""

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ectype import Repo, migrations
from ectype.migrations import Migration

PAGE = (Path(__file__).parents[3] / "docs" / "repo.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"^(?P<indent> *)(?P<code>\S.*?) +# = (?P<value>.+)$")


def tables(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("name", str, null=False)
    with m.create_table("posts") as t:
        t.column("title", str, null=False)
        t.column("score", int, null=False)
        t.column("author_id", int, null=False)
        t.column("deleted", bool, null=False)
    m.create_index("posts", "title", unique=True, where="NOT deleted")
    with m.create_table("comments") as t:
        t.column("body", str, null=False)
        t.column("post_id", int, null=False)
        t.column("deleted", bool, null=False)


def checked(block: str) -> str:
    """Return code in which each line that shows a value compares it."""
    made: list[str] = []
    for line in block.splitlines():
        shown = SHOWN.match(line)
        if shown is None:
            made.append(line)
            continue
        code, value = shown["code"], shown["value"]
        made.append(f"{shown['indent']}_compare({code!r}, ({code}), {value!r})")
    return "\n".join(made)


async def test_the_examples_run_and_give_what_they_show(database_url: str):
    module = ModuleType("repo_page")
    sys.modules["repo_page"] = module
    compared: list[str] = []

    def compare(code: str, value: object, shown: str) -> None:
        assert repr(value) == shown, code
        compared.append(code)

    async with Repo(database_url) as repo:
        await migrations.up(repo, 1, tables)
        module.__dict__.update(repo=repo, url=database_url, _compare=compare)
        try:
            for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
                code: Any = compile(checked(block), "docs/repo.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                running = eval(code, module.__dict__)
                if running is not None:
                    await running
        finally:
            del sys.modules["repo_page"]
    assert len(compared) == PAGE.count("# = ")


def test_the_page_names_everything_that_a_repo_does():
    names = [name for name in dir(Repo) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"[`.]{name}\b", PAGE)] == []
