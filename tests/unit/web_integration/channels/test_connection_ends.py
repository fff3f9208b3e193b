"""Joins that wait, clients that leave or misbehave, and channels that end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from ectype.web_integration import (
    Connected,
    Payload,
    PubSub,
    Reply,
    Socket,
)
from tests.unit.web_integration.channels.rooms import OK, Gate, Room


@pytest.fixture
def gate() -> type[Gate]:
    return type("GateHere", (Gate,), {"go": asyncio.Event(), "ends": []})


async def test_a_pending_join_holds_back_its_own_topic_only(connect: Any, gate: type[Gate]) -> None:
    client = connect({"gate": gate, "room:*": Room})
    await client.send("1", "1", "gate", "phx_join", {"wait": True})
    await client.send("1", "2", "gate", "echo", {"after": "join"})
    assert (await client.join("room:1", "3"))[1] == "3"
    await client.send(None, "4", "phoenix", "heartbeat", {})
    assert await client.next() == [None, "4", "phoenix", "phx_reply", OK]
    assert await client.quiet() == []
    gate.go.set()
    assert [(await client.next())[1] for _ in range(2)] == ["1", "2"]


async def test_what_was_sent_to_a_join_that_is_refused_is_unmatched(connect: Any, gate: type[Gate]) -> None:
    client = connect({"gate": gate})
    await client.send("1", "1", "gate", "phx_join", {"wait": True, "refuse": True})
    await client.send("1", "2", "gate", "echo", {})
    gate.go.set()
    assert (await client.next())[4]["response"] == {"reason": "late"}
    assert (await client.next())[4]["response"] == {"reason": "unmatched topic"}


async def test_a_client_is_not_read_while_its_channel_has_too_much_to_do(connect: Any, gate: type[Gate]) -> None:
    client = connect({"gate": gate}, inbox=5)
    await client.join("gate")
    await client.send("1", "w", "gate", "wait", {})
    await asyncio.sleep(0)
    sending = asyncio.create_task(_send_many(client, 20))
    await asyncio.sleep(0.02)
    assert not sending.done()
    gate.go.set()
    await asyncio.wait_for(sending, 2)
    assert [(await client.next())[1] for _ in range(21)] == ["w", *map(str, range(20))]


async def _send_many(client: Any, count: int) -> None:
    for n in range(count):
        await client.send("1", str(n), "gate", "echo", {})


async def test_a_duplicate_join_lets_the_first_finish_then_closes_it_after_its_own_reply(
    connect: Any, gate: type[Gate]
) -> None:
    client = connect({"gate": gate})
    await client.join("gate", "1")
    await client.send("1", "5", "gate", "wait", {})
    await client.send("2", "2", "gate", "phx_join", {})
    assert await client.quiet() == []
    gate.go.set()
    assert (await client.next())[:2] == ["1", "5"]
    assert (await client.next())[:4] == ["2", "2", "gate", "phx_reply"]
    assert await client.next() == ["1", "1", "gate", "phx_close", {}]
    assert gate.ends == ["duplicate_join"]


async def test_a_channel_that_does_not_end_for_a_duplicate_is_cancelled(
    connect: Any, gate: type[Gate], monkeypatch: Any, pubsub: PubSub
) -> None:
    monkeypatch.setattr(gate, "shutdown", timedelta(seconds=0.02))
    client = connect({"gate": gate})
    await client.join("gate", "1")
    await client.send("1", "5", "gate", "wait", {})
    assert (await client.join("gate", "2"))[:2] == ["2", "2"]
    assert (await client.next())[3] == "phx_close"
    assert pubsub.subscribers("gate") == 1
    assert len(client.connection._runners) == 1


async def test_a_client_that_joins_over_and_over_is_not_read(connect: Any, gate: type[Gate], monkeypatch: Any) -> None:
    monkeypatch.setattr(gate, "shutdown", timedelta(seconds=0.05))
    client = connect({"gate": gate})

    async def join_often() -> None:
        for n in range(50):
            await client.send(str(n), str(n), "gate", "phx_join", {"wait": True})

    task = asyncio.create_task(join_often())
    await asyncio.sleep(0.02)
    assert len(client.connection._runners) <= 3
    gate.go.set()
    await asyncio.wait_for(task, 2)
    assert (await client.next())[3] == "phx_reply"


async def test_bad_frames_close_the_socket_with_1003(connect: Any, caplog: Any) -> None:
    client = connect({"room:*": Room})
    await client.connection.receive("{not json")
    assert client.closed.is_set()
    assert client.connection.closing == (1003, "bad frame")
    assert "bad frame" in caplog.text


async def test_a_client_that_never_reads_is_closed_with_1013_and_delays_nobody(connect: Any, pubsub: PubSub) -> None:
    clients = [connect({"room:*": Room}, outbox=50) for _ in range(4)]
    for client in clients:
        await client.join("room:1")
    clients[1].readable.clear()
    for n in range(60):
        pubsub.broadcast("room:1", "n", {"n": n})
        for other in (clients[0], clients[2], clients[3]):
            assert (await other.next())[4] == {"n": n}
    assert clients[1].connection.closing == (1013, "too slow")
    assert [client.connection.closing for client in clients if client is not clients[1]] == [None] * 3


async def test_pushes_wait_for_a_slow_client_instead_of_overflowing(connect: Any) -> None:
    class Chatty(Room):
        async def handle_in_chat(self, payload: Payload, socket: Socket) -> Reply:
            for n in range(200):
                await self.push("n", {"n": n})
            return Reply({"done": True})

    client = connect({"room:*": Chatty}, outbox=10)
    await client.join("room:1")
    client.readable.clear()
    await client.send("1", "2", "room:1", "chat", {})
    assert await client.quiet() == []
    client.readable.set()
    assert [(await client.next())[4]["n"] for _ in range(200)] == list(range(200))
    assert (await client.next())[3] == "phx_reply"
    assert client.connection.closing is None


async def test_a_disconnect_broadcast_on_the_id_closes_the_socket_with_1001(connect: Any, pubsub: PubSub) -> None:
    client = connect({"room:*": Room}, connected=Connected(id="users:1"))
    pubsub.broadcast("users:1", "other", {})
    assert not client.closed.is_set()
    pubsub.broadcast("users:1", "disconnect", {})
    assert client.connection.closing == (1001, "disconnected")


async def test_when_the_client_goes_its_last_messages_are_handled_and_channels_terminated(
    connect: Any, gate: type[Gate], pubsub: PubSub
) -> None:
    client = connect({"gate": gate}, connected=Connected(id="users:1"))
    await client.join("gate")
    await client.send("1", "2", "gate", "wait", {})
    finishing = asyncio.create_task(client.connection.finish())
    await asyncio.sleep(0.01)
    assert gate.ends == []
    gate.go.set()
    await asyncio.wait_for(finishing, 2)
    assert gate.ends == ["disconnected"]
    assert (pubsub.subscribers("gate"), pubsub.subscribers("users:1")) == (0, 0)
    assert client.frames == [], "nothing is sent to a client that is gone"


async def test_a_channel_that_does_not_end_with_its_client_is_cancelled(
    connect: Any, gate: type[Gate], monkeypatch: Any
) -> None:
    monkeypatch.setattr(gate, "shutdown", timedelta(seconds=0.02))
    client = connect({"gate": gate})
    await client.join("gate")
    await client.send("1", "2", "gate", "wait", {})
    await asyncio.wait_for(client.connection.finish(), 1)
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "Runner" in repr(task.get_coro())] == []


async def test_terminate_that_raises_is_logged_and_harms_nobody(connect: Any, caplog: Any) -> None:
    class Grumpy(Room):
        async def terminate(self, reason: str, socket: Socket) -> None:
            raise RuntimeError("grumble")

    client = connect({"room:*": Grumpy})
    await client.join("room:1")
    await client.send("1", "2", "room:1", "phx_leave", {})
    await client.next()
    assert (await client.next())[3] == "phx_close"
    assert "grumble" in caplog.text
    assert (await client.join("room:1", "3"))[4]["status"] == "ok"
