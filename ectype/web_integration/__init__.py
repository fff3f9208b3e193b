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
    Drain,
    Handled,
    Join,
    Joined,
    JoinRefused,
    LongPoll,
    Params,
    Ref,
    Refused,
    Reply,
    Socket,
    SocketApp,
    SocketHandler,
    Stop,
    csrf_token,
    socket_app,
)
from ectype.web_integration.errors import repo_errors
from ectype.web_integration.middleware import repo_lifespan
from ectype.web_integration.payload import Outgoing, Payload, PayloadError
from ectype.web_integration.pubsub import Broadcast, PubSub, PubSubError, Subscription

__all__ = [
    "Broadcast",
    "Channel",
    "ChannelError",
    "ConnectInfo",
    "Connected",
    "Drain",
    "Handled",
    "Join",
    "JoinRefused",
    "Joined",
    "LongPoll",
    "Outgoing",
    "Params",
    "Payload",
    "PayloadError",
    "PubSub",
    "PubSubError",
    "Ref",
    "Refused",
    "Reply",
    "Socket",
    "SocketApp",
    "SocketHandler",
    "Stop",
    "Subscription",
    "csrf_token",
    "repo_errors",
    "repo_lifespan",
    "socket_app",
]
