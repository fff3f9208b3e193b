"""The web side with a real repo: answers of its errors, and broadcasts that leave with the commit."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import Context
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ectype import Changeset, Field, Repo, Schema, change, from_, migrations, primary_key
from ectype.errors import EctypeError
from ectype.web_integration import PubSub, repo_errors, repo_lifespan


class Note(Schema, table="notes"):
    id: Field[int] = primary_key()
    body: Field[str]


def changeset(params: dict[str, Any]) -> Changeset[Note]:
    return change(Note).cast(params, Note.body).validate_required(Note.body).validate_length(Note.body, max=5)


CREATE_NOTES = """
def change(m):
    with m.create_table("notes") as t:
        t.column("body", str, null=False)
"""


@pytest.fixture
async def repo(tmp_path: Path) -> AsyncIterator[Repo]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_notes.py").write_text(CREATE_NOTES)
    async with Repo(f"sqlite:///{tmp_path}/notes.db") as repo:
        await migrations.migrate(repo, folder)
        yield repo


@pytest.fixture
async def http(repo: Repo) -> AsyncIterator[httpx.AsyncClient]:
    async def show(request: Request) -> Response:
        note = await repo.get_or_raise(Note, int(request.path_params["id"]))
        return JSONResponse({"body": note.body})

    async def create(request: Request) -> Response:
        note = await repo.insert(changeset(await request.json()))
        return JSONResponse({"id": note.id}, status_code=201)

    app = Starlette(
        routes=[Route("/notes/{id}", show), Route("/notes", create, methods=["POST"])],
        exception_handlers=repo_errors(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        yield http


async def test_a_row_that_is_not_there_is_404(http: httpx.AsyncClient) -> None:
    assert (await http.get("/notes/7")).status_code == 404
    created = await http.post("/notes", json={"body": "hi"})
    assert (await http.get(f"/notes/{created.json()['id']}")).json() == {"body": "hi"}


async def test_an_invalid_changeset_is_422_with_its_messages_by_field(http: httpx.AsyncClient) -> None:
    response = await http.post("/notes", json={"body": "far too long"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase,
        "status": 422,
        "errors": {"body": ["should be at most 5 character(s)"]},
    }
    assert (await http.post("/notes", json={})).json()["errors"] == {"body": ["can't be blank"]}


async def test_a_broadcast_in_a_transaction_leaves_after_its_commit(repo: Repo) -> None:
    pubsub = PubSub(defer=repo.after_commit)
    heard: list[Any] = []
    pubsub.subscribe("notes", lambda message: heard.append(message.payload))
    async with repo.transaction():
        note = await repo.insert(changeset({"body": "a"}))
        pubsub.broadcast("notes", "created", {"id": note.id})
        assert heard == []
    assert heard == [{"id": note.id}]


async def test_a_broadcast_of_a_transaction_that_rolls_back_is_never_heard(repo: Repo) -> None:
    pubsub = PubSub(defer=repo.after_commit)
    heard: list[Any] = []
    pubsub.subscribe("notes", lambda message: heard.append(message.payload))
    async with repo.transaction() as tx:
        await repo.insert(changeset({"body": "a"}))
        pubsub.broadcast("notes", "created", {})
        tx.rollback()
    assert heard == []
    assert await repo.all(from_(Note)) == []


async def test_a_broadcast_outside_a_transaction_leaves_at_once(repo: Repo) -> None:
    pubsub = PubSub(defer=repo.after_commit)
    heard: list[Any] = []
    pubsub.subscribe("notes", lambda message: heard.append(message.payload))
    pubsub.broadcast("notes", "created", {})
    assert heard == [{}]


async def test_the_lifespan_opens_and_closes_a_repo(repo: Repo, tmp_path: Path) -> None:
    other = Repo(f"sqlite:///{tmp_path}/notes.db")
    async with repo_lifespan(other)(object()):
        assert await other.all(from_(Note)) == []
    with pytest.raises(EctypeError):
        await other.all(from_(Note))


class Counter(Schema, table="web_counters"):
    id: Field[int] = primary_key()
    value: Field[int]
    lock_version: Field[int]


CREATE_COUNTERS = """
def change(m):
    with m.create_table("web_counters") as t:
        t.column("value", int, null=False)
        t.column("lock_version", int, null=False)
"""


async def test_each_refusal_of_a_real_repo_has_its_status(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "20260101000000_create_counters.py").write_text(CREATE_COUNTERS)
    async with Repo(database_url, pool_size=1) as repo:
        await migrations.migrate(repo, tmp_path)
        counter = await repo.insert(change(Counter).put_change(Counter.value, 0).put_change(Counter.lock_version, 1))

        def moved(value: int) -> Changeset[Counter]:
            return change(counter).put_change(Counter.value, value).optimistic_lock(Counter.lock_version)

        async def stale(request: Request) -> Response:
            await repo.update(moved(1))
            await repo.update(moved(2))
            return Response()

        async def cursor(request: Request) -> Response:
            await repo.page(from_(Counter).order_by(Counter.id), size=1, after="made up", secret="x" * 32)
            return Response()

        async def filters(request: Request) -> Response:
            from_(Counter).filter_params({"value__gte": "one"}, filterable={"value": Counter.value})
            return Response()

        async def busy(request: Request) -> Response:
            await repo.with_options(timeout=float(request.query_params["timeout"])).all(from_(Counter))
            return Response()

        routes = [Route(f"/{one.__name__}", one) for one in (stale, cursor, filters, busy)]
        app = Starlette(routes=routes, exception_handlers=repo_errors())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
            assert (await http.get("/stale")).status_code == 409
            assert (await http.get("/cursor")).status_code == 400
            refused = await http.get("/filters")
            assert (refused.status_code, refused.json()["errors"]) == (400, {"value__gte": ["is invalid"]})
            async with repo.transaction():
                # A task of its own, since one that began in the transaction would belong to it.
                waiting = asyncio.create_task(http.get("/busy?timeout=0.05"), context=Context())
                response = await waiting
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            assert (await http.get("/busy?timeout=60")).status_code == 200
