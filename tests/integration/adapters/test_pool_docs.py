"""The page on the pool: it names every option and every event, and its examples run."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ectype import telemetry
from ectype.adapters import pool_events
from ectype.adapters.pool_options import PoolKeywords, PoolOptions

PAGE = (Path(__file__).parents[3] / "docs" / "pool.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_it_names_every_option_with_its_default():
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("option")}
    assert set(told) == {*PoolKeywords.__annotations__, "pool_size", "timeout", "password"}
    defaults = PoolOptions()
    for name in PoolKeywords.__annotations__:
        default = getattr(defaults, name)
        if name not in ("pool_timeout", "after_connect"):
            said = told[name]
            assert (said if said.startswith("(") or said == "None" else str(float(said))) == str(default), name


def test_it_names_every_event_with_its_fields():
    told = {row[0].strip("`"): row for row in rows("event")}
    names = {value for name, value in vars(pool_events).items() if name.isupper()}
    assert set(told) == names
    for _, made, what in told.values():
        event = getattr(telemetry, made.strip("`"))
        said = [word for word in re.findall(r"`(\w+)`", what) if word in inspect.signature(event).parameters]
        assert said == [one.name for one in fields(event)]


async def test_its_examples_run():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    made = compile(code, "docs/pool.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def token(name: str) -> str:
        return f"token of {name}"

    async def serve() -> None:
        telemetry.emit("ectype.pool.timeout", telemetry.PoolTimeout("blog", 0.0, True, ValueError()))

    counted: list[Any] = []
    names: dict[str, Any] = {
        "cloud": SimpleNamespace(database_token=token),
        "serve": serve,
        "refusals": SimpleNamespace(inc=lambda repo, refused: counted.append((repo, refused))),
    }
    running = eval(made, names)
    if running is not None:
        await running
    assert counted == [("blog", True)]
    assert await names["token"]() == "token of blog"
    assert names["repo"].pool.report().size == 10
