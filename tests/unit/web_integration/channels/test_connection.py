"""Channels at work behind a connection, with a client that needs no network."""

import asyncio
import contextvars
import gc
import json
import logging
import weakref
from typing import Any

import pytest

from ectype import telemetry
from ectype.web_integration import (
    Broadcast,
    Channel,
    ChannelError,
    Join,
    Joined,
    Payload,
    PubSub,
    Reply,
    Socket,
    Stop,
)
from ectype.web_integration.channels import events
from ectype.web_integration.channels.server import Limits
from tests.unit.web_integration.channels.rooms import OK, Gate, Room


@pytest.fixture
def gate() -> type[Gate]:
    return type("GateHere", (Gate,), {"go": asyncio.Event(), "ends": []})


async def test_the_join_is_granted_and_pushes_are_answered(connect: Any) -> None:
    client = connect({"room:*": Room})
    assert await client.join("room:1", "3") == ["3", "3", "room:1", "phx_reply", {"status": "ok", "response": {"n": 1}}]
    await client.send("3", "4", "room:1", "echo", {"a": [1, {"b": None}]})
    assert await client.next() == [
        "3", "4", "room:1", "phx_reply", {"status": "ok", "response": {"a": [1, {"b": None}]}},
    ]  # fmt: skip


async def test_one_thousand_messages_are_answered_in_their_order(connect: Any) -> None:
    client = connect({"room:*": Room}, inbox=10)
    await client.join("room:1")
    for n in range(1000):
        await client.send("1", str(n), "room:1", "echo", {"n": n})
    replies = [await client.next() for _ in range(1000)]
    assert [reply[4]["response"]["n"] for reply in replies] == list(range(1000))


async def test_a_crash_is_told_logged_and_survived_by_the_other_topics(connect: Any, caplog: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1", "1")
    await client.join("room:2", "2")
    await client.send("1", "5", "room:1", "boom", {})
    assert await client.next() == ["1", "1", "room:1", "phx_error", {"reason": "channel_crash"}]
    assert "Room on 'room:1' crashed" in caplog.text
    assert "RuntimeError: boom" in caplog.text
    await client.send("2", "6", "room:2", "echo", {})
    assert (await client.next())[1] == "6"
    await client.send("1", "7", "room:1", "echo", {})
    assert (await client.next())[4]["response"] == {"reason": "unmatched topic"}
    assert (await client.join("room:1", "8"))[4]["status"] == "ok"


async def test_messages_behind_the_one_that_crashed_are_answered_and_not_lost(connect: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "boom", {})
    await client.send("1", "3", "room:1", "echo", {})
    assert (await client.next())[3] == "phx_error"
    assert await client.next() == [
        None, "3", "room:1", "phx_reply", {"status": "error", "response": {"reason": "unmatched topic"}},
    ]  # fmt: skip


async def test_an_unknown_event_crashes_the_channel_and_the_log_says_what_is_known(connect: Any, caplog: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "ecoh", {})
    assert (await client.next())[3] == "phx_error"
    assert "handles no event `ecoh`" in caplog.text
    assert "did you mean `echo`?" in caplog.text


@pytest.mark.parametrize("event", ["join", "__init__", "push", "handle_in_echo", "terminate", "_link", "phx_close", ""])
async def test_no_event_of_a_client_reaches_anything_but_a_handler(event: str, connect: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    await client.send("1", "2", "room:1", event, {})
    assert (await client.next())[3] == "phx_error"


@pytest.mark.parametrize("payload", [[1], "text", None, 7])
async def test_a_payload_that_is_no_object_crashes_the_channel_with_the_fix(
    payload: Any, connect: Any, caplog: Any
) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "echo", payload)
    assert (await client.next())[3] == "phx_error"
    assert "push an object from the client" in caplog.text


async def test_leaving_is_answered_closed_then_terminated_and_its_last_push_arrives(connect: Any) -> None:
    class Polite(Room):
        async def terminate(self, reason: str, socket: Socket) -> None:
            await self.push("you_left", {"reason": reason})

    client = connect({"room:*": Polite})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "phx_leave", {})
    assert await client.next() == ["1", "2", "room:1", "phx_reply", OK]
    assert await client.next() == ["1", "1", "room:1", "phx_close", {}]
    assert await client.next() == ["1", None, "room:1", "you_left", {"reason": "left"}]


