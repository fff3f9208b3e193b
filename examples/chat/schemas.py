"""What the chat keeps: who talks, where, and what was said."""

from __future__ import annotations

from collections.abc import Mapping

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    Schema,
    Timestamps,
    belongs_to,
    change,
    field,
    has_many,
    primary_key,
)

Params = Mapping[str, object]


class User(Schema, Timestamps, table="users"):
    """Somebody who talks. There are no passwords here: who says a name has it."""

    id: Field[int] = primary_key()
    name: Field[str]

    @staticmethod
    def changeset(struct: User | type[User], params: Params) -> Changeset[User]:
        """Take a name from a form."""
        return (
            change(struct)
            .cast(params, User.name)
            .validate_required(User.name)
            .validate_length(User.name, min=2, max=20)
            .validate_format(User.name, r"^[^\s<>][^<>]*$")
        )


class Room(Schema, Timestamps, table="rooms"):
    """A place to talk in; its name is its address."""

    id: Field[int] = primary_key()
    name: Field[str]
    topic: Field[str] = field(default="")
    messages: HasMany[Message] = has_many()

    @staticmethod
    def changeset(struct: Room | type[Room], params: Params) -> Changeset[Room]:
        """Take a room from a form; the database says whether the name is free."""
        return (
            change(struct)
            .cast(params, Room.name, Room.topic)
            .validate_required(Room.name)
            .validate_length(Room.name, min=2, max=30)
            .validate_format(Room.name, r"^[a-z0-9-]+$", message="may hold a-z, 0-9 and - only")
            .validate_length(Room.topic, max=80)
            .unique_constraint(Room.name)
        )


class Message(Schema, Timestamps, table="messages"):
    """Something that was said."""

    id: Field[int] = primary_key()
    body: Field[str]
    room_id: Field[int]
    author_id: Field[int]
    room: BelongsTo[Room] = belongs_to()
    author: BelongsTo[User] = belongs_to()

    @staticmethod
    def changeset(params: Params, *, room_id: int, author_id: int) -> Changeset[Message]:
        """Take what somebody writes; where and by whom, the socket knows, and no client says."""
        return (
            change(Message)
            .cast(params, Message.body)
            .validate_required(Message.body)
            .validate_length(Message.body, max=300)
            .put_change(Message.room_id, room_id)
            .put_change(Message.author_id, author_id)
        )
