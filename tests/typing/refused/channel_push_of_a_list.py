from __future__ import annotations

from ectype.web_integration.channels.testing import JoinedChannel


async def work(room: JoinedChannel) -> None:
    await room.push("new_msg", [1, 2])  # refused
