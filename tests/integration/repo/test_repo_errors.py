"""What a person reads when something goes wrong: what, where, what it got and the fix; and never the password."""

import asyncio
import socket
import traceback

import pytest

from ectype import (
    CastError,
    ConfigError,
    ConnectError,
    DatabaseError,
    EctypeError,
    PoolTimeoutError,
    QueryError,
    Repo,
    fn,
    from_,
)
from tests.integration.repo.blog import LogLine, Post, Tag, User

PASSWORD = "hunter2-very-secret"


def everything(exc: BaseException) -> str:
    """All that could end in a log: the message, the notes, the causes, and what the objects show of themselves."""
    shown = "".join(traceback.format_exception(exc))
    link: BaseException | None = exc
    while link is not None:
        shown += f"{link!r} {link.args!r} {link.__dict__!r}"
        link = link.__cause__ or link.__context__
    return shown


async def test_a_value_of_the_wrong_type_names_the_query(repo: Repo, events):
    for query, message, where in (
        (
            from_(User).where(User.age == "old"),
            "expected an integer, got 'old' (str)\n\nhint: convert it first, or cast it through a changeset",
            "in the query from_(User).where(User.age == 'old')",
        ),
        (
            from_(User).where(User.age.in_([1, "2"])),
            "expected an integer, got '2' (str)\n\nhint: convert it first, or cast it through a changeset",
            "in the query from_(User).where(User.age.in_([1, '2']))",
        ),
    ):
        for read in (
            repo.all,
            repo.one,
            repo.exists,
            repo.delete_all,
            lambda one: repo.update_all(one, User.age.set(1)),
        ):
            with pytest.raises(CastError) as caught:
                await read(query)
            assert (str(caught.value), caught.value.__notes__[-1]) == (message, where)
    assert events == []


async def test_the_query_that_a_note_shows_hides_redacted_values(repo: Repo):
    with pytest.raises(CastError) as caught:
        await repo.all(from_(User).where(User.password_hash == 4711))
    assert "4711" not in f"{caught.value} {caught.value.__notes__}"
    assert caught.value.__notes__[-1] == "in the query from_(User).where(User.password_hash == <redacted>)"


async def test_a_redacted_value_is_in_no_error(repo: Repo):
    secret = {PASSWORD}
    for write in (
        lambda: repo.insert(User(name="Ada", email="a", password_hash=secret)),
        lambda: repo.insert_all(User, [{"name": "Ada", "email": "a", "password_hash": secret}]),
        lambda: repo.update_all(User, User.password_hash.set(secret)),
        lambda: repo.all(from_(User).where(User.password_hash == secret)),
    ):
        with pytest.raises(CastError) as caught:
            await write()
        assert PASSWORD not in f"{caught.value} {caught.value.__notes__}"


async def test_a_table_that_is_not_there_is_the_databases_error(repo: Repo):
    await repo._session.script("ALTER TABLE log_lines RENAME TO other_lines")
    try:
        with pytest.raises(DatabaseError) as caught:
            await repo.all(LogLine)
        assert "log_lines" in str(caught.value)
        assert caught.value.sqlstate in ("42P01", "SQLITE_ERROR")
    finally:
        await repo._session.script("ALTER TABLE other_lines RENAME TO log_lines")


URLS = [
    ("mysql://root@localhost/x", "mysql"),
    ("postgres", "'postgres'"),
    ("", "''"),
    (f"postgresql://ada:{PASSWORD}@localhost:port/x", "postgresql://"),
    (f"postgresql://ada:{PASSWORD}@localhost/x?sslmode=perhaps&password=abc", ""),
    ("sqlite:///x.db?journal_mode=none", "journal_mode"),
]


@pytest.mark.parametrize(("url", "part"), URLS, ids=[case[0].replace(PASSWORD, "***") for case in URLS])
def test_a_url_that_cannot_be_used_is_refused_with_the_fix_and_without_its_password(url, part):
    with pytest.raises(ConfigError) as caught:
        Repo(url)
    assert part in str(caught.value)
    assert caught.value.hint
    assert PASSWORD not in everything(caught.value)


