"""The tracker alone: no network, no clock, every order of events that hypothesis can think of."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.web_integration import Periods, PresenceError
from ectype.web_integration.payload import decode_json, encode_json
from ectype.web_integration.presence.tracker import clock
from ectype.web_integration.presence.tracker.parts import DeltaLog, Diff, Part, joined
from ectype.web_integration.presence.tracker.state import State
from ectype.web_integration.presence.tracker.tracker import (
    Goodbye,
    Heartbeat,
    Message,
    Outcome,
    Replica,
    Request,
    Tracker,
    Transfer,
)
from ectype.web_integration.presence.tracker.wire import read, write


def keys(entries: Any) -> list[str]:
    return sorted(entry.key for entry in entries)


def acquainted(*names: str) -> list[State]:
    states = [State(name) for name in names]
    for state in states:
        for other in states:
            if state is not other:
                state.up(other.replica)
    return states


def whole(state: State, target: State) -> Part:
    """All that one state knows, for another, by no delta."""
    return State.part_for(state, target.replica, dict.fromkeys(target.context, 0) | {state.replica: -1})


# The state.


def test_who_joins_is_seen_and_who_leaves_is_not() -> None:
    state = State("a")
    john = state.join("lobby", "john", {})
    assert keys(state.by_topic("lobby")) == ["john"]
    assert state.by_topic("other") == []
    state.leave(john)
    assert state.by_topic("lobby") == state.online() == []


def test_users_of_other_replicas_merge_once_and_their_leaving_is_observed() -> None:
    a, b = acquainted("a", "b")
    alice = a.join("lobby", "alice", {})
    b.join("lobby", "bob", {})
    diff = a.merge(whole(b, a))
    assert (keys(diff.joins), keys(diff.leaves)) == (["bob"], [])
    assert keys(a.online()) == ["alice", "bob"]
    assert not a.merge(whole(b, a))
    b.merge(whole(a, b))
    a.leave(alice)
    diff = b.merge(whole(a, b))
    assert (keys(diff.joins), keys(diff.leaves)) == ([], ["alice"])
    b.join("lobby", "carol", {})
    assert keys(a.merge(whole(b, a)).joins) == ["carol"]
    assert keys(a.online()) == keys(b.online()) == ["bob", "carol"]


def test_in_a_netsplit_the_other_side_leaves_and_comes_back_with_what_it_did_meanwhile() -> None:
    a, b = acquainted("a", "b")
    b.join("lobby", "bob", {})
    a.merge(whole(b, a))
    assert keys(a.down("b").leaves) == ["bob"]
    assert not a.down("b")
    b.join("lobby", "carol", {})
    assert not a.merge(whole(b, a)), "what is told of a replica that is not seen is not seen"
    assert a.online() == []
    assert keys(a.up("b").joins) == ["bob", "carol"]
    assert not a.up("b")


def test_joins_and_leaves_are_observed_through_a_third_replica() -> None:
    a, b, c = acquainted("a", "b", "c")
    alice = a.join("lobby", "alice", {})
    b.merge(whole(a, b))
    assert keys(c.merge(whole(b, c)).joins) == ["alice"]
    a.leave(alice)
    b.merge(whole(a, b))
    assert keys(c.merge(whole(b, c)).leaves) == ["alice"]
    assert c.online() == []


def test_an_add_wins_over_a_leave_that_has_not_seen_it() -> None:
    a, b = acquainted("a", "b")
    first = a.join("lobby", "ada", {"n": 1})
    before = whole(a, b)
    a.leave(first)
    a.join("lobby", "ada", {"n": 2})
    b.merge(whole(a, b))
    assert not b.merge(before), "an older message neither brings back what left nor takes what came"
    assert [entry.meta for entry in b.online()] == [{"n": 2}]


def test_a_replica_never_loses_entries_of_its_own_to_what_others_say() -> None:
    a, b = acquainted("a", "b")
    a.join("lobby", "alice", {})
    b.merge(whole(a, b))
    b.down("a")
    assert not a.merge(whole(b, a))
    assert keys(a.online()) == ["alice"]


def test_a_replica_that_is_removed_is_forgotten_and_may_be_met_again() -> None:
    a, b = acquainted("a", "b")
    a.join("lobby", "alice", {})
    b.join("lobby", "bob", {})
    b.merge(whole(a, b))
    assert keys(b.remove("a").leaves) == ["alice"]
    assert b.context == {"b": 1}
    assert not b.merge(whole(a, b)), "who is not known is not listened to"
    b.up("a")
    assert keys(b.merge(whole(a, b)).joins) == ["alice"]


def test_a_delta_says_what_was_done_since_the_last_and_nothing_is_none() -> None:
    a, b = acquainted("a", "b")
    assert a.take_delta() is None
    alice = a.join("lobby", "alice", {})
    delta = a.take_delta()
    assert delta is not None
    assert a.take_delta() is None
    assert (delta.start, delta.end) == ({"a": 0}, {"a": 1})
    assert keys(b.merge(delta).joins) == ["alice"]
    a.leave(alice)
    delta = a.take_delta()
    assert delta is not None
    assert keys(b.merge(delta).leaves) == ["alice"]
    assert b.context == {"b": 0, "a": 2}


def test_who_came_and_left_between_two_deltas_is_in_none() -> None:
    a, b = acquainted("a", "b")
    a.leave(a.join("lobby", "alice", {}))
    delta = a.take_delta()
    assert delta is not None
    assert delta.entries == {}
    assert not b.merge(delta)
    assert b.context == {"b": 0, "a": 2}


def test_deltas_that_arrive_in_the_wrong_order_end_in_the_same_state() -> None:
    a, b = acquainted("a", "b")
    deltas: list[Any] = []
    for name in ("one", "two", "three"):
        entry = a.join("lobby", name, {})
        deltas.append(a.take_delta())
    a.leave(entry)
    deltas.append(a.take_delta())
    assert keys(b.merge(deltas[2]).joins) == ["three"], "it is seen before the gap is filled"
    assert b.context["a"] == 0
    assert keys(b.merge(deltas[0]).joins) == ["one"]
    assert keys(b.merge(deltas[3]).leaves) == ["three"]
    assert keys(b.merge(deltas[1]).joins) == ["two"]
    assert b.context == {"b": 0, "a": 4}
    assert keys(b.online()) == ["one", "two"]
    assert not any(b.merge(delta) for delta in deltas)


def test_an_update_is_a_leave_and_a_join_in_one_change() -> None:
    a, b = acquainted("a", "b")
    alice = a.join("lobby", "alice", {"n": 1})
    b.merge(whole(a, b))
    a.replace(alice, {"n": 2})
    diff = b.merge(whole(a, b))
    assert [entry.meta for entry in diff.joins] == [{"n": 2}]
    assert [entry.meta for entry in diff.leaves] == [{"n": 1}]


# Deltas and their generations.


def delta_of(state: State, *names: str) -> Part:
    for name in names:
        state.join("lobby", name, {})
    delta = state.take_delta()
    assert delta is not None
    return delta


def test_contiguous_deltas_join_and_others_do_not() -> None:
    a = State("a")
    first, second, third = delta_of(a, "one"), delta_of(a, "two"), delta_of(a, "three")
    both = joined(first, second)
    assert both is not None
    assert (both.start, both.end, both.size) == ({"a": 0}, {"a": 2}, 4)
    assert joined(first, third) is None
    assert joined(third, first) is None
    elsewhere = joined(first, delta_of(State("b"), "four"))
    assert elsewhere is not None
    assert elsewhere.end == {"a": 1, "b": 1}


def test_joined_deltas_drop_who_left_and_keep_that_he_did() -> None:
    a, b = acquainted("a", "b")
    alice = a.join("lobby", "alice", {})
    first = a.take_delta()
    a.leave(alice)
    second = a.take_delta()
    assert first is not None
    assert second is not None
    for both in (joined(first, second), joined(second, first)):
        assert both is not None
        assert both.entries == {}
        assert both.saw(alice.dot)
    b.merge(first)
    assert keys(b.merge(both).leaves) == ["alice"]


def test_the_smallest_generation_that_says_it_is_sent_and_else_the_whole_state() -> None:
    for sizes, behind, begins in (((4, 20), 5, 4), ((4, 20), 4, 4), ((4, 20), 2, 0), ((4, 6), 2, None)):
        a, b = State("a", sizes), State("b")
        a.up("b")
        b.up("a")
        for number in range(6):
            delta_of(a, f"user{number}")
        part = a.part_for("b", {"a": behind, "b": 0})
        assert part.start.get("a") == begins
        assert (part.context == {}) == (begins is not None)
        assert keys(b.merge(a.part_for("b", b.context)).joins) == [f"user{number}" for number in range(6)]


def test_an_empty_delta_makes_no_generation() -> None:
    log = DeltaLog((2,))
    log.push(Part({}))
    assert log.between({"a": 0}, {"a": 1}) is None


def test_what_is_sent_says_nothing_of_replicas_that_the_other_does_not_know() -> None:
    a, b, c = acquainted("a", "b", "c")
    b.join("lobby", "bob", {})
    c.join("lobby", "carol", {})
    a.merge(whole(b, a))
    a.merge(whole(c, a))
    part = a.part_for("b", {"a": 0, "b": 1})
    assert part.entries == {}
    assert part.context.keys() == {"a", "b"}


def test_a_forgotten_replica_is_in_no_generation() -> None:
    a, b = acquainted("a", "b")
    delta = delta_of(b, "bob")
    a.merge(delta)
    a.join("lobby", "alice", {})
    a.take_delta()
    a.remove("b")
    part = a.part_for("c", {"a": 0, "b": 0})
    assert keys(part.entries.values()) == ["alice"]
    assert "b" not in {**part.context, **part.dots, **part.start}


# Contexts.


@pytest.mark.parametrize(
    ("one", "other", "does"),
    [({"a": 1}, {"a": 1}, True), ({"a": 2}, {"a": 1}, True), ({"a": 1}, {"a": 2}, False), ({}, {}, True),
     ({"a": 1}, {}, True), ({}, {"a": 1}, False), ({"a": 3, "b": 1}, {"a": 1, "b": 2}, False), ({}, {"a": 0}, True)],
)  # fmt: skip
def test_a_context_dominates_one_that_knows_no_more(one: Any, other: Any, does: bool) -> None:
    assert clock.dominates(one, other) is does


def test_bounds_and_a_selection_of_contexts() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 1, "c": 3}
    assert clock.upper(one, other) == {"a": 1, "b": 2, "c": 3}
    assert clock.lower(one, other) == {"a": 1, "b": 1, "c": 3}
    assert clock.only(one, {"b", "x"}) == {"b": 2}


@pytest.mark.parametrize(
    ("heard", "asked"),
    [({}, []), ({"b": {"b": 0}}, []), ({"b": {"b": 1}}, ["b"]), ({"b": {"b": 1}, "c": {"b": 1, "c": 1}}, ["c"]),
     ({"b": {"b": 2}, "c": {"c": 2}}, ["b", "c"]), ({"b": {"stranger": 9}}, [])],
)  # fmt: skip
def test_the_fewest_who_know_all_are_asked(heard: Any, asked: list[str]) -> None:
    assert sorted(clock.to_ask({"a": 5, "b": 0, "c": 0}, heard)) == asked


# Trackers among each other.

PERIODS = Periods(heartbeat=1, silent=3, down=8, gone=40, sample=2)


class Net:
    """Trackers, a clock, and a network that can be cut. Each tracker's diffs are folded as a client folds them."""

    def __init__(self, *nodes: str) -> None:
        self.now = 0.0
        self.born = 0
        self.trackers: dict[str, Tracker] = {}
        self.seen: dict[str, dict[Any, Any]] = {}
        self.cut: set[frozenset[str]] = set()
        self.lost = False
        for node in nodes:
            self.start(node)

    def start(self, node: str) -> None:
        self.born += 1
        self.trackers[node] = Tracker(Replica(node, self.born), PERIODS, (3, 10))
        self.seen[node] = {}

    def stop(self, node: str) -> None:
        del self.trackers[node], self.seen[node]

    def fold(self, node: str, diff: Diff) -> None:
        for entry in diff.leaves:
            assert self.seen[node].pop(entry.dot) == entry, "who leaves was there"
        for entry in diff.joins:
            assert entry.dot not in self.seen[node], "nobody joins twice"
            self.seen[node][entry.dot] = entry

    def settle(self, node: str, outcome: Outcome) -> None:
        for diff in outcome.diffs:
            self.fold(node, diff)
        for send in outcome.sends:
            self.carry(node, send.message, send.node)

    def carry(self, sender: str, message: Message, only: str | None) -> None:
        event, payload = write(message)
        text = encode_json(payload, topic="t", event=event)
        for node in tuple(self.trackers):
            away = node == sender or (only is not None and node != only) or frozenset((sender, node)) in self.cut
            if not away and not self.lost:
                said: Any = decode_json(text)
                self.settle(node, self.trackers[node].receive(read(event, said), self.now))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            for node in tuple(self.trackers):
                self.settle(node, self.trackers[node].tick(self.now))

    def join(self, node: str, key: str) -> Any:
        entry, diff = self.trackers[node].join("lobby", key, {"of": node})
        self.fold(node, diff)
        return entry

    def own(self, node: str) -> list[Any]:
        tracker = self.trackers[node]
        return [entry for entry in tracker.state.online() if entry.dot.replica == tracker.state.replica]

    def keys(self, node: str) -> list[str]:
        return keys(self.trackers[node].state.by_topic("lobby"))


