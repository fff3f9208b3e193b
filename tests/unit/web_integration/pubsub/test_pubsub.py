import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.web_integration import Broadcast, PayloadError, PubSub, PubSubError


def listener(pubsub: PubSub, topic: str) -> tuple[Any, list[Any]]:
    heard: list[Any] = []
    return pubsub.subscribe(topic, lambda message: heard.append((message.event, message.payload))), heard


def test_a_broadcast_reaches_the_subscribers_of_its_topic_before_it_returns() -> None:
    pubsub = PubSub()
    _, one = listener(pubsub, "posts")
    _, two = listener(pubsub, "posts")
    _, other = listener(pubsub, "users")
    assert pubsub.broadcast("posts", "created", {"id": 1}) is None
    assert one == two == [("created", {"id": 1})]
    assert other == []


def test_a_topic_without_subscribers_is_no_error() -> None:
    PubSub().broadcast("nobody", "x", {})


def test_broadcast_from_skips_the_sender_only() -> None:
    pubsub = PubSub()
    sender, own = listener(pubsub, "posts")
    _, other = listener(pubsub, "posts")
    pubsub.broadcast_from(sender, "posts", "created", {})
    assert (own, other) == ([], [("created", {})])


def test_local_broadcast_reaches_this_process() -> None:
    pubsub = PubSub()
    _, heard = listener(pubsub, "posts")
    pubsub.local_broadcast("posts", "created", {})
    assert heard == [("created", {})]


def test_one_function_subscribed_twice_is_called_twice() -> None:
    pubsub = PubSub()
    heard: list[Any] = []
    pubsub.subscribe("posts", heard.append)
    pubsub.subscribe("posts", heard.append)
    pubsub.broadcast("posts", "x", {})
    assert len(heard) == 2


def test_after_unsubscribe_nothing_comes_and_nothing_is_kept() -> None:
    pubsub = PubSub()
    subscription, heard = listener(pubsub, "posts")
    pubsub.unsubscribe(subscription)
    pubsub.unsubscribe(subscription)
    pubsub.broadcast("posts", "x", {})
    assert heard == []
    assert pubsub._topics == {}


def test_a_subscriber_may_end_its_subscription_while_it_is_called() -> None:
    pubsub = PubSub()
    heard: list[str] = []

    def once(message: Broadcast) -> None:
        heard.append(message.event)
        pubsub.unsubscribe(subscription)

    subscription = pubsub.subscribe("posts", once)
    _, other = listener(pubsub, "posts")
    pubsub.broadcast("posts", "one", {})
    pubsub.broadcast("posts", "two", {})
    assert heard == ["one"]
    assert len(other) == 2


def test_a_subscriber_that_raises_is_logged_and_the_others_hear(caplog: Any) -> None:
    pubsub = PubSub()

    def broken(message: Broadcast) -> None:
        raise RuntimeError("broken subscriber")

    pubsub.subscribe("posts", broken)
    _, heard = listener(pubsub, "posts")
    pubsub.broadcast("posts", "created", {})
    assert heard == [("created", {})]
    assert "broken subscriber" in caplog.text


def test_an_async_subscriber_is_refused_with_the_fix() -> None:
    async def subscriber(message: Broadcast) -> None: ...

    with pytest.raises(PubSubError, match=r"queue\.put_nowait"):
        PubSub().subscribe("posts", subscriber)


def test_a_broadcast_waits_for_what_it_is_deferred_to_and_keeps_its_words() -> None:
    waiting: list[Any] = []
    pubsub = PubSub(defer=waiting.append)
    bodies: list[Any] = []
    pubsub.subscribe("posts", lambda message: bodies.append(message.body))
    payload = {"id": 1}
    pubsub.broadcast("posts", "created", payload)
    payload["id"] = 2
    assert bodies == []
    waiting[0]()
    assert bodies == ['{"id":1}']


def test_a_deferred_broadcast_that_is_never_run_is_never_heard() -> None:
    pubsub = PubSub(defer=lambda callback: None)
    _, heard = listener(pubsub, "posts")
    pubsub.broadcast("posts", "created", {})
    assert heard == []


def test_a_payload_that_cannot_be_sent_fails_at_the_caller_even_when_deferred() -> None:
    waiting: list[Any] = []
    with pytest.raises(PayloadError, match=r"payload\['at'\] is of type object"):
        PubSub(defer=waiting.append).broadcast("posts", "created", {"at": object()})
    assert waiting == []


def test_another_thread_is_refused_with_the_line_to_write() -> None:
    pubsub = PubSub()
    listener(pubsub, "posts")
    refused: list[PubSubError] = []

    def elsewhere() -> None:
        for attempt in (lambda: pubsub.broadcast("posts", "x", {}), lambda: pubsub.subscribe("posts", print)):
            try:
                attempt()
            except PubSubError as exc:
                refused.append(exc)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(refused) == 2
    assert "loop.call_soon_threadsafe(pubsub.broadcast" in str(refused[0])


def test_what_subscribers_make_of_a_broadcast_is_made_once_a_key() -> None:
    made: list[Any] = []

    def make(message: Broadcast) -> int:
        made.append(message)
        return len(made)

    broadcast = Broadcast("t", "e", {})
    assert [broadcast.once("a", make), broadcast.once("a", make), broadcast.once("b", make)] == [1, 1, 2]


@given(st.lists(st.tuples(st.sampled_from(["subscribe", "unsubscribe", "broadcast"]), st.sampled_from("ab"))))
def test_subscribers_hear_exactly_what_was_said_while_they_listened(script: list[tuple[str, str]]) -> None:
    pubsub = PubSub()
    listening: list[tuple[Any, list[Any], list[Any], str]] = []
    finished: list[tuple[list[Any], list[Any]]] = []
    for number, (what, topic) in enumerate(script):
        if what == "subscribe":
            listening.append((*listener(pubsub, topic), [], topic))
        elif what == "unsubscribe" and listening:
            subscription, heard, wanted, _ = listening.pop(0)
            pubsub.unsubscribe(subscription)
            finished.append((heard, wanted))
        elif what == "broadcast":
            pubsub.broadcast(topic, "n", {"n": number})
            for _, _, wanted, where in listening:
                if where == topic:
                    wanted.append(("n", {"n": number}))
    finished += [(heard, wanted) for _, heard, wanted, _ in listening]
    assert all(heard == wanted for heard, wanted in finished)
