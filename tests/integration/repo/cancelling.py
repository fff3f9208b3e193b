"""Every call of a repo, cancelled where it waits: what it may leave behind, and a look at what it did."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ectype import Multi, Notification, Repo, Results, change, do_nothing, fn, from_, replace
from tests.integration.repo.blog import Comment, Post, Role, User

SECONDS = 20.0
MANY = 500
"""More suspensions than any call has."""
SECRET = b"sixteen bytes or more"


class CancelledAt:
    """Awaits a coroutine, and cancels its task at the numbered suspensions, counted from 1."""

    def __init__(self, work: Coroutine[Any, Any, Any], *suspensions: int) -> None:
        self.work = work
        self.suspensions = suspensions
        self.seen = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self.work.__await__()
        send, value = steps.send, None
        while True:
            try:
                future = send(value)
            except StopIteration as stop:
                return stop.value
            self.seen += 1
            if self.seen in self.suspensions:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value = yield future
                send = steps.send
            except BaseException as exc:  # noqa: BLE001  # all goes into the coroutine
                send, value = steps.throw, exc


Act = Callable[[Repo, int], Awaitable[Any]]


@dataclass(frozen=True)
class Call:
    """One call of a repo.

    Attributes:
        act: does it, with a number of its own.
        before: what `looked` gives when nothing of it is stored.
        after: the same when all of it is.
        ready: stores what it needs.
        looked: looks at what is stored; by default how many users carry the number.
    """

    act: Act
    before: Any
    after: Any
    ready: Act | None = None
    looked: Act | None = None


def ada(number: int, part: int = 0, **more: Any) -> User:
    return User(name="Ada", email=f"{number}.{part}", nickname=f"n{number}", **more)


def mine(number: int) -> Any:
    return from_(User).where(User.nickname == f"n{number}")


async def count(repo: Repo, number: int) -> int:
    return await repo.aggregate(mine(number), fn.count())


async def one_user(repo: Repo, number: int) -> User:
    return await repo.insert(ada(number))


async def ages(repo: Repo, number: int) -> list[int | None]:
    return await repo.all(mine(number).order_by(User.id).select(User.age))


async def family(repo: Repo, number: int) -> tuple[int, int]:
    posts = from_(Post).join(Post.author).where(User.nickname == f"n{number}")
    return await count(repo, number), await repo.aggregate(posts, fn.count())


async def user_of(repo: Repo, number: int) -> User:
    return await repo.one_or_raise(mine(number))


def rows(number: int) -> list[dict[str, object]]:
    return [
        {"name": "Ada", "email": f"{number}.{part}", "nickname": f"n{number}", "role": Role.MEMBER} for part in range(3)
    ]


def read(act: Act) -> Call:
    """Return a call that reads the user of its number, and must give what the table holds."""
    return Call(act, 1, 1, ready=one_user)


async def _get(repo: Repo, number: int) -> None:
    user = await user_of(repo, number)
    assert (await repo.get(User, user.id)) == user
    assert (await repo.get_or_raise(User, user.id)).nickname == f"n{number}"


async def _upsert(repo: Repo, number: int) -> None:
    user = await user_of(repo, number)
    post = Post(title="new", slug=f"s{number}", author_id=user.id)
    await repo.upsert(post, on_conflict=replace(Post.title), conflict_target=Post.slug)


async def _posted(repo: Repo, number: int) -> None:
    user = await one_user(repo, number)
    await repo.insert(Post(title="old", slug=f"s{number}", author_id=user.id))


async def _titles(repo: Repo, number: int) -> list[str]:
    return await repo.all(from_(Post).where(Post.slug == f"s{number}").select(Post.title))


async def _preload(repo: Repo, number: int) -> None:
    user = await repo.preload(await user_of(repo, number), User.posts / Post.comments, User.edited)
    assert [post.title for post in user.posts] == ["old"]


async def _nested(repo: Repo, number: int) -> None:
    async with repo.transaction():
        await repo.insert(ada(number, 0))
        async with repo.transaction() as inner:
            await repo.insert(ada(number, 1))
            inner.rollback()
        async with repo.transaction():
            await repo.insert(ada(number, 2))


async def _checkout(repo: Repo, number: int) -> None:
    async with repo.checkout():
        assert await repo.exists(mine(number)) is False
        async with repo.transaction():
            await repo.insert(ada(number, 1))
            await repo.insert(ada(number, 2))
        assert await count(repo, number) == 2


def _multi(number: int) -> Multi:
    async def check(repo: Repo, done: Results) -> int:
        return await count(repo, number)

    return (
        Multi()
        .insert("user", ada(number))
        .insert("post", lambda done: Post(title="x", author_id=done["user"].id))
        .run("count", check)
    )


async def _siblings(repo: Repo, number: int) -> None:
    async def sibling(part: int) -> None:
        async with repo.transaction():
            await repo.insert(ada(number, part))

    async with repo.transaction(), asyncio.TaskGroup() as group:
        for part in range(3):
            group.create_task(sibling(part))


async def _commented(repo: Repo, number: int) -> None:
    await _posted(repo, number)
    post = await repo.one_or_raise(from_(Post).where(Post.slug == f"s{number}"))
    await repo.insert(Comment(body="b", post_id=post.id))


async def _page(repo: Repo, number: int) -> None:
    page = await repo.page(mine(number).order_by(User.name), size=1, secret=SECRET)
    assert [user.nickname for user in page.rows] == [f"n{number}"]


async def _one(repo: Repo, number: int) -> None:
    assert (await repo.one(mine(number))) == await repo.one_or_raise(mine(number))


async def _by(repo: Repo, number: int) -> None:
    found = await repo.get_by(User, User.nickname == f"n{number}")
    assert found == await repo.get_by_or_raise(User, User.nickname == f"n{number}")


async def _all(repo: Repo, number: int) -> None:
    assert [user.nickname for user in await repo.all(mine(number))] == [f"n{number}"]


async def _exists(repo: Repo, number: int) -> None:
    assert await repo.exists(mine(number))


async def _to_arrow(repo: Repo, number: int) -> None:
    assert (await repo.to_arrow(mine(number))).num_rows == 1


async def _to_polars(repo: Repo, number: int) -> None:
    assert (await repo.to_polars(mine(number))).height == 1


async def _aggregate(repo: Repo, number: int) -> None:
    assert await repo.aggregate(mine(number), fn.count()) == 1


async def _table_exists(repo: Repo, number: int) -> None:
    assert await repo.table_exists(User)
    assert not await repo.table_exists(f"table {number}")


async def _query(repo: Repo, number: int) -> None:
    found = await repo.query("select nickname from users where nickname = {}", f"n{number}")
    assert found.rows == [(f"n{number}",)]


async def _unique(repo: Repo, number: int) -> None:
    changeset = await repo.unsafe_validate_unique(
        change(User(name="B", email=""), User.email.set(f"{number}.0")), User.email
    )
    assert not changeset.valid


async def _update(repo: Repo, number: int) -> Any:
    return await repo.update(change(await user_of(repo, number), User.age.set(40)))


async def _try_update(repo: Repo, number: int) -> Any:
    return await repo.try_update(change(await user_of(repo, number), User.age.set(40)))


async def _or_update(repo: Repo, number: int) -> Any:
    return await repo.insert_or_update(change(await user_of(repo, number), User.age.set(40)))


async def _try_in_transaction(repo: Repo, number: int) -> None:
    async with repo.transaction():
        await repo.try_insert(ada(number, 1))
        await repo.try_insert(change(ada(number, 1)).unique_constraint(User.email))
        await repo.insert(ada(number, 2))


async def _delete(repo: Repo, number: int) -> Any:
    return await repo.delete(await user_of(repo, number))


async def _try_delete(repo: Repo, number: int) -> Any:
    return await repo.try_delete(await user_of(repo, number))


async def _insert_family(repo: Repo, number: int) -> None:
    await repo.insert(ada(number, posts=[Post(title="a"), Post(title="b")]))


async def _insert_all(repo: Repo, number: int) -> None:
    assert await repo.insert_all(User, rows(number), timestamps=True) == 3


async def _insert_all_groups(repo: Repo, number: int) -> None:
    given = rows(number)
    given[1]["age"] = 20
    names = await repo.insert_all(User, given, timestamps=True, returning=User.email)
    assert names == [f"{number}.{part}" for part in range(3)]


async def _ignored(repo: Repo, number: int) -> None:
    await repo.upsert(ada(number), on_conflict=do_nothing(), conflict_target=User.email)


async def _update_all(repo: Repo, number: int) -> None:
    assert await repo.update_all(mine(number), User.age.set(40)) == 1


async def _delete_all(repo: Repo, number: int) -> None:
    assert await repo.delete_all(mine(number)) == 1


async def _transact(repo: Repo, number: int) -> Any:
    return await repo.transact(lambda: repo.insert(ada(number)), retries=2)


async def _transact_multi(repo: Repo, number: int) -> Any:
    return await repo.transact(_multi(number))


async def _failed(repo: Repo, number: int) -> None:
    with suppress(LookupError):
        async with repo.transaction():
            await repo.insert(ada(number))
            repo.after_rollback(lambda: None)
            raise LookupError


async def _called_back(repo: Repo, number: int) -> None:
    async with repo.transaction():
        await repo.insert(ada(number))
        repo.after_commit(lambda: repo.exists(mine(number)))


def _is_postgres(repo: Repo) -> bool:
    return repo.adapter.dialect.name == "PostgreSQL"


async def _reload(repo: Repo, number: int) -> None:
    user = await user_of(repo, number)
    assert await repo.reload(user) == await repo.reload_or_raise(user) == user


async def _all_by(repo: Repo, number: int) -> None:
    assert len(await repo.all_by(User, User.nickname == f"n{number}")) == 1


async def _explain(repo: Repo, number: int) -> None:
    options = {"analyze": True} if _is_postgres(repo) else {}
    assert await repo.explain(mine(number), **options)


async def _stream(repo: Repo, number: int) -> None:
    async with repo.stream(mine(number), batch=1) as users:
        assert [user.nickname async for user in users] == [f"n{number}"]


async def _copy_in(repo: Repo, number: int) -> None:
    await (repo.copy_in if _is_postgres(repo) else repo.insert_all)(User, rows(number), timestamps=True)


async def _position(repo: Repo, number: int) -> None:
    reader = await repo.replica_after(await repo.position())
    assert await reader.exists(mine(number))


async def _copy_bytes_in(repo: Repo, number: int) -> None:
    if not _is_postgres(repo):
        await repo.insert_all(User, rows(number), timestamps=True)
        return

    async def pieces() -> AsyncIterator[bytes]:
        yield b"name,email,nickname,role,inserted_at,updated_at\n"
        for row in rows(number):
            await asyncio.sleep(0)
            moment = "2024-01-01 00:00:00+00"
            yield f"{row['name']},{row['email']},{row['nickname']},member,{moment},{moment}\n".encode()

    assert await repo.copy_in(User, pieces(), format="csv", header=True) == 3


async def _copy_out(repo: Repo, number: int) -> None:
    copied: list[bytes] = []

    async def write(piece: bytes) -> None:
        copied.append(piece)

    assert await count(repo, number) == 1
    if _is_postgres(repo):
        await repo.copy_out(mine(number).select(User.nickname), write, format="text")
        assert b"".join(copied) == b"n%d\n" % number


async def _listen(repo: Repo, number: int) -> None:
    assert await count(repo, number) == 1
    if _is_postgres(repo):
        async with repo.listen("cancelling") as heard:
            await repo.notify("cancelling", str(number))
            async for one in heard:
                assert isinstance(one, Notification)
                if one.payload == str(number):
                    break


def calls(url: str) -> dict[str, Call]:
    """Return every call, by name; the names before a blank are those of the repo's methods."""

    async def of_its_own(_repo: Repo, number: int) -> None:
        other = Repo(url, pool_size=2, name="own")
        try:
            await other.open()
            await other.insert(ada(number))
        finally:
            await other.close()

    return {
        "all": read(_all),
        "one one_or_raise": read(_one),
        "get get_or_raise": read(_get),
        "get_by get_by_or_raise": read(_by),
        "all_by": read(_all_by),
        "reload reload_or_raise": read(_reload),
        "explain": read(_explain),
        "stream": read(_stream),
        "copy_in": Call(_copy_in, 0, 3),
        "position replica_after": read(_position),
        "copy_in of bytes": Call(_copy_bytes_in, 0, 3),
        "copy_out": read(_copy_out),
        "listen notify": read(_listen),
        "exists": read(_exists),
        "aggregate": read(_aggregate),
        "table_exists": read(_table_exists),
        "to_arrow": read(_to_arrow),
        "to_polars": read(_to_polars),
        "query": read(_query),
        "page": read(_page),
        "unsafe_validate_unique": read(_unique),
        "preload": Call(_preload, ["old"], ["old"], ready=_commented, looked=_titles),
        "insert": Call(one_user, 0, 1),
        "insert with posts": Call(_insert_family, (0, 0), (1, 2), looked=family),
        "try_insert": Call(lambda repo, number: repo.try_insert(ada(number)), 0, 1),
        "try_insert in a transaction": Call(_try_in_transaction, 0, 2),
        "update": Call(_update, [None], [40], ready=one_user, looked=ages),
        "try_update": Call(_try_update, [None], [40], ready=one_user, looked=ages),
        "insert_or_update": Call(_or_update, [None], [40], ready=one_user, looked=ages),
        "delete": Call(_delete, 1, 0, ready=one_user),
        "try_delete": Call(_try_delete, 1, 0, ready=one_user),
        "upsert": Call(_upsert, ["old"], ["new"], ready=_posted, looked=_titles),
        "upsert that ignores": Call(_ignored, 1, 1, ready=one_user),
        "insert_all": Call(_insert_all, 0, 3),
        "insert_all in groups": Call(_insert_all_groups, 0, 3),
        "update_all": Call(_update_all, [None], [40], ready=one_user, looked=ages),
        "delete_all": Call(_delete_all, 1, 0, ready=one_user),
        "transaction": Call(_nested, 0, 2),
        "transaction of siblings": Call(_siblings, 0, 3),
        "transaction that fails": Call(_failed, 0, 0),
        "transaction with a callback": Call(_called_back, 0, 1),
        "transact": Call(_transact, 0, 1),
        "transact a Multi": Call(_transact_multi, (0, 0), (1, 1), looked=family),
        "checkout": Call(_checkout, 0, 2),
        "open close": Call(of_its_own, 0, 1),
    }


