"""Presence and PubSub between processes."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from ectype import Repo
from ectype.web_integration import (
    Channel,
    Holder,
    Join,
    Joined,
    Payload,
    Periods,
    PostgresBus,
    Presence,
    PubSub,
    Socket,
)
from ectype.web_integration.pubsub.redis import RedisBus

repo = Repo("postgresql://127.0.0.1/blog")
pubsub = PubSub(bus=PostgresBus(repo, channel="blog"), node="web-1", defer=repo.after_commit, room=100)
assert_type(PubSub(bus=RedisBus("redis://127.0.0.1")), PubSub)


class RoomPresence(Presence):
    async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
        return {key: {"name": key} for key in keys}


presence = RoomPresence(pubsub, name="rooms", periods=Periods(heartbeat=1, down=5, gone=60))


class RoomChannel(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        assert_type(presence.track(self, 1, {"device": "phone"}), str)
        assert_type(presence.update(self, 1, lambda meta: {**meta, "mood": "busy"}), str)
        presence.untrack(self, 1)
        presence.untrack(self)
        return Joined()

    async def handle_info(self, message: object, socket: Socket) -> None:
        assert_type(self.topic, str)
        await self.push("presence_state", await presence.list(self.topic))
        one = await presence.get_by_key(self.topic, 1)
        assert_type(one, Mapping[str, Any] | None)


with Holder("room:1") as holder:
    assert_type(holder.topic, str)
