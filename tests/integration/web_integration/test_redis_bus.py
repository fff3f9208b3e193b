"""RedisBus against a Redis of the test's own, which it may kill."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ectype.errors import ConfigError, ConnectError
from ectype.web_integration import RESYNC, PubSub
from ectype.web_integration.pubsub.redis import RedisBus
from tests.integration.web_integration.conftest import until

PASSWORD = "s3cret-of-the-test"


class OwnRedis:
    def __init__(self, binary: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
                        "--requirepass", PASSWORD, "--appendonly", "no"]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed, so there is no Redis that a test may kill")
    server = OwnRedis(binary, tmp_path)
    server.start()
    yield server
    server.kill()


def listen(pubsub: PubSub, topic: str = "posts") -> list[Any]:
    heard: list[Any] = []
    pubsub.subscribe(topic, lambda message: heard.append((message.event, message.payload)))
    return heard


async def test_a_killed_redis_loses_nothing_silently(redis: OwnRedis) -> None:
    async with PubSub(bus=RedisBus(redis.url)) as one, PubSub(bus=RedisBus(redis.url)) as two:
        heard, missed = listen(two), listen(two, RESYNC)
        one.broadcast("posts", "before", {})
        await until(lambda: heard)
        for count in (1, 2):
            redis.kill()
            for number in range(20):
                one.broadcast("posts", "meanwhile", {"n": number, "count": count})
            redis.start()
            await until(lambda expected=count: len(missed) >= expected)  # type: ignore[misc]
            one.broadcast("posts", "after", {"count": count})
            await until(lambda expected=count: ("after", {"count": expected}) in heard)  # type: ignore[misc]
    events = [event for event, _ in heard]
    assert all("lost" in payload["reason"] or "did not arrive" in payload["reason"] for _, payload in missed)
    assert len(heard) == len({repr(said) for said in heard}), "nothing comes twice"
    assert events[0] == "before"


async def test_one_connection_that_is_killed_is_made_anew_and_told_of(redis: OwnRedis) -> None:
    bus = RedisBus(redis.url)
    async with PubSub(bus=RedisBus(redis.url)) as one, PubSub(bus=bus) as two:
        heard, missed = listen(two), listen(two, RESYNC)
        name = await bus._hearing.connection.retry.call_with_retry(lambda: _id_of(bus), lambda _: _id_of(bus))
        assert await bus._client.client_kill_filter(_id=name) == 1
        await until(lambda: missed)
        one.broadcast("posts", "after", {})
        await until(lambda: heard)
    assert len(missed) == 1
    assert PASSWORD not in missed[0][1]["reason"]


async def _id_of(bus: RedisBus) -> int:
    here = bus._hearing.connection._writer.get_extra_info("sockname")
    clients = await bus._client.client_list()
    [found] = [client["id"] for client in clients if client["addr"] == f"{here[0]}:{here[1]}"]
    return int(found)


async def test_a_redis_that_goes_without_a_word_is_noticed_by_asking(redis: OwnRedis, monkeypatch: Any) -> None:
    monkeypatch.setattr("ectype.web_integration.pubsub.redis.CONNECT_SECONDS", 0.2)
    async with PubSub(bus=RedisBus(redis.url, ping_seconds=0.05)) as pubsub:
        missed = listen(pubsub, RESYNC)
        redis.freeze()
        await until(lambda: pubsub._relay is not None)
        bus: Any = pubsub._relay._bus  # type: ignore[union-attr]
        hearing = bus._hearing
        await until(lambda: bus._hearing is not hearing)
        redis.thaw()
        await until(lambda: missed)


async def test_an_unreachable_redis_is_named_without_its_password(redis: OwnRedis) -> None:
    redis.kill()
    with pytest.raises(ConnectError, match="did not let us subscribe") as caught:
        await PubSub(bus=RedisBus(redis.url)).open()
    assert PASSWORD not in str(caught.value)
    assert f"127.0.0.1:{redis.port}" in str(caught.value)
    assert "running there" in str(caught.value.hint)


async def test_a_wrong_password_is_named_without_it(redis: OwnRedis) -> None:
    with pytest.raises(ConnectError, match="did not let us subscribe") as caught:
        await PubSub(bus=RedisBus(redis.url.replace(PASSWORD, "another"))).open()
    assert "another" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", f"redis://user:{PASSWORD}@host:port"])
def test_what_is_no_address_of_a_redis_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no address of a Redis") as caught:
        RedisBus(url)
    assert PASSWORD not in str(caught.value)
    with pytest.raises(ConfigError, match="needs a name"):
        RedisBus("redis://localhost", channel="")
