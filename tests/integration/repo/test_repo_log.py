"""What a repo writes into the log `ectype.repo`: one line a statement, at the level that was asked for."""

import asyncio
import inspect
import logging
from typing import Any

import pytest

from ectype import ConfigError, ConstraintError, Repo, from_
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import LogLine, Tag, User

SECRET = "s3cret-h4sh"
LOGGER = "ectype.repo"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, LOGGER)
    return caplog


def levels(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in log.records if record.name == LOGGER]


async def test_a_line_says_what_ran_how_long_it_took_and_with_which_parameters(
    repo: Repo, log: pytest.LogCaptureFixture
) -> None:
    query = from_(Tag).where(Tag.name == "red\nblue")
    await repo.all(query)
    (record,) = log.records
    sql, _ = repo.to_sql(query)
    assert record.levelname == "DEBUG"
    start, shown = record.getMessage().split(f" {sql} ")
    words = start.split()
    assert words[:3] == ["QUERY", "OK", 'source="tags"']
    assert [word.partition("=")[0] for word in words[3:]] == ["db", "decode", "queue", "idle", "rows"]
    assert all(word.endswith("ms") for word in words[3:-1])
    assert (words[-1], shown) == ("rows=0", r"['red\nblue']")
    event: QueryEvent = record.__dict__["query"]
    assert (event.sql, event.rows) == (sql, 0)


async def test_a_line_is_one_line_even_where_the_text_is_not(repo: Repo, log: pytest.LogCaptureFixture) -> None:
    await repo.query("select\n  1\r\n")
    assert "\n" not in log.records[0].getMessage()
    assert "\r" not in log.records[0].getMessage()


async def test_transactions_are_logged_as_what_they_are(repo: Repo, log: pytest.LogCaptureFixture) -> None:
    async with repo.transaction():
        await repo.all(Tag)
    lines = [record.getMessage() for record in log.records]
    assert [" BEGIN" in lines[0], " SELECT " in lines[1], " COMMIT []" in lines[2], len(lines)] == [True] * 3 + [3]


async def test_an_error_is_logged_by_its_name(repo: Repo, log: pytest.LogCaptureFixture) -> None:
    await repo.insert(Tag(name="a"), log=False)
    with pytest.raises(ConstraintError):
        await repo.insert(Tag(name="a"))
    assert log.records[0].getMessage().startswith('QUERY ERROR source="tags" error=ConstraintError db=')


REPOS: list[tuple[Any, list[str]]] = [
    (True, ["DEBUG"]),
    (False, []),
    ("info", ["INFO"]),
    ("WARNING", ["WARNING"]),
    (logging.ERROR, ["ERROR"]),
]
CALLS: list[tuple[Any, dict[Any, list[str]]]] = [
    (False, {key: [] for key in [True, False, "info"]}),
    (True, {True: ["DEBUG"], False: ["DEBUG"], "info": ["INFO"]}),
    ("critical", {key: ["CRITICAL"] for key in [True, False, "info"]}),
]


@pytest.mark.parametrize(("log_option", "said"), REPOS)
async def test_a_repo_logs_at_its_level(
    blog_url: str, log: pytest.LogCaptureFixture, log_option: Any, said: list[str]
) -> None:
    async with Repo(blog_url, log=log_option) as repo:
        await repo.all(Tag)
    assert levels(log) == said


@pytest.mark.parametrize(("option", "said"), CALLS)
async def test_a_call_says_better_than_its_repo_whether_it_is_logged(
    blog_url: str, log: pytest.LogCaptureFixture, option: Any, said: dict[Any, list[str]]
) -> None:
    for usual, expected in said.items():
        async with Repo(blog_url, log=usual) as repo:
            log.clear()
            await repo.all(Tag, log=option)
            await repo.with_options(log=option).all(Tag)
            await repo.insert_all(LogLine, [{"line": "a"}, {"line": "b", "level": 3}], log=option)
        statements = 2 + 4  # the last one is two inserts in a transaction
        assert levels(log) == expected * statements


async def test_nothing_is_written_when_the_logger_is_not_enabled(
    repo: Repo, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, LOGGER)

    def build(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("an event was built")

    monkeypatch.setattr("ectype.repo.observer.QueryEvent", build)
    await repo.all(Tag)
    async with repo.transaction():
        await repo.all(Tag)
    assert not caplog.records


@pytest.mark.parametrize("log_option", ["loud", "", -3, 0, None, 1.5])
async def test_a_level_that_does_not_exist_is_refused_with_the_fix(repo: Repo, log_option: Any) -> None:
    with pytest.raises(ConfigError, match="is no level"):
        Repo("sqlite:///:memory:", log=log_option)
    with pytest.raises(ConfigError, match="hint: "):
        await repo.all(Tag, log=log_option)


async def test_secrets_are_not_logged_and_long_values_are_cut(
    blog_url: str, repo: Repo, log: pytest.LogCaptureFixture
) -> None:
    await repo.insert(User(name="x" * 500, email="ada", password_hash=SECRET))
    await repo.insert_all(
        User, [User(name="A", email=f"{i}", password_hash=SECRET) for i in range(90)], timestamps=True
    )
    lines = [record.getMessage() for record in log.records]
    assert SECRET not in repr([record.__dict__ for record in log.records])
    assert "'<redacted>'" in lines[0]
    assert f"'{'x' * 100}'… 400 more" in lines[0]
    assert "… 70 more" in lines[1]
    async with Repo(blog_url, log_params=False) as hiding:
        log.clear()
        await hiding.all(from_(User).where(User.email == "visible"))
        assert "visible" not in log.records[0].getMessage()


async def test_a_slow_statement_is_warned_of_with_its_call_site(
    blog_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Repo(blog_url, slow_query=0.0, log=False) as repo:
        frame = inspect.currentframe()
        assert frame is not None
        line = frame.f_lineno + 1
        await repo.all(Tag)
        async with repo.transaction():
            pass
        await repo.all(Tag, log=False)
        await repo.all(Tag, log="error")
    messages = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == LOGGER]
    assert [level for level, _ in messages] == ["WARNING"] * 3 + ["ERROR"]
    assert all(message.startswith("SLOW QUERY OK ") for _, message in messages)
    assert messages[0][1].endswith(f" at {__file__}:{line}")
    assert messages[1][1].endswith(f" at {__file__}:{line + 1}")
    assert messages[2][1].endswith(f" at {__file__}:{line + 1}")


async def test_a_fast_statement_is_not_warned_of(blog_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Repo(blog_url, slow_query=60) as repo:
        await repo.all(Tag)
    assert levels(caplog) == []


@pytest.mark.parametrize("seconds", [-1, "0.5", float("nan")])
def test_a_slowness_that_is_no_time_is_refused(seconds: Any) -> None:
    with pytest.raises(ConfigError, match="slow_query="):
        Repo("sqlite:///:memory:", slow_query=seconds)


async def test_many_tasks_log_their_own_statements(blog_url: str, log: pytest.LogCaptureFixture) -> None:
    async with Repo(blog_url, pool_size=3) as repo:
        await asyncio.gather(*(repo.all(from_(Tag).where(Tag.name == f"tag {i}")) for i in range(20)))
    assert sorted(record.__dict__["query"].params for record in log.records) == sorted((f"tag {i}",) for i in range(20))
