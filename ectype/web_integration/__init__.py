"""The web side: channels, PubSub, and what connects a repo to a Starlette application.

It needs Starlette: `pip install 'ectype[web]'`.
"""

try:
    import starlette as starlette
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError(
        "ectype.web_integration needs Starlette\n\nhint: pip install 'ectype[web]'", name="starlette"
    ) from exc

from ectype.web_integration.channels import (
    Channel,
    ChannelError,
    Connected,
    ConnectInfo,
    Handled,
    Join,
    Joined,
    JoinRefused,
    Params,
    Ref,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    Stop,
    socket_app,
)
from ectype.web_integration.errors import repo_errors
from ectype.web_integration.middleware import repo_lifespan
from ectype.web_integration.payload import Outgoing, Payload, PayloadError
from ectype.web_integration.presence import Holder, Periods, Presence, PresenceError
from ectype.web_integration.pubsub import RESYNC, Broadcast, PubSub, PubSubError, Subscription
from ectype.web_integration.pubsub.postgres import PostgresBus

__all__ = [
    "RESYNC",
    "Broadcast",
    "Channel",
    "ChannelError",
    "ConnectInfo",
    "Connected",
    "Handled",
    "Holder",
    "Join",
    "JoinRefused",
    "Joined",
    "Outgoing",
    "Params",
    "Payload",
    "PayloadError",
    "Periods",
    "PostgresBus",
    "Presence",
    "PresenceError",
    "PubSub",
    "PubSubError",
    "Ref",
    "Refused",
    "Reply",
    "Socket",
    "SocketHandler",
    "Stop",
    "Subscription",
    "repo_errors",
    "repo_lifespan",
    "socket_app",
]
