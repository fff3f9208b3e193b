from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ectype import Repo
from ectype.errors import (
    CastError,
    ConnectError,
    CursorError,
    DatabaseError,
    DeadlineError,
    EctypeError,
    MultipleResultsError,
    NoResultsError,
    PoolTimeoutError,
    StaleEntryError,
)
from ectype.query.refusals import InvalidParamsError
from ectype.schema.field_error import Error
from ectype.web_integration import repo_errors
from ectype.web_integration.errors import PROBLEMS, Problem


def client(error: Exception, **options: Any) -> httpx.AsyncClient:
    async def fail(request: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", fail)], exception_handlers=repo_errors(**options))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test")


@pytest.mark.parametrize(
    ("error", "status", "title", "retry"),
    [
        (NoResultsError, 404, "Not Found", None),
        (StaleEntryError, 409, "Conflict", None),
        (CastError, 400, "Bad Request", None),
        (CursorError, 400, "Bad Request", None),
        (PoolTimeoutError, 503, "Service Unavailable", "1"),
        (ConnectError, 503, "Service Unavailable", "5"),
        (DeadlineError, 503, "Service Unavailable", "1"),
    ],
)
async def test_each_error_becomes_its_status_and_its_message_stays_inside(
    error: type[EctypeError], status: int, title: str, retry: str | None
) -> None:
    async with client(error("select s3cret from users", hint="s3cret")) as http:
        response = await http.get("/")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == retry
    assert response.json() == {"type": "about:blank", "title": title, "status": status}


async def test_a_subclass_is_answered_as_its_base() -> None:
    class NoPostError(NoResultsError):
        pass

    async with client(NoPostError("x")) as http:
        assert (await http.get("/")).status_code == 404


async def test_an_error_without_a_row_stays_an_error() -> None:
    async with client(MultipleResultsError("two rows")) as http:
        with pytest.raises(MultipleResultsError):
            await http.get("/")


async def test_the_table_can_be_added_to_and_may_say_more() -> None:
    class TeapotError(EctypeError):
        lid = "on"

    problems = {**PROBLEMS, TeapotError: Problem(418, lambda exc: {"lid": exc.lid})}
    async with client(TeapotError("x"), problems=problems) as http:
        response = await http.get("/")
    assert response.status_code == 418
    assert response.json()["lid"] == "on"


async def test_refused_filters_are_told_by_their_keys() -> None:
    refused = InvalidParamsError("the filters were refused", (("age__gte", Error("is invalid", type="integer")),))
    async with client(refused) as http:
        response = await http.get("/")
    assert response.status_code == 400
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "errors": {"age__gte": ["is invalid"]},
    }


@pytest.mark.parametrize(("sqlstate", "status"), [("22021", 400), ("22P05", 400), ("2201B", 400), ("57014", None)])
async def test_text_that_the_database_cannot_read_is_the_client_s_fault_and_other_errors_are_ours(
    sqlstate: str, status: int | None
) -> None:
    error = DatabaseError("s3cret", sqlstate=sqlstate)
    async with client(error) as http:
        if status is None:
            with pytest.raises(DatabaseError):
                await http.get("/")
        else:
            response = await http.get("/")
            assert response.status_code == status
            assert "s3cret" not in response.text


@pytest.mark.postgres
async def test_postgresql_says_so_of_bytes_that_are_no_text_and_of_a_pattern_that_is_none(postgres_url: str) -> None:
    async def read(request: Request) -> Response:
        async with Repo(postgres_url) as repo:
            if request.query_params["as"] == "bytes":
                await repo.query("SELECT convert_from({}, 'UTF8')", b"\xff")
            else:
                await repo.query("SELECT 'a' ~ {}", request.query_params["as"])
        return Response()

    app = Starlette(routes=[Route("/", read)], exception_handlers=repo_errors())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        for given, status in (("bytes", 400), ("(", 400), ("a", 200)):
            assert (await http.get("/", params={"as": given})).status_code == status