async def test_broadcast_from_reaches_the_others_even_when_the_sender_is_leaving(connect: Any) -> None:
    class Considerate(Room):
        async def handle_in_others(self, payload: Payload, socket: Socket) -> None:
            await self.broadcast_from("others", {})

        async def terminate(self, reason: str, socket: Socket) -> None:
            await self.broadcast_from("gone", {"reason": reason})

    one, two = connect({"room:*": Considerate}), connect({"room:*": Considerate})
    await one.join("room:1")
    await two.join("room:1")
    await one.send("1", "2", "room:1", "others", {})
    await one.send("1", "3", "room:1", "phx_leave", {})
    assert [(await two.next())[3] for _ in range(2)] == ["others", "gone"]
    assert [(await one.next())[3] for _ in range(2)] == ["phx_reply", "phx_close"]
    assert await one.quiet() == []


async def test_who_left_hears_no_broadcasts(connect: Any, pubsub: PubSub) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    assert pubsub.subscribers("room:1") == 1
    await client.send("1", "2", "room:1", "phx_leave", {})
    await client.next()
    await client.next()
    pubsub.broadcast("room:1", "shout", {})
    assert await client.quiet() == []
    assert pubsub.subscribers("room:1") == 0


@pytest.mark.parametrize(("reason", "event"), [("normal", "phx_close"), ("shutdown", "phx_close"), ("x", "phx_error")])
async def test_stop_answers_then_ends(reason: str, event: str, connect: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "stop", {"reason": reason})
    assert (await client.next())[4]["response"] == {"bye": 1}
    assert (await client.next())[3] == event


async def test_a_broadcast_reaches_all_in_the_topic_in_one_encoding(connect: Any, pubsub: PubSub) -> None:
    clients = [connect({"room:*": Room}) for _ in range(20)]
    for client in clients:
        await client.join("room:1")
    await clients[0].send("1", "2", "room:1", "shout", {"n": 1})
    for client in clients:
        assert await client.next() == [None, None, "room:1", "shout", {"n": 1}]


async def test_a_broadcast_is_encoded_once_for_all(connect: Any, pubsub: PubSub, monkeypatch: Any) -> None:
    clients = [connect({"room:*": Room}) for _ in range(20)]
    for client in clients:
        await client.join("room:1")
    made = 0
    once = Broadcast.once

    def counting(self: Broadcast, key: Any, make: Any) -> Any:
        def counted(broadcast: Broadcast) -> Any:
            nonlocal made
            made += 1
            return make(broadcast)

        return once(self, key, counted)

    monkeypatch.setattr(Broadcast, "once", counting)
    pubsub.broadcast("room:1", "shout", {"n": 1})
    for client in clients:
        await client.next()
    assert made == 1


async def test_a_broadcast_made_before_the_reply_arrives_before_it(connect: Any) -> None:
    class Loud(Room):
        async def handle_in_loud(self, payload: Payload, socket: Socket) -> Reply:
            await self.broadcast("first", {})
            await self.push("second", {})
            return Reply({"third": True})

    client = connect({"room:*": Loud})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "loud", {})
    assert [(await client.next())[3] for _ in range(3)] == ["first", "second", "phx_reply"]


async def test_broadcasts_from_two_rooms_reach_everybody_in_the_order_they_were_made(
    connect: Any, pubsub: PubSub
) -> None:
    clients = [connect({"room:*": Room}) for _ in range(5)]
    for client in clients:
        await client.join("room:1", "1")
        await client.join("room:2", "2")
    clients[2].readable.clear()
    for n in range(10):
        pubsub.broadcast(f"room:{n % 2 + 1}", "n", {"n": n})
        await asyncio.sleep(0)
    clients[2].readable.set()
    for client in clients:
        assert [(await client.next())[4]["n"] for _ in range(10)] == list(range(10))