def test_joins_leaves_and_updates_reach_the_others_with_the_next_heartbeat() -> None:
    net = Net("a", "b", "c")
    net.tick(4)
    entry = net.join("a", "alice")
    assert net.keys("b") == []
    net.tick()
    assert net.keys("a") == net.keys("b") == net.keys("c") == ["alice"]
    made, diff = net.trackers["a"].replace(entry, {"n": 2})
    net.fold("a", diff)
    net.tick()
    assert [entry.meta for entry in net.seen["c"].values()] == [{"n": 2}]
    net.fold("a", net.trackers["a"].leave([made]))
    net.tick()
    assert net.keys("b") == net.keys("c") == []


def test_one_that_starts_later_is_sent_everything_soon() -> None:
    net = Net("a", "b")
    net.join("a", "alice")
    net.join("b", "bob")
    net.tick(20)
    net.start("c")
    net.tick(4)
    assert net.keys("c") == ["alice", "bob"]
    assert net.trackers["c"].others == {"a": True, "b": True}


def test_without_news_a_heartbeat_is_said_only_so_often() -> None:
    tracker = Tracker(Replica("a", 1), PERIODS)
    said = [len(tracker.tick(float(now)).sends) for now in range(1, 8)]
    assert said == [1, 0, 0, 1, 0, 0, 1]


