"""What ectype's errors mean over HTTP: one row an error, as handlers for Starlette, FastAPI and Litestar.

app = Starlette(routes=[...], exception_handlers=repo_errors())
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ectype.errors import (
    CastError,
    ConnectError,
    CursorError,
    DatabaseError,
    DeadlineError,
    NoResultsError,
    PoolTimeoutError,
    StaleEntryError,
)
from ectype.query.refusals import InvalidParamsError
from ectype.schema.errors import InvalidChangesetError
from ectype.web_integration.params import ParamsTooLargeError, UnsupportedMediaTypeError
from ectype.web_integration.tokens import TokenError

Members: TypeAlias = Mapping[str, Any]
ErrorHandler: TypeAlias = Callable[[Any, Exception], Awaitable[Any]]
SyncErrorHandler: TypeAlias = Callable[[Any, Exception], Any]


class Problem(NamedTuple):
    """How one class of errors is answered.

    Attributes:
        status: the HTTP status.
        members: what the answer says beside status and title, made from the error. The default says nothing more,
            since messages name tables and statements, which are not a client's business.
        headers: further headers.
        when: whether one of them is answered so at all; what is not stays an error. All are, unless it is given.
    """

    status: int
    members: Callable[[Any], Members] = lambda _: {}
    headers: Mapping[str, str] = MappingProxyType({})
    when: Callable[[Any], bool] = lambda _: True


_UNREADABLE: Final = frozenset({"22021", "22P05", "2201B"})
"""The SQLSTATEs of text that came from outside and that PostgreSQL cannot take: bytes that are none of its encoding's,
characters that are none of the database's, a regular expression that is none."""


def _unreadable(exc: DatabaseError) -> bool:
    return exc.sqlstate in _UNREADABLE


def _refused_fields(exc: InvalidChangesetError) -> Members:
    return {"errors": exc.changeset.traverse_errors()}


def _refused_params(exc: InvalidParamsError) -> Members:
    return {"errors": exc.messages()}


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        CastError: Problem(400),
        CursorError: Problem(400),
        InvalidParamsError: Problem(400, _refused_params),
        DatabaseError: Problem(400, when=_unreadable),
        TokenError: Problem(401, headers={"www-authenticate": 'Bearer error="invalid_token"'}),
        NoResultsError: Problem(404),
        StaleEntryError: Problem(409),
        ParamsTooLargeError: Problem(413),
        UnsupportedMediaTypeError: Problem(415),
        InvalidChangesetError: Problem(422, _refused_fields),
        PoolTimeoutError: Problem(503, headers={"retry-after": "1"}),
        ConnectError: Problem(503, headers={"retry-after": "5"}),
        DeadlineError: Problem(503, headers={"retry-after": "1"}),
    }
)
"""The answers of `repo_errors`; a subclass is answered as its closest base. The statuses are those of phoenix_ecto's
`Plug.Exception` where it has one (400, 404, 409), 422 for an
invalid changeset, 401, 413 and 415 for tokens and params, and 503 for a database that does not answer in time."""


def repo_errors(problems: Mapping[type[Exception], Problem] = PROBLEMS) -> dict[Any, ErrorHandler]:
    """Return `exception_handlers` for Starlette: each of the errors becomes its status, others stay errors.

    The body is `application/problem+json` (RFC 9457) with `title` and `status`, and never the error's message; for an
    invalid changeset, and for refused filters and orders, it has `errors` too, the messages by field:
    `{"email": ["has already been taken"]}`. In a socket's `connect` the same errors refuse the connection with that
    status.

    Args:
        problems: the table, `PROBLEMS` unless given. To add to it: `repo_errors({**PROBLEMS, MyError: Problem(418)})`.

    >>> sorted(error.__name__ for error in repo_errors())[:2]
    ['CastError', 'ConnectError']
    """
    return {error: _handler(problem) for error, problem in problems.items()}


def litestar_errors(problems: Mapping[type[Exception], Problem] = PROBLEMS) -> dict[Any, SyncErrorHandler]:
    """Return `exception_handlers` for Litestar, whose handlers are not async: the same answers as `repo_errors`.

    Args:
        problems: as `repo_errors` takes them.

    Example:
        app = Litestar([...], lifespan=[repo_lifespan(repo)], exception_handlers=litestar_errors())
    """
    return {error: _sync_handler(problem) for error, problem in problems.items()}


def _handler(problem: Problem) -> ErrorHandler:
    answer_now = _sync_handler(problem)

    async def answer(connection: HTTPConnection, exc: Exception) -> Any:
        return answer_now(connection, exc)

    return answer


def _sync_handler(problem: Problem) -> SyncErrorHandler:
    def answer(connection: Any, exc: Exception) -> _Answer | _Refusal:
        if not problem.when(exc):
            raise exc
        scope: Scope = connection.scope
        if scope["type"] == "websocket" and not _can_deny(scope):
            return _Refusal()
        title = HTTPStatus(problem.status).phrase
        content = {"type": "about:blank", "title": title, "status": problem.status, **problem.members(exc)}
        return _Answer(content, problem.status, headers=dict(problem.headers), media_type="application/problem+json")

    return answer


class _Answer(JSONResponse):
    """An answer that Litestar can send too: it asks its responses to become applications, which this one is."""

    def to_asgi_response(self, **_: object) -> ASGIApp:
        """Return itself."""
        return self


def _can_deny(scope: Scope) -> bool:
    return "websocket.http.response" in scope.get("extensions", {})


class _Refusal:
    """Refuses a WebSocket on a server that can say no status but 403."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