async def test_intercepted_broadcasts_go_through_handle_out(connect: Any, pubsub: PubSub) -> None:
    class Quiet(Room):
        intercept = ("shout",)

        async def handle_out(self, event: str, payload: Any, socket: Socket) -> Stop | None:
            if payload["n"] == 2:
                return Stop()
            await self.push(event, {"to": socket.assigns["room"], **payload})
            return None

    client = connect({"room:*": Quiet})
    await client.join("room:1")
    pubsub.broadcast("room:1", "shout", {"n": 1})
    assert await client.next() == ["1", None, "room:1", "shout", {"to": "room:1", "n": 1}]
    pubsub.broadcast("room:1", "other", {"n": 1})
    assert (await client.next())[3] == "other"
    pubsub.broadcast("room:1", "shout", {"n": 2})
    assert (await client.next())[3] == "phx_close"


async def test_tell_and_subscriptions_reach_handle_info_after_the_join(connect: Any, pubsub: PubSub) -> None:
    class News(Room):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            self.subscribe("news")
            self.tell("joined")
            pubsub.broadcast("news", "flash", {"n": 1})
            await asyncio.sleep(0)
            return Joined()

        async def handle_info(self, message: object, socket: Socket) -> Stop | None:
            match message:
                case Broadcast(event=event, payload={"n": n}):
                    await self.push(event, {"n": n})
                case "end":
                    return Stop()
                case _:
                    await self.push("info", {"message": message})
            return None

        async def handle_in_end(self, payload: Payload, socket: Socket) -> None:
            self.tell("end")

    client = connect({"room:*": News})
    assert (await client.join("room:1"))[3] == "phx_reply"
    assert (await client.next())[3:] == ["info", {"message": "joined"}]
    assert (await client.next())[3:] == ["flash", {"n": 1}]
    await client.send("1", "2", "room:1", "end", {})
    assert (await client.next())[3] == "phx_close"
    assert pubsub.subscribers("news") == 0


@pytest.mark.parametrize("what", ["push", "broadcast", "broadcast_from"])
async def test_sending_inside_join_is_refused_with_the_fix(what: str, connect: Any, caplog: Any) -> None:
    class Eager(Room):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            await getattr(self, what)("hello", {})
            return Joined()

    client = connect({"room:*": Eager})
    assert (await client.join("room:1"))[4] == {"status": "error", "response": {"reason": "join crashed"}}
    assert f"{what} was called before the join of 'room:1' was answered" in caplog.text
    assert 'self.tell("joined")' in caplog.text


class Undecided(Room):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Any:
        return {"room": 1}


class Unsendable(Room):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined({"socket": socket})


class Unmakeable(Room):
    def __init__(self) -> None:
        raise RuntimeError("no channel today")


class Cancelled(Room):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        (Undecided, "return Joined({…}, name=value) or JoinRefused({…})"),
        (Unsendable, "payload['socket'] is of type Socket"),
        (Unmakeable, "no channel today"),
        (Cancelled, "CancelledError"),
    ],
)
async def test_a_join_that_goes_wrong_is_answered_and_leaves_nothing(
    channel: type[Channel], told: str, connect: Any, pubsub: PubSub, caplog: Any
) -> None:
    client = connect({"room:*": channel})
    assert (await client.join("room:1"))[4] == {"status": "error", "response": {"reason": "join crashed"}}
    assert told in caplog.text
    assert pubsub.subscribers("room:1") == 0
    assert client.connection.state.members == ()


@pytest.mark.parametrize(
    ("outcome", "told"),
    [({"a": 1}, "return Reply({…}) or Stop() or None"), (Reply({"x": float("nan")}), "which JSON does not have")],
)
async def test_a_handler_that_returns_what_cannot_be_sent_crashes_with_the_fix(
    outcome: Any, told: str, connect: Any, caplog: Any
) -> None:
    class Odd(Room):
        async def handle_in_odd(self, payload: Payload, socket: Socket) -> Any:
            return outcome

    client = connect({"room:*": Odd})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "odd", {})
    assert (await client.next())[3] == "phx_error"
    assert told in caplog.text