def test_who_is_silent_is_not_seen_and_comes_back_with_a_word() -> None:
    net = Net("a", "b")
    net.join("b", "bob")
    net.tick(4)
    net.cut = {frozenset("ab")}
    net.tick(6)
    assert net.keys("a") == ["bob"]
    net.tick(6)
    assert net.keys("a") == []
    assert net.trackers["a"].others == {"b": False}
    net.cut = set()
    net.tick(4)
    assert net.keys("a") == ["bob"]


def test_who_stays_away_is_forgotten_and_welcome_again() -> None:
    net = Net("a", "b")
    net.join("b", "bob")
    net.tick(4)
    net.cut = {frozenset("ab")}
    net.tick(60)
    assert net.trackers["a"].others == {}
    assert len(net.trackers["a"].state.context) == 1
    net.cut = set()
    net.tick(8)
    assert net.keys("a") == ["bob"]


def test_who_says_goodbye_leaves_at_once() -> None:
    net = Net("a", "b", "c")
    net.join("b", "bob")
    net.tick(4)
    goodbye = net.trackers["b"].goodbye()
    net.stop("b")
    net.carry("b", goodbye.message, None)
    assert net.keys("a") == net.keys("c") == []
    assert net.trackers["a"].others == {"c": True}


def test_a_node_that_starts_again_loses_what_its_earlier_life_held() -> None:
    for away in (0, 12):
        net = Net("a", "b")
        net.join("b", "bob")
        net.tick(4)
        net.stop("b")
        net.tick(away)
        net.start("b")
        net.join("b", "bella")
        net.tick(4)
        assert net.keys("a") == ["bella"]
        assert len(net.trackers["a"].state.context) == 2


