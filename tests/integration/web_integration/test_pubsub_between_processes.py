"""What PubSub promises, over every bus: the cases of Phoenix's own suites, and those of losses."""

import asyncio
from typing import Any

import pytest

from ectype import Repo
from ectype.errors import ConfigError, ConnectError, UnsupportedError
from ectype.web_integration import RESYNC, Broadcast, PostgresBus, PubSub, PubSubError, repo_lifespan
from ectype.web_integration.pubsub.bus import Parcel
from ectype.web_integration.pubsub.relay import Relay
from tests.integration.web_integration.conftest import until
from tests.pgbouncer import needs_pgbouncer, pooled


def listen(pubsub: PubSub, topic: str = "posts") -> list[Any]:
    heard: list[Any] = []
    pubsub.subscribe(topic, lambda message: heard.append((message.event, message.payload)))
    return heard


async def flushed(sender: PubSub, *hearers: PubSub) -> None:
    """Wait until all that was sent before has been heard."""
    marks = [listen(hearer, "mark") for hearer in hearers]
    sender.broadcast("mark", "mark", {})
    await until(lambda: all(marks))


async def test_a_broadcast_reaches_the_subscribers_of_its_topic_on_all_nodes_once(pubsub: Any) -> None:
    one, two, three = [await pubsub() for _ in range(3)]
    heard = [listen(node) for node in (one, two, three)]
    other = listen(two, "users")
    one.broadcast("posts", "created", {"id": 1, "text": "ä\n🐎\u0000"})
    assert heard[0] == [("created", {"id": 1, "text": "ä\n🐎\u0000"})], "its own process is told at once"
    await flushed(one, two, three)
    assert heard[0] == heard[1] == heard[2]
    assert len(heard[0]) == 1
    assert other == []


async def test_bytes_and_what_json_writes_as_text_arrive(pubsub: Any) -> None:
    one, two = await pubsub(), await pubsub()
    bodies: list[Any] = []
    two.subscribe("posts", lambda message: bodies.append((message.payload, message.body)))
    one.broadcast("posts", "upload", bytes(range(256)))
    one.broadcast("posts", "odd", {"lone": "\ud800"})
    await until(lambda: len(bodies) == 2)
    assert bodies == [(bytes(range(256)), bytes(range(256))), ({"lone": "\ud800"}, '{"lone":"\\ud800"}')]


async def test_broadcast_from_skips_the_sender_only(pubsub: Any) -> None:
    one, two = await pubsub(), await pubsub()
    own: list[Any] = []
    sender = one.subscribe("posts", own.append)
    beside, away = listen(one), listen(two)
    one.broadcast_from(sender, "posts", "created", {})
    await flushed(one, two)
    assert own == []
    assert beside == away == [("created", {})]


async def test_local_broadcasts_stay_in_their_process(pubsub: Any) -> None:
    one, two = await pubsub(), await pubsub()
    own: list[Any] = []
    sender = one.subscribe("posts", own.append)
    beside, away = listen(one), listen(two)
    one.local_broadcast("posts", "a", {})
    one.local_broadcast_from(sender, "posts", "b", {})
    await flushed(one, two)
    assert [message.event for message in own] == ["a"]
    assert [event for event, _ in beside] == ["a", "b"]
    assert away == []


async def test_a_direct_broadcast_reaches_one_node_and_an_unknown_one_is_no_error(pubsub: Any) -> None:
    one, two, three = [await pubsub(node=f"web-{number}") for number in range(3)]
    heard = [listen(node) for node in (one, two, three)]
    one.direct_broadcast("web-1", "posts", "for two", {})
    one.direct_broadcast("web-1", "posts", "for two", {})
    one.direct_broadcast("web-0", "posts", "for itself", {})
    one.direct_broadcast("nobody", "posts", "for nobody", {})
    await flushed(one, two, three)
    assert heard == [[("for itself", {})], [("for two", {})] * 2, []]


async def test_identical_broadcasts_all_arrive_and_in_the_order_of_their_sender(pubsub: Any) -> None:
    one, two = await pubsub(), await pubsub()
    heard = listen(two)
    missed = listen(two, RESYNC)
    for number in range(500):
        one.broadcast("posts", "same", {})
        one.broadcast("posts", "number", {"n": number})
    await until(lambda: len(heard) == 1_000)
    assert heard == [said for number in range(500) for said in (("same", {}), ("number", {"n": number}))]
    assert missed == []


