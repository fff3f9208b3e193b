"""A FastAPI application over a repo: params in, structs out, on both databases; and the page that says how."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from jsonschema import Draft202012Validator

from ectype import (
    Changeset,
    InvalidChangesetError,
    Page,
    Repo,
    change,
    from_,
    migrations,
    only,
    params_of,
)
from ectype.migrations import Migration
from ectype.web_integration import Params, repo_errors
from tests.integration.repo.blog import Comment, Post, User

PAGE = Path(__file__).parents[3] / "docs" / "fastapi.md"
SECRET = "a secret of thirty-two characters"


def registration(params: Mapping[str, object]) -> Changeset[User]:
    return (
        change(User)
        .cast(params, User.name, User.email, User.age, User.password)
        .validate_required(User.name, User.email)
        .validate_format(User.email, "@")
        .unique_constraint(User.email)
    )


def application(repo: Repo) -> FastAPI:
    app = FastAPI(exception_handlers=repo_errors())

    @app.post("/users", status_code=201)
    async def create(params: Annotated[Params, params_of(registration)]) -> User:
        return await repo.insert(registration(params))

    @app.get("/users/{id}")
    async def show(id: int) -> User:
        return await repo.get_or_raise(User, id)

    @app.get("/users")
    async def index() -> list[User]:
        return await repo.all(from_(User).order_by(User.id).preload(User.posts / Post.comments))

    @app.get("/name", response_model_exclude={"email"})
    async def name() -> User:
        return await repo.one_or_raise(from_(User).select(only(User.id, User.name, User.email)))

    @app.get("/posts")
    async def posts(after: str | None = None) -> Page[Post]:
        query = from_(Post).order_by(Post.id).preload(Post.author)
        return await repo.page(query, size=1, after=after, secret=SECRET)

    @app.get("/maybe")
    async def maybe() -> User | None:
        return await repo.get_by(User, User.name == "nobody")

    return app


@asynccontextmanager
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        yield http


def inlined(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema that the documentation gives for the answer of a path, which a validator can read by itself."""
    found = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return {**found, "components": document["components"]}


async def test_params_become_a_row_and_the_row_the_answer(repo: Repo) -> None:
    async with client(application(repo)) as http:
        made = await http.post("/users", json={"name": "Ada", "email": "ada@x", "age": "36", "password": "s3cret pass"})
        assert made.status_code == 201
        shown = await http.get(f"/users/{made.json()['id']}")
    # The column's default is the database's business, as in Ecto: only what was read knows of it.
    assert shown.json() == {**made.json(), "nickname": "nobody"}
    assert shown.json().keys() == {
        *("id", "name", "email", "role", "age", "nickname", "inserted_at", "updated_at"),
    }
    assert (shown.json()["age"], shown.json()["role"]) == (36, "member")


@pytest.mark.parametrize(
    ("params", "errors"),
    [
        ({}, {"name": ["can't be blank"], "email": ["can't be blank"]}),
        ({"name": "Eve", "email": "eve", "age": "x"}, {"age": ["is invalid"], "email": ["has invalid format"]}),
        ({"name": "Eve", "email": "ada@x"}, {"email": ["has already been taken"]}),
    ],
)
async def test_refused_params_are_answered_as_problem_details(
    repo: Repo, params: dict[str, Any], errors: dict[str, Any]
) -> None:
    await repo.insert(registration({"name": "Ada", "email": "ada@x"}))
    async with client(application(repo)) as http:
        answer = await http.post("/users", json=params)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"] == errors
        assert (await http.get("/users/0")).status_code == 404
        no_object = await http.post("/users", json=[params])
    assert no_object.status_code == 422
    assert no_object.json()["detail"][0]["msg"] == "params are a JSON object"


