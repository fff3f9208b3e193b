"""The messages of trackers as JSON objects, and back."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, cast

from ectype.web_integration.payload import Payload
from ectype.web_integration.presence.tracker.parts import Dot, Entry, Part
from ectype.web_integration.presence.tracker.tracker import Goodbye, Heartbeat, Message, Replica, Request, Transfer

HEARTBEAT, REQUEST, TRANSFER, GOODBYE = "heartbeat", "request", "transfer", "goodbye"


def write(message: Message) -> tuple[str, Payload]:
    """Return the event and the payload of a message."""
    sender = {"replica": list(message.replica)}
    match message:
        case Heartbeat(context=context, delta=delta):
            return HEARTBEAT, {**sender, "context": context, "delta": None if delta is None else _written(delta)}
        case Request(context=context):
            return REQUEST, {**sender, "context": context}
        case Transfer(part=part):
            return TRANSFER, {**sender, "part": _written(part)}
        case Goodbye():
            return GOODBYE, sender


def read(event: str, payload: Payload) -> Message:
    """Return the message.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        node, born = payload["replica"]
        replica = Replica(_text(node), _number(born))
        if event == HEARTBEAT:
            delta = payload["delta"]
            return Heartbeat(replica, _context(payload["context"]), None if delta is None else _read(delta))
        if event == REQUEST:
            return Request(replica, _context(payload["context"]))
        if event == TRANSFER:
            return Transfer(replica, _read(payload["part"]))
        if event == GOODBYE:
            return Goodbye(replica)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise ValueError(f"a message {event!r:.80} of a tracker cannot be read: {exc!r:.200}") from exc
    raise ValueError(f"no message of a tracker is called {event!r:.80}")


def _written(part: Part) -> Payload:
    return {
        "entries": [[*entry.dot, entry.topic, entry.key, entry.meta] for entry in part.entries.values()],
        "context": part.context,
        "dots": {replica: _ranges(dots) for replica, dots in part.dots.items()},
        "start": part.start,
        "end": part.end,
    }


def _read(said: Mapping[str, Any]) -> Part:
    entries: dict[Dot, Entry] = {}
    for replica, clock, topic, key, meta in said["entries"]:
        if not isinstance(meta, dict):
            raise TypeError("a meta that is no object")
        dot = Dot(_text(replica), _number(clock))
        entries[dot] = Entry(dot, _text(topic), _text(key), cast("Payload", meta))
    dots = {
        replica: frozenset(clock for first, last in ranges for clock in range(_number(first), _number(last) + 1))
        for replica, ranges in said["dots"].items()
    }
    start, end = _context(said["start"]), _context(said["end"])
    if start.keys() != end.keys():
        raise ValueError("a delta that begins and ends with different replicas")
    return Part(entries, _context(said["context"]), dots, start, end)


def _ranges(numbers: Set[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _context(said: Mapping[str, Any]) -> dict[str, int]:
    return {replica: _number(clock) for replica, clock in said.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r:.40} is no number of a change")
    return value
