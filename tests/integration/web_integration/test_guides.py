"""The code of the guides of PubSub and Presence, run, and the names that they must name."""

import re
from pathlib import Path
from typing import Any

import pytest

from ectype import Repo
from ectype.web_integration import Holder, Presence, PubSub

DOCS = Path(__file__).parents[3] / "docs"


def code_of(page: str) -> list[str]:
    return re.findall(r"(?ms)^```python\n(.*?)^```", (DOCS / page).read_text())


@pytest.mark.postgres
def test_the_code_of_the_pubsub_guide_runs(fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_postgres_url)
    guide: dict[str, Any] = {"__name__": "pubsub_guide"}
    for code in code_of("pubsub.md"):
        exec(compile(code, "pubsub.md", "exec", dont_inherit=True), guide)


@pytest.mark.postgres
async def test_the_room_of_the_presence_guide_tells_the_names_of_users(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_postgres_url)
    guide: dict[str, Any] = {"__name__": "presence_guide"}
    for code in code_of("presence.md"):
        exec(compile(code, "presence.md", "exec", dont_inherit=True), guide)
    repo: Repo = guide["repo"]
    async with repo, guide["pubsub"], guide["presence"] as presence:
        await repo.query("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)")
        await guide["test_who_is_there_is_told_by_name"](repo)
        ref = presence.track(Holder("room:1"), 1, {"device": "browser"})
        metas = [{"device": "browser", "phx_ref": ref}]
        assert await presence.list("room:1") == {"1": {"user": {"name": "Ada"}, "metas": metas}}


@pytest.mark.parametrize(("page", "of"), [("pubsub.md", PubSub), ("presence.md", Presence)])
def test_the_guides_name_every_public_method(page: str, of: type) -> None:
    text = (DOCS / page).read_text()
    own = {name for name, value in vars(of).items() if callable(value) and not name.startswith("_")}
    assert [name for name in sorted(own - {"open", "close", "subscribers"}) if name not in text] == []
