"""The whole HTTP side in one application each of Starlette, FastAPI and Litestar, over a real database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import fastapi
import httpx
import litestar
import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ectype import Changeset, Field, HasMany, Repo, Schema, change, from_, has_many, migrations, primary_key
from ectype.schema.errors import InvalidChangesetError
from ectype.web_integration import (
    Channel,
    Connected,
    Joined,
    PendingMigrations,
    PubSub,
    SocketHandler,
    Tokens,
    decode_params,
    form_templates,
    litestar_errors,
    litestar_mount,
    read_params,
    repo_errors,
    repo_lifespan,
    socket_app,
    to_form,
)


class Step(Schema, table="web_steps"):
    id: Field[int] = primary_key()
    text: Field[str]
    recipe_id: Field[int]

    @staticmethod
    def changeset(struct: Any, params: Mapping[str, object]) -> Changeset["Step"]:
        return change(struct).cast(params, Step.text).validate_required(Step.text)


class Recipe(Schema, table="web_recipes"):
    id: Field[int] = primary_key()
    title: Field[str]
    steps: HasMany[Step] = has_many(foreign_key="recipe_id", on_replace="delete")


def recipe(params: Mapping[str, object], struct: Any = Recipe) -> Changeset[Recipe]:
    return (
        change(struct)
        .cast(params, Recipe.title)
        .validate_required(Recipe.title)
        .validate_length(Recipe.title, max=20)
        .unique_constraint(Recipe.title)
        .cast_assoc(Recipe.steps, sort_param="steps_sort", drop_param="steps_drop")
    )


CREATE = """
def change(m):
    with m.create_table("web_recipes") as t:
        t.column("title", str, null=False)
    m.create_index("web_recipes", "title", unique=True)
    with m.create_table("web_steps") as t:
        t.column("text", str, null=False)
        t.references("recipe_id", "web_recipes", null=False)
