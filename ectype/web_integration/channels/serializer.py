"""Frames ↔ messages: versions 2.0.0 (text and binary) and 1.0.0 (text) of Phoenix's serializers.

A text frame of version 2 is `[join_ref, ref, topic, event, payload]`. A binary frame begins with a kind byte and one
length byte for each name (so names are at most 255 bytes of UTF-8), then the names, then the data. A frame of version
1 is the object `{"topic", "event", "payload", "ref"}`. The layouts are those of `Phoenix.Socket.V2.JSONSerializer` and
`Phoenix.Socket.V1.JSONSerializer`.

Where a client can take text only (version 1, and long polling in any version), bytes arrive as
`{"base64": "…"}`: Phoenix has no form for them at all.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final, Protocol, TypeAlias, cast, final

from ectype.web_integration.channels.errors import FrameError
from ectype.web_integration.channels.message import REPLY, Answer, Message, Push
from ectype.web_integration.payload import Outgoing, PayloadError, check_object, decode_json, encode_json
from ectype.web_integration.pubsub.broadcast import Broadcast

Frame: TypeAlias = str | bytes
"""One WebSocket message: text or binary."""

_PUSH, _REPLY, _BROADCAST = 0, 1, 2
_VERSION = re.compile(r"([12])\.0\.(0|[1-9][0-9]{0,8})(\+[0-9A-Za-z.-]+)?", re.ASCII)


class Serializer(Protocol):
    """Turns frames into messages and back; one for each version of the protocol."""

    def decode(self, frame: Frame) -> Message:
        """Return the message of a client's frame; raises FrameError."""
        ...

    def push(self, push: Push) -> Frame:
        """Return the frame of a message to one client; raises PayloadError."""
        ...

    def answer(self, answer: Answer) -> Frame:
        """Return the frame of a reply; raises PayloadError."""
        ...

    def broadcast(self, broadcast: Broadcast) -> Frame:
        """Return the frame of a broadcast, the same for every client; raises PayloadError."""
        ...


@final
class V2:
    """The serializer of `vsn=2.0.0`, which the `phoenix` client speaks."""

    __slots__ = ()

    def decode(self, frame: Frame) -> Message:
        """Return the message of a client's frame; elements after the fifth are ignored, as in Phoenix.

        Raises:
            FrameError: the frame is not JSON, or not of the shape `[join_ref, ref, topic, event, payload]`.
        """
        if isinstance(frame, bytes):
            return _decode_binary(frame)
        try:
            parts = decode_json(frame)
        except ValueError as exc:
            raise FrameError(f"the frame is not JSON: {exc}") from exc
        items = _items(parts)
        if items is not None and len(items) >= 5:
            join_ref, ref, topic, event = items[:4]
            if (
                isinstance(topic, str)
                and isinstance(event, str)
                and (ref is None or isinstance(ref, str))
                and (join_ref is None or isinstance(join_ref, str))
            ):
                return Message(join_ref, ref, topic, event, items[4])
        raise FrameError(
            "the frame is not [join_ref, ref, topic, event, payload], where topic and event are strings and the refs "
            f"strings or null: got {_shape(parts)}"
        )

    def push(self, push: Push) -> Frame:
        """Return the frame of a message to one client.

        Raises:
            PayloadError: the payload is no object, holds what JSON cannot say, or has a name too long for binary.
        """
        join_ref, ref, topic, event, payload = push
        if isinstance(payload, bytes):
            return _encode_binary(_PUSH, (join_ref or "", topic, event), payload)
        check_object(payload, topic=topic, event=event)
        return encode_json((join_ref, ref, topic, event, payload), topic=topic, event=event, payload=payload)

    def answer(self, answer: Answer) -> Frame:
        """Return the frame of a reply; raises as `push` does."""
        join_ref, ref, topic, status, response = answer
        if isinstance(response, bytes):
            return _encode_binary(_REPLY, (join_ref or "", ref or "", topic, status), response)
        check_object(response, topic=topic, event=REPLY)
        body = {"status": status, "response": response}
        return encode_json((join_ref, ref, topic, REPLY, body), topic=topic, event=REPLY, payload=response)

    def broadcast(self, broadcast: Broadcast) -> Frame:
        """Return the frame of a broadcast, made from the JSON that the broadcast carries; raises as `push` does."""
        topic, event, body = broadcast.topic, broadcast.event, broadcast.body
        if isinstance(body, bytes):
            return _encode_binary(_BROADCAST, (topic, event), body)
        names = encode_json((None, None, topic, event), topic=topic, event=event)
        return f"{names[:-1]},{body}]"


@final
class V2Text:
    """Version 2 for a client that cannot be sent binary frames: bytes leave as an object with their base64."""

    __slots__ = ()

    def decode(self, frame: Frame) -> Message:
        """Return the message of a client's frame, which may well be binary; raises as `V2.decode` does."""
        return _V2.decode(frame)

    def push(self, push: Push) -> Frame:
        """Return the frame of a message to one client; raises as `V2.push` does."""
        return _V2.push(push._replace(payload=_as_text(push.payload)))

    def answer(self, answer: Answer) -> Frame:
        """Return the frame of a reply; raises as `V2.push` does."""
        return _V2.answer(answer._replace(response=_as_text(answer.response)))

    def broadcast(self, broadcast: Broadcast) -> Frame:
        """Return the frame of a broadcast; raises as `V2.push` does."""
        body = broadcast.body
        if isinstance(body, bytes):
            return _V2.push(Push(None, None, broadcast.topic, broadcast.event, _as_text(body)))
        # The very frame that WebSockets are sent.
        return broadcast.once(VERSION_2, _V2.broadcast)