async def test_an_idle_channel_has_no_task_and_a_closed_connection_leaves_nothing(connect: Any) -> None:
    client = connect({"room:*": Room})
    before = len(asyncio.all_tasks())
    await client.join("room:1")
    await client.send("1", "2", "room:1", "echo", {})
    await client.next()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
    channel = weakref.ref(next(iter(client.connection._runners.values()))._channel)
    await client.connection.finish()
    gc.collect()
    assert channel() is None


async def test_a_channel_starts_from_the_context_of_its_connection_never_of_a_broadcaster(
    connect: Any, pubsub: PubSub
) -> None:
    scope = contextvars.ContextVar("scope", default="none")

    class Curious(Room):
        intercept = ("ask",)

        async def handle_out(self, event: str, payload: Any, socket: Socket) -> None:
            await self.push("scope", {"scope": scope.get()})

    client = connect({"room:*": Curious})
    await client.join("room:1")
    scope.set("an open transaction")
    pubsub.broadcast("room:1", "ask", {})
    assert (await client.next())[4] == {"scope": "none"}


async def test_broadcasts_of_channels_wait_for_the_commit(connect: Any) -> None:
    waiting: list[Any] = []
    pubsub = PubSub(defer=waiting.append)
    client = connect({"room:*": Room})
    client.connection.pubsub = pubsub
    await client.join("room:1")
    payload = {"n": 1}
    await client.send("1", "2", "room:1", "shout", payload)
    assert await client.quiet() == []
    for callback in waiting:
        callback()
    assert (await client.next())[4] == {"n": 1}


async def test_logs_and_telemetry_mask_secrets(connect: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "ectype.channels")
    seen: list[Any] = []
    client = connect({"room:*": Room})
    with telemetry.attach(events.JOINED, seen.append), telemetry.attach(events.HANDLED_IN, seen.append):
        await client.join("room:1", "1", {"password": "pa55", "deep": [{"api_Token": "t0k"}]})
        await client.send("1", "2", "room:1", "echo", {"secret_word": "s3cret", "n": 1})
        await client.next()
        await client.send("1", "3", "room:1", "boom", {})
        await client.next()
    joined, echoed, failed = seen
    assert (joined.channel, joined.topic, joined.result) == ("Room", "room:1", "ok")
    assert joined.params == {"password": "[FILTERED]", "deep": [{"api_Token": "[FILTERED]"}]}
    assert (echoed.event, echoed.params, echoed.error) == ("echo", {"secret_word": "[FILTERED]", "n": 1}, None)
    assert isinstance(failed.error, RuntimeError)
    assert "[FILTERED]" in caplog.text
    for secret in ("pa55", "t0k", "s3cret"):
        assert secret not in caplog.text


async def test_a_channel_says_at_which_level_its_joins_and_messages_are_logged(connect: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "ectype.channels")

    class Silent(Room):
        log_join = None
        log_handle_in = None

    class Loud(Room):
        log_join = logging.WARNING
        log_handle_in = logging.INFO

    client = connect({"silent": Silent, "loud": Loud, "plain": Room})
    for topic in ("silent", "loud", "plain"):
        await client.join(topic)
        await client.send("1", "2", topic, "echo", {"n": 1})
        await client.next()
    lines = [(record.levelname, record.getMessage().partition(" in ")[0]) for record in caplog.records]
    assert lines == [
        ("WARNING", "join 'loud': ok"), ("INFO", "'echo' on 'loud'"),
        ("INFO", "join 'plain': ok"), ("DEBUG", "'echo' on 'plain'"),
    ]  # fmt: skip


async def test_a_silent_channel_is_told_to_telemetry_all_the_same(connect: Any, caplog: Any) -> None:
    class Silent(Room):
        log_join = None
        log_handle_in = None

    seen: list[Any] = []
    client = connect({"silent": Silent})
    with telemetry.attach(events.JOINED, seen.append), telemetry.attach(events.HANDLED_IN, seen.append):
        await client.join("silent")
        await client.send("1", "2", "silent", "echo", {"token": "t"})
        await client.next()
    assert [event.channel for event in seen] == ["Silent", "Silent"]
    assert seen[1].params == {"token": "[FILTERED]"}
    assert caplog.records == []