"""

PAGE = """
{%- from "ectype/forms.html" import input, hidden_inputs, sort_input -%}
<form method="post">{{ input(form["title"]) }}
{% for step in form.inputs_for("steps") %}{{ hidden_inputs(step) }}{{ sort_input(form, step, "steps_sort") }}
{{ input(step["text"]) }}{% endfor %}</form>
"""

TOKENS = Tokens("0123456789abcdef0123456789abcdef", salt="api")
ENVIRONMENT = Environment(loader=ChoiceLoader([DictLoader({"page": PAGE}), form_templates()]), autoescape=True)


def page_of(changeset: Changeset[Recipe]) -> str:
    return ENVIRONMENT.get_template("page").render(form=to_form(changeset))


async def saved(request: Any, repo: Repo) -> Changeset[Recipe] | Recipe:
    """What each application does with a form: the row, or the changeset to show again."""
    params = await read_params(request)
    try:
        return await repo.insert(recipe(params.get("recipe") or {}))
    except InvalidChangesetError as exc:
        return exc.changeset


def options(repo: Repo, folder: Path) -> dict[str, Any]:
    return {
        "status": lambda: migrations.status(repo, folder),
        "migrate": lambda: migrations.migrate(repo, folder),
        "enabled": True,
    }


def of_starlette(repo: Repo, folder: Path) -> Any:
    async def create(request: Request) -> Response:
        done = await saved(request, repo)
        if isinstance(done, Recipe):
            return RedirectResponse(f"/recipes/{done.id}", 303)
        return HTMLResponse(page_of(done), 422)

    async def new(request: Request) -> Response:
        return HTMLResponse(page_of(recipe(decode_params(request.url.query).get("recipe") or {})))

    async def show(request: Request) -> Response:
        found = await repo.get_or_raise(Recipe, request.path_params["id"])
        return JSONResponse({"id": found.id, "title": found.title})

    async def api(request: Request) -> Response:
        TOKENS.verify(request.headers.get("x-token"), max_age=60)
        made = await repo.insert(recipe(await read_params(request)))
        return JSONResponse({"id": made.id}, 201)

    return Starlette(
        routes=[
            Route("/recipes/new", new),
            Route("/recipes", create, methods=["POST"]),
            Route("/recipes/{id:int}", show),
            Route("/api/recipes", api, methods=["POST"]),
        ],
        exception_handlers=repo_errors(),
        lifespan=repo_lifespan(repo),
        middleware=[Middleware(PendingMigrations, **options(repo, folder))],
    )


def of_fastapi(repo: Repo, folder: Path) -> Any:
    app = fastapi.FastAPI(exception_handlers=repo_errors(), lifespan=repo_lifespan(repo))
    app.add_middleware(PendingMigrations, **options(repo, folder))

    @app.get("/recipes/new")
    async def new(request: fastapi.Request) -> fastapi.Response:
        return HTMLResponse(page_of(recipe(decode_params(request.url.query).get("recipe") or {})))

    @app.post("/recipes")
    async def create(request: fastapi.Request) -> fastapi.Response:
        done = await saved(request, repo)
        if isinstance(done, Recipe):
            return RedirectResponse(f"/recipes/{done.id}", 303)
        return HTMLResponse(page_of(done), 422)

    @app.get("/recipes/{id}", response_model_exclude={"steps"})
    async def show(id: int) -> Recipe:
        return await repo.get_or_raise(Recipe, id)

    @app.post("/api/recipes", status_code=201)
    async def api(request: fastapi.Request) -> dict[str, int]:
        TOKENS.verify(request.headers.get("x-token"), max_age=60)
        made = await repo.insert(recipe(await read_params(request)))
        return {"id": made.id}

    return app


def of_litestar(repo: Repo, folder: Path) -> Any:
    @litestar.get("/recipes/new")
    async def new(request: litestar.Request[Any, Any, Any]) -> litestar.Response[str]:
        page = page_of(recipe(decode_params(request.url.query).get("recipe") or {}))
        return litestar.Response(page, media_type="text/html")

    @litestar.post("/recipes")
    async def create(request: litestar.Request[Any, Any, Any]) -> litestar.Response[str]:
        done = await saved(request, repo)
        if isinstance(done, Recipe):
            return litestar.Response("", status_code=303, headers={"location": f"/recipes/{done.id}"})
        return litestar.Response(page_of(done), status_code=422, media_type="text/html")

    @litestar.get("/recipes/{id_:int}")
    async def show(request: litestar.Request[Any, Any, Any]) -> dict[str, Any]:
        found = await repo.get_or_raise(Recipe, request.path_params["id_"])
        return {"id": found.id, "title": found.title}

    @litestar.post("/api/recipes")
    async def api(request: litestar.Request[Any, Any, Any]) -> dict[str, int]:
        TOKENS.verify(request.headers.get("x-token"), max_age=60)
        made = await repo.insert(recipe(await read_params(request)))
        return {"id": made.id}

    app = litestar.Litestar(
        [new, create, show, api],
        exception_handlers=litestar_errors(),
        lifespan=[repo_lifespan(repo)],
        openapi_config=None,
    )
    # Litestar's own middleware stands behind its routes, so the page would not be seen at addresses without one.
    return PendingMigrations(app, **options(repo, folder))


@pytest.fixture(params=[of_starlette, of_fastapi, of_litestar], ids=["starlette", "fastapi", "litestar"])
async def http(request: Any, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose migrations are pending."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_recipes.py").write_text(CREATE)
    app = request.param(Repo(database_url), folder)
    async with lifespan(app), client(app) as http:
        yield http


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test")


class lifespan:
    """Starts and stops an application, as a server does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __aenter__(self) -> None:

        self.incoming: Any = asyncio.Queue()
        self.outgoing: Any = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}, "app": self.app}
        self.task = asyncio.create_task(self.app(scope, self.incoming.get, self.outgoing.put))
        await self.incoming.put({"type": "lifespan.startup"})
        assert (await self.outgoing.get())["type"] == "lifespan.startup.complete"

    async def __aexit__(self, *exc: object) -> None:
        await self.incoming.put({"type": "lifespan.shutdown"})
        assert (await self.outgoing.get())["type"] == "lifespan.shutdown.complete"
        await self.task


