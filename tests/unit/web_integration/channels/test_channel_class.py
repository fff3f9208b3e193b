"""What is refused when a channel or a socket class is made, before any client comes."""

from datetime import timedelta
from typing import Any

import pytest

from ectype.web_integration import (
    Channel,
    ChannelError,
    Connected,
    Join,
    Joined,
    JoinRefused,
    Payload,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    Stop,
)


class Room(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined()

    async def handle_in_one(self, payload: Payload, socket: Socket) -> None: ...


class Child(Room):
    async def handle_in_two(self, payload: Payload, socket: Socket) -> None: ...


def test_the_table_of_handlers_is_made_with_the_class_and_inherited() -> None:
    assert set(Room.handlers) == {"one"}
    assert set(Child.handlers) == {"one", "two"}
    with pytest.raises(TypeError):
        Child.handlers["three"] = Child.handle_in_two  # type: ignore[index]


def sync(self: Any, payload: Any, socket: Any) -> None: ...


async def two_arguments(self: Any, payload: Any) -> None: ...


@pytest.mark.parametrize("handler", [sync, two_arguments, 3])
def test_a_handler_of_the_wrong_form_is_refused_with_the_line_to_write(handler: Any) -> None:
    with pytest.raises(ChannelError, match=r"write async def handle_in_x\(self, payload, socket\)"):
        type("Wrong", (Room,), {"handle_in_x": handler})


def test_an_event_of_the_protocol_is_no_event_of_a_channel() -> None:
    with pytest.raises(ChannelError, match="belong to the protocol"):
        type("Wrong", (Room,), {"handle_in_phx_close": Room.handle_in_one})


def test_intercepting_needs_handle_out() -> None:
    with pytest.raises(ChannelError, match="define async def handle_out"):
        type("Wrong", (Room,), {"intercept": ("x",)})


def test_intercept_is_a_tuple() -> None:
    with pytest.raises(ChannelError, match=r'write intercept = \("shout",\)'):
        type("Wrong", (Room,), {"intercept": "shout"})


def test_a_channel_without_join_is_refused_where_it_is_listed() -> None:
    abstract = type("Abstract", (Channel,), {})
    with pytest.raises(ChannelError, match=r"UserSocket.channels\['room:\*'\]: Abstract has no join"):
        type("UserSocket", (SocketHandler,), {"channels": {"room:*": abstract}})


@pytest.mark.parametrize("channel", [Room(), "Room", dict])
def test_what_is_no_channel_class_is_refused_where_it_is_listed(channel: Any) -> None:
    with pytest.raises(ChannelError, match="must be a Channel class"):
        type("UserSocket", (SocketHandler,), {"channels": {"room:*": channel}})


def test_a_pattern_with_a_star_inside_is_refused_where_it_is_listed() -> None:
    with pytest.raises(ChannelError, match="topic pattern"):
        type("UserSocket", (SocketHandler,), {"channels": {"room:*:x": Room}})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("log_join", "info"), ("log_handle_in", True), ("shutdown", 5), ("shutdown", timedelta(seconds=-1))],
)
def test_options_of_a_channel_that_make_no_sense_are_refused_when_its_class_is_made(name: str, wrong: Any) -> None:
    with pytest.raises(ChannelError, match=rf"Wrong\.{name}.*\n\nhint: write {name} = "):
        type("Wrong", (Room,), {name: wrong})


@pytest.mark.parametrize("status", [101, 200, 399, 600])
def test_a_refusal_has_the_status_of_an_error(status: int) -> None:
    with pytest.raises(ChannelError, match="400 to 599"):
        Refused(status)


def test_what_prints_shows_no_assigned_values() -> None:
    assert "s3cret" not in repr((Connected(id="u", token="s3cret"), Joined({}, token="s3cret")))


def test_outcomes_are_values() -> None:
    assert Reply({"a": 1}) == Reply({"a": 1}, status="ok")
    assert JoinRefused() == JoinRefused({})
    assert Stop() == Stop(reason="normal")
    with pytest.raises(AttributeError):
        Reply().status = "x"  # type: ignore[misc]