def test_a_rolling_restart_leaves_nothing_behind() -> None:
    net = Net("a", "b", "c")
    for node in "abc":
        net.join(node, f"old {node}")
    net.tick(4)
    for node in "abc":
        goodbye = net.trackers[node].goodbye()
        net.stop(node)
        net.carry(node, goodbye.message, None)
        net.start(node)
        net.join(node, f"new {node}")
        net.tick(6)
    for node in "abc":
        assert net.keys(node) == ["new a", "new b", "new c"]
        assert len(net.trackers[node].state.context) == 3


def test_a_message_of_an_earlier_life_that_comes_late_changes_nothing() -> None:
    tracker = Tracker(Replica("a", 1), PERIODS)
    new, old = Replica("b", 7), Replica("b", 3)
    tracker.receive(Heartbeat(new, {new.ref: 0}, None), 1.0)
    assert tracker.receive(Heartbeat(old, {old.ref: 5}, None), 2.0) == Outcome()
    assert tracker.receive(Goodbye(old), 2.0) == Outcome()
    assert tracker.others == {"b": True}


def test_a_lost_delta_is_asked_for_and_sent_again() -> None:
    net = Net("a", "b")
    net.tick(4)
    net.lost = True
    net.join("a", "alice")
    net.tick()
    net.lost = False
    net.join("a", "anna")
    net.tick()
    assert "anna" in net.keys("b")
    net.tick(3)
    assert net.keys("b") == ["alice", "anna"]


