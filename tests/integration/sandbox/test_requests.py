"""A request works for the owner that its signed header names: in this process, over uvicorn, and from a browser."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ectype import ConfigError, OwnershipError, Repo, from_, sandbox
from ectype.adapters import sandbox_token
from ectype.web_integration import SandboxMiddleware
from tests.integration.sandbox.people import Person

HEADER = "x-ectype-sandbox"
SECONDS = 30.0


async def names(repo: Repo) -> list[str]:
    return await repo.all(from_(Person).select(Person.name).order_by(Person.name))


def make_app(repo: Repo, **options: Any) -> Starlette:
    async def people(request: Request) -> Response:
        if request.method == "POST":
            # What a request starts works for the same owner.
            await asyncio.create_task(repo.insert(Person(name=(await request.body()).decode())))
        return JSONResponse(await names(repo))

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(await names(repo))
        await websocket.close()

    async def refused(_request: Request, exc: Exception) -> Response:
        return PlainTextResponse(str(exc), 500)

    app = Starlette(
        routes=[Route("/people", people, methods=["GET", "POST"]), WebSocketRoute("/socket", socket)],
        exception_handlers={OwnershipError: refused},
    )
    app.add_middleware(SandboxMiddleware, repo, **options)
    return app


@asynccontextmanager
async def client_of(repo: Repo, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make_app(repo, **options))
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
        yield client


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(SECONDS):
            while not server.started:
                await asyncio.sleep(0.005)
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def client(repo: Repo) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(repo) as client:
        yield client


async def test_a_request_works_for_the_owner_that_its_header_names(repo: Repo):
    async with (
        serving(make_app(repo)) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
        sandbox(repo) as first,
        sandbox(repo) as second,
    ):
        for owner, name in ((first, "Ada"), (second, "Bob")):
            answer = await http.post("/people", content=name, headers={HEADER: owner.header()})
            assert answer.json() == [name]
        assert await names(repo) == ["Bob"]
        with first.active():
            assert await names(repo) == ["Ada"]


async def test_a_websocket_works_for_the_owner_that_its_header_names(repo: Repo):
    async with serving(make_app(repo)) as address, sandbox(repo) as owner:
        await repo.insert(Person(name="Ada"))
        extra = {HEADER: owner.header()}
        async with websockets.connect(f"ws://{address}/socket", additional_headers=extra) as socket:
            assert await socket.recv() == '["Ada"]'
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(f"ws://{address}/socket", additional_headers={HEADER: "ectype-sandbox/a.b"})
        assert caught.value.response.status_code == 403


async def test_a_request_without_the_header_has_no_owner_unless_one_is_shared(repo: Repo):
    async with serving(make_app(repo)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        async with sandbox(repo):
            answer = await http.get("/people")
            assert answer.status_code == 500
            assert "has no owner" in answer.text
        async with sandbox(repo, shared=True):
            await repo.insert(Person(name="Ada"))
            assert (await http.get("/people")).json() == ["Ada"]


async def test_the_token_may_stand_at_the_end_of_a_user_agent(repo: Repo):
    async with client_of(repo, header="User-Agent") as http, sandbox(repo) as owner:
        await repo.insert(Person(name="Ada"))
        agent = f"Mozilla/5.0 (X11; Linux) {owner.header()}"
        async with sandbox(repo):
            assert (await http.get("/people", headers={"user-agent": agent})).json() == ["Ada"]
            # That of a browser that works for no test.
            assert (await http.get("/people", headers={"user-agent": "Mozilla/5.0 (X11)"})).json() == []


async def test_the_task_works_for_whom_it_worked_before_when_the_request_has_ended(
    repo: Repo, client: httpx.AsyncClient
):
    async with sandbox(repo) as first, sandbox(repo):
        answer = await client.post("/people", content="Ada", headers={HEADER: first.header()})
        assert answer.json() == ["Ada"]
        assert await names(repo) == []


def _tampered(header: str, old: str, new: str) -> str:
    prefix, token = header.split("/")
    payload, signature = token.split(".")
    text = base64.urlsafe_b64decode(payload + "==").decode().replace(old, new)
    return f"{prefix}/{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{signature}"


async def test_a_header_that_was_not_signed_here_is_refused(repo: Repo, people_url: str, client: httpx.AsyncClient):
    async with Repo(people_url, sandbox=True) as other, sandbox(repo) as owner, sandbox(other) as stranger:
        good = owner.header()
        forged = {
            "nothing": "names no owner",
            "": "names no owner",
            good.rpartition(".")[0]: "names no owner",
            good[:-2] + ("AA" if good[-2:] != "AA" else "BB"): "was not signed by this sandbox",
            good.rpartition(".")[0] + ".x": "was not signed by this sandbox",
            _tampered(good, owner.id, stranger.id): "was not signed by this sandbox",
            _tampered(good, "1", "9"): "was not signed by this sandbox",
            stranger.header(): "was not signed by this sandbox",
            f"{good} {stranger.header()}": "was not signed by this sandbox",
        }
        for header, reason in forged.items():
            answer = await client.post("/people", content="Eve", headers={HEADER: header})
            assert answer.status_code == 403, header
            assert reason in answer.text
            assert "owner.header()" in answer.text
        assert await names(repo) == []


async def test_a_header_of_an_owner_that_has_ended_is_refused(repo: Repo, client: httpx.AsyncClient):
    async with sandbox(repo) as owner:
        header = owner.header()
    answer = await client.get("/people", headers={HEADER: header})
    assert (answer.status_code, "has ended" in answer.text) == (403, True)


async def test_a_header_that_has_expired_is_refused(repo: Repo, client: httpx.AsyncClient):
    async with sandbox(repo) as owner:
        old = sandbox_token.sign(repo.pool.key, owner.id, int(time.time()) - 1)  # type: ignore[attr-defined]
        answer = await client.get("/people", headers={HEADER: old})
        assert (answer.status_code, "has expired" in answer.text) == (403, True)
        fresh = sandbox_token.sign(repo.pool.key, owner.id, int(time.time()) + 60)  # type: ignore[attr-defined]
        assert (await client.get("/people", headers={HEADER: fresh})).json() == []


async def test_a_test_in_another_process_opens_and_ends_owners_by_requests(repo: Repo):
    async with client_of(repo, path="/sandbox") as http:
        header = (await http.post("/sandbox")).text
        other = (await http.post("/sandbox")).text
        assert (await http.post("/people", content="Ada", headers={HEADER: header})).json() == ["Ada"]
        assert (await http.get("/people", headers={HEADER: other})).json() == []
        assert (await http.delete("/sandbox", headers={HEADER: header})).status_code == 200
        assert (await http.get("/people", headers={HEADER: header})).status_code == 403
        assert (await http.delete("/sandbox", headers={HEADER: header})).status_code == 410
        assert (await http.delete("/sandbox")).status_code == 410
        assert (await http.get("/sandbox")).status_code == 405
        assert (await http.delete("/sandbox", headers={HEADER: other})).status_code == 200


async def test_a_browser_that_forgets_its_owner_loses_it_in_time(repo: Repo):
    async with client_of(repo, path="/sandbox", timeout=0.2) as http, asyncio.timeout(SECONDS):
        header = (await http.post("/sandbox")).text
        while (await http.get("/people", headers={HEADER: header})).status_code != 403:
            await asyncio.sleep(0.02)


async def test_one_header_names_an_owner_of_each_repo(repo: Repo, people_url: str):
    async with Repo(people_url, sandbox=True) as other:

        async def both(_request: Request) -> Response:
            await repo.insert(Person(name="Ada"))
            await other.insert(Person(name="Bob"))
            return JSONResponse([await names(repo), await names(other)])

        app = Starlette(routes=[Route("/", both)])
        app.add_middleware(SandboxMiddleware, repo, other, path="/sandbox")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
            header = (await http.post("/sandbox")).text
            assert (await http.get("/", headers={HEADER: header})).json() == [["Ada"], ["Bob"]]
            await http.delete("/sandbox", headers={HEADER: header})
            async with sandbox(repo) as one, sandbox(other) as two:
                header = f"{one.header()} {two.header()}"
                assert (await http.get("/", headers={HEADER: header})).json() == [["Ada"], ["Bob"]]


async def test_the_middleware_refuses_a_repo_whose_work_is_stored(people_url: str):
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError

    async with Repo(people_url) as plain:
        with pytest.raises(ConfigError, match="is no sandbox"):
            SandboxMiddleware(app, plain)
    with pytest.raises(ConfigError, match="has no repo"):
        SandboxMiddleware(app)
