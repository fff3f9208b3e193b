"""Long-poll sessions of other processes, reached by PubSub: a poll may come to a worker that does not have its session.

A session listens on a topic of its own, whose name only its signed token tells; a process that asks listens on one
for the answers. A question is `{"id", "reply_to", …}` with the event `find`, `poll`, `dispatch` or `cancel`.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from contextvars import Context
from typing import Any, Final, cast, final

from ectype.web_integration.channels.longpoll_session import GONE, TIMEOUT, Session
from ectype.web_integration.channels.serializer import Frame
from ectype.web_integration.pubsub.pubsub import Broadcast, PubSub, Subscription

OPEN_QUESTIONS: Final = 200
"""How many questions of other processes one session works on at once; more are not answered."""


@final
class Asker:
    """The side of the process that was asked by a client, and does not have its session."""

    __slots__ = ("_patience", "_pubsub", "_reply_to", "_subscription", "_waiting")

    def __init__(self, pubsub: PubSub, *, patience: float) -> None:
        self._pubsub = pubsub
        self._patience = patience
        self._reply_to = f"phx:lp:answers:{secrets.token_urlsafe(16)}"
        self._waiting: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._subscription: Subscription | None = None

    async def find(self, topic: str) -> Remote | None:
        """Return the session that listens on the topic, or None when it does not answer in time."""
        answer = await self.ask(topic, "find", {}, self._patience)
        return None if answer is None else Remote(self, topic, self._patience)

    async def ask(
        self, topic: str, event: str, question: Mapping[str, object], seconds: float
    ) -> Mapping[str, Any] | None:
        """Put a question to the session, and return its answer, or None when none comes in time."""
        if self._subscription is None:
            self._subscription = self._pubsub.subscribe(self._reply_to, self._answered)
        number = secrets.token_urlsafe(12)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._pubsub.broadcast(topic, event, {**question, "id": number, "reply_to": self._reply_to})
            await asyncio.wait({answer}, timeout=seconds)
            return answer.result() if answer.done() else None
        except asyncio.CancelledError:
            # The client of a poll is gone: what comes now must wait for its next one.
            self._pubsub.broadcast(topic, "cancel", {"id": number})
            raise
        finally:
            del self._waiting[number]

    def _answered(self, broadcast: Broadcast) -> None:
        answer = cast("Mapping[str, Any]", broadcast.payload)
        waiting = self._waiting.get(str(answer.get("id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


@final
class Remote:
    """A session in another process, used as one that is here."""

    __slots__ = ("_asker", "_patience", "_topic")

    def __init__(self, asker: Asker, topic: str, patience: float) -> None:
        self._asker = asker
        self._topic = topic
        self._patience = patience

    async def poll(self, seconds: float) -> list[str] | None:
        """Return what waits for the client, or what comes within that time; None when the session ends meanwhile."""
        answer = await self._asker.ask(self._topic, "poll", {"seconds": seconds}, seconds + self._patience)
        return None if answer is None else cast("list[str] | None", answer["messages"])

    async def dispatch(self, frame: Frame, seconds: float) -> int:
        """Let the session handle a client's frame; see Session.dispatch."""
        question: dict[str, object] = {"seconds": seconds}
        if isinstance(frame, str):
            question["text"] = frame
        else:
            question["base64"] = base64.b64encode(frame).decode()
        answer = await self._asker.ask(self._topic, "dispatch", question, seconds + self._patience)
        return TIMEOUT if answer is None else int(answer["status"])


@final
class Answerer:
    """The side of the session: works on what other processes ask."""

    __slots__ = ("_pubsub", "_session", "_subscription", "_tasks")

    def __init__(self, session: Session, pubsub: PubSub, topic: str) -> None:
        self._session = session
        self._pubsub = pubsub
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._subscription = pubsub.subscribe(topic, self._asked)

    def stop(self) -> None:
        """Take no more questions; those in hand are answered."""
        self._pubsub.unsubscribe(self._subscription)

    def _asked(self, broadcast: Broadcast) -> None:
        question = cast("Mapping[str, Any]", broadcast.payload)
        number = str(question["id"])
        if broadcast.event == "cancel":
            if number in self._tasks:
                self._tasks[number].cancel()
        elif broadcast.event == "find":
            self._answer(question, {})
        elif len(self._tasks) < OPEN_QUESTIONS:
            work = self._work(broadcast.event, question)
            # Of no context but its own: that of the asker is another client's.
            task = self._tasks[number] = asyncio.get_running_loop().create_task(work, context=Context())
            task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _work(self, event: str, question: Mapping[str, Any]) -> None:
        seconds = float(question["seconds"])
        if event == "poll":
            self._answer(question, {"messages": await self._session.poll(seconds)})
        elif event == "dispatch":
            text = question.get("text")
            frame: Frame = base64.b64decode(question["base64"]) if text is None else text
            self._answer(question, {"status": await self._session.dispatch(frame, seconds)})
        else:
            self._answer(question, {"status": GONE})

    def _answer(self, question: Mapping[str, Any], answer: Mapping[str, object]) -> None:
        self._pubsub.broadcast(str(question["reply_to"]), "answer", {**answer, "id": question["id"]})
