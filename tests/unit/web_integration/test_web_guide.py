"""The guide to the HTTP side says what is true: its code runs, and its application does what the text says."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from ectype import migrations
from ectype import web_integration as web
from ectype.web_integration.errors import PROBLEMS

GUIDE = Path(__file__).parents[3] / "docs" / "web.md"
CREATE = """
def change(m):
    with m.create_table("recipes") as t:
        t.column("title", str, null=False)
    m.create_index("recipes", "title", unique=True)
    with m.create_table("steps") as t:
        t.column("text", str, null=False)
        t.references("recipe_id", "recipes", null=False)
"""


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the guide, run in an empty folder with one migration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20260101000000_create_recipes.py").write_text(CREATE)
    module = ModuleType("guide")
    # Litestar looks up what annotations name in the module of a handler.
    monkeypatch.setitem(sys.modules, "guide", module)
    names = vars(module)
    for code in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text()):
        exec(compile(code, str(GUIDE), "exec", dont_inherit=True), names)
    return names


async def test_the_applications_of_the_guide_save_a_recipe(guide: dict[str, Any]) -> None:
    async with guide["repo"] as repo, client(guide["app"]) as http:
        page = await http.get("/recipes/new", headers={"accept": "text/html"})
        assert "1 migration is pending" in page.text
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        assert (await http.post("/_ectype/migrate", data={"token": token})).status_code == 303
        assert await migrations.applied(repo) == [20260101000000]
        assert 'name="recipe[steps_sort][]" value="new"' in (await http.get("/recipes/new")).text
        added = await http.post("/recipes", data={"recipe[title]": "x", "recipe[steps_sort][]": "new"})
        assert added.status_code == 422
        assert 'name="recipe[steps][0][text]"' in added.text
        done = await http.post("/recipes", data={"recipe[title]": "Bread", "recipe[steps][0][text]": "bake"})
        assert (done.status_code, done.headers["location"]) == (303, "/recipes/1")
        assert (await http.post("/api/recipes", json={"title": "Soup"})).status_code == 401
        signed = {"x-token": guide["tokens"].sign(7)}
        assert (await http.post("/api/recipes", json={"title": "Soup"}, headers=signed)).json() == {"id": 2}
        assert (await http.get("/recipes/99")).status_code == 404
        async with client(guide["in_litestar"]) as other:
            assert (await other.get("/recipes/1")).json() == {"id": 1, "title": "Bread"}
            assert (await other.get("/recipes/99")).status_code == 404


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test")


def test_the_guide_names_every_error_its_status_and_every_name_of_the_http_side() -> None:
    text = GUIDE.read_text()
    for error, problem in PROBLEMS.items():
        assert re.search(rf"(?m)^\|[^|]*`{error.__name__}`[^|]*\| {problem.status} \|", text), error
    rooms = {f"ectype.web_integration.{room}" for room in ("errors", "forms", "jinja", "params", "pending", "tokens")}
    names = [name for name in web.__all__ if getattr(getattr(web, name), "__module__", "") in rooms]
    assert len(names) > 10
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_the_guide_names_every_macro() -> None:
    source = Path(web.__file__).with_name("templates") / "ectype" / "forms.html"
    macros = set(re.findall(r"macro (\w+)\(", source.read_text())) - {"attributes"}
    assert [name for name in sorted(macros) if not re.search(rf"\b{name}\b", GUIDE.read_text())] == []
