"""The web side: channels, PubSub, and what connects a repo to a Starlette application: statuses, params, forms, tokens.

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
from ectype.web_integration.errors import PROBLEMS, Problem, litestar_errors, repo_errors
from ectype.web_integration.filters import ParamFilter
from ectype.web_integration.forms import Form, FormField, to_form
from ectype.web_integration.jinja import form_templates
from ectype.web_integration.middleware import SandboxMiddleware, repo_lifespan
from ectype.web_integration.mounting import litestar_mount
from ectype.web_integration.params import (
    ParamLimits,
    ParamsError,
    ParamsTooLargeError,
    UnsupportedMediaTypeError,
    decode_params,
    nest_params,
    read_params,
)
from ectype.web_integration.payload import Outgoing, Payload, PayloadError
from ectype.web_integration.pending import PendingMigrations
from ectype.web_integration.presence import Holder, Periods, Presence, PresenceError
from ectype.web_integration.pubsub import RESYNC, Broadcast, PubSub, PubSubError, Subscription
from ectype.web_integration.pubsub.postgres import PostgresBus
from ectype.web_integration.tokens import TokenError, Tokens

__all__ = [
    "PROBLEMS",
    "RESYNC",
    "Broadcast",
    "Channel",
    "ChannelError",
    "ConnectInfo",
    "Connected",
    "Drain",
    "Form",
    "FormField",
    "Handled",
    "Holder",
    "Join",
    "JoinRefused",
    "Joined",
    "LongPoll",
    "Outgoing",
    "ParamFilter",
    "ParamLimits",
    "Params",
    "ParamsError",
    "ParamsTooLargeError",
    "Payload",
    "PayloadError",
    "PendingMigrations",
    "Periods",
    "PostgresBus",
    "Presence",
    "PresenceError",
    "Problem",
    "PubSub",
    "PubSubError",
    "Ref",
    "Refused",
    "Reply",
    "SandboxMiddleware",
    "Socket",
    "SocketApp",
    "SocketHandler",
    "Stop",
    "Subscription",
    "TokenError",
    "Tokens",
    "UnsupportedMediaTypeError",
    "csrf_token",
    "decode_params",
    "form_templates",
    "litestar_errors",
    "litestar_mount",
    "nest_params",
    "read_params",
    "repo_errors",
    "repo_lifespan",
    "socket_app",
    "to_form",
]
