"""Channels: many topics over one socket, in the wire protocol of Phoenix Channels."""

from ectype.web_integration.channels.app import Drain, SocketApp, socket_app
from ectype.web_integration.channels.channel import Channel, Handled, Join, Joined, JoinRefused, Reply, Stop
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Connected, ConnectInfo, Params, Refused, SocketHandler
from ectype.web_integration.channels.longpoll import LongPoll
from ectype.web_integration.channels.session import csrf_token
from ectype.web_integration.channels.socket import Ref, Socket

__all__ = [
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
    "Params",
    "Ref",
    "Refused",
    "Reply",
    "Socket",
    "SocketApp",
    "SocketHandler",
    "Stop",
    "csrf_token",
    "socket_app",
]
