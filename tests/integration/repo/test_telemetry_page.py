"""The page on telemetry is true: its examples run on both databases, and print what it shows."""

import ast
import asyncio
import contextlib
import inspect
import io
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from ectype import Plan, Repo, migrations, telemetry
from ectype.adapters import pool_events
from ectype.migrations import Migration
from ectype.repo.explain_calls import ExplainOptions

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "telemetry.md").read_text(encoding="utf-8")
POOL_PAGE = (DOCS / "pool.md").read_text(encoding="utf-8")
OTHER = {"postgres": " sqlite", "sqlite": " postgres"}
BLOCKS = re.compile(r"```(python|text)(?: (postgres|sqlite))?\n(.*?)```", re.DOTALL)


async def create_tables(m: Migration) -> None:
    with m.create_table("posts") as t:
        t.column("title", str, null=False)
        t.column("score", int, null=False)
    with m.create_table("accounts") as t:
        t.column("email", str, null=False)
        t.column("token", str)


async def printed(code: str, names: dict[str, Any]) -> str:
    """Run code as `python -m asyncio` does, and return what it prints and logs."""
    made = compile(code, "docs/telemetry.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        for handler in logging.getLogger().handlers:
            handler.setStream(out)  # type: ignore[attr-defined]
        awaited = eval(made, names)
        if inspect.iscoroutine(awaited):
            await awaited
    return out.getvalue()


@contextlib.contextmanager
def fresh_logging() -> Iterator[None]:
    """Let the page set the log up as a program does, and put it back."""
    root, logger = logging.getLogger(), logging.getLogger("ectype.repo")
    handlers, level = root.handlers[:], logger.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        logger.setLevel(level)


def steady(text: str) -> str:
    """Leave out what differs from run to run, and from one database to the other."""
    text = re.sub(r"\d+\.\d+ms", "0.0ms", text)
    return re.sub(r"[$?](\d)", r"?\1", text)


async def test_the_examples_of_the_page_print_what_it_shows(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Repo(database_url) as repo:
        await migrations.up(repo, 1, create_tables)
        here = "postgres" if repo.adapter.dialect.schemas else "sqlite"
    page = ModuleType("telemetry_page")
    monkeypatch.setitem(sys.modules, page.__name__, page)
    names: dict[str, Any] = vars(page)
    shown: list[tuple[str, str]] = []
    with fresh_logging():
        for kind, only, text in BLOCKS.findall(PAGE):
            if only not in ("", here):
                continue
            if kind == "python":
                shown.append((await printed(text.replace("sqlite:///blog.db", database_url), names), ""))
            elif only == here or not PAGE.partition(text)[0].rpartition("```python")[2].startswith(OTHER[here]):
                shown[-1] = (shown[-1][0], text)
    for out, text in shown:
        if text:
            assert steady(out) == steady(text)
    compared = len([text for _, text in shown if text])
    assert compared == (8 if here == "postgres" else 9)
    for name in ("repo", "shop"):
        await names[name].close()
    await asyncio.sleep(0)


def test_the_page_names_every_attribute_event_and_option() -> None:
    attributes = [one.name for one in fields(telemetry.QueryEvent)] + ["total_time"]
    assert [name for name in attributes if f"`{name}`" not in PAGE] == []
    events = [telemetry.QUERY, telemetry.OPENED, telemetry.CLOSED]
    assert [name for name in events if f"`{name}`" not in PAGE] == []
    of_the_pool = [value for name, value in vars(pool_events).items() if name.isupper()]
    assert len(of_the_pool) >= 6
    assert [name for name in of_the_pool if f"`{name}`" not in POOL_PAGE] == []
    options = set(get_type_hints(ExplainOptions)) - {"timeout", "prefix"}
    assert [name for name in options if not re.search(rf"`{name}[`=]", PAGE)] == []
    assert [one for one in ("node", "relation", "index", "children") if f"`{one}`" not in PAGE] == []
    assert {one.name for one in fields(Plan)} >= {"node", "relation", "index", "children"}