@pytest.mark.parametrize(
    ("periods", "words"),
    [({"heartbeat": 1, "down": 1.5}, "too short"), ({"down": 40, "gone": 40}, "longer than down"),
     ({"heartbeat": 0}, "positive"), ({"silent": 0}, "positive"), ({"sample": 0}, "positive")],
)  # fmt: skip
def test_periods_that_do_not_go_together_are_refused(periods: Any, words: str) -> None:
    with pytest.raises(PresenceError, match=words):
        Periods(**periods)


NODES = "abc"
OPERATIONS = st.one_of(
    st.tuples(st.just("join"), st.sampled_from(NODES), st.sampled_from(["ada", "bob"])),
    st.tuples(st.sampled_from(["leave", "update"]), st.sampled_from(NODES), st.integers(0, 5)),
    st.tuples(st.sampled_from(["cut", "heal"]), st.sampled_from(["ab", "ac", "bc"]), st.none()),
    st.tuples(st.sampled_from(["restart", "stop", "goodbye"]), st.sampled_from(NODES), st.none()),
    st.tuples(st.just("lose"), st.booleans(), st.none()),
    st.tuples(st.just("tick"), st.sampled_from([1, 1, 2, 9, 50]), st.none()),
)


def play(net: Net, what: str, who: Any, which: Any) -> None:
    own = net.own(who) if who in net.trackers else []
    match what:
        case "join" if who in net.trackers:
            net.join(who, which)
        case "leave" if own:
            net.fold(who, net.trackers[who].leave([own[which % len(own)]]))
        case "update" if own:
            net.fold(who, net.trackers[who].replace(own[which % len(own)], {"updated": True})[1])
        case "cut":
            net.cut.add(frozenset(who))
        case "heal":
            net.cut.discard(frozenset(who))
        case "stop" | "goodbye" | "restart" if who in net.trackers:
            goodbye = net.trackers[who].goodbye()
            net.stop(who)
            if what == "goodbye":
                net.carry(who, goodbye.message, None)
            if what == "restart":
                net.start(who)
        case "restart":
            net.start(who)
        case "lose":
            net.lost = who
        case "tick":
            net.tick(who)
        case _:
            pass


