from __future__ import annotations

from ectype.web_integration import PubSub, SocketHandler, socket_app

socket_app(SocketHandler, pubsub=PubSub(), longpoll=True)  # refused