async def test_a_message_of_any_length_arrives_in_its_turn(pubsub: Any) -> None:
    one, two = await pubsub(), await pubsub()
    heard = listen(two)
    lengths = [1, 7_000, 7_900, 8_000, 9_000, 1_000_000, 2]
    for length in lengths:
        one.broadcast("posts", "text", {"text": "ä" * (length // 2)})
        one.broadcast("posts", "bytes", b"x" * length)
    await until(lambda: len(heard) == 14)
    assert [len(payload) if event == "bytes" else len(payload["text"]) for event, payload in heard] == [
        size for length in lengths for size in (length // 2, length)
    ]


async def test_a_deferred_broadcast_goes_nowhere_before_its_time(pubsub: Any) -> None:
    waiting: list[Any] = []
    one, two = await pubsub(defer=waiting.append), await pubsub()
    near, far = listen(one), listen(two)
    one.broadcast("posts", "later", {})
    two.broadcast("mark", "mark", {})
    await flushed(two, one)
    assert near == far == []
    waiting[0]()
    assert near == [("later", {})]
    await until(lambda: far)


async def test_a_closed_pubsub_has_sent_what_waited(make_bus: Any, pubsub: Any) -> None:
    two = await pubsub()
    heard = listen(two)
    async with PubSub(bus=make_bus()) as one:
        for number in range(300):
            one.broadcast("posts", "n", {"n": number})
    await until(lambda: len(heard) == 300)


async def test_a_pubsub_with_a_bus_that_is_not_open_says_what_to_write(make_bus: Any) -> None:
    pubsub = PubSub(bus=make_bus())
    heard = listen(pubsub)
    for _ in range(2):
        with pytest.raises(PubSubError, match="not open") as caught:
            pubsub.broadcast("posts", "created", {})
        assert "repo_lifespan(repo, pubsub)" in str(caught.value.hint)
        async with pubsub:
            pubsub.local_broadcast("posts", "local", {})
    assert heard == [("local", {})] * 2


async def test_a_lifespan_opens_a_pubsub(make_bus: Any) -> None:
    pubsub = PubSub(bus=make_bus())
    async with repo_lifespan(pubsub)(None):
        pubsub.broadcast("posts", "created", {})
    with pytest.raises(PubSubError, match="not open"):
        pubsub.broadcast("posts", "created", {})


async def test_two_processes_of_one_name_are_told_of_in_the_log(pubsub: Any, caplog: Any) -> None:
    one, two = await pubsub(node="web"), await pubsub(node="web")
    heard = listen(two)
    one.broadcast("posts", "created", {})
    await until(lambda: heard)
    assert "another process calls itself 'web' too" in caplog.text


async def test_what_somebody_else_sends_on_the_bus_is_told_of_and_ends_nothing(
    make_bus: Any, pubsub: Any, caplog: Any
) -> None:
    two = await pubsub()
    missed, heard = listen(two, RESYNC), listen(two)
    bus = make_bus()
    await bus.open("stranger", lambda _: None, lambda *_: None)
    texts = [
        "",
        "{}",
        "[1]",
        "nonsense\n{}",
        '[2,"a","b",1,"t","e","json"]\n{}',
        '[1,"a","b",1,"posts","e","bytes"]\n!',
    ]
    await bus.send([Parcel(None, text) for text in texts])
    await bus.send([Parcel(None, '[1,"a","b",1,"posts","e","json"]\n{"x":1}')])
    await until(lambda: heard)
    await bus.close()
    assert heard == [("e", {"x": 1})]
    assert [payload["reason"] for _, payload in missed] == ["a message could not be read"] * len(texts)
    assert "not one of this version" in caplog.text


async def test_a_text_that_comes_twice_is_heard_once_and_one_that_is_missing_is_told_of(
    make_bus: Any, pubsub: Any
) -> None:
    two = await pubsub()
    missed, heard = listen(two, RESYNC), listen(two)
    bus = make_bus()
    await bus.open("stranger", lambda _: None, lambda *_: None)
    for number in (5, 6, 6, 5, 9, 8, 10, -1, -1, -2):
        await bus.send([Parcel(None, f'[1,"a","web-7",{number},"posts","e","json"]\n{{"n":{number}}}')])
    await until(lambda: ("e", {"n": -2}) in heard)
    await bus.close()
    assert [payload["n"] for _, payload in heard] == [5, 6, 9, 10, -1, -2]
    assert [payload["reason"] for _, payload in missed] == ["2 messages of web-7 did not arrive"]


class BrokenBus:
    """A bus that does not take anything until it is told to."""

    def __init__(self) -> None:
        self.works = False
        self.sent: list[Any] = []

    async def open(self, *_what: Any) -> None: ...
    async def close(self) -> None: ...
    async def send(self, parcels: Any) -> None:
        if not self.works:
            raise ConnectError("away")
        self.sent += parcels


async def test_broadcasts_wait_for_a_bus_that_is_away_and_leave_in_order(caplog: Any) -> None:
    bus = BrokenBus()
    async with PubSub(bus=bus) as pubsub:
        for number in range(250):
            pubsub.broadcast("posts", "n", {"n": number})
        await until(lambda: "does not take them: away" in caplog.text)
        bus.works = True
        await until(lambda: len(bus.sent) == 250)
    assert [int(parcel.text.partition("\n")[2][5:-1]) for parcel in bus.sent] == list(range(250))
    assert "leave again" in caplog.text


async def test_more_broadcasts_than_there_is_room_for_are_refused_and_the_others_hear_of_a_gap() -> None:
    bus = BrokenBus()
    async with PubSub(bus=bus, room=3) as pubsub:
        heard = listen(pubsub)
        for _ in range(3):
            pubsub.broadcast("posts", "kept", {})
        with pytest.raises(PubSubError, match="3 broadcasts wait") as caught:
            pubsub.broadcast("posts", "refused", {})
        assert "room" in str(caught.value.hint)
        assert [event for event, _ in heard] == ["kept"] * 3, "nobody hears what was refused"
        bus.works = True
        await until(lambda: len(bus.sent) == 3)
        pubsub.broadcast("posts", "after", {})
        await until(lambda: len(bus.sent) == 4)
    missed: list[Any] = []
    got: list[Any] = []
    relay = Relay(bus, "other", got.append, lambda _since, reason: missed.append(reason), 1)
    for parcel in bus.sent:
        relay._hear(parcel.text)
    assert [message.event for message in got] == ["kept", "kept", "kept", "after"]
    assert missed == [f"1 messages of {pubsub.node} did not arrive"]


@pytest.mark.parametrize("node", ["", "x" * 33, "a:b", "a b", "ä", "a\n"])
def test_what_is_no_name_of_a_node_is_refused(node: str) -> None:
    with pytest.raises(PubSubError, match="no name of a process"):
        PubSub(node=node)
    with pytest.raises(PubSubError, match="room=0"):
        PubSub(room=0)


async def test_without_a_bus_opening_and_direct_broadcasts_are_no_error() -> None:
    async with PubSub(node="web-1") as pubsub:
        heard = listen(pubsub)
        pubsub.direct_broadcast("web-1", "posts", "mine", {})
        pubsub.direct_broadcast("web-2", "posts", "theirs", {})
    assert heard == [("mine", {})]


async def test_a_subscriber_keeps_what_it_needs_to_send_messages_in_its_own_way() -> None:
    pubsub = PubSub()
    sent: list[Any] = []

    def dispatcher(metadata: str) -> Any:
        return lambda message: sent.append((metadata, message.event))

    for metadata in ("fast", "slow"):
        pubsub.subscribe("posts", dispatcher(metadata))
    pubsub.broadcast("posts", "created", {})
    assert sent == [("fast", "created"), ("slow", "created")]


# PostgreSQL.


@pytest.mark.postgres
async def test_a_broadcast_in_a_transaction_leaves_after_the_commit_and_never_after_a_rollback(repo: Repo) -> None:
    async with (
        PubSub(bus=PostgresBus(repo), defer=repo.after_commit) as one,
        PubSub(bus=PostgresBus(repo)) as two,
    ):
        near, far = listen(one), listen(two)
        async with repo.transaction() as tx:
            one.broadcast("posts", "rolled back", {})
            tx.rollback()
        async with repo.transaction():
            one.broadcast("posts", "committed", {})
            await flushed(two, one)
            assert near == far == []
        assert near == [("committed", {})]
        await flushed(one, two)
        assert far == [("committed", {})]


@pytest.mark.postgres
async def test_a_pubsub_opened_inside_a_transaction_has_nothing_to_do_with_it(repo: Repo) -> None:
    async with repo.transaction() as tx:
        one = await PubSub(bus=PostgresBus(repo)).__aenter__()
        two = await PubSub(bus=PostgresBus(repo)).__aenter__()
        heard = listen(two)
        one.broadcast("posts", "long", b"x" * 9_000)
        await until(lambda: heard)
        tx.rollback()
    one.broadcast("posts", "after", b"x" * 9_000)
    await until(lambda: len(heard) == 2)
    await one.close()
    await two.close()


@pytest.mark.postgres
async def test_a_killed_listener_comes_back_by_itself_and_subscribers_are_told(repo: Repo) -> None:
    bus = PostgresBus(repo)
    async with PubSub(bus=PostgresBus(repo)) as one, PubSub(bus=bus) as two:
        heard, missed = listen(two), listen(two, RESYNC)
        for number in range(3):
            listener: Any = bus._listener
            await repo.query("SELECT pg_terminate_backend({})", listener._connection.server_pid)
            await until(lambda expected=number + 1: len(missed) == expected)  # type: ignore[misc]
            one.broadcast("posts", "after", {"n": number})
            await until(lambda expected=number: ("after", {"n": expected}) in heard)  # type: ignore[misc]
    assert all("lost" in payload["reason"] and payload["since"].tzinfo for _, payload in missed)


@pytest.mark.postgres
async def test_a_listener_that_fails_for_good_is_made_anew(repo: Repo, caplog: Any) -> None:
    bus = PostgresBus(repo)
    async with PubSub(bus=PostgresBus(repo)) as one, PubSub(bus=bus) as two:
        heard, missed = listen(two), listen(two, RESYNC)
        listener: Any = bus._listener
        listener._inbox.fail(ConfigError("broken for good"))
        await until(lambda: missed)
        one.broadcast("posts", "after", {})
        await until(lambda: heard)
    assert "made anew" in missed[0][1]["reason"]
    assert "broken for good" in caplog.text


@pytest.mark.postgres
async def test_a_long_message_that_is_gone_from_its_table_is_told_of(repo: Repo) -> None:
    async with PubSub(bus=PostgresBus(repo)) as one, PubSub(bus=PostgresBus(repo)) as two:
        heard, missed = listen(two), listen(two, RESYNC)
        await repo.notify("ectype_pubsub", "@00000000")
        one.broadcast("posts", "after", {})
        await until(lambda: heard)
        assert [payload["reason"] for _, payload in missed] == ["a long message was not in its table any more"]


@pytest.mark.postgres
async def test_the_table_of_long_messages_keeps_them_for_minutes_only(repo: Repo) -> None:
    async with PubSub(bus=PostgresBus(repo)) as one:
        await repo.query("INSERT INTO ectype_pubsub VALUES ('old', 'x', now() - interval '6 minutes')")
        await repo.query("INSERT INTO ectype_pubsub VALUES ('new', 'x', now() - interval '4 minutes')")
        one.broadcast("posts", "long", b"x" * 9_000)
    rows = (await repo.query("SELECT id FROM ectype_pubsub ORDER BY made")).rows
    assert [len(row[0]) for row in rows] == [3, 36]
    assert rows[0][0] == "new"


@pytest.mark.postgres
async def test_many_processes_may_start_at_once_on_an_empty_database(repo: Repo) -> None:
    nodes = [PubSub(bus=PostgresBus(repo)) for _ in range(8)]
    await asyncio.gather(*(node.open() for node in nodes))
    await asyncio.gather(*(node.close() for node in nodes))


@pytest.mark.postgres
@needs_pgbouncer
async def test_a_pooler_in_between_is_found_at_start_and_direct_url_goes_around_it(fresh_postgres_url: str) -> None:
    with pooled(fresh_postgres_url) as url:
        async with Repo(url) as repo:
            with pytest.raises(UnsupportedError, match="pooler") as caught:
                await PubSub(bus=PostgresBus(repo)).open()
            assert "direct_url" in str(caught.value.hint)
        async with (
            Repo(url, direct_url=fresh_postgres_url) as repo,
            PubSub(bus=PostgresBus(repo)) as one,
            PubSub(bus=PostgresBus(repo)) as two,
        ):
            heard = listen(two)
            one.broadcast("posts", "short", {})
            one.broadcast("posts", "long", b"x" * 9_000)
            await until(lambda: len(heard) == 2)


async def test_sqlite_has_no_notifications_and_names_the_alternative(sqlite_url: str) -> None:
    async with Repo(sqlite_url) as repo:
        with pytest.raises(UnsupportedError, match="SQLite") as caught:
            await PubSub(bus=PostgresBus(repo)).open()
        assert "PubSub" in str(caught.value.hint)


@pytest.mark.parametrize("channel", ["", "x" * 31])
def test_what_is_no_name_of_a_channel_is_refused(channel: str) -> None:
    with pytest.raises(ConfigError, match="1 to 30 bytes"):
        PostgresBus(Repo("postgresql://127.0.0.1:1/blog"), channel=channel)


def test_a_broadcast_that_was_received_reads_its_payload_when_asked() -> None:
    message = Broadcast.received("posts", "created", '{"id":1}')
    assert (message.topic, message.event, message.payload) == ("posts", "created", {"id": 1})
    assert message.payload is message.payload
