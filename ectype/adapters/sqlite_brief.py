"""Brief statements of SQLite: those that end sooner than a thread wakes run in the thread of the event loop.

To hand a statement to its connection's thread and the rows back takes 14 to 20 µs on one processor, and several times
that where it wakes another; to read a row by its key takes 4. So what has been brief on its thread is run here, as long
as it can hold up nobody:

- It is a SELECT, a BEGIN, a write of which each step is done once (see `ectype.adapters.sqlite_bounded`), or COMMIT
  after a few of those (see `ectype.adapters.sqlite_commits`). Everything else has its thread.
- The database is in memory or in WAL mode, where readers wait for no writer (https://www.sqlite.org/wal.html). Where
  SQLite says that a lock is taken, the thread waits for it.
- Nothing else is done on its connection.
- SQLite asks after every thousand steps of a SELECT how long it has taken. One that takes longer is broken off, which
  leaves its transaction as it was, and is run on the thread. That, or what was long twice, comes back when it has been
  brief there for a while.
- A task goes on so for half a millisecond, and all of them for five in one turn of the event loop: then others have
  their turn.
- Two that take twenty milliseconds have met a disk that stalls: all have their threads then for some seconds.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, current_task, get_running_loop, sleep
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from math import inf
from time import monotonic, thread_time
from typing import Any, Literal, TypeAlias, cast

from ectype.adapters.sqlite_bounded import bounded
from ectype.adapters.sqlite_commits import Commits
from ectype.adapters.sqlite_jobs import Turn
from ectype.adapters.sqlite_texts import BEGINS, DEFINES, READS, WRITES

BRIEF_SECONDS = 0.0002
"""What a statement may take to be brief."""
BROKEN_OFF_SECONDS = 0.0004
"""After how long a read here is broken off."""
TASK_SECONDS = 0.0005
"""How long a task may go on with brief statements before another one has its turn."""
TURN_SECONDS = 0.005
"""How long all tasks may go on with them in one turn of the event loop."""
STALLED_SECONDS = 0.02
"""What no brief statement takes, unless the disk holds it up, or the machine has other work."""
RESTING_SECONDS = 10.0
"""How long all have their threads after two of those in as long a time."""
STEPS = 1_000
"""After how many steps of its machine SQLite asks whether to go on: some 30 µs."""
BRIEF_RUNS = 3
"""How often a statement must have been brief on its thread before it is run here."""
ACCIDENTS_APART = 40
"""How many brief runs are between two long ones that are none of the statement's."""
MOST_STRIKES = 10
FORGIVEN_AFTER = 500
"""After how many brief runs here a statement that goes back does so as for the first time."""
STATEMENTS = 2_000
"""How many texts are known at most."""
LONGEST = 20_000
"""How many characters they have at most: longer ones hold values, and come once."""

_NOTHING = Context()

Job: TypeAlias = Callable[[Turn, str, Any], Any]
"""What runs a statement: `(turn, sql, params) -> result`."""
Kind: TypeAlias = Literal["read", "write", "begin", "define", "other"]
WRITING: tuple[Kind, ...] = ("write", "define")
"""What waits for its turn to write."""
_OWED: Mapping[Kind, float] = {"read": BRIEF_RUNS, "write": BRIEF_RUNS, "begin": 0, "define": inf, "other": inf}


class Pace:
    """What is known of one statement: what it does, and how long it takes.

    Attributes:
        kind: what it begins as; what begins with WITH is not looked into.
        owed: how often it must still be brief on its thread before it runs here; for ever where it never does.
    """

    __slots__ = ("_long_at", "_runs", "_strikes", "kind", "owed")

    def __init__(self, sql: str) -> None:
        self.kind: Kind = _kind(sql)
        self.owed: float = _OWED[self.kind]
        self._strikes = 0
        self._runs = 0
        self._long_at = -ACCIDENTS_APART

    def learning(self, job: Job) -> Job:
        """Return the job for the connection's thread that tells how long this one takes, while that is of use."""
        return partial(self._learn, job) if 0 < self.owed < inf else job

    def _learn(self, job: Job, turn: Turn, sql: str, params: Sequence[object]) -> Any:
        # What other threads took meanwhile is not the statement's.
        began = thread_time()
        result = job(turn, sql, params)
        if thread_time() - began > BRIEF_SECONDS:
            self.owed = max(self.owed, BRIEF_RUNS)
        elif self.owed > 1:
            self.owed -= 1
        else:
            self.owed = inf if self.kind == "write" and not bounded(turn.raw, sql, params) else 0
        return result

    def was_brief(self) -> None:
        """Note a run here that was."""
        self._runs += 1

    def was_long(self) -> None:
        """Note a run here that was not. One among many is the machine's, which had other work; two soon are not."""
        soon, self._long_at = self._runs - self._long_at < ACCIDENTS_APART, self._runs
        if soon:
            self.failed()

    def failed(self) -> None:
        """Give the statement back to its thread: each time soon after another for twice as long."""
        self._strikes = 1 if self._runs > FORGIVEN_AFTER else min(self._strikes + 1, MOST_STRIKES)
        self._runs, self._long_at = 0, -ACCIDENTS_APART
        self.owed = BRIEF_RUNS << self._strikes


