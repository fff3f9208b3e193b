"""Channels: many topics over one socket, in the wire protocol of Phoenix Channels."""

from ectype.web_integration.channels.channel import Channel, Handled, Join, Joined, JoinRefused, Reply, Stop
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Connected, ConnectInfo, Params, Refused, SocketHandler
from ectype.web_integration.channels.socket import Ref, Socket
from ectype.web_integration.channels.websocket import socket_app

__all__ = [
    "Channel",
    "ChannelError",
    "ConnectInfo",
    "Connected",
    "Handled",
    "Join",
    "JoinRefused",
    "Joined",
    "Params",
    "Ref",
    "Refused",
    "Reply",
    "Socket",
    "SocketHandler",
    "Stop",
    "socket_app",
]
