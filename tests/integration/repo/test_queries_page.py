"""The page on queries is true: its examples run on both databases, and give the SQL and the rows that it shows."""

import ast
import contextlib
import inspect
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ectype import (
    POSTGRES,
    SQLITE,
    DivisionByZeroError,
    Query,
    Repo,
    UnsupportedError,
    all_,
    any_,
    change,
    cte,
    exists,
    fn,
    fragment,
    from_,
    migrations,
    outer,
    source,
    subquery,
)
from ectype.migrations import Migration
from tests.dialects.world import Comment, Line, Post, User
from tests.dialects.writing import delete_all, update_all
from tests.integration.repo import blog

PAGE = (Path(__file__).parents[3] / "docs" / "queries.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"```(python|sql|text)\n(.*?)```", re.DOTALL)
ONLY = "-- PostgreSQL only\n"


@dataclass
class Example:
    """Code of the page, and what it shows below: texts of SQL, by their databases, and rows or what is printed."""

    code: str
    sql: dict[str, str] = field(default_factory=dict)
    shown: str | None = None
    postgres_only: bool = False


def examples() -> list[Example]:
    found: list[Example] = []
    for kind, text in BLOCKS.findall(PAGE):
        if kind == "python":
            found.append(Example(text))
        elif kind == "text":
            found[-1].shown = text
        else:
            found[-1].postgres_only = text.startswith(ONLY)
            on = "SQLite" if text.startswith("-- SQLite\n") else "PostgreSQL"
            found[-1].sql[on] = re.sub(r"\A-- .*\n", "", text)
    return found


async def create_tables(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("name", str, null=False)
        t.column("age", int)
        t.column("manager_id", int)
    with m.create_table("posts") as t:
        t.column("title", str, null=False)
        t.column("score", int, null=False)
        t.column("tags", list[str], null=False)
        t.column("meta", dict[str, object], null=False)
        t.column("author_id", int, null=False)
    with m.create_table("comments") as t:
        t.column("body", str, null=False)
        t.column("likes", int, null=False)
        t.column("post_id", int, null=False)


async def printed(code: str, names: dict[str, Any]) -> str:
    """Run code as `python -m asyncio` does, and return what it prints."""
    made = compile(code, "docs/queries.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        awaited = eval(made, names)
        if inspect.iscoroutine(awaited):
            await awaited
    return out.getvalue()


async def refused(code: str, names: dict[str, Any]) -> None:
    """Check that SQLite cannot do what the code does, or the query that it makes."""
    with pytest.raises(UnsupportedError):
        await printed(f"{code}\nquery.to_sql(SQLITE)", {**names, "SQLITE": SQLITE})


async def test_the_examples_of_the_page_give_what_it_shows(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Repo(database_url) as repo:
        await migrations.up(repo, 1, create_tables)
        here = repo.adapter.dialect.name
    # A module, in which schemas find each other.
    page = ModuleType("queries_page")
    monkeypatch.setitem(sys.modules, page.__name__, page)
    names = vars(page)
    for example in examples():
        if example.postgres_only and here == "SQLite":
            await refused(example.code, names)
            continue
        out = await printed(example.code.replace("sqlite:///blog.db", database_url), names)
        for on, dialect in (("PostgreSQL", POSTGRES), ("SQLite", SQLITE)):
            if on in example.sql and not out:
                assert names["query"].to_sql(dialect, pretty=True)[0] + "\n" == example.sql[on]
        if here in example.sql and out:
            assert out == example.sql[here]
        if example.shown is not None:
            rows = [] if out else await names["repo"].all(names["query"])
            assert (out or "".join(f"{row!r}\n" for row in rows)) == example.shown
    await names["repo"].close()


def test_the_page_names_every_function() -> None:
    ours = {
        name
        for name, value in vars(fn).items()
        if getattr(value, "__module__", "").startswith("ectype.expr") and inspect.isfunction(value)
    }
    helpers = {"call_of", "check_argument", "check_frame", "frame_of", "operand_of", "order_term", "window", "_several"}
    assert sorted(name for name in ours - helpers if f"`fn.{name}`" not in PAGE) == []


def test_the_page_names_every_method_of_a_query() -> None:
    query = from_(Post)
    methods = [name for name in dir(query) if not name.startswith("_") and callable(getattr(query, name))]
    assert [name for name in methods if not re.search(rf"\b{name}\b", PAGE)] == []


POSTS = from_(Post)
SCORES = POSTS.select(Post.score)
COUNTED = POSTS.group_by(Post.author_id)
RANKED = from_(Comment).where(Comment.post_id == outer(Post.id)).limit(1)
GONE = cte(Comment, "gone")
ROWS = source(Line, fragment("generate_series(1, 3)"), columns=[Line.count])
REFUSED: dict[str, list[Callable[[], Any]]] = {
    "`distinct(key)`": [lambda: POSTS.distinct(Post.author_id)],
    "`limit(n, with_ties=True)`": [lambda: POSTS.order_by(Post.score).limit(1, with_ties=True)],
    "`for_update()` and other locks": [
        POSTS.for_update,
        POSTS.for_no_key_update,
        POSTS.for_share,
        POSTS.for_key_share,
    ],
    "`lateral=True`": [
        lambda: POSTS.join(subquery(RANKED, "top"), lateral=True),
        lambda: POSTS.left_join(subquery(RANKED, "top"), lateral=True),
        lambda: POSTS.cross_join(subquery(RANKED, "top"), lateral=True),
    ],
    "`right_join`, `full_join` before 3.39": [
        lambda: POSTS.right_join(Post.author),
        lambda: POSTS.full_join(Post.author),
    ],
    "`intersect_all`, `except_all`": [lambda: POSTS.intersect_all(POSTS), lambda: POSTS.except_all(POSTS)],
    "`any_(query)`, `all_(query)`": [
        lambda: POSTS.where(Post.score > any_(SCORES)),
        lambda: POSTS.where(Post.score > all_(SCORES)),
    ],
    "a CTE that writes": [
        lambda: from_(GONE).with_cte(GONE, from_(Comment), delete=True),
        lambda: from_(GONE).with_cte(GONE, from_(Comment), update=[Comment.likes.inc(1)]),
    ],
    "a joined column that an update or delete returns": [
        lambda: update_all(POSTS.join(Post.author).select(Post.id, User.name), Post.score.inc(1)),
        lambda: delete_all(POSTS.join(Post.author).select(Post.id, User.name)),
    ],
    "`fn.power`, `fn.sqrt`, `fn.regexp`, `fn.percentile_cont`": [
        lambda: POSTS.select(fn.power(Post.score, 2)),
        lambda: POSTS.select(fn.sqrt(Post.score)),
        lambda: POSTS.where(fn.regexp(Post.title, "^B")),
        lambda: POSTS.select(fn.percentile_cont(0.5, order_by=Post.score)),
    ],
    "`order_by=` inside an aggregate before 3.44": [
        lambda: COUNTED.select(fn.array_agg(Post.title, order_by=Post.id)),
        lambda: COUNTED.select(fn.string_agg(Post.title, ", ", order_by=Post.id)),
    ],
    "`x.contains({…})` of JSON": [lambda: POSTS.where(Post.meta.contains({"lang": "en"}))],
    "comparisons of decimals without `scale`": [
        lambda: POSTS.where(Post.weight > Decimal(1)),
        lambda: POSTS.order_by(Post.weight),
    ],
    "`columns=` of a fragment source": [lambda: from_(ROWS).select(ROWS.count)],
    "`outer(…)` in `limit` and `offset`": [
        lambda: POSTS.where(exists(from_(Comment).limit(outer(Post.score)))),
        lambda: POSTS.where(exists(from_(Comment).offset(outer(Post.score)))),
    ],
}


def refusals() -> list[str]:
    table = PAGE.partition("| SQLite has no |")[2].partition("\n\n")[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]


def test_the_page_lists_what_is_tried_here() -> None:
    assert refusals() == list(REFUSED)


@pytest.mark.parametrize("what", REFUSED)
def test_sqlite_refuses_what_the_page_says_and_postgresql_does_it(what: str) -> None:
    for make in REFUSED[what]:
        made = make()
        text = made.to_sql if isinstance(made, Query) else made
        assert text(POSTGRES)
        with pytest.raises(UnsupportedError, match=r"hint: "):
            text(SQLITE)


async def test_the_databases_differ_where_the_page_says(repo: Repo) -> None:
    sqlite = repo.adapter.dialect.name == "SQLite"
    rows = [("ÄB", 21), ("äb", None), ("xb", 20)]
    for text, number in rows:
        await repo.insert(
            change(blog.User, blog.User.name.set(text), blog.User.email.set(text), blog.User.age.set(number))
        )
    users, name, age = from_(blog.User).order_by(blog.User.id), blog.User.name, blog.User.age
    assert await repo.all(users.where(name.like("%B")).select(name)) == (["ÄB", "äb", "xb"] if sqlite else ["ÄB"])
    assert await repo.all(users.where(name.ilike("%B")).select(name)) == ["ÄB", "äb", "xb"]
    if sqlite:  # Of PostgreSQL the locale of the database decides.
        assert await repo.all(users.where(name.ilike("ä%")).select(name)) == ["äb"]
        assert (await repo.all(users.select(fn.lower(name), fn.upper(name))))[:2] == [("Äb", "ÄB"), ("äb", "äB")]
    assert await repo.all(users.prepend_order_by(age).select(age)) == ([None, 20, 21] if sqlite else [20, 21, None])
    assert await repo.all(users.prepend_order_by(age.asc(nulls="last")).select(age)) == [20, 21, None]
    with pytest.raises(DivisionByZeroError):
        await repo.all(users.select(1 / (age - 20)))
    assert await repo.all(users.select(1 / fn.nullif(age - 20, 0))) == [1, None, None]
