"""What processes, threads and event loops do to a repo: fork, a second loop, an end with all of it left open."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time

import pytest

from ectype import Repo
from ectype.errors import ConnectError
from tests.integration.adapters.pools import SLOW

END_SECONDS = 20
"""The figure is 2 s."""


def run(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(text), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


FORK = """
    import asyncio, os, sys
    from ectype import Repo

    async def use(repo):
        async with repo.transaction():
            await repo.query("SELECT 1")

    async def main():
        async with Repo(sys.argv[1], pool_size=2) as repo:
            before = (await repo.query("SELECT 1")).rows
            child = os.fork()
            if child == 0:
                for call in (repo.query("SELECT 1"), use(repo), repo.open(), repo.pool.close()):
                    try:
                        call.send(None)
                        print("it was lent")
                    except Exception as exc:
                        print(type(exc).__name__, exc)
                sys.stdout.flush()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            for _ in range(3):
                await asyncio.gather(*(use(repo) for _ in range(4)))
            print("parent is fine")

    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_refused_before_it_touches_a_socket_and_its_parent_goes_on(database_url):
    """B1 row 27."""
    done = run(FORK, database_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("after a fork") == 4
    assert "it was lent" not in done.stdout
    assert done.stdout.endswith("parent is fine\n")


def test_a_repo_of_another_event_loop_says_so_and_still_serves_its_own(database_url):
    """B1 row 28."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    repo = Repo(database_url, pool_size=1)

    async def use() -> object:
        async with repo.transaction():
            await repo.query("SELECT 1")
        return (await repo.query("SELECT 1")).rows[0][0]

    try:
        assert first.run_until_complete(use()) == 1
        with pytest.raises(ConnectError, match="belongs to another event loop"):
            second.run_until_complete(use())
        assert first.run_until_complete(use()) == 1
        first.run_until_complete(repo.close())
    finally:
        first.close()
        second.close()


LEFT_OPEN = """
    import asyncio, sys
    from ectype import Repo

    kept = []

    async def hold(repo):
        async with repo.transaction():
            await repo.query("SELECT 1")
            await asyncio.sleep(60)

    async def main():
        repo = Repo(sys.argv[1], pool_size=3, max_idle=1)
        kept.append(repo)
        await repo.open()
        for state in sys.argv[2].split():
            if state == "transaction":
                kept.append(asyncio.ensure_future(hold(repo)))
            elif state == "statement":
                kept.append(asyncio.ensure_future(repo.query(sys.argv[3])))
            elif state == "entered":
                block = repo.transaction()
                kept.append(block)
                await block.__aenter__()
        await asyncio.sleep(0.1)
        print("ends", flush=True)

    asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "transaction", "statement", "entered", "entered transaction statement"])
def test_a_program_that_leaves_everything_open_ends(database_url, state):
    """B1 row 29."""
    target = "sqlite" if database_url.startswith("sqlite") else "postgres"
    if target == "sqlite" and state == "entered transaction statement":
        # SQLite lets one of them in.
        state = "entered statement"
    began = time.monotonic()
    done = run(LEFT_OPEN, database_url, state, SLOW[target])
    assert time.monotonic() - began < END_SECONDS
    assert done.stdout == "ends\n"
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


FORGOTTEN = """
    import asyncio, gc, sys, threading, warnings
    from ectype import Repo

    async def hold(repo):
        block = repo.transaction()
        await block.__aenter__()
        await repo.query("SELECT 1")

    async def main():
        warnings.simplefilter("ignore", RuntimeWarning)
        problems = []
        sys.unraisablehook = lambda one: problems.append(one)
        asyncio.get_running_loop().set_exception_handler(lambda _loop, one: problems.append(one))
        gc.disable()
        for _ in range(3):
            for make in (lambda repo: repo.open(), hold):
                repo = Repo(sys.argv[1], pool_size=2)
                await asyncio.create_task(make(repo))
                circle = [repo]
                circle.append(circle)
                del repo, circle
                thread = threading.Thread(target=gc.collect)
                thread.start()
                thread.join()
                await asyncio.sleep(0.05)
        async with Repo(sys.argv[1]) as repo:
            assert (await repo.query("SELECT 1")).rows == [(1,)]
        print("ends", problems, flush=True)

    asyncio.run(main())
"""


def test_repos_that_another_thread_collects_harm_nothing(database_url):
    """B1 row 30."""
    done = run(FORGOTTEN, database_url)
    assert done.stdout == "ends []\n", done.stderr
    assert done.returncode == 0, done.stderr