async def settled(repo: Repo) -> None:
    """Wait until nothing is in use, then take every connection at once: each is clean, and gives its own answers."""
    pool = repo.pool
    async with asyncio.timeout(SECONDS):
        while pool.report().in_use or pool.report().opening:
            await asyncio.sleep(0.0005)
        taken = [await pool.acquire(SECONDS) for _ in range(pool.report().size)]
    try:
        for number, connection in enumerate(taken):
            assert not connection.broken
            assert not connection.in_transaction
            assert await connection.fetch(f"SELECT {number}", (), lambda rows: rows[0][0]) == number
    finally:
        for connection in taken:
            pool.release(connection)
    report = pool.report()
    assert (report.in_use, report.opening, report.waiting, report.idle) == (0, 0, 0, report.size)


async def cancelled_at(repo: Repo, call: Call, number: int, cancels: Sequence[int]) -> bool:
    """Run a call that is cancelled at some of its suspensions, and check what it left; returns whether it was met.

    Raises:
        AssertionError: it did not end, left something, or told a wrong outcome.
    """
    if call.ready is not None:
        await call.ready(repo, number)
    running = CancelledAt(_act(call, repo, number), *cancels)

    async def run() -> Any:
        return await running

    task = asyncio.create_task(run())
    await check(repo, call, number, task)
    return running.seen >= cancels[0]