async def test_an_application_may_answer_with_pointers_and_codes(repo: Repo) -> None:
    app = application(repo)

    @app.exception_handler(InvalidChangesetError)
    async def refused(request: Request, exc: InvalidChangesetError) -> JSONResponse:
        return JSONResponse(exc.changeset.problem(), 422, media_type="application/problem+json")

    async with client(app) as http:
        answer = await http.post("/users", json={"name": "Eve", "email": "eve", "password": "s3cret"})
    assert answer.json()["title"] in {"Unprocessable Entity", "Unprocessable Content"}
    assert answer.json()["errors"] == [
        {
            "pointer": "#/email",
            "detail": "has invalid format",
            "code": "format",
            "meta": {"validation": "format"},
        }
    ]
    assert "s3cret" not in answer.text


async def test_answers_are_what_the_documentation_says_and_hold_what_was_loaded(repo: Repo) -> None:
    ada = await repo.insert(registration({"name": "Ada", "email": "ada@x", "password": "s3cret"}))
    written = [await repo.insert(Post(title=title, author_id=ada.id)) for title in ("First", "Second")]
    await repo.insert(Comment(body="Yes", post_id=written[0].id))
    app = application(repo)
    document = app.openapi()
    async with client(app) as http:
        users = (await http.get("/users")).json()
        page = (await http.get("/posts")).json()
        rest = (await http.get("/posts", params={"after": page["next"]})).json()
        nobody = await http.get("/maybe")
        name = (await http.get("/name")).json()
    assert [one["title"] for one in users[0]["posts"]] == ["First", "Second"]
    assert [len(one["comments"]) for one in users[0]["posts"]] == [1, 0]
    assert "author" not in users[0]["posts"][0]
    assert "edited" not in users[0]
    assert (page["rows"][0]["title"], page["rows"][0]["author"]["name"]) == ("First", "Ada")
    assert ([one["title"] for one in rest["rows"]], rest["next"]) == (["Second"], None)
    assert nobody.json() is None
    assert name == {"id": ada.id, "name": "Ada"}
    for path, found in (("/users", users), ("/posts", page), ("/posts", rest), ("/maybe", None)):
        Draft202012Validator(inlined(document, path)).validate(found)
    assert "s3cret" not in str((users, page, document))


async def test_the_body_is_documented_by_the_changeset(repo: Repo) -> None:
    document = application(repo).openapi()
    body = document["paths"]["/users"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["name", "email"]
    assert body["properties"]["email"] == {"type": "string", "minLength": 1, "pattern": "@", "title": "Email"}
    assert body["properties"]["password"]["writeOnly"] is True


async def test_the_page_on_fastapi_says_what_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    module = ModuleType("fastapi_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names = vars(module)
    # In a thread, since the page starts an application by itself.
    await asyncio.to_thread(exec, compile(code, "docs/fastapi.md", "exec", dont_inherit=True), names)

    async def tables(m: Migration) -> None:
        with m.create_table("users") as t:
            t.column("name", str, null=False)
            t.column("email", str, null=False)
            t.column("age", int)
            t.timestamps()
        m.create_index("users", "email", unique=True)
        with m.create_table("posts") as t:
            t.column("title", str, null=False)
            t.references("author_id", "users", null=False)

    async with names["repo"] as repo, client(names["app"]) as http:
        await migrations.up(repo, 1, tables)
        made = await http.post("/users", json={"name": "Ada", "email": "ada@example.org"})
        assert (made.status_code, made.json()["name"]) == (201, "Ada")
        wrong = await http.post("/users", json={"name": "Ada", "email": "ada"})
        assert (wrong.status_code, wrong.json()["errors"]) == (422, {"email": ["has invalid format"]})
        again = await http.post("/users", json={"name": "Ada", "email": "ada@example.org"})
        assert again.json()["errors"] == {"email": ["has already been taken"]}
        assert (await http.get("/users/9")).status_code == 404
        assert (await http.get("/posts")).json() == {"rows": [], "next": None, "previous": None}
    async with client(names["detailed"]) as http:
        assert (await http.get("/openapi.json")).status_code == 200
