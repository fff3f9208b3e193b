"""The live side of the chat: who may connect, what a room answers, and who is in it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ectype import CursorError, InvalidChangesetError, Repo, from_
from ectype.web_integration import (
    Channel,
    Connected,
    ConnectInfo,
    Handled,
    Join,
    Joined,
    JoinRefused,
    Params,
    Payload,
    Presence,
    PubSub,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    TokenError,
    Tokens,
)
from examples.chat.schemas import Message, Room, User

PAGE_SIZE = 20
TOKEN_AGE = 1_209_600
LOBBY = "lobby"


def shown(message: Message, author: str) -> dict[str, Any]:
    """Return a message as the page gets it."""
    return {"id": message.id, "author": author, "body": message.body, "at": message.inserted_at}


async def history(repo: Repo, room_id: int, *, after: str | None, secret: str) -> dict[str, Any]:
    """Return the newest messages of a room, or those before a cursor, in the order of their time."""
    query = from_(Message).where(Message.room_id == room_id).order_by(Message.id.desc()).preload(Message.author)
    page = await repo.page(query, size=PAGE_SIZE, after=after, secret=secret)
    messages = [shown(message, message.author.name) for message in reversed(page.rows)]
    return {"messages": messages, "older": page.next if page.has_next else None}


def chat_presence(repo: Repo, pubsub: PubSub) -> Presence:
    """Return who is in which room, with their names from the database."""

    class ChatPresence(Presence):
        async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
            users = await repo.all(from_(User).where(User.id.in_([int(key) for key in keys])))
            return {str(user.id): {"name": user.name} for user in users}

    return ChatPresence(pubsub)


def chat_socket(repo: Repo, presence: Presence, tokens: Tokens, *, secret: str) -> type[SocketHandler]:
    """Return the socket of the chat."""

    class LobbyChannel(Channel):
        """Tells every page of rooms that are opened."""

        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined()

    class RoomChannel(Channel):
        """One room for one page."""

        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            room = await repo.get_by(Room, Room.name == topic.removeprefix("room:"))
            if room is None:
                return JoinRefused({"reason": "there is no such room"})
            self.tell("joined")
            return Joined(room_id=room.id)

        async def handle_info(self, message: object, socket: Socket) -> None:
            # Read when broadcasts arrive already, so that nothing is said between the two and missed.
            await self.push("history", await history(repo, socket.assigns["room_id"], after=None, secret=secret))
            presence.track(self, socket.assigns["user_id"], {"since": datetime.now(UTC).isoformat()})
            await self.push("presence_state", await presence.list(self.topic))

        async def handle_in_message(self, payload: Payload, socket: Socket) -> Handled:
            values = socket.assigns
            changeset = Message.changeset(payload, room_id=values["room_id"], author_id=values["user_id"])
            try:
                async with repo.transaction():
                    message = await repo.insert(changeset)
                    # Leaves after the commit, and never when the transaction rolls back.
                    await self.broadcast("message", shown(message, values["name"]))
                    return Reply({"id": message.id})
            except InvalidChangesetError as exc:
                return Reply({"errors": exc.changeset.traverse_errors()}, status="error")

        async def handle_in_older(self, payload: Payload, socket: Socket) -> Handled:
            try:
                after = str(payload.get("after"))
                return Reply(await history(repo, socket.assigns["room_id"], after=after, secret=secret))
            except CursorError:
                return Reply({"reason": "there is no such page"}, status="error")

    class ChatSocket(SocketHandler):
        channels = {LOBBY: LobbyChannel, "room:*": RoomChannel}

        async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
            try:
                user_id = tokens.verify(info.auth_token, max_age=TOKEN_AGE)
            except TokenError:
                return Refused(401, reason="enter first")
            user = await repo.get(User, user_id)
            if user is None:
                return Refused(401, reason="enter first")
            return Connected(id=f"users:{user.id}", user_id=user.id, name=user.name)

    return ChatSocket