async def cancelled_after(repo: Repo, call: Call, number: int, *pauses: float) -> None:
    """Run a call that is cancelled after some seconds, and then again; the checks are those of `cancelled_at`."""
    if call.ready is not None:
        await call.ready(repo, number)
    task = asyncio.create_task(_act(call, repo, number))
    for pause in pauses:
        await asyncio.sleep(pause)
        task.cancel()
    await check(repo, call, number, task)


async def _act(call: Call, repo: Repo, number: int) -> Any:
    return await call.act(repo, number)


async def check(repo: Repo, call: Call, number: int, task: "asyncio.Task[Any]") -> None:
    """Wait for the end of a call, and look at what it left."""
    done, _ = await asyncio.wait({task}, timeout=SECONDS)
    assert done, "the call did not end"
    found = await (call.looked or count)(repo, number)
    if task.cancelled():
        assert found in (call.before, call.after), f"half of it is stored: {found}"
    else:
        task.result()
        assert found == call.after, f"it was told as done: {found}"


async def every_await(repo: Repo, call: Call, first: int, again: int | None = None) -> int:
    """Cancel a call at its first await, then at its second, to its last; returns how many there were.

    Args:
        repo: a repo that nobody else uses.
        call: the call.
        first: the first number that nothing is stored under.
        again: how many suspensions later it is cancelled once more.
    """
    for suspension in range(1, MANY):
        cancels = (suspension,) if again is None else (suspension, suspension + again)
        met = await cancelled_at(repo, call, first + suspension, cancels)
        await settled(repo)
        if not met:
            return suspension - 1
    raise AssertionError("the call never ended before it was cancelled")


@asynccontextmanager
async def closing_in_time(repo: Repo) -> AsyncIterator[Repo]:
    """A repo that is open, and must close in time."""
    await repo.open()
    try:
        yield repo
    finally:
        async with asyncio.timeout(SECONDS):
            await repo.close()


def at_random(dice: random.Random, url: str) -> tuple[str, Call]:
    """Return one of the calls, with its name."""
    return dice.choice(list(calls(url).items()))