@pytest.fixture
async def migrated(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same, after the developer pressed the button."""
    page = await http.get("/", headers={"accept": "text/html"})
    assert page.status_code == 503
    token = page.text.partition('name="token" value="')[2].partition('"')[0]
    assert (await http.post("/_ectype/migrate", data={"token": token})).status_code == 303
    return http


async def test_a_form_is_shown_refused_shown_again_and_saved(migrated: httpx.AsyncClient) -> None:
    page = (await migrated.get("/recipes/new")).text
    assert 'name="recipe[title]"' in page
    assert 'maxlength="20"' in page
    sent = {
        "recipe[title]": "Bread",
        "recipe[steps_sort][]": ["1", "0"],
        "recipe[steps][0][text]": "<bake>",
        "recipe[steps][0][_persistent_id]": "0",
        "recipe[steps][1][text]": "",
        "recipe[steps][1][_persistent_id]": "1",
    }
    refused = await migrated.post("/recipes", data=sent)
    assert refused.status_code == 422
    assert 'name="recipe[steps][0][_persistent_id]" value="1"' in refused.text
    assert refused.text.count("can&#39;t be blank") == 1
    assert "<bake>" not in refused.text
    assert "<bake>" in unescape(refused.text)
    done = await migrated.post("/recipes", data={**sent, "recipe[steps][1][text]": "knead"})
    assert done.status_code == 303
    shown = await migrated.get(done.headers["location"])
    assert shown.json()["title"] == "Bread"
    again = await migrated.post("/recipes", data={"recipe[title]": "Bread"})
    assert again.status_code == 422
    assert "has already been taken" in again.text


async def test_params_of_the_query_fill_a_form(migrated: httpx.AsyncClient) -> None:
    page = await migrated.get("/recipes/new", params={"recipe[title]": "A & B", "recipe[steps][][text]": "x"})
    assert 'value="A &amp; B"' in page.text
    assert 'name="recipe[steps][0][text]" value="x"' in page.text


@pytest.mark.parametrize(
    ("request_", "status", "members"),
    [
        ({"method": "GET", "url": "/recipes/404"}, 404, {}),
        ({"json": {"title": "x" * 21}}, 422, {"errors": {"title": ["should be at most 20 character(s)"]}}),
        ({"json": {"title": "x", "steps": [{}]}}, 422, {"errors": {"steps": [{"text": ["can't be blank"]}]}}),
        ({"json": {"id": 7, "inserted_at": "x", "__class__": "y"}}, 422, {"errors": {"title": ["can't be blank"]}}),
        ({"json": ["x"]}, 400, {}),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, {}),
        ({"content": b"title=%zz", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400, {}),
        ({"data": {"a" + "[b]" * 40: "1"}}, 413, {}),
        ({"data": {str(n): "1" for n in range(1_001)}}, 413, {}),
        ({"content": b"x" * 1_000_001, "headers": {"content-type": "application/json"}}, 413, {}),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, {}),
        ({"json": {}, "headers": {"x-token": ""}}, 401, {}),
        ({"json": {}, "headers": {"x-token": "garbage"}}, 401, {}),
    ],
    ids=["gone", "long", "inner", "more", "list", "json", "percent", "deep", "many", "large", "type", "none", "bad"],
)
async def test_each_refusal_has_its_status_and_says_no_more_than_it_should(
    migrated: httpx.AsyncClient, request_: dict[str, Any], status: int, members: dict[str, Any]
) -> None:
    headers = {"x-token": TOKENS.sign("ada"), **request_.get("headers", {})}
    response = await migrated.request(**{"method": "POST", "url": "/api/recipes", **request_, "headers": headers})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", *members}
    assert {name: body[name] for name in members} == members
    if status == 401:
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_rows_are_only_what_was_permitted(migrated: httpx.AsyncClient, database_url: str) -> None:
    sent = {"title": "Soup", "id": 99, "steps": [{"text": "stir", "id": 98, "recipe_id": 97}]}
    made = await migrated.post("/api/recipes", json=sent, headers={"x-token": TOKENS.sign(1)})
    assert made.status_code == 201
    async with Repo(database_url) as repo:
        found = await repo.one_or_raise(from_(Recipe).preload(Recipe.steps))
    assert found.id == made.json()["id"] != 99
    assert [(step.id != 98, step.recipe_id) for step in found.steps] == [(True, found.id)]


async def test_a_socket_of_channels_is_mounted_beside() -> None:
    """A Litestar application holds the sockets' application under a path, as the others do by `Mount`."""

    class Room(Channel):
        async def join(self, topic: str, payload: Any, socket: Any) -> Any:
            return Joined({"topic": topic})

    class Users(SocketHandler):
        channels = {"room:*": Room}

        async def connect(self, params: Any, info: Any) -> Any:
            return Connected()

    sockets = socket_app(Users, pubsub=PubSub())
    litestar_app = litestar.Litestar(
        [litestar.asgi("/socket", is_mount=True, copy_scope=True)(litestar_mount(sockets))], openapi_config=None
    )
    fastapi_app = fastapi.FastAPI()
    fastapi_app.mount("/socket", sockets)
    for app in (litestar_app, fastapi_app):
        incoming: Any = asyncio.Queue()
        outgoing: Any = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        incoming.put_nowait({"type": "websocket.receive", "text": '["1","1","room:a","phx_join",{}]'})
        scope = {
            "type": "websocket", "path": "/socket/websocket", "raw_path": b"/socket/websocket", "root_path": "",
            "query_string": b"vsn=2.0.0", "headers": [(b"host", b"app.test")], "subprotocols": [],
            "server": ("app.test", 80), "client": ("127.0.0.1", 1), "scheme": "ws", "asgi": {"version": "3.0"},
            "state": {},
        }  # fmt: skip
        task = asyncio.create_task(app(scope, incoming.get, outgoing.put))
        assert (await asyncio.wait_for(outgoing.get(), 10))["type"] == "websocket.accept"
        reply = (await asyncio.wait_for(outgoing.get(), 10))["text"]
        assert reply == '["1","1","room:a","phx_reply",{"status":"ok","response":{"topic":"room:a"}}]'
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(task, 10)