@settings(max_examples=200, deadline=None)
@given(st.lists(OPERATIONS, max_size=40))
def test_whatever_happens_all_see_the_same_in_the_end_and_each_diff_fits_what_was_seen(script: list[Any]) -> None:
    net = Net(*NODES)
    for what, who, which in script:
        play(net, what, who, which)
    net.cut, net.lost = set(), False
    net.tick(60)
    living = sorted(entry for node in net.trackers for entry in [(e.dot, e.key) for e in net.own(node)])
    for node, tracker in net.trackers.items():
        assert sorted((entry.dot, entry.key) for entry in tracker.state.online()) == living
        assert sorted((dot, entry.key) for dot, entry in net.seen[node].items()) == living
        assert tracker.others.keys() == net.trackers.keys() - {node}
        assert tracker.state._dots == {}, "no gap is left"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_parts_merge_to_the_same_in_any_order_and_any_number_of_times(data: st.DataObject) -> None:
    states = acquainted("a", "b", "c")
    parts: list[Part] = []
    for _ in range(data.draw(st.integers(1, 25))):
        state = data.draw(st.sampled_from(states))
        own = [entry for entry in state.online() if entry.dot.replica == state.replica]
        match data.draw(st.sampled_from(["join", "leave", "delta", "whole", "merge"])):
            case "join":
                state.join("lobby", "x", {})
            case "leave" if own:
                state.leave(data.draw(st.sampled_from(own)))
            case "delta" if (delta := state.take_delta()) is not None:
                parts.append(delta)
            case "whole":
                parts.append(state.part_for("nobody", dict.fromkeys("abc", 0)))
            case "merge" if parts:
                state.merge(data.draw(st.sampled_from(parts)))
            case _:
                pass
    for state in states:
        if (delta := state.take_delta()) is not None:
            parts.append(delta)
        parts.append(state.part_for("nobody", dict.fromkeys("abc", 0)))
    views = []
    for order in (parts, data.draw(st.permutations(parts)), parts + parts):
        watcher = State("w")
        for name in "abc":
            watcher.up(name)
        for part in order:
            watcher.merge(part)
        views.append((watcher.context, sorted(entry.dot for entry in watcher.online())))
    own = sorted(entry.dot for state in states for entry in state.online() if entry.dot.replica == state.replica)
    assert views[0] == views[1] == views[2]
    assert views[0][1] == own


# On the wire.


@pytest.mark.parametrize(
    ("event", "payload"),
    [("nothing", {"replica": ["a", 1]}), ("heartbeat", {}), ("heartbeat", {"replica": ["a", 1], "context": {}}),
     ("heartbeat", {"replica": "a"}), ("request", {"replica": ["a", 1], "context": {"a": "1"}}),
     ("request", {"replica": ["a", 1], "context": [1]}), ("goodbye", {"replica": [1, 1]}),
     ("transfer", {"replica": ["a", 1], "part": {"entries": [["a", 1, "t", "k", []]], "context": {}, "dots": {},
                                                 "start": {}, "end": {}}}),
     ("transfer", {"replica": ["a", 1], "part": {"entries": [], "context": {}, "dots": {}, "start": {"a": 1},
                                                 "end": {}}})],
)  # fmt: skip
def test_a_message_that_is_none_of_ours_is_a_value_error(event: str, payload: Any) -> None:
    with pytest.raises(ValueError, match="tracker"):
        read(event, payload)


def test_messages_come_back_as_they_were_written() -> None:
    a = State("1@a")
    a.join("lobby", "ada", {"x": [1, None, "ä"]})
    sender = Replica("a", 1)
    part = a.take_delta()
    assert part is not None
    for message in (Heartbeat(sender, {"1@a": 3}, part), Heartbeat(sender, {}, None), Request(sender, {"1@a": 1}),
                    Transfer(sender, a.part_for("b", {"1@a": 0})), Goodbye(sender)):  # fmt: skip
        event, payload = write(message)
        said: Any = decode_json(encode_json(payload, topic="t", event=event))
        assert read(event, said) == message
