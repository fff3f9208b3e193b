"""The web side against hostile clients: what may not be in its code, and what no input may cost."""

import ast
import asyncio
import gc
import json
import logging
import resource
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed

from ectype import Field, HasMany, InvalidChangesetError, Schema, change, field, has_many, primary_key
from ectype.web_integration import (
    ParamsError,
    PubSub,
    TokenError,
    Tokens,
    decode_params,
    nest_params,
    read_params,
    repo_errors,
    to_form,
)
from ectype.web_integration import __file__ as package
from ectype.web_integration.channels.handshake import auth_token
from ectype.web_integration.channels.longpoll_token import SessionTokens
from ectype.web_integration.channels.origin import OriginCheck
from ectype.web_integration.channels.outbox import Fanout
from ectype.web_integration.channels.serializer import negotiate
from ectype.web_integration.channels.session import session_of
from tests.unit.web_integration.channels.conftest import Client
from tests.unit.web_integration.channels.rooms import Room
from tests.unit.web_integration.channels.test_websocket import join, serving

MODULES = sorted(Path(package).parent.rglob("*.py"))
TREES = {str(path.relative_to(Path(package).parent)): ast.parse(path.read_text()) for path in MODULES}
MEBIBYTE = 1 << 20
SECRET = "a secret for the tests, which is long enough"


# What may not be in the code.


@pytest.mark.parametrize("module", TREES)
def test_nothing_that_arrives_is_ever_run_or_unpickled(module: str) -> None:
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert not imported & {"pickle", "marshal", "shelve", "dill", "yaml", "subprocess", "importlib", "ctypes"}
    called = {ast.unparse(node.func) for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)}
    assert not called & {"eval", "exec", "compile", "__import__", "open", "sys.intern", "intern"}


@pytest.mark.parametrize("module", TREES)
def test_no_text_of_a_client_is_a_template(module: str) -> None:
    # `"…".format(value)` would look up attributes that the text names.
    methods = [
        node.func.attr
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert "format" not in methods
    assert "format_map" not in methods


@pytest.mark.parametrize("module", TREES)
def test_digests_are_compared_in_constant_time(module: str) -> None:
    compared = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Compare)]
    equal = [node for node in compared if any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops)]
    words = ("digest", "signature", "hmac", "csrf", "secret")
    texts = [ast.unparse(one).lower().replace("inspect.signature(", "") for one in equal]
    assert not [text for text in texts if any(word in text for word in words)]


@pytest.mark.parametrize("module", TREES)
def test_no_cache_grows_by_what_clients_send(module: str) -> None:
    decorators = [
        ast.unparse(one)
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for one in node.decorator_list
    ]
    # `cached_property` keeps its value in the object that it is of.
    assert not [one for one in decorators if "cache" in one.lower() and one != "cached_property"]


# What no input may cost.