def test_a_repo_never_shows_its_password():
    repo = Repo(f"postgresql://ada:{PASSWORD}@localhost:5432/x")
    assert repr(repo) == "Repo('postgresql://ada:***@localhost:5432/x')"
    assert PASSWORD not in f"{repo!r}{repo.adapter!r}{repo.pool!r}{repo._engine!r}"
    with pytest.raises(ConfigError, match="pool_size is 0"):
        Repo("sqlite:///:memory:", pool_size=0)


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_a_server_that_is_not_there_is_named_with_the_fix():
    url = f"postgresql://ada:{PASSWORD}@127.0.0.1:{closed_port()}/blog"
    masked = url.replace(PASSWORD, "***")
    repo = Repo(url)
    for use in (repo.open, lambda: repo.all(User), lambda: repo.insert(Tag(name="x")), repo.transaction().__aenter__):
        with pytest.raises(ConnectError) as caught:
            await use()
        assert str(caught.value).startswith(f"no connection to {masked}: ")
        assert str(caught.value).endswith("hint: is the server running there? check host and port in the URL")
        assert PASSWORD not in everything(caught.value)
    await repo.close()


async def test_a_file_that_cannot_be_opened_is_named_with_the_fix(tmp_path):
    repo = Repo(f"sqlite:///{tmp_path}/nowhere/blog.db")
    with pytest.raises(ConnectError) as caught:
        async with repo:
            pass
    assert str(caught.value) == (
        f"sqlite:///{tmp_path}/nowhere/blog.db could not be opened: unable to open database file\n\n"
        f"hint: make the folder {tmp_path}/nowhere first; three slashes are relative, four are absolute"
    )


async def test_a_full_pool_says_who_holds_it_and_how_to_mend_it(blog_url: str):
    async with Repo(blog_url, pool_size=1) as repo:
        entered, leave = asyncio.Event(), asyncio.Event()

        async def hold():
            async with repo.transaction():
                entered.set()
                await leave.wait()

        holder = asyncio.create_task(hold(), name="the long one")
        await entered.wait()
        with pytest.raises(PoolTimeoutError) as caught:
            await repo.all(Tag, timeout=0.2)
        leave.set()
        await holder
        assert "no connection of `repo` became free within 0.2 s: 1 of 1 to " in str(caught.value)
        assert "are in use, 1 call waits; held by `the long one` for " in str(caught.value)
        assert "or give the repo a larger `pool_size` (now 1)" in str(caught.value)
        assert await repo.all(Tag) == []


async def test_after_close_the_repo_says_that_it_is_closed(blog_url: str):
    async with Repo(blog_url) as repo:
        await repo.all(Tag)
    with pytest.raises(ConnectError, match="is closed"):
        await repo.all(Tag)
    await repo.close()


async def test_after_any_refusal_the_database_is_as_it_was(repo: Repo):
    ada = await repo.insert(User(name="Ada", email="a", nickname="x"))
    refused = [
        lambda: repo.insert(User(name=1, email="b")),
        lambda: repo.insert(User(name="Ada", email="a")),
        lambda: repo.insert_all(User, [{"name": "b", "email": "b", "role": "member"}, {"nome": "x"}]),
        lambda: repo.update_all(User, User.age.set("x")),
        lambda: repo.update_all(User, User.age.set(3)),
        lambda: repo.delete_all(from_(User).limit(1)),
        lambda: repo.delete(User(name="x", email="y")),
        lambda: repo.get(User, None),
        lambda: repo.aggregate(User, User.age),
        lambda: repo.all(from_(User).where(User.age == "x")),
    ]
    for call in refused:
        with pytest.raises(EctypeError):
            await call()
    assert await repo.all(User) == [ada]
    assert await repo.aggregate(User, fn.count()) == 1
    # Every connection is free and works.
    assert repo.pool.report().in_use == 0
    assert [len(rows) for rows in await asyncio.gather(*(repo.all(User) for _ in range(8)))] == [1] * 8


async def test_a_query_error_comes_before_a_connection_is_taken():
    repo = Repo(f"postgresql://ada@127.0.0.1:{closed_port()}/blog")
    for call in (
        lambda: repo.all(from_(Post).select(Post.id).preload(Post.author)),
        lambda: repo.update_all(from_(Post).limit(1), Post.score.set(1)),
        lambda: repo.get(Post, None),
    ):
        with pytest.raises(QueryError):
            await call()
    with pytest.raises(CastError):
        await repo.insert(Tag(name=3))
    await repo.close()
