"""What travels between a client and its channels, as plain values."""

from __future__ import annotations

from typing import Final, NamedTuple

from ectype.web_integration.payload import Outgoing

HEARTBEAT_TOPIC: Final = "phoenix"
HEARTBEAT: Final = "heartbeat"
JOIN: Final = "phx_join"
LEAVE: Final = "phx_leave"
REPLY: Final = "phx_reply"
CLOSE: Final = "phx_close"
ERROR: Final = "phx_error"


class Message(NamedTuple):
    """One frame from a client.

    Attributes:
        join_ref: the ref of the join that this message belongs to; None in frames that belong to none.
        ref: what a reply must repeat; None where the client wants none.
        topic: the channel's address, as `room:1`.
        event: what is asked.
        payload: any JSON value, or bytes from a binary frame.
    """

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: object


class Push(NamedTuple):
    """One message to one client that answers none of its frames."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Outgoing


class Answer(NamedTuple):
    """The answer to one frame of a client: event `phx_reply`."""

    join_ref: str | None
    ref: str | None
    topic: str
    status: str
    response: Outgoing