@final
class V1:
    """The serializer of `vsn=1.0.0`, and of clients that name no version."""

    __slots__ = ()

    def decode(self, frame: Frame) -> Message:
        """Return the message of a client's frame; a `join_ref` is read where there is one.

        Raises:
            FrameError: the frame is binary, is not JSON, or is no object with topic, event, payload and ref.
        """
        if isinstance(frame, bytes):
            raise FrameError("version 1.0.0 of the protocol has no binary frames")
        try:
            parts = decode_json(frame)
        except ValueError as exc:
            raise FrameError(f"the frame is not JSON: {exc}") from exc
        known = _entries(parts)
        match [known.get("topic"), known.get("event"), known.get("ref", 0), known.get("join_ref")]:
            case [str() as topic, str() as event, None | str() as ref, None | str() as join_ref] if "payload" in known:
                return Message(join_ref, ref, topic, event, known["payload"])
            case _:
                pass
        raise FrameError(
            "the frame is no object with topic and event (strings), payload and ref (a string or null): got "
            + _shape(parts)
        )

    def push(self, push: Push) -> Frame:
        """Return the frame of a message to one client; raises PayloadError."""
        payload = _as_text(push.payload)
        check_object(payload, topic=push.topic, event=push.event)
        frame = {"topic": push.topic, "event": push.event, "payload": payload, "ref": push.ref}
        return encode_json(frame, topic=push.topic, event=push.event, payload=payload)

    def answer(self, answer: Answer) -> Frame:
        """Return the frame of a reply; raises PayloadError."""
        response = _as_text(answer.response)
        check_object(response, topic=answer.topic, event=REPLY)
        body = {"status": answer.status, "response": response}
        frame = {"topic": answer.topic, "event": REPLY, "payload": body, "ref": answer.ref}
        return encode_json(frame, topic=answer.topic, event=REPLY, payload=response)

    def broadcast(self, broadcast: Broadcast) -> Frame:
        """Return the frame of a broadcast, made from the JSON that the broadcast carries; raises PayloadError."""
        topic, event, body = broadcast.topic, broadcast.event, broadcast.body
        if isinstance(body, bytes):
            return self.push(Push(None, None, topic, event, body))
        names = encode_json({"topic": topic, "event": event, "ref": None}, topic=topic, event=event)
        return f'{names[:-1]},"payload":{body}}}'


_V2: Final = V2()
VERSION_2: Final[Serializer] = _V2
VERSION_2_TEXT: Final[Serializer] = V2Text()
VERSION_1: Final[Serializer] = V1()


def negotiate(version: str | None, *, binary: bool = True) -> Serializer | None:
    """Return the serializer for a client's `vsn` parameter, or None where there is none.

    A client that says nothing speaks 1.0.0, as in Phoenix. `binary` says whether binary frames can be sent to it.

    >>> negotiate("2.0.0") is VERSION_2, negotiate(None) is VERSION_1, negotiate("3.0.0")
    (True, True, None)
    """
    match = _VERSION.fullmatch("1.0.0" if version is None else version)
    if match is None:
        return None
    if match[1] == "1":
        return VERSION_1
    return VERSION_2 if binary else VERSION_2_TEXT


def _as_text(payload: Outgoing) -> Outgoing:
    return {"base64": b64encode(payload).decode()} if isinstance(payload, bytes) else payload


def _decode_binary(frame: bytes) -> Message:
    if len(frame) < 5 or frame[0] != _PUSH:
        raise FrameError(f"the binary frame is no push: it begins with {frame[:5].hex(' ') or 'nothing'}")
    names: list[str] = []
    start = 5
    for size in frame[1:5]:
        end = start + size
        if end > len(frame):
            raise FrameError(f"the binary frame ends inside its names: it has {len(frame)} bytes")
        try:
            names.append(frame[start:end].decode())
        except UnicodeDecodeError as exc:
            raise FrameError("a name in the binary frame is not UTF-8") from exc
        start = end
    join_ref, ref, topic, event = names
    # The client writes null as an empty name.
    return Message(join_ref or None, ref or None, topic, event, frame[start:])


def _encode_binary(kind: int, names: tuple[str, ...], data: bytes) -> bytes:
    encoded = [name.encode(errors="surrogatepass") for name in names]
    for name in encoded:
        if len(name) > 255:
            raise PayloadError(
                f"a name in a binary frame may have 255 bytes, and this one has {len(name)}: {name[:40]!r}…",
                hint="send a JSON payload, or use shorter topics and events",
            )
    return bytes([kind, *map(len, encoded)]) + b"".join(encoded) + data


def _items(parts: object) -> list[object] | None:
    return cast("list[object]", parts) if isinstance(parts, list) else None


def _entries(parts: object) -> dict[str, object]:
    return cast("dict[str, object]", parts) if isinstance(parts, dict) else {}


def _shape(parts: object) -> str:
    items = _items(parts)
    if items is None:
        return type(parts).__name__
    kinds = ", ".join(type(item).__name__ for item in items[:6])
    return f"[{kinds}{', …' if len(items) > 6 else ''}]"
