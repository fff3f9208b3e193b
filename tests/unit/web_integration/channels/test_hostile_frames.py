"""Frames that nobody would write, in any number and order: none of them hurts anybody but who sent it."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed

from ectype.web_integration import PubSub
from ectype.web_integration.channels.message import Answer, Message, Push
from ectype.web_integration.channels.outbox import Fanout
from ectype.web_integration.channels.serializer import VERSION_2
from ectype.web_integration.channels.socket import Deliver, Member, Routes, Send, Shut, SocketState, Start
from tests.databases import run
from tests.unit.web_integration.channels.conftest import Client
from tests.unit.web_integration.channels.rooms import Room
from tests.unit.web_integration.channels.test_websocket import serving

ENDING = {1003, 1009}
"""What a frame may close its socket with."""
SECONDS = 60

TOPICS = ["room:1", "room:2", "room:", "room", "phoenix", "nothing", "", "room:" + "x" * 300, "*", "room:*"]
EVENTS = [
    "phx_join", "phx_leave", "phx_close", "phx_error", "phx_reply", "heartbeat", "echo", "boom", "shout", "stop",
    "join", "__init__", "handle_in_echo", "_link", "", "x" * 300,
]  # fmt: skip
refs = st.none() | st.sampled_from(["1", "2", "3", "", "99"]) | st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
payloads = st.just({}) | st.just({"reason": "normal"}) | st.just({"refuse": True}) | json_values
messages = st.tuples(refs, refs, st.sampled_from(TOPICS), st.sampled_from(EVENTS), payloads)

well_formed = messages.map(json.dumps)
of_another_shape = st.one_of(
    json_values.map(json.dumps),
    st.lists(json_values, max_size=7).map(json.dumps),
    st.tuples(refs | json_values, json_values, json_values, json_values, payloads).map(json.dumps),
)
spoilt = st.tuples(well_formed, st.integers(0, 400), st.text(max_size=3)).map(
    lambda parts: parts[0][: parts[1] % (len(parts[0]) + 1)] + parts[2] + parts[0][parts[1] % (len(parts[0]) + 1) + 1 :]
)
deep = st.tuples(st.sampled_from(["[", '{"a":', '["1","1","room:1","echo",' + "["]), st.integers(1, 20_000)).map(
    lambda parts: parts[0] * parts[1]
)
binary = st.one_of(
    st.binary(max_size=80),
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 2, 255]), st.lists(st.integers(0, 255), max_size=5), st.binary(max_size=300)
    ).map(lambda parts: bytes([parts[0], *parts[1]]) + parts[2]),
    messages.map(
        lambda parts: (
            bytes([0, *(min(255, len((name or "").encode())) for name in parts[:4])])
            + b"".join((name or "").encode()[:255] for name in parts[:4])
            + b"\x00\xff"
        )
    ),
)
frames = st.one_of(well_formed, well_formed, well_formed, of_another_shape, spoilt, deep, binary, st.text(max_size=40))


@settings(max_examples=300, deadline=None)
@given(st.lists(messages, max_size=30))
def test_whatever_a_client_says_the_core_has_an_action_for_it_and_a_frame_for_each_answer(script: list[Any]) -> None:
    machine: SocketState[str] = SocketState(Routes({"room:*": "room"}), max_channels=3)
    joining: list[Member[str]] = []
    for number, (join_ref, ref, topic, event, payload) in enumerate(script):
        actions = machine.receive(Message(join_ref, ref, topic, event, payload))
        if joining and number % 2:
            actions = (*actions, *machine.joined(joining.pop(0), {}))
        for action in actions:
            match action:
                case Send(Answer() as answer):
                    frame = VERSION_2.answer(answer)
                    assert isinstance(frame, str)
                    assert json.loads(frame)[3] == "phx_reply"
                case Send(Push() as push):
                    assert push.event == "phx_close"
                case Start(member, _):
                    joining.append(member)
                case Deliver(member, message):
                    assert message.topic == member.topic
                    assert message.join_ref in (None, member.join_ref)
                case Shut(_, reason):
                    assert reason == "duplicate_join"
        assert len(machine.members) <= 3


def read(frame: Any) -> Any:
    """What a client would make of a frame: five elements, or a binary one of a known kind."""
    if isinstance(frame, bytes):
        assert frame[0] in (0, 1, 2)
        return None
    join_ref, ref, topic, event, payload = frame
    assert isinstance(topic, str)
    assert isinstance(event, str)
    assert isinstance(payload, dict)
    assert all(one is None or isinstance(one, str) for one in (join_ref, ref))
    return event


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(frames, max_size=15))
def test_whatever_frames_come_the_socket_goes_on_or_is_closed_and_nobody_else_notices(script: list[Any]) -> None:
    async def play() -> None:
        pubsub, fanout = PubSub(), Fanout()
        hostile, healthy = (Client({"room:*": Room}, pubsub, fanout, rate=None) for _ in range(2))
        await healthy.join("room:healthy")
        before = asyncio.all_tasks()
        for frame in script:
            await hostile.connection.receive(frame)
            if hostile.connection.closing is not None:
                assert hostile.connection.closing.code in ENDING
                break
        async with asyncio.timeout(SECONDS):
            await hostile.connection.finish()
        for frame in hostile.frames:
            read(frame)
        await healthy.send("1", "2", "room:healthy", "echo", {"well": True})
        assert (await healthy.next())[4] == {"status": "ok", "response": {"well": True}}
        await asyncio.sleep(0)
        assert asyncio.all_tasks() <= before
        assert hostile.connection._runners == {}
        await healthy.connection.finish()
        assert pubsub._topics == {}

    run(play())


async def test_a_server_outlives_whatever_frames_many_clients_send_over_real_sockets() -> None:
    scripts: list[list[Any]] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(frames.filter(_can_be_sent), min_size=1, max_size=12))
    def gather(script: list[Any]) -> None:
        scripts.append(script)

    gather()
    async with asyncio.timeout(SECONDS), serving(max_rate=None) as (url, _), ws_connect(url) as healthy:
        await healthy.send(json.dumps(["1", "1", "room:healthy", "phx_join", {}]))
        await healthy.recv()
        codes = [await _told(url, script) for script in scripts]
        assert set(codes) <= {None, *ENDING}
        assert {None, 1003} <= set(codes), "some are taken, and some are not"
        await healthy.send(json.dumps(["1", "2", "room:healthy", "echo", {"well": True}]))
        assert json.loads(await healthy.recv())[4]["response"] == {"well": True}


async def _told(url: str, script: list[Any]) -> int | None:
    async with ws_connect(url) as client:
        with suppress(ConnectionClosed):
            for frame in script:
                await client.send(frame)
            await client.send(json.dumps([None, "last", "phoenix", "heartbeat", {}]))
            await _until_answered(client)
            return None
    return client.close_code


async def _until_answered(client: ClientConnection) -> None:
    while True:
        frame = await client.recv()
        told = json.loads(frame) if isinstance(frame, str) else None
        read(frame if told is None else told)
        if told is not None and told[1] == "last":
            return


def _can_be_sent(frame: Any) -> bool:
    # A lone surrogate is no UTF-8, so that no client can send it.
    return isinstance(frame, bytes) or frame.encode(errors="ignore").decode() == frame