LONG = 10**5
HOSTILE = [
    "a" * LONG, "." * LONG, "/" * LONG, ":" * LONG, "[" * LONG, "a." * (LONG // 2), "https://" + "a." * (LONG // 2),
    "//" + "*" * LONG, "0" * LONG, "%" * LONG, "1." * (LONG // 2), "-" * LONG, "=" * LONG, "_" * LONG, "&" * 999,
    "a[" * 500, "a" + "[]" * 30 + "=1", "é" * LONG, "\x00" * LONG, " " * LONG,
]  # fmt: skip


def params(text: str) -> object:
    try:
        return decode_params(text)
    except ParamsError:
        return None


def token(text: str) -> object:
    try:
        return Tokens(SECRET, salt="test").verify(text, max_age=60)
    except TokenError:
        return None


def subprotocol(text: str) -> object:
    try:
        return auth_token(["base64url.bearer.phx." + text])
    except ValueError:
        return None


def session(text: str) -> object:
    request = Request({"type": "http", "headers": [], "session": {"_csrf_token": "A" * 32}})
    return session_of(request, {"_csrf_token": text})


READERS: dict[str, Callable[[str], object]] = {
    "origin, by the host": lambda text: OriginCheck(True).allows(text, host=text),
    "origin, by a list": lambda text: OriginCheck(["https://*.example.org", "//b.test"]).allows(text, host="a"),
    "version": negotiate,
    "params": params,
    "token": token,
    "subprotocol": subprotocol,
    "session of a poll": SessionTokens(SECRET, max_age=60).verify,
    "session of a browser": session,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:3]!r} {len(text)}")
def test_nothing_that_is_long_takes_long_to_refuse(reader: str, text: str) -> None:
    read = READERS[reader]
    read("warm up")
    begun = time.perf_counter()
    read(text)
    # Linear work takes under a millisecond; what is quadratic takes minutes.
    assert time.perf_counter() - begun < 1


async def test_topics_and_events_of_clients_leave_nothing_behind(caplog: Any) -> None:
    # The records would be what stays.
    caplog.set_level(logging.CRITICAL, "ectype.channels")
    client = Client({"room:*": Room}, PubSub(), Fanout(), rate=None)

    async def visit(numbers: range) -> None:
        for number in numbers:
            topic, event = f"room:{number}:{'x' * 40}", f"event {number} {'y' * 40}"
            await client.send("1", "1", topic, "phx_join", {})
            await client.send("1", "2", topic, event, {})
            await client.send("1", "3", f"unknown:{number}", event, {})
            await asyncio.sleep(0)
        while client.connection._runners:
            await asyncio.sleep(0)
        client.frames.clear()

    await visit(range(300))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await visit(range(1_000, 3_000))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    await client.connection.finish()
    # 2,000 topics and 4,000 events of a hundred bytes would be more than half a mebibyte.
    assert grown < MEBIBYTE // 4


async def test_a_client_that_never_reads_keeps_no_memory_while_a_room_is_told_and_told() -> None:
    pubsub, fanout = PubSub(), Fanout()
    stalled = Client({"room:*": Room}, pubsub, fanout, outbox=100)
    await stalled.join("room:1")
    stalled.readable.clear()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(2_000):
            pubsub.broadcast("room:1", "news", {"body": "x" * 10_000})
            await asyncio.sleep(0)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert stalled.connection.closing == (1013, "too slow")
    assert held < 3 * MEBIBYTE, "twenty mebibytes were told, and one may wait"
    stalled.readable.set()
    await stalled.connection.finish()


async def test_one_stalled_client_among_a_thousand_delays_nobody() -> None:
    pubsub, fanout = PubSub(), Fanout()
    clients = [Client({"room:*": Room}, pubsub, fanout) for _ in range(1_000)]
    for client in clients:
        await client.join("room:1")
    clients[500].readable.clear()
    for number in range(10):
        pubsub.broadcast("room:1", "news", {"n": number})
    # A turn of the loop for the worker, one to be relieved, one for its relief; never a wait for the one that stalls.
    async with asyncio.timeout(20):
        while any(len(client.frames) < 10 for client in clients if client is not clients[500]):
            await asyncio.sleep(0)
    assert clients[500].frames == []
    clients[500].readable.set()
    for client in clients:
        await client.connection.finish()


async def test_a_compression_bomb_closes_its_socket_and_costs_no_more_than_a_frame_may() -> None:
    async def zeros() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield bytes(MEBIBYTE)

    async with asyncio.timeout(100), serving() as (url, _), ws_connect(url) as calm:
        await join(calm)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with ws_connect(url, compression="deflate") as bomber:
            with suppress(ConnectionClosed):
                await bomber.send(zeros())
            await bomber.wait_closed()
            assert bomber.close_code == 1009
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * 1024, "KiB of a gibibyte"
        await calm.send(json.dumps(["1", "2", "room:1", "echo", {"well": True}]))
        assert json.loads(await calm.recv())[4]["response"] == {"well": True}


async def test_a_frame_of_more_than_a_mebibyte_after_inflation_closes_with_1009() -> None:
    async with asyncio.timeout(60), serving() as (url, _), ws_connect(url, compression="deflate") as client:
        await client.send(json.dumps(["1", "1", "room:1", "phx_join", {"body": "0" * MEBIBYTE}]))
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1009


# Forms and params.


class Line(Schema, table="lines"):
    id: Field[int] = primary_key()
    text: Field[str]
    order_id: Field[int]

    @staticmethod
    def changeset(line: Any, params: Any) -> Any:
        return change(line).cast(params, Line.text).validate_required(Line.text)


class Order(Schema, table="orders"):
    id: Field[int] = primary_key()
    title: Field[str]
    paid: Field[bool] = field(default=False)
    lines: HasMany[Line] = has_many()

    @staticmethod
    def changeset(order: Any, params: Any) -> Any:
        return change(order).cast(params, Order.title).cast_assoc(Order.lines)


@pytest.mark.parametrize(
    "name", ["paid", "id", "inserted_at", "__class__", "__dict__", "_meta", "lines[0][order_id]", "lines[0][id]"]
)
def test_what_a_form_was_not_asked_for_is_never_set(name: str) -> None:
    changeset = Order.changeset(Order, decode_params(f"title=x&{name}=1&lines[0][text]=y"))
    assert set(changeset.changes) == {"title", "lines"}
    (line,) = changeset.changes["lines"]
    assert set(line.changes) <= {"text"}


@pytest.mark.parametrize("count", [1_001, 100_000])
def test_a_hundred_thousand_children_are_refused_before_they_are_made(count: int) -> None:
    begun = time.perf_counter()
    text = "&".join(f"lines[{number}][text]=x" for number in range(count))
    with pytest.raises(ParamsError, match="1,000"):
        decode_params(text)
    with pytest.raises(ParamsError, match="1,000"):
        nest_params((f"lines[{number}][text]", "x") for number in range(count))
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "value", ['"><script>alert(1)</script>', "' onfocus='x", "{{ 7 * 7 }}", "{x.__class__}", "%(x)s", "\x00", "&lt;"]
)
def test_what_was_sent_comes_back_as_text_only(value: str) -> None:
    form = to_form(Order.changeset(Order, {"title": value}), action="validate")
    shown = form["title"].text() or ""
    assert shown in (value, "")
    assert "49" not in "".join(form["title"].errors)


