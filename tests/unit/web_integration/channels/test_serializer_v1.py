"""Version 1.0.0 of the protocol, and bytes for clients that take text only."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.web_integration import Broadcast, PayloadError
from ectype.web_integration.channels.errors import FrameError
from ectype.web_integration.channels.message import Answer, Message, Push
from ectype.web_integration.channels.serializer import VERSION_1, VERSION_2, VERSION_2_TEXT

FRAMES = [
    ({"topic": "t", "event": "e", "payload": {"m": 1}, "ref": "1"}, Message(None, "1", "t", "e", {"m": 1})),
    ({"topic": "t", "event": "e", "payload": {}, "ref": None}, Message(None, None, "t", "e", {})),
    ({"topic": "t", "event": "e", "payload": [], "ref": "1", "join_ref": "4"}, Message("4", "1", "t", "e", [])),
    ({"topic": "t", "event": "e", "payload": None, "ref": "1", "more": 1}, Message(None, "1", "t", "e", None)),
]


@pytest.mark.parametrize(("frame", "message"), FRAMES)
def test_v1_decodes_an_object_with_four_keys(frame: Any, message: Message) -> None:
    assert VERSION_1.decode(json.dumps(frame)) == message


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        '["1","1","t","e",{}]',
        "null",
        '{"topic":"t","event":"e","payload":{}}',
        '{"event":"e","payload":{},"ref":"1"}',
        '{"topic":"t","payload":{},"ref":"1"}',
        '{"topic":"t","event":"e","ref":"1"}',
        '{"topic":1,"event":"e","payload":{},"ref":"1"}',
        '{"topic":"t","event":null,"payload":{},"ref":"1"}',
        '{"topic":"t","event":"e","payload":{},"ref":7}',
        '{"topic":"t","event":"e","payload":{},"ref":"1","join_ref":4}',
        b"\x00\x00\x00\x00\x00",
        "[" * 100_000,
    ],
)
def test_v1_refuses_frames_of_another_shape(frame: str | bytes) -> None:
    with pytest.raises(FrameError):
        VERSION_1.decode(frame)


def test_v1_encodes_the_golden_frames_of_phoenix() -> None:
    assert (
        VERSION_1.push(Push("1", None, "t", "e", {"m": 1})) == '{"topic":"t","event":"e","payload":{"m":1},"ref":null}'
    )
    assert VERSION_1.answer(Answer("1", "2", "t", "ok", {"m": 1})) == (
        '{"topic":"t","event":"phx_reply","payload":{"status":"ok","response":{"m":1}},"ref":"2"}'
    )
    assert json.loads(VERSION_1.broadcast(Broadcast("t", "e", {"m": 1}))) == {
        "topic": "t", "event": "e", "payload": {"m": 1}, "ref": None,
    }  # fmt: skip


@pytest.mark.parametrize("payload", [[1], "text", None, 7])
def test_v1_sends_objects_only(payload: Any) -> None:
    with pytest.raises(PayloadError):
        VERSION_1.push(Push("1", None, "t", "e", payload))
    with pytest.raises(PayloadError):
        VERSION_1.answer(Answer("1", "2", "t", "ok", payload))


@pytest.mark.parametrize("serializer", [VERSION_1, VERSION_2_TEXT])
def test_bytes_reach_a_client_that_takes_text_only_as_base64(serializer: Any) -> None:
    push = json.loads(serializer.push(Push("1", None, "t", "e", b"\xffabc")))
    reply = json.loads(serializer.answer(Answer("1", "2", "t", "ok", b"\xffabc")))
    broadcast = json.loads(serializer.broadcast(Broadcast("t", "e", b"\xffabc")))
    if serializer is VERSION_1:
        assert push["payload"] == broadcast["payload"] == reply["payload"]["response"] == {"base64": "/2FiYw=="}
    else:
        assert push[4] == broadcast[4] == reply[4]["response"] == {"base64": "/2FiYw=="}


def test_a_polling_client_and_a_websocket_share_the_frame_of_a_broadcast() -> None:
    broadcast = Broadcast("t", "e", {"m": 1})
    frame = broadcast.once(VERSION_2, VERSION_2.broadcast)
    assert VERSION_2_TEXT.broadcast(broadcast) is frame


def test_a_polling_client_may_send_binary_frames() -> None:
    golden = b"\x00\x02\x03\x05\x0512123topicevente\x01\x02"
    assert VERSION_2_TEXT.decode(golden) == Message("12", "123", "topic", "event", b"e\x01\x02")


@given(
    topic=st.text(max_size=30),
    event=st.text(max_size=30),
    ref=st.none() | st.text(max_size=9),
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
)
def test_whatever_v1_sends_is_read_back(topic: str, event: str, ref: str | None, payload: Any) -> None:
    frame = VERSION_1.push(Push(None, ref, topic, event, {"it": payload}))
    assert VERSION_1.decode(frame) == Message(None, ref, topic, event, {"it": payload})
