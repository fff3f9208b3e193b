"""A program for `test_killed_runs`: kill a run at its n-th statement, let the next run finish, say what came of it.

One process imports everything, and forks each run, so that a kill costs a fork and not the start of an interpreter. It
prints one JSON line a kill, takes every k-th statement, and ends when a run was through before its turn to die came.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ectype import migrations
from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for

CALLS = ("fetch", "execute", "script", "begin", "commit", "rollback")
MOST = 400


@dataclass(frozen=True)
class Place:
    adapter: Adapter


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(adapter, number, moment):
    """Return the adapter, whose n-th statement is the last thing that this process does."""
    count = 0

    async def connecting(timeout):
        return Deadly(await adapter.connect(timeout))

    async def connecting_session(timeout):
        return Deadly(await adapter.connect_session(timeout))

    class Deadly:
        def __init__(self, connection):
            self._connection = connection

        def __getattr__(self, name):
            value = getattr(self._connection, name)
            if name not in CALLS:
                return value

            async def call(*args, **kwargs):
                nonlocal count
                count += 1
                if count == number and moment == "before":
                    die()
                if count == number:
                    working = asyncio.ensure_future(value(*args, **kwargs))
                    await asyncio.sleep(0.002)
                    die()
                    await working
                return await value(*args, **kwargs)

            return call

    return Wrapped(adapter, connecting, connecting_session)


class Wrapped:
    def __init__(self, adapter, connect, connect_session):
        self._adapter, self.connect, self.connect_session = adapter, connect, connect_session

    def __getattr__(self, name):
        return getattr(self._adapter, name)


def in_a_fork(work):
    """Run the coroutine function in a process of its own and return its exit status and what it printed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 1
        try:
            os.write(writing, json.dumps(asyncio.run(work())).encode())
            code = 0
        except BaseException as exc:  # noqa: BLE001  # it is told to the parent
            with suppress(OSError):
                os.write(writing, json.dumps({"error": f"{type(exc).__name__}: {exc}"}).encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        printed = pipe.read()
    _, status = os.waitpid(pid, 0)
    return status, json.loads(printed) if printed else None


async def rows(repo):
    connection = await repo.adapter.connect(10)
    try:
        return await connection.fetch("SELECT n FROM counted", (), lambda found: [row[0] for row in found])
    finally:
        await connection.close()


def main(url, folder, moment, every):
    async def killed():
        return await migrations.migrate(Place(deadly(adapter_for(url), number, moment)), folder, lock_wait=30)

    async def finished():
        repo = Place(adapter_for(url))
        left = [one.state for one in await migrations.status(repo, folder)]
        ran = await migrations.migrate(repo, folder, lock_wait=30)
        states = [one.state for one in await migrations.status(repo, folder)]
        made = await migrations.schema_hash(repo)
        return {"left": left, "ran": ran, "states": states, "hash": made, "rows": await rows(repo)}

    async def emptied():
        if url.startswith("sqlite"):
            for path in Path(url.removeprefix("sqlite:///")).parent.glob("test.db*"):
                path.unlink()
            return
        connection = await adapter_for(url).connect(10)
        await connection.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    for number in range(1, MOST, int(every)):
        status, came = in_a_fork(killed)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        outcome = in_a_fork(finished)[1]
        print(json.dumps({"number": number, "killed": was_killed, "came": came, **outcome}), flush=True)
        in_a_fork(emptied)
        if not was_killed:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