async def test_a_task_of_the_background_is_in_no_transaction_of_its_handler(connect: Any) -> None:
    scope = contextvars.ContextVar("scope", default="none")
    told: list[str] = []

    async def later() -> None:
        told.append(scope.get())

    class Starting(Room):
        async def handle_in_start(self, payload: Payload, socket: Socket) -> None:
            scope.set("an open transaction")
            await asyncio.create_task(later(), context=self.background())
            await asyncio.create_task(later())

    client = connect({"room:*": Starting})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "start", {})
    await client.quiet()
    assert told == ["none", "an open transaction"]


async def test_replies_by_reference_find_their_message(connect: Any) -> None:
    class Later(Room):
        async def handle_in_later(self, payload: Payload, socket: Socket) -> None:
            self.tell(socket.ref())

        async def handle_info(self, message: Any, socket: Socket) -> None:
            await self.reply(message, Reply({"reason": "late"}, status="error"))

    client = connect({"room:*": Later})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "later", {})
    assert await client.next() == ["1", "2", "room:1", "phx_reply", {"status": "error", "response": {"reason": "late"}}]


async def test_a_ref_is_not_to_be_had_when_no_message_is_in_hand(connect: Any, caplog: Any) -> None:
    class Late(Room):
        async def handle_in_late(self, payload: Payload, socket: Socket) -> None:
            self.tell("now")

        async def handle_info(self, message: object, socket: Socket) -> None:
            socket.ref()

    client = connect({"room:*": Late})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "late", {})
    assert (await client.next())[3] == "phx_error"
    assert "take socket.ref() inside a handler" in caplog.text


async def test_a_channel_that_is_told_more_than_it_can_do_closes_its_socket_with_1013(
    connect: Any, gate: type[Gate]
) -> None:
    client = connect({"gate": gate}, inbox=2)
    await client.join("gate")
    await client.send("1", "2", "gate", "wait", {})
    await asyncio.sleep(0)
    (channel,) = (runner._channel for runner in client.connection._runners.values())
    for n in range(20):
        channel.tell(n)
    assert client.connection.closing is None
    channel.tell("one too many")
    assert client.connection.closing == (1013, "too slow")
    gate.go.set()


async def test_a_channel_that_nobody_joined_says_how_to_send_from_outside() -> None:
    with pytest.raises(ChannelError, match=r"pubsub\.broadcast"):
        await Room().push("x", {})


@pytest.mark.parametrize("options", [{"max_channels": 0}, {"outbox": 0}, {"inbox": -1}])
def test_limits_below_one_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ChannelError, match="must be at least 1"):
        Limits(**options)  # type: ignore[arg-type]


async def test_binary_pushes_and_replies(connect: Any) -> None:
    class Upload(Room):
        async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Reply:
            await self.push("got", data)
            return Reply({"event": event, "size": len(data)})

    client = connect({"room:*": Upload, "plain": Room})
    await client.join("room:1", "1")
    await client.connection.receive(bytes([0, 1, 1, 6, 3]) + b"12room:1put" + b"\xff\x00")
    assert await client.next() == bytes([0, 1, 6, 3]) + b"1room:1got" + b"\xff\x00"
    assert (await client.next())[4]["response"] == {"event": "put", "size": 2}
    await client.join("plain", "3")
    await client.connection.receive(bytes([0, 1, 1, 5, 3]) + b"34plainput")
    assert (await client.next())[3] == "phx_error"


async def test_frames_are_compact_json(connect: Any) -> None:
    client = connect({"room:*": Room})
    sent: list[Any] = []
    client.connection.outbox._transmit = lambda frame: _keep(sent, frame)
    await client.send("1", "1", "room:1", "phx_join", {})
    await asyncio.sleep(0.01)
    assert sent == [json.dumps(["1", "1", "room:1", "phx_reply", {"status": "ok", "response": {"n": 1}}],
                               separators=(",", ":"))]  # fmt: skip


async def _keep(sent: list[Any], frame: Any) -> None:
    sent.append(frame)
