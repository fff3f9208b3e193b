import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.web_integration.channels.errors import FrameError
from ectype.web_integration.channels.message import Answer, Message, Push
from ectype.web_integration.channels.serializer import VERSION_1, VERSION_2, VERSION_2_TEXT, negotiate
from ectype.web_integration.payload import PayloadError
from ectype.web_integration.pubsub import Broadcast

TEXT = [
    ('["1","2","t","e",{"m":1}]', Message("1", "2", "t", "e", {"m": 1})),
    ('[null,null,"t","e",{}]', Message(None, None, "t", "e", {})),
    ('["1","2","t","e",[1,"x"]]', Message("1", "2", "t", "e", [1, "x"])),
    ('["1","2","t","e",null]', Message("1", "2", "t", "e", None)),
    (' [ null , "2" , "t" , "e" , {} , "more", 7 ] ', Message(None, "2", "t", "e", {})),
]


@pytest.mark.parametrize(("frame", "message"), TEXT)
def test_a_text_frame_is_five_elements_and_more_are_ignored(frame: str, message: Message) -> None:
    assert VERSION_2.decode(frame) == message


BAD = {
    "": "not JSON",
    "{": "not JSON",
    "[1": "not JSON",
    '["1","2","t","e",NaN]': "NaN is not JSON",
    '["1","2","t","e",-Infinity]': "-Infinity is not JSON",
    "[" * 100_000: "nested too deeply",
    "1" * 5000: "not JSON",
    "{}": "got dict",
    "null": "got NoneType",
    '["1","2","t","e"]': "got [str, str, str, str]",
    '[1,"2","t","e",{}]': "got [int, str, str, str, dict]",
    '["1",true,"t","e",{}]': "got [str, bool, str, str, dict]",
    '["1","2",null,"e",{}]': "got [str, str, NoneType, str, dict]",
    '["1","2","t",{},{}]': "got [str, str, str, dict, dict]",
}


@pytest.mark.parametrize(("frame", "told"), BAD.items(), ids=[key[:20] for key in BAD])
def test_a_frame_of_another_shape_is_refused_and_says_what_it_is(frame: str, told: str) -> None:
    with pytest.raises(FrameError) as refused:
        VERSION_2.decode(frame)
    assert told in str(refused.value)


# The byte vectors are those of Phoenix's v2_json_serializer_test.exs.
def test_a_binary_push_of_phoenix_is_read() -> None:
    frame = bytes([0, 2, 3, 5, 5]) + b"12123topicevent" + bytes([101, 102, 103])
    assert VERSION_2.decode(frame) == Message("12", "123", "topic", "event", b"efg")


def test_an_empty_name_in_a_binary_push_is_null() -> None:
    assert VERSION_2.decode(bytes([0, 0, 0, 1, 1]) + b"te") == Message(None, None, "t", "e", b"")


@pytest.mark.parametrize(
    ("encoded", "wanted"),
    [
        (VERSION_2.answer(Answer("12", "123", "topic", "ok", b"efg")), bytes([1, 2, 3, 5, 2]) + b"12123topicokefg"),
        (VERSION_2.push(Push("12", None, "topic", "event", b"efg")), bytes([0, 2, 5, 5]) + b"12topiceventefg"),
        (VERSION_2.broadcast(Broadcast("topic", "event", b"efg")), bytes([2, 5, 5]) + b"topiceventefg"),
    ],
)
def test_binary_frames_are_those_of_phoenix(encoded: bytes, wanted: bytes) -> None:
    assert encoded == wanted


@pytest.mark.parametrize(
    "frame", [b"", b"\0", b"\1\0\0\0\0", b"\0\1\0\0\0", b"\0\0\0\5\5topic", b"\0\0\0\1\1\xff\xfe", b"\3\0\0\0\0aa"]
)
def test_a_broken_binary_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(FrameError):
        VERSION_2.decode(frame)


def test_text_frames_are_those_of_phoenix() -> None:
    assert VERSION_2.answer(Answer("1", "2", "t", "ok", {"m": 1})) == (
        '["1","2","t","phx_reply",{"status":"ok","response":{"m":1}}]'
    )
    assert VERSION_2.push(Push("1", None, "t", "e", {"m": 1})) == '["1",null,"t","e",{"m":1}]'
    assert VERSION_2.broadcast(Broadcast("t", "e", {"m": 1})) == '[null,null,"t","e",{"m":1}]'


def test_a_binary_name_of_256_bytes_is_refused() -> None:
    VERSION_2.push(Push(None, None, "é" * 127, "e", b""))
    with pytest.raises(PayloadError, match="255 bytes, and this one has 256"):
        VERSION_2.push(Push(None, None, "é" * 128, "e", b""))


@pytest.mark.parametrize("payload", [[1], "text", 7, None])
def test_only_objects_and_bytes_leave(payload: object) -> None:
    for send in (
        lambda: VERSION_2.push(Push("1", None, "t", "e", payload)),  # type: ignore[arg-type]
        lambda: VERSION_2.answer(Answer("1", "1", "t", "ok", payload)),  # type: ignore[arg-type]
        lambda: Broadcast("t", "e", payload),  # type: ignore[arg-type]
    ):
        with pytest.raises(PayloadError, match="must be an object or bytes"):
            send()


names = st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(topic=names, event=names, payload=st.dictionaries(st.text(), json_values, max_size=4))
def test_a_broadcast_is_read_by_any_json_parser_as_what_was_sent(
    topic: str, event: str, payload: dict[str, object]
) -> None:
    frame = VERSION_2.broadcast(Broadcast(topic, event, payload))
    assert isinstance(frame, str)
    frame.encode()
    assert json.loads(frame) == [None, None, topic, event, payload]


@given(
    join_ref=st.none() | st.text(min_size=1, max_size=20),
    ref=st.none() | st.text(min_size=1, max_size=20),
    topic=names,
    event=names,
    payload=json_values,
)
def test_what_a_client_writes_is_what_is_read(
    join_ref: str | None, ref: str | None, topic: str, event: str, payload: object
) -> None:
    frame = json.dumps([join_ref, ref, topic, event, payload])
    assert VERSION_2.decode(frame) == Message(join_ref, ref, topic, event, payload)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_arrives_is_a_message_or_a_frame_error(frame: str | bytes) -> None:
    with contextlib.suppress(FrameError):
        VERSION_2.decode(frame)


@pytest.mark.parametrize("version", ["2.0.0", "2.0.1", "2.0.17", "2.0.0+build.1"])
def test_versions_2_0_are_spoken(version: str) -> None:
    assert negotiate(version) is VERSION_2


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "1.1.0", "2", "2.0", "2.1.0", "3.0.0", "2.0.0-rc.1", "2.0.01", "x"]
)
def test_other_versions_are_not(version: str | None) -> None:
    assert negotiate(version) is None


@pytest.mark.parametrize("version", [None, "1.0.0", "1.0.7", "1.0.0+build.7"])
def test_a_client_that_names_no_version_speaks_1_0(version: str | None) -> None:
    assert negotiate(version) is VERSION_1
    assert negotiate(version, binary=False) is VERSION_1


def test_version_2_without_binary_is_another_serializer() -> None:
    assert negotiate("2.0.0", binary=False) is VERSION_2_TEXT
