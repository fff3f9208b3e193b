import asyncio
import logging
from typing import Any

from ectype.web_integration.channels.outbox import Fanout, Outbox


class Wire:
    """Takes frames while it is open."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None
        self.senders = 0

    async def transmit(self, frame: Any) -> None:
        self.senders += 1
        assert self.senders == 1, "two frames were being sent at once"
        try:
            await self.open.wait()
            if self.error is not None:
                raise self.error
            self.frames.append(frame)
        finally:
            self.senders -= 1


def make(fanout: Fanout, limit: int = 10) -> tuple[Outbox, Wire, list[str]]:
    wire, overflows = Wire(), list[str]()
    return Outbox(wire.transmit, fanout=fanout, overflow=lambda: overflows.append("over"), limit=limit), wire, overflows


async def test_an_empty_outbox_sends_directly_without_any_task() -> None:
    outbox, wire, _ = make(Fanout())
    before = len(asyncio.all_tasks())
    await outbox.send("a")
    assert wire.frames == ["a"]
    assert len(asyncio.all_tasks()) == before


async def test_posts_arrive_in_order_whatever_is_sent_between() -> None:
    outbox, wire, _ = make(Fanout())
    outbox.post("a")
    await outbox.send("b")
    outbox.post("c")
    await asyncio.sleep(0.001)
    assert wire.frames == ["a", "b", "c"]


async def test_a_post_while_a_frame_is_being_sent_follows_it() -> None:
    outbox, wire, _ = make(Fanout())
    wire.open.clear()
    sending = asyncio.create_task(outbox.send("a"))
    await asyncio.sleep(0)
    outbox.post("b")
    wire.open.set()
    await sending
    await asyncio.sleep(0.001)
    assert wire.frames == ["a", "b"]


async def test_one_task_serves_everybody_and_ends() -> None:
    fanout = Fanout()
    parts = [make(fanout) for _ in range(50)]
    for outbox, _, _ in parts:
        outbox.post("x")
    assert len(fanout._tasks) == 1
    await asyncio.sleep(0.001)
    assert all(wire.frames == ["x"] for _, wire, _ in parts)
    assert fanout._tasks == set()


async def test_slow_clients_delay_nobody() -> None:
    fanout = Fanout()
    parts = [make(fanout) for _ in range(9)]
    for _, wire, _ in parts[::3]:
        wire.open.clear()
    for outbox, _, _ in parts:
        outbox.post("x")
    for _ in range(10):
        await asyncio.sleep(0)
    assert [wire.frames for _, wire, _ in parts] == [[], ["x"], ["x"]] * 3
    for _, wire, _ in parts:
        wire.open.set()
    await asyncio.sleep(0.001)
    assert all(wire.frames == ["x"] for _, wire, _ in parts)
    assert fanout._tasks == set()


async def test_the_frame_too_many_closes_and_says_so_once() -> None:
    outbox, wire, overflows = make(Fanout(), limit=3)
    wire.open.clear()
    sending = asyncio.create_task(outbox.send("first"))
    await asyncio.sleep(0)
    for frame in "abc":
        outbox.post(frame)
    assert overflows == []
    outbox.post("d")
    outbox.post("e")
    assert overflows == ["over"]
    wire.open.set()
    await sending
    await asyncio.sleep(0.001)
    assert wire.frames == ["first"]


async def test_a_client_that_is_gone_is_no_error(caplog: Any) -> None:
    outbox, wire, overflows = make(Fanout())
    wire.error = ConnectionResetError()
    await outbox.send("a")
    outbox.post("b")
    await outbox.send("c")
    await asyncio.sleep(0.001)
    assert (wire.frames, overflows, caplog.records) == ([], [], [])


async def test_a_server_that_cannot_send_closes_the_socket_and_is_logged(caplog: Any) -> None:
    fanout = Fanout()
    outbox, wire, overflows = make(fanout)
    other, other_wire, _ = make(fanout)
    wire.error = RuntimeError("protocol violated")
    outbox.post("a")
    other.post("b")
    await asyncio.sleep(0.001)
    assert overflows == ["over"]
    assert "protocol violated" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR
    assert other_wire.frames == ["b"]


async def test_abandoning_lets_go_of_a_client_that_does_not_read() -> None:
    fanout = Fanout()
    outbox, wire, _ = make(fanout)
    other, other_wire, _ = make(fanout)
    wire.open.clear()
    outbox.post("a")
    await asyncio.sleep(0)
    outbox.abandon()
    other.post("b")
    await asyncio.sleep(0.001)
    assert fanout._tasks == set()
    assert other_wire.frames == ["b"]


async def test_senders_that_wait_for_room_go_on_when_the_outbox_closes() -> None:
    outbox, wire, _ = make(Fanout(), limit=4)
    wire.open.clear()
    senders = [asyncio.create_task(outbox.send(n)) for n in range(8)]
    await asyncio.sleep(0.001)
    assert sum(task.done() for task in senders) == 2
    outbox.close()
    wire.open.set()
    await asyncio.wait_for(asyncio.gather(*senders), 1)
    assert wire.frames == [0]
