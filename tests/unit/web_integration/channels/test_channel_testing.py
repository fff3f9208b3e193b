"""The client for tests: what users of channels write their tests with."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ectype.web_integration import (
    Channel,
    ChannelError,
    Connected,
    ConnectInfo,
    Join,
    Joined,
    JoinRefused,
    Params,
    Payload,
    PubSub,
    Ref,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    Stop,
)
from ectype.web_integration.channels.server import Limits
from ectype.web_integration.channels.testing import JoinRefusedError, SocketRefusedError, connect

ENDS: list[str] = []


class Room(Channel):
    intercept = ("secret", "last")
    kept: Ref | None = None

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        if payload.get("refuse"):
            return JoinRefused({"reason": "no"})
        if payload.get("crash"):
            raise RuntimeError("told to crash")
        if "listen" in payload:
            self.subscribe(payload["listen"])
        return Joined({"user": socket.assigns["user"]})

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def handle_in_bare(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(status="done")

    async def handle_in_later(self, payload: Payload, socket: Socket) -> None:
        ref = socket.ref()
        socket.assign(task=asyncio.create_task(self.reply(ref, Reply({"late": True}))))

    async def handle_in_shout(self, payload: Payload, socket: Socket) -> None:
        await self.push("before", {})
        await self.broadcast("shout", payload)

    async def handle_in_others(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast_from("others", payload)

    async def handle_in_when(self, payload: Payload, socket: Socket) -> None:
        await self.push("when", {"at": datetime(2026, 1, 2, tzinfo=UTC), "n": 1})

    async def handle_in_crash(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("told to crash")

    async def handle_in_stop(self, payload: Payload, socket: Socket) -> Stop:
        await self.push("bye", {})
        return Stop(reply=Reply({"stopped": True}))

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Reply:
        await self.push("bytes", data)
        await self.broadcast("bytes_for_all", data)
        return Reply(data[::-1])

    async def handle_out(self, event: str, payload: Any, socket: Socket) -> Stop | None:
        await self.push(event, {"for": socket.assigns["user"]})
        return Stop() if event == "last" else None

    async def handle_info(self, message: object, socket: Socket) -> Stop | None:
        event = getattr(message, "event", None)
        if event == "stop":
            return Stop()
        if event == "tell":
            await self.broadcast("told", {})
        await self.push("heard", {"event": event})
        return None

    async def terminate(self, reason: str, socket: Socket) -> None:
        ENDS.append(reason)


class UserSocket(SocketHandler):
    channels = {"room:*": Room}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
        if params.get("user") == "mallory":
            return Refused(429, reason="slow down")
        user = info.auth_token or info.headers.get("x-user") or params.get("user", "nobody")
        return Connected(user=user, id=f"users:{user}")


@pytest.fixture
def pubsub() -> PubSub:
    ENDS.clear()
    return PubSub()


async def test_join_returns_the_channel_with_its_answer(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}) as client:
        assert client.id == "users:ada"
        room = await client.join("room:1")
        assert room.response == {"user": "ada"}
    assert ENDS == ["disconnected"]


@pytest.mark.parametrize(("how", "user"), [({"auth_token": "eve.1"}, "eve.1"), ({"headers": {"X-User": "zoe"}}, "zoe")])
async def test_the_token_and_headers_reach_connect(how: Any, user: str, pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, **how) as client:
        assert (await client.join("room:1")).response == {"user": user}


async def test_a_refused_socket_says_its_status(pubsub: PubSub) -> None:
    with pytest.raises(SocketRefusedError, match="429 slow down") as refused:
        async with connect(UserSocket, pubsub=pubsub, params={"user": "mallory"}):
            pass
    assert refused.value.status == 429


@pytest.mark.parametrize(
    ("topic", "payload", "response"),
    [
        ("room:1", {"refuse": True}, {"reason": "no"}),
        ("room:1", {"crash": True}, {"reason": "join crashed"}),
        ("nothing:1", {}, {"reason": "unmatched topic"}),
    ],
)
async def test_a_join_that_fails_raises_what_the_client_is_told(
    topic: str, payload: Any, response: Any, pubsub: PubSub
) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        with pytest.raises(JoinRefusedError) as refused:
            await client.join(topic, payload)
        assert refused.value.response == response


async def test_several_topics_are_joined_over_one_socket_and_from_several_tasks(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        rooms = await asyncio.gather(*(client.join(f"room:{n}") for n in range(10)))
        for room in rooms:
            await room.assert_reply(await room.push("echo", {"topic": room.topic}), payload={"topic": room.topic})


async def test_limits_apply(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, limits=Limits(max_channels=1)) as client:
        await client.join("room:1")
        with pytest.raises(JoinRefusedError, match="too many channels"):
            await client.join("room:2")


async def test_replies_are_found_by_ref_with_status_and_part_of_the_payload(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        first, second = await room.push("echo", {"a": {"b": [1, {"c": 2}], "d": 3}}), await room.push("bare")
        assert await room.assert_reply(second, "done") == {}
        assert (await room.assert_reply(first, "ok", {"a": {"b": [1, {}]}}))["a"]["d"] == 3
        await room.assert_reply(await room.push("later"), "ok", {"late": True})


@pytest.mark.parametrize("wanted", [{"a": 2}, {"b": 1}, {"a": {"x": 1}}, {"list": [1]}, {"list": [1, 3]}, b"x"])
async def test_a_reply_that_does_not_fit_fails_and_shows_both(wanted: Any, pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        ref = await room.push("echo", {"a": 1, "list": [1, 2]})
        with pytest.raises(AssertionError, match=r"expected 'ok' with .*, got reply 'ok' to '2' on 'room:1'"):
            await room.assert_reply(ref, "ok", wanted)


async def test_a_status_that_is_another_fails(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        with pytest.raises(AssertionError, match="expected 'ok'"):
            await room.assert_reply(await room.push("bare"))


async def test_payloads_arrive_as_a_browser_gets_them_and_are_expected_as_python_has_them(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        await room.push("when")
        got = await room.assert_push("when", {"at": datetime(2026, 1, 2, tzinfo=UTC)})
        assert got == {"at": "2026-01-02T00:00:00+00:00", "n": 1}


async def test_a_push_that_does_not_come_fails_and_shows_what_came(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        await room.push("shout", {"n": 1})
        await room.assert_push("shout")
        with pytest.raises(AssertionError, match=r"'shout' on 'room:1' with .* did not arrive; there was:\n  'before'"):
            await room.assert_push("shout", {"n": 2}, within=0.05)
        with pytest.raises(AssertionError, match="this should not have come"):
            await room.refute_push("before")
        await room.refute_push("shout")
        with pytest.raises(AssertionError, match="there was nothing else"):
            await room.assert_push("before", within=0.05)


async def test_broadcasts_are_heard_apart_from_what_the_client_is_sent(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}) as client:
        room = await client.subscribe_and_join("room:1")
        await room.push("others", {"n": 1})
        assert await room.assert_broadcast("others", {"n": 1}) == {"n": 1}
        await room.refute_push("others")
        pubsub.broadcast("room:1", "secret", {"s": 1})
        await room.assert_broadcast("secret", {"s": 1})
        await room.assert_push("secret", {"for": "ada"})
        await room.refute_broadcast("secret")
        with pytest.raises(AssertionError, match="a broadcast 'nope' on 'room:1' was not made"):
            await room.assert_broadcast("nope", within=0.05)


async def test_broadcasts_are_not_heard_by_a_plain_join_and_the_error_says_how(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        with pytest.raises(ChannelError, match=r'subscribe_and_join\("room:1"\)'):
            await room.assert_broadcast("x")


async def test_two_clients_hear_each_other(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as one, connect(UserSocket, pubsub=pubsub) as two:
        here, there = await one.join("room:1"), await two.join("room:1")
        await here.push("others", {"n": 1})
        await there.assert_push("others", {"n": 1})
        await here.refute_push("others")


async def test_bytes_travel_in_binary_frames(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.subscribe_and_join("room:1")
        ref = await room.push("up", b"\x01\xff")
        assert await room.assert_reply(ref, "ok", b"\xff\x01") == b"\xff\x01"
        await room.assert_push("bytes", b"\x01\xff")
        await room.assert_push("bytes_for_all", b"\x01\xff")
        await room.assert_broadcast("bytes_for_all", b"\x01\xff")


async def test_leaving_crashing_and_stopping_are_seen(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.join("room:1")
        await room.assert_reply(await room.leave())
        await room.assert_closed()
        room = await client.join("room:1")
        await room.push("crash")
        await room.assert_crashed()
        with pytest.raises(AssertionError, match="phx_close on 'room:1' did not arrive"):
            await room.assert_closed(within=0.05)
        room = await client.join("room:1")
        ref = await room.push("stop")
        await room.assert_push("bye")
        await room.assert_reply(ref, "ok", {"stopped": True})
        await room.assert_closed()
    assert ENDS == ["left", "normal"]


async def test_handle_out_can_push_and_stop(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}) as client:
        room = await client.join("room:1")
        pubsub.broadcast("room:1", "last", {})
        await room.assert_push("last", {"for": "ada"})
        await room.assert_closed()
    assert ENDS == ["normal"]


async def test_handle_info_can_push_broadcast_and_stop_for_a_topic_outside(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub) as client:
        room = await client.subscribe_and_join("room:1", {"listen": "news"})
        pubsub.broadcast("news", "tell", {})
        await room.assert_broadcast("told")
        await room.assert_push("heard", {"event": "tell"})
        pubsub.broadcast("news", "stop", {})
        await room.assert_closed()


async def test_a_disconnect_is_seen_with_its_code(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}) as client:
        await client.join("room:1")
        with pytest.raises(AssertionError, match="the socket was not closed"):
            await client.assert_disconnected(within=0.02)
        pubsub.broadcast("users:ada", "disconnect", {})
        assert await client.assert_disconnected(1001) == 1001
        with pytest.raises(AssertionError, match=r"closed with 1001 .*, not with 1013"):
            await client.assert_disconnected(1013)


async def test_nothing_is_left_after_the_block(pubsub: PubSub) -> None:
    before = len(asyncio.all_tasks())
    async with connect(UserSocket, pubsub=pubsub) as client:
        await client.subscribe_and_join("room:1")
    assert len(asyncio.all_tasks()) == before
    assert pubsub.subscribers("room:1") == 0


async def test_a_message_that_no_handle_info_takes_is_warned_of_with_the_line_to_write_and_ends_nothing(
    pubsub: PubSub, caplog: pytest.LogCaptureFixture
) -> None:
    class Deaf(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            self.subscribe("news")
            return Joined()

        async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
            return Reply(payload)

    deaf = type("DeafSocket", (SocketHandler,), {"channels": {"room:*": Deaf}})
    async with connect(deaf, pubsub=pubsub) as client:
        room = await client.join("room:1")
        pubsub.broadcast("news", "flash", {})
        await room.assert_reply(await room.push("echo", {"well": True}), "ok", {"well": True})
        assert "Deaf on 'room:1' got a message of type Broadcast, which nothing handles" in caplog.text
        assert "define async def handle_info(self, message, socket)" in caplog.text
