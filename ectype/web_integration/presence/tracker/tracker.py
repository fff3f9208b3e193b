"""Tracker: one replica among others. Messages in, messages and diffs out; the time is handed in.

Every period it tells the others what it did; when that was nothing, only every so often. Who is not heard of for
`down` is not seen; who stays away for `gone`, or says that it goes, is forgotten. Who finds that another knows more
asks it, and is sent what it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, final

from ectype.web_integration.presence.errors import PresenceError
from ectype.web_integration.presence.tracker.clock import Context, to_ask
from ectype.web_integration.presence.tracker.parts import Diff, Entry, Part
from ectype.web_integration.presence.tracker.state import State


class Replica(NamedTuple):
    """One life of one node: a node that starts again is another replica, with a higher `born`."""

    node: str
    born: int

    @property
    def ref(self) -> str:
        """Its name among replicas."""
        return f"{self.born}@{self.node}"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """I am here, this is what I know, and this is what I did since the last one."""

    replica: Replica
    context: Context
    delta: Part | None


@dataclass(frozen=True, slots=True)
class Request:
    """Send me what I lack; this is what I know."""

    replica: Replica
    context: Context


@dataclass(frozen=True, slots=True)
class Transfer:
    """This is what you lack."""

    replica: Replica
    part: Part


@dataclass(frozen=True, slots=True)
class Goodbye:
    """I go, and do not come back."""

    replica: Replica


Message: TypeAlias = Heartbeat | Request | Transfer | Goodbye


class Send(NamedTuple):
    """A message for one node, or for all others when `node` is None."""

    message: Message
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: messages to send, and changes among those who are seen, in order."""

    sends: Sequence[Send] = ()
    diffs: Sequence[Diff] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How often replicas speak, and when one counts as gone. All in seconds.

    Attributes:
        heartbeat: between two heartbeats.
        silent: how many heartbeats are left out when there is nothing to tell.
        down: without a word for so long, a replica is not seen; None for twice the longest silence.
        gone: without a word for so long, it is forgotten.
        sample: after how many heartbeats it asks for what it lacks.
    """

    heartbeat: float = 1.5
    silent: int = 10
    down: float | None = None
    gone: float = 1_200.0
    sample: int = 2

    def __post_init__(self) -> None:
        if self.heartbeat <= 0 or self.silent < 1 or self.sample < 1:
            raise PresenceError(
                f"a heartbeat of {self.heartbeat} s, silent={self.silent}, sample={self.sample}: all must be positive"
            )
        if self.down_after < 2 * self.heartbeat:
            raise PresenceError(
                f"down={self.down} s is too short: a replica must be able to miss a heartbeat",
                hint=f"say at least twice the heartbeat, {2 * self.heartbeat:g} s",
            )
        if self.gone <= self.down_after:
            raise PresenceError(
                f"gone={self.gone:g} s must be longer than down, which is {self.down_after:g} s",
                hint="a replica is not seen first, and forgotten later",
            )

    @property
    def down_after(self) -> float:
        """The seconds of `down`, worked out."""
        return self.heartbeat * self.silent * 2 if self.down is None else self.down


@dataclass(slots=True)
class _Other:
    replica: Replica
    heard: float
    down: bool = field(default=False)


_NOTHING: Final = Outcome()


@final
class Tracker:
    """One replica.

    Args:
        replica: its name.
        periods: how often it speaks.
        sizes: those of `DeltaLog`.
    """

    __slots__ = ("_heard", "_others", "_periods", "_replica", "_silence", "_until_sample", "state")

    def __init__(
        self, replica: Replica, periods: Periods | None = None, sizes: Sequence[int] = (100, 1_000, 10_000)
    ) -> None:
        self._replica = replica
        self._periods: Periods = periods or Periods()
        self.state = State(replica.ref, sizes)
        self._others: dict[str, _Other] = {}
        self._heard: dict[str, Context] = {}
        # The first heartbeat is said at once, so that the others answer.
        self._silence: int = self._periods.silent
        self._until_sample: int = self._periods.sample

    @property
    def others(self) -> Mapping[str, bool]:
        """The nodes that are known, and whether each is seen."""
        return {node: not other.down for node, other in self._others.items()}

    # What this replica does.

    def join(self, topic: str, key: str, meta: Mapping[str, Any]) -> tuple[Entry, Diff]:
        """Add an entry."""
        entry = self.state.join(topic, key, meta)
        return entry, Diff(joins=(entry,))

    def leave(self, entries: Sequence[Entry]) -> Diff:
        """Take back entries."""
        for entry in entries:
            self.state.leave(entry)
        return Diff(leaves=tuple(entries))

    def replace(self, entry: Entry, meta: Mapping[str, Any]) -> tuple[Entry, Diff]:
        """Change what is told of an entry: one leaves and one joins, in one diff."""
        made = self.state.replace(entry, meta)
        return made, Diff(joins=(made,), leaves=(entry,))

    def tick(self, now: float) -> Outcome:
        """Do what is due; to be called every `Periods.heartbeat`."""
        sends: list[Send] = []
        delta = self.state.take_delta()
        self._silence += 1
        if delta is not None or self._silence >= self._periods.silent:
            self._silence = 0
            sends.append(Send(Heartbeat(self._replica, self.state.context, delta)))
        self._until_sample -= 1
        if self._until_sample == 0:
            self._until_sample = self._periods.sample
            sends += [Send(Request(self._replica, self.state.context), node) for node in self._to_ask()]
        return Outcome(sends, self._without_the_silent(now))

    def goodbye(self) -> Send:
        """Return what to say before the end, so that nobody waits."""
        return Send(Goodbye(self._replica))

    # What others say.

    def receive(self, message: Message, now: float) -> Outcome:
        """Take in a message of another replica."""
        sender = message.replica
        if sender.node == self._replica.node:
            return _NOTHING
        match message:
            case Heartbeat(context=context, delta=delta):
                if self._is_stale(sender):
                    return _NOTHING
                diffs = self._is_here(sender, now)
                if delta is not None:
                    diffs.append(self.state.merge(delta))
                self._heard[sender.node] = context
                return Outcome((), [diff for diff in diffs if diff])
            case Request(context=context):
                part = self.state.part_for(sender.ref, context)
                return Outcome([Send(Transfer(self._replica, part), sender.node)])
            case Transfer(part=part):
                diff = self.state.merge(part)
                return Outcome((), [diff] if diff else ())
            case Goodbye():
                other = self._others.get(sender.node)
                if other is None or other.replica != sender:
                    return _NOTHING
                diff = self._forget(sender)
                return Outcome((), [diff] if diff else ())

    def _is_stale(self, sender: Replica) -> bool:
        # A message of an earlier life, overtaken on its way.
        other = self._others.get(sender.node)
        return other is not None and sender.born < other.replica.born

    def _is_here(self, sender: Replica, now: float) -> list[Diff]:
        diffs: list[Diff] = []
        other = self._others.get(sender.node)
        if other is not None and other.replica != sender:
            diffs.append(self._forget(other.replica))
            other = None
        if other is None:
            self._others[sender.node] = _Other(sender, now)
            # Answer soon: a new replica knows nobody until it hears of them.
            self._silence = self._periods.silent
            diffs.append(self.state.up(sender.ref))
        else:
            other.heard = now
            if other.down:
                other.down = False
                diffs.append(self.state.up(sender.ref))
        return diffs

    def _without_the_silent(self, now: float) -> list[Diff]:
        diffs: list[Diff] = []
        for other in tuple(self._others.values()):
            silence = now - other.heard
            if silence >= self._periods.gone:
                diffs.append(self._forget(other.replica))
            elif silence >= self._periods.down_after and not other.down:
                other.down = True
                diffs.append(self.state.down(other.replica.ref))
        return [diff for diff in diffs if diff]

    def _forget(self, replica: Replica) -> Diff:
        self._others.pop(replica.node, None)
        self._heard.pop(replica.node, None)
        return self.state.remove(replica.ref)

    def _to_ask(self) -> list[str]:
        heard, self._heard = self._heard, {}
        up = {node: context for node, context in heard.items() if node in self._others}
        mine = {ref: clock for ref, clock in self.state.context.items() if ref != self._replica.ref}
        return to_ask(mine, up)
