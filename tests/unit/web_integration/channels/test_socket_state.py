"""The state machine as a table: messages in, actions out, no server anywhere."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ectype.web_integration.channels import socket as module
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.message import Answer, Message, Push
from ectype.web_integration.channels.socket import Deliver, Member, Routes, Send, Shut, Socket, SocketState, Start

ROUTES = Routes({"room:lobby": "lobby", "room:*": "room", "lonely": "lonely"})


def state(**options: Any) -> SocketState[str]:
    return SocketState(ROUTES, **options)


def join(topic: str, ref: str | None = "1", payload: object = None) -> Message:
    return Message(ref, ref, topic, "phx_join", payload)


def started(machine: SocketState[str], message: Message) -> Member[str]:
    start = machine.receive(message)[-1]
    assert isinstance(start, Start)
    return start.member


def joined(machine: SocketState[str], topic: str, ref: str = "1") -> Member[str]:
    member = started(machine, join(topic, ref))
    machine.joined(member, {})
    return member


def answer(join_ref: str | None, ref: str | None, topic: str, status: str, **response: object) -> Send:
    return Send(Answer(join_ref, ref, topic, status, response))


def push(join_ref: str, topic: str, event: str, **payload: object) -> Send:
    return Send(Push(join_ref, join_ref, topic, event, payload))


def test_the_module_imports_no_event_loop() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in names} & {"asyncio", "anyio", "threading", "contextvars", "time"}


def test_a_heartbeat_is_answered_with_its_ref_and_no_join_ref() -> None:
    assert state().receive(Message(None, "7", "phoenix", "heartbeat", {})) == (answer(None, "7", "phoenix", "ok"),)


def test_a_join_starts_the_channel_of_its_topic_and_is_answered_when_it_is_granted() -> None:
    machine = state()
    (start,) = machine.receive(join("room:1", "3", {"a": 1}))
    assert isinstance(start, Start)
    assert (start.member.route, start.member.topic, start.payload) == ("room", "room:1", {"a": 1})
    assert machine.joined(start.member, {"hello": 1}) == (answer("3", "3", "room:1", "ok", hello=1),)


def test_a_join_without_join_ref_takes_its_ref() -> None:
    machine = state()
    member = started(machine, Message(None, "9", "room:1", "phx_join", {}))
    assert member.join_ref == "9"


def test_a_refused_join_leaves_nothing_behind() -> None:
    machine = state()
    member = started(machine, join("room:1"))
    assert machine.refused(member, {"reason": "no"}) == (answer("1", "1", "room:1", "error", reason="no"),)
    assert machine.members == ()


def test_a_crashed_join_is_answered_and_not_reported_as_an_error_of_the_channel() -> None:
    machine = state()
    member = started(machine, join("room:1"))
    assert machine.crashed(member) == (answer("1", "1", "room:1", "error", reason="join crashed"),)
    assert machine.members == ()


@pytest.mark.parametrize("event", ["phx_join", "shout", "phx_reply"])
def test_a_topic_that_no_channel_answers_for_is_unmatched_with_join_ref_null(event: str) -> None:
    message = Message("1", "2", "nothing", event, {})
    assert state().receive(message) == (answer(None, "2", "nothing", "error", reason="unmatched topic"),)


def test_a_message_to_a_topic_not_joined_is_unmatched() -> None:
    message = Message("1", "2", "room:1", "shout", {})
    assert state().receive(message) == (answer(None, "2", "room:1", "error", reason="unmatched topic"),)


def test_leaving_a_topic_never_joined_is_ok() -> None:
    assert state().receive(Message("1", "2", "room:1", "phx_leave", {})) == (answer(None, "2", "room:1", "ok"),)


@pytest.mark.parametrize("join_ref", ["1", None])
def test_a_message_reaches_its_channel_with_the_right_join_ref_or_none(join_ref: str | None) -> None:
    machine = state()
    member = joined(machine, "room:1")
    message = Message(join_ref, "2", "room:1", "shout", {})
    assert machine.receive(message) == (Deliver(member, message),)


@pytest.mark.parametrize("event", ["shout", "phx_leave"])
def test_a_message_of_an_earlier_join_is_ignored(event: str) -> None:
    machine = state()
    joined(machine, "room:1", "5")
    assert machine.receive(Message("4", "6", "room:1", event, {})) == ()


def test_leaving_is_delivered_in_its_turn_then_answered_then_closed() -> None:
    machine = state()
    member = joined(machine, "room:1")
    leave = Message("1", "2", "room:1", "phx_leave", {})
    assert machine.receive(leave) == (Deliver(member, leave),)
    assert machine.left(member, leave) == (answer("1", "2", "room:1", "ok"), push("1", "room:1", "phx_close"))
    assert machine.members == ()


def test_a_crash_is_told_with_its_reason() -> None:
    machine = state()
    member = joined(machine, "room:1")
    assert machine.crashed(member) == (push("1", "room:1", "phx_error", reason="channel_crash"),)
    assert machine.members == ()
    assert machine.crashed(member) == ()


@pytest.mark.parametrize(
    ("reason", "event"), [("normal", "phx_close"), ("shutdown", "phx_close"), ("out of paper", "phx_error")]
)
def test_a_stop_closes_gracefully_or_is_an_error(reason: str, event: str) -> None:
    machine = state()
    (told,) = machine.stopped(joined(machine, "room:1"), reason)
    assert isinstance(told, Send)
    assert isinstance(told.frame, Push)
    assert told.frame.event == event


def test_a_duplicate_join_shuts_the_first_and_closes_it_after_its_own_reply() -> None:
    machine = state()
    first = joined(machine, "room:1", "1")
    shut, start = machine.receive(join("room:1", "2"))
    assert shut == Shut(first, "duplicate_join")
    assert isinstance(start, Start)
    assert machine.joined(start.member, {}) == (answer("2", "2", "room:1", "ok"), push("1", "room:1", "phx_close"))
    assert machine.members == (start.member,)


@pytest.mark.parametrize("how", ["refused", "crashed"])
def test_a_duplicate_join_that_fails_closes_the_first_too(how: str) -> None:
    machine = state()
    joined(machine, "room:1", "1")
    second = started(machine, join("room:1", "2"))
    told = machine.refused(second, {}) if how == "refused" else machine.crashed(second)
    assert told[1:] == (push("1", "room:1", "phx_close"),)
    assert machine.members == ()


def test_leaving_just_before_the_duplicate_join_closes_the_first_once() -> None:
    machine = state()
    first = joined(machine, "room:1", "1")
    leave = Message("1", "8", "room:1", "phx_leave", {})
    machine.receive(leave)
    second = started(machine, join("room:1", "2"))
    assert machine.left(first, leave) == (answer("1", "8", "room:1", "ok"), push("1", "room:1", "phx_close"))
    assert machine.joined(second, {}) == (answer("2", "2", "room:1", "ok"),)


def test_three_joins_in_a_row_close_both_that_were_replaced() -> None:
    machine = state()
    started(machine, join("room:1", "1"))
    started(machine, join("room:1", "2"))
    third = started(machine, join("room:1", "3"))
    told = machine.joined(third, {})
    assert told[1:] == (push("1", "room:1", "phx_close"), push("2", "room:1", "phx_close"))
    assert machine.members == (third,)


def test_the_101st_channel_is_refused() -> None:
    machine = state()
    for n in range(100):
        joined(machine, f"room:{n}", str(n))
    assert machine.receive(join("room:x", "x")) == (
        answer("x", "x", "room:x", "error", reason="too many channels joined"),
    )
    assert isinstance(machine.receive(join("room:5", "y"))[1], Start), "a duplicate replaces, it adds nothing"


def test_the_number_of_channels_is_what_was_asked_for() -> None:
    machine = state(max_channels=1)
    joined(machine, "room:1")
    assert machine.receive(join("room:2", "2")) == (
        answer("2", "2", "room:2", "error", reason="too many channels joined"),
    )


def test_routes_are_tried_in_their_order() -> None:
    assert ROUTES.match("room:lobby") == "lobby"
    assert ROUTES.match("room:lobby2") == "room"
    assert ROUTES.match("room:") == "room"
    assert ROUTES.match("room") is None
    assert ROUTES.match("lonely2") is None
    assert Routes({"room:*": 1, "room:lobby": 2}).match("room:lobby") == 1
    assert Routes({"*": 1}).match("anything") == 1


@pytest.mark.parametrize("pattern", ["", "room:*:x", "*x", "a**"])
def test_a_star_that_is_not_the_end_is_refused(pattern: str) -> None:
    with pytest.raises(ChannelError, match="topic pattern"):
        Routes({pattern: 1})


def test_assigns_are_read_only_and_change_by_assign() -> None:
    socket = Socket("room:1", id=None, join_ref="1", assigns={"user": 1})
    socket.assign(room="room:1")
    assert dict(socket.assigns) == {"user": 1, "room": "room:1"}
    with pytest.raises(TypeError):
        socket.assigns["user"] = 2  # type: ignore[index]


def test_a_socket_shows_the_names_of_its_assigns_and_never_their_values() -> None:
    assert repr(Socket("t", id=None, join_ref=None, assigns={"token": "s3cret"})) == "Socket('t', assigns=<token>)"


def test_a_ref_is_there_while_a_message_is_in_hand_only() -> None:
    socket = Socket("room:1", id=None, join_ref="1", assigns={})
    with pytest.raises(ChannelError, match=r"take socket\.ref\(\) inside a handler"):
        socket.ref()
    socket.at("4")
    assert socket.ref() == ("1", "4", "room:1")


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens, in whatever order: each join is answered once, and no channel is closed twice."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = state(max_channels=2)
        self.joining: list[Member[str]] = []
        self.running: list[Member[str]] = []
        self.asked: list[str] = []
        self.answered: list[str | None] = []
        self.ended: list[str | None] = []

    def take(self, actions: Any) -> None:
        for action in actions:
            match action:
                case Start(member, _):
                    self.joining.append(member)
                case Send(Push(join_ref, _, _, _, _)):
                    self.ended.append(join_ref)
                case Send(Answer(_, ref, _, _, _)) if ref in self.asked:
                    self.answered.append(ref)
                case Deliver(member, _):
                    assert member in self.machine.members
                case _:
                    pass

    @rule(topic=st.sampled_from(["room:1", "room:2", "room:3"]))
    def join(self, topic: str) -> None:
        ref = f"join {len(self.asked)}"
        self.asked.append(ref)
        self.take(self.machine.receive(join(topic, ref)))

    @rule(topic=st.sampled_from(["room:1", "room:2"]), event=st.sampled_from(["phx_leave", "say"]))
    def say(self, topic: str, event: str) -> None:
        self.take(self.machine.receive(Message(None, "m", topic, event, {})))

    @precondition(lambda self: self.joining)
    @rule(outcome=st.sampled_from(["joined", "refused", "crashed"]))
    def answer_join(self, outcome: str) -> None:
        member = self.joining.pop(0)
        if outcome == "joined":
            self.running.append(member)
            self.take(self.machine.joined(member, {}))
        else:
            self.take(self.machine.refused(member, {}) if outcome == "refused" else self.machine.crashed(member))

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 9), outcome=st.sampled_from(["crashed", "normal", "left"]))
    def end(self, pick: int, outcome: str) -> None:
        member = self.running.pop(pick % len(self.running))
        if outcome == "left":
            self.take(self.machine.left(member, Message(None, "m", member.topic, "phx_leave", {})))
        else:
            self.take(self.machine.crashed(member) if outcome == "crashed" else self.machine.stopped(member, outcome))

    @invariant()
    def at_most_two_topics(self) -> None:
        assert len(self.machine.members) <= 2

    def teardown(self) -> None:
        while self.joining:
            self.answer_join("joined")
        while self.running:
            self.end(0, "crashed")
        assert sorted(self.answered, key=str) == sorted(self.asked)
        assert len(self.ended) == len(set(self.ended))
        assert self.machine.members == ()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
