"""A developer whose database is behind sees which migrations are pending, and applies them by a button; nobody else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from ectype import Repo, migrations
from ectype.errors import ConfigError
from ectype.web_integration import PendingMigrations

HTML = {"accept": "text/html,application/xhtml+xml"}
CREATE = """
def change(m):
    with m.create_table("{name}") as t:
        t.column("body", str)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    write(folder, 20260101000000, "pending_notes")
    return folder


def write(folder: Path, version: int, name: str) -> None:
    (folder / f"{version}_create_{name}.py").write_text(CREATE.format(name=name))


@pytest.fixture
async def repo(database_url: str) -> AsyncIterator[Repo]:
    async with Repo(database_url) as repo:
        yield repo


def app_of(repo: Repo, folder: Path, *, enabled: bool = True) -> Starlette:
    async def home(request: Request) -> Response:
        return PlainTextResponse("home")

    return Starlette(
        routes=[Route("/", home, methods=["GET", "POST"]), Route("/_ectype/migrate", home, methods=["POST"])],
        middleware=[
            Middleware(
                PendingMigrations,
                status=lambda: migrations.status(repo, folder),
                migrate=lambda: migrations.migrate(repo, folder),
                enabled=enabled,
            )
        ],
    )


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test")


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_the_page_names_what_is_pending_and_its_button_applies_it(repo: Repo, folder: Path) -> None:
    async with client(app_of(repo, folder)) as http:
        page = await http.get("/", headers=HTML)
        assert page.status_code == 503
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-store"
        assert "1 migration is pending" in page.text
        assert "create_pending_notes" in page.text
        pressed = await http.post(
            "/_ectype/migrate", data={"token": token_of(page.text)}, headers={**HTML, "origin": "http://app.test"}
        )
        assert (pressed.status_code, pressed.headers["location"]) == (303, "/")
        assert (await http.get("/", headers=HTML)).text == "home"
    assert await migrations.applied(repo) == [20260101000000]


async def test_a_migration_that_is_written_later_is_seen_at_once(repo: Repo, folder: Path) -> None:
    await migrations.migrate(repo, folder)
    async with client(app_of(repo, folder)) as http:
        assert (await http.get("/", headers=HTML)).status_code == 200
        write(folder, 20260102000000, "pending_more")
        write(folder, 20260103000000, "pending_most")
        page = await http.get("/", headers=HTML)
    assert "2 migrations are pending" in page.text
    assert "pending_notes" not in page.text


async def test_who_wants_no_html_gets_problem_details(repo: Repo, folder: Path) -> None:
    async with client(app_of(repo, folder)) as http:
        response = await http.get("/", headers={"accept": "application/json"})
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["migrations"] == [
        {"version": "20260101000000", "name": "create_pending_notes", "state": "pending"}
    ]
    assert "token" not in response.text


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"token": ""}, {}),
        ({"token": "wrong"}, {}),
        ({"token": "é"}, {}),
        ({"token[]": "TOKEN"}, {}),
        ({"token": "TOKEN"}, {"origin": "http://evil.test"}),
        ({"token": "TOKEN"}, {"origin": "null"}),
        ({"token": "TOKEN"}, {"origin": "http://app.test.evil"}),
        ({"token": "TOKEN"}, {"origin": "http://app.test:81"}),
        ({"token": "TOKEN", "more": "x" * 2_000}, {}),
    ],
)
async def test_nobody_presses_the_button_who_was_not_shown_it(
    repo: Repo, folder: Path, data: dict[str, str], headers: dict[str, str]
) -> None:
    async with client(app_of(repo, folder)) as http:
        token = token_of((await http.get("/", headers=HTML)).text)
        sent = {name: value.replace("TOKEN", token) for name, value in data.items()}
        assert (await http.post("/_ectype/migrate", data=sent, headers=headers)).status_code == 403
        assert (await http.post("/_ectype/migrate", json=sent, headers={"origin": "http://x"})).status_code == 403
    assert await migrations.applied(repo) == []


async def test_outside_development_it_looks_at_nothing_and_has_no_button(repo: Repo, folder: Path) -> None:
    async def never() -> Any:
        raise AssertionError("production looked at its migrations")

    app = app_of(repo, folder, enabled=False)
    app.user_middleware = [Middleware(PendingMigrations, status=never, migrate=never, enabled=False)]
    async with client(app) as http:
        assert (await http.get("/", headers=HTML)).text == "home"
        assert (await http.post("/_ectype/migrate", data={"token": "x"})).text == "home"
    assert await migrations.applied(repo) == []


async def test_a_migration_that_fails_says_why_and_leaves_its_button(repo: Repo, folder: Path) -> None:
    path = folder / "20260102000000_break.py"
    path.write_text("def change(m):\n    m.execute('SELECT * FROM <nowhere>', down='SELECT 1')\n")
    async with client(app_of(repo, folder)) as http:
        token = token_of((await http.get("/", headers=HTML)).text)
        failed = await http.post("/_ectype/migrate", data={"token": token}, headers=HTML)
        assert failed.status_code == 503
        assert "The migrations failed" in failed.text
        assert "20260102000000" in failed.text
        assert "<nowhere>" not in failed.text
        assert token_of(failed.text) == token
        plain = await http.post("/_ectype/migrate", data={"token": token}, headers={"accept": "*/*"})
        assert plain.json()["detail"].startswith("The migrations failed")
    assert await migrations.applied(repo) == [20260101000000]


async def test_a_folder_that_cannot_be_read_says_why(repo: Repo, folder: Path) -> None:
    write(folder, 20260101000000, "twice")
    async with client(app_of(repo, folder)) as http:
        page = await http.get("/", headers=HTML)
    assert page.status_code == 503
    assert "The migrations cannot be read" in page.text


async def test_a_database_that_cannot_be_reached_lets_requests_pass(folder: Path) -> None:
    repo = Repo("postgresql://nobody:s3cret@127.0.0.1:1/nothing")
    async with client(app_of(repo, folder)) as http:
        assert (await http.get("/", headers=HTML)).text == "home"


async def test_the_button_works_under_a_mount(repo: Repo, folder: Path) -> None:
    async with client(Starlette(routes=[Mount("/inner", app=app_of(repo, folder))])) as http:
        page = await http.get("/inner/", headers=HTML)
        assert 'action="/inner/_ectype/migrate"' in page.text
        pressed = await http.post("/inner/_ectype/migrate", data={"token": token_of(page.text)})
        assert pressed.headers["location"] == "/inner/"
        assert (await http.get("/inner/", headers=HTML)).text == "home"


async def test_websockets_pass(repo: Repo, folder: Path) -> None:
    seen: list[str] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def never() -> Any:
        raise AssertionError

    middleware = PendingMigrations(behind, status=never, migrate=never, enabled=True)
    for kind in ("websocket", "lifespan"):
        await middleware({"type": kind}, never, never)
    assert seen == ["websocket", "lifespan"]


@pytest.mark.parametrize("enabled", [None, "yes", 1])
async def test_whether_it_is_development_is_said_as_a_bool(enabled: Any) -> None:
    async def never() -> Any:
        raise AssertionError

    with pytest.raises(ConfigError, match="is a bool"):
        PendingMigrations(never, status=never, migrate=never, enabled=enabled)