SECRET_VALUE = "hunter2-canary"


async def test_an_error_page_says_nothing_of_what_happened_inside() -> None:
    async def broken(_request: Request) -> Response:
        password = SECRET_VALUE
        raise RuntimeError(f"no connection with {password}")

    async def refused(_request: Request) -> Response:
        changeset = change(Order).cast({"title": SECRET_VALUE}, Order.title).add_error(Order.title, "is odd")
        raise InvalidChangesetError(changeset.with_action("insert"))

    async def odd(request: Request) -> Response:
        return JSONResponse(await read_params(request))

    app = Starlette(
        routes=[Route("/broken", broken), Route("/refused", refused), Route("/odd", odd, methods=["POST"])],
        exception_handlers=repo_errors(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
        answers = [
            await http.get("/broken"),
            await http.get("/refused"),
            await http.post("/odd", content=f'{{"a": "{SECRET_VALUE}', headers={"content-type": "application/json"}),
            await http.post("/odd", content=SECRET_VALUE, headers={"content-type": "text/plain"}),
        ]
    assert [answer.status_code for answer in answers] == [500, 422, 400, 415]
    for answer in answers:
        assert SECRET_VALUE not in answer.text
        assert "Traceback" not in answer.text


async def test_a_form_with_files_is_nested_from_what_starlette_has_read() -> None:
    async def upload(request: Request) -> Response:
        async with request.form(max_files=1, max_fields=10) as form:
            order = nest_params(form.multi_items())["order"]
            return JSONResponse({"title": order["title"], "file": (await order["file"].read()).decode()})

    app = Starlette(routes=[Route("/", upload, methods=["POST"])])
    body = (
        b'--b\r\nContent-Disposition: form-data; name="order[title]"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="order[file]"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        answer = await http.post("/", content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.json() == {"title": "x", "file": "hello"}