def _kind(sql: str) -> Kind:
    if sql in BEGINS:
        return "begin"
    if READS.match(sql):
        return "read"
    if DEFINES.match(sql):
        return "define"
    return "write" if WRITES.match(sql) else "other"


class Brief:
    """The statements of one database, and how long others have waited for brief ones.

    Attributes:
        commits: where the next commit may be done.
        ending: what is known of COMMIT.
    """

    __slots__ = (
        "_began",
        "_loop",
        "_paces",
        "_rests_until",
        "_since",
        "_stalled",
        "_task",
        "_turn",
        "commits",
        "ending",
    )

    def __init__(self, commits: Commits) -> None:
        self.commits = commits
        self._paces: dict[str, Pace] = {}
        self.ending = Pace("COMMIT")
        self.ending.owed = 0
        self._rests_until = 0.0
        self._stalled = -RESTING_SECONDS
        self._loop: AbstractEventLoop | None = None
        self._turn = 0.0
        self._since = 0.0
        self._task: int = 0
        self._began = 0.0

    def pace(self, sql: str) -> Pace:
        """Return what is known of a statement."""
        found = self._paces.get(sql)
        if found is None:
            found = Pace(sql)
            if found.kind == "define" or len(self._paces) >= STATEMENTS:
                self.forget()
            if found.kind != "define" and len(sql) <= LONGEST:
                self._paces[sql] = found
        return found

    def forget(self) -> None:
        """Learn everything anew: statements may do more than they did.

        What another program makes of a table nobody tells. A trigger that takes long is met here twice, and then seen.
        """
        self._paces.clear()

    async def next_turn(self) -> bool:
        """Let others run, and return whether a brief statement may now."""
        if self._began < self._rests_until:
            return False
        await sleep(0)
        return self.in_turn()

    def in_turn(self) -> bool:
        """Return whether others have had their turn lately, so that a brief statement may run now."""
        now = self._began = monotonic()
        soon = now - self._turn < TURN_SECONDS
        if soon and now - self._since < TASK_SECONDS:
            return True
        running: int = id(cast("object", current_task()))
        if soon and running != self._task:
            self._since, self._task = now, running
            return True
        loop = get_running_loop()
        if (self._turn and loop is self._loop) or now < self._rests_until:
            return False
        # The first statement of a turn asks to be told of the next one.
        self._loop, self._turn, self._since, self._task = loop, now, now, running
        loop.call_soon(self._turned, context=_NOTHING)
        return True

    def run(self, job: Job, turn: Turn, sql: str, params: Sequence[object], pace: Pace) -> Any:
        """Return the result of a job that has been brief, done here in its turn.

        `ended` follows, when the result is loaded. Raises what sqlite3 raises, also where a read was broken off.
        """
        if pace.kind != "read":
            return job(turn, sql, params)
        turn.raw.set_progress_handler(self._too_long, STEPS)
        try:
            return job(turn, sql, params)
        finally:
            turn.raw.set_progress_handler(None, STEPS)

    def ended(self, pace: Pace) -> None:
        """Note how long the statement that was run last has taken, its rows loaded."""
        now = monotonic()
        if now - self._began <= BRIEF_SECONDS:
            pace.was_brief()
            return
        pace.was_long()
        if now - self._began > STALLED_SECONDS:
            if now - self._stalled < RESTING_SECONDS:
                self._rests_until = now + RESTING_SECONDS
                self._turn = 0.0
            self._stalled = now

    def _too_long(self) -> bool:
        return monotonic() - self._began > BROKEN_OFF_SECONDS

    def _turned(self) -> None:
        self._turn = 0.0


def readers_wait(turn: Turn) -> bool:
    """Return whether a read of a connection may have to wait for a writer, in any of its files."""
    for _, name, file in turn.execute("PRAGMA database_list").fetchall():
        if file and turn.execute(f'PRAGMA "{name}".journal_mode').fetchone()[0] != "wal":
            return True
    return False
