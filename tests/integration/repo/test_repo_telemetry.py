"""One event a statement, secrets hidden, and nothing to pay when nobody listens."""

import asyncio
from decimal import Decimal

import pytest

from ectype import (
    ConstraintError,
    Repo,
    change,
    do_nothing,
    do_update,
    fn,
    from_,
    or_,
    replace,
    telemetry,
)
from ectype.repo.engine import Prepared
from ectype.sql.statement import Statement
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import LogLine, Post, Seat, Tag, User

SECRET = "s3cret-h4sh"


def user(email: str = "a", **values) -> User:
    return User(**{"name": "Ada", "email": email, **values})


async def test_every_call_tells_of_one_event_a_statement(repo: Repo, events):
    ada = await repo.insert(user())
    calls = [
        (lambda: repo.all(User), 1, 1),
        (lambda: repo.get(User, ada.id), 1, 1),
        (lambda: repo.get(User, -1), 1, 0),
        (lambda: repo.exists(User), 1, 1),
        (lambda: repo.aggregate(User, fn.count()), 1, 1),
        (lambda: repo.insert(LogLine(line="x")), 1, 1),
        (lambda: repo.update(change(ada, User.name.set("b"))), 1, 1),
        (lambda: repo.insert_all(Seat, [{"room": "A", "number": number} for number in range(5)]), 1, 5),
        (lambda: repo.insert_all(Tag, [Tag(name=name) for name in "abc"], returning=Tag), 1, 3),
        (lambda: repo.insert_all(LogLine, [{"line": "a"}, {"line": "b", "level": 3}]), 2, 1),
        (lambda: repo.update_all(Tag, Tag.color.set("x")), 1, 3),
        (lambda: repo.update_all(Tag, Tag.color.set("x"), returning=Tag.name), 1, 3),
        (lambda: repo.delete_all(Seat), 1, 5),
        (lambda: repo.delete_all(Tag, returning=Tag), 1, 3),
        (lambda: repo.upsert(Tag(name="a"), on_conflict=do_nothing(), conflict_target=Tag.name), 1, 1),
        (lambda: repo.preload(ada, User.posts), 1, 0),
        (lambda: repo.delete(ada), 1, 1),
    ]
    for number, (call, statements, rows) in enumerate(calls):
        del events[:]
        await call()
        assert (number, len(events)) == (number, statements)
        assert [event.rows for event in events] == [rows] * statements
        for event in events:
            assert isinstance(event, QueryEvent)
            assert (event.repo, event.error) == ("repo", None)
            assert 0 < event.query_time < 5
            assert event.sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")


async def test_an_event_has_the_repos_name_the_text_and_the_parameters(blog_url: str, events):
    async with Repo(blog_url, name="blog") as repo:
        await repo.all(from_(Tag).where(Tag.name == "red", Tag.color.in_(["a", "b"])).select(Tag.name).limit(3))
        assert [event.repo for event in events] == ["blog"]
        text, params = repo.to_sql(
            from_(Tag).where(Tag.name == "red", Tag.color.in_(["a", "b"])).select(Tag.name).limit(3)
        )
        assert (events[0].sql, events[0].params) == (text, params)


async def test_parameters_of_redacted_columns_are_never_shown(repo: Repo, events):
    ada = await repo.insert(user(password_hash=SECRET))
    await repo.update(change(ada, User.password_hash.set(f"{SECRET}2"), User.age.set(30)))
    await repo.insert_all(User, [user("b", password_hash=SECRET), user("c")], timestamps=True)
    await repo.insert_all(User, [user("d", password_hash=SECRET)], timestamps=True, returning=User.id)
    await repo.update_all(User, User.password_hash.set(SECRET))
    for query in (
        from_(User).where(User.password_hash == SECRET),
        from_(User).where(User.name == "x", or_(User.age > 3, User.password_hash != SECRET)),
        from_(User).where(User.password_hash.in_([SECRET])),
        from_(User).where(User.password_hash.like(f"%{SECRET}%")),
        from_(Post).where(Post.author_id.in_(from_(User).where(User.password_hash == SECRET).select(User.id))),
    ):
        await repo.all(query)
        await repo.exists(query)
        await repo.delete_all(query)
    await repo.upsert(user(password_hash=SECRET), on_conflict=replace(User.password_hash), conflict_target=User.email)
    await repo.upsert(user(), on_conflict=do_update(User.password_hash.set(SECRET)), conflict_target=User.email)
    shown = [event.params for event in events]
    assert SECRET not in repr(shown)
    assert repr(shown).count("<redacted>") >= 20
    assert any("Ada" in params for params in shown)


async def test_log_params_false_hides_all_parameters(blog_url: str, events):
    async with Repo(blog_url, log_params=False) as repo:
        await repo.insert(user("visible@b.c"))
        await repo.insert_all(Tag, [{"name": "visible", "color": "x"}] * 1)
        await repo.all(from_(User).where(User.email == "visible@b.c"))
    assert "visible" not in repr([event.params for event in events])
    assert set(events[0].params) == {"<hidden>"}


async def test_an_error_is_told_and_still_raised(repo: Repo, events):
    await repo.insert(Tag(name="a"))
    with pytest.raises(ConstraintError):
        await repo.insert(Tag(name="a"))
    assert (events[1].rows, type(events[1].error)) == (None, ConstraintError)
    with pytest.raises(ConstraintError):
        await repo.insert_all(Tag, [{"name": "a", "color": "x"}], returning=Tag)
    assert type(events[-1].error) is ConstraintError


async def test_a_cancelled_statement_is_told_too(repo: Repo, events):
    numbers = {
        "PostgreSQL": "SELECT pg_sleep(20)",
        "SQLite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    }[repo.adapter.dialect.name]
    slow = Prepared(Statement(numbers, lambda _values: ()))
    task = asyncio.create_task(repo._engine.fetch(slow, ()))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [type(event.error) for event in events] == [asyncio.CancelledError]


async def test_a_handler_that_raises_is_detached_and_disturbs_nobody(repo: Repo, events):
    def broken(event):
        raise ZeroDivisionError

    with telemetry.attach("ectype.repo.query", broken):
        with pytest.warns(RuntimeWarning, match=r"raised ZeroDivisionError\(\) and was detached"):
            await repo.insert(Tag(name="a"))
        assert await repo.get(Tag, "a") == Tag(name="a")
    assert len(events) == 2


async def test_nothing_is_built_when_nobody_listens(repo: Repo, monkeypatch):
    def build(*_args, **_kwargs):
        raise AssertionError("an event was built")

    monkeypatch.setattr("ectype.repo.observer.QueryEvent", build)
    monkeypatch.setattr("ectype.repo.observer.perf_counter", build)
    ada = await repo.insert(user())
    await repo.update(change(ada, User.name.set("b")))
    await repo.insert_all(Post, [{"title": "x", "author_id": ada.id, "price": Decimal(1)}], timestamps=True)
    assert len(await repo.all(from_(User).preload(User.posts))) == 1
