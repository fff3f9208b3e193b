"""Frames ↔ messages: version 2.0.0 of Phoenix's serializer, text and binary.

A text frame is `[join_ref, ref, topic, event, payload]`. A binary frame begins with a kind byte and one length
byte for each name (so names are at most 255 bytes of UTF-8), then the names, then the data. The layouts are those of
`Phoenix.Socket.V2.JSONSerializer`.
"""

import re
from typing import Final, Protocol, TypeAlias, cast, final

from ectype.web_integration.channels.errors import FrameError
from ectype.web_integration.channels.message import REPLY, Answer, Message, Push
from ectype.web_integration.payload import PayloadError, check_object, decode_json, encode_json
from ectype.web_integration.pubsub.broadcast import Broadcast

Frame: TypeAlias = str | bytes
"""One WebSocket message: text or binary."""

_PUSH, _REPLY, _BROADCAST = 0, 1, 2
_VERSION_2 = re.compile(r"2\.0\.(0|[1-9][0-9]{0,8})(\+[0-9A-Za-z.-]+)?", re.ASCII)


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
        match _items(parts):
            case [None | str() as join_ref, None | str() as ref, str() as topic, str() as event, payload, *_]:
                return Message(join_ref, ref, topic, event, payload)
            case _:
                raise FrameError(
                    "the frame is not [join_ref, ref, topic, event, payload], where topic and event are strings and "
                    f"the refs strings or null: got {_shape(parts)}"
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


VERSION_2: Final[Serializer] = V2()


def negotiate(version: str | None) -> Serializer | None:
    """Return the serializer for a client's `vsn` parameter, or None where there is none.

    A client that says nothing speaks 1.0.0, as in Phoenix; that version has no serializer here.

    >>> negotiate("2.0.0") is VERSION_2, negotiate("1.0.0"), negotiate(None)
    (True, None, None)
    """
    return VERSION_2 if version is not None and _VERSION_2.fullmatch(version) else None


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


def _shape(parts: object) -> str:
    items = _items(parts)
    if items is None:
        return type(parts).__name__
    kinds = ", ".join(type(item).__name__ for item in items[:6])
    return f"[{kinds}{', …' if len(items) > 6 else ''}]"
