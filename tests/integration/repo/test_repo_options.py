"""The options that every call takes: what they reach, and what is refused."""

from __future__ import annotations

import pytest

from ectype import ConfigError, DeadlineError, change, from_, telemetry
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Post, Tag, User

COUNTING = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) SELECT count(*) FROM n"


@pytest.fixture
async def ada(repo):
    return await repo.insert(User(name="Ada", email="ada"), event=None)


CALLS = {
    "all": lambda repo, ada, **options: repo.all(from_(User).preload(User.posts), **options),
    "get": lambda repo, ada, **options: repo.get(User, ada.id, **options),
    "exists": lambda repo, ada, **options: repo.exists(User, **options),
    "insert": lambda repo, ada, **options: repo.insert(User(name="Eve", email="eve"), **options),
    "update": lambda repo, ada, **options: repo.update(change(ada, User.name.set("Eve")), **options),
    "delete": lambda repo, ada, **options: repo.delete(ada, **options),
    "insert_all": lambda repo, ada, **options: repo.insert_all(Tag, [{"name": "x", "color": "red"}], **options),
    "update_all": lambda repo, ada, **options: repo.update_all(Post, Post.title.set("Eve"), **options),
    "delete_all": lambda repo, ada, **options: repo.delete_all(Post, **options),
    "query": lambda repo, ada, **options: repo.query("select 1", **options),
    "preload": lambda repo, ada, **options: repo.preload(ada, User.posts, **options),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_tags_reach_every_statement_of_a_call(repo, ada, events, call):
    await call(repo, ada, tags={"page": "home"})
    assert events
    assert all(event.tags == {"page": "home"} for event in events)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_the_options_of_a_repo_are_those_of_its_calls(repo, ada, events, call):
    await call(repo.with_options(tags={"page": "home"}), ada)
    assert events
    assert all(event.tags == {"page": "home"} for event in events)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_may_have_an_event_of_its_own(repo, ada, events, call):
    own: list[QueryEvent] = []
    with telemetry.attach("app.users", own.append):
        await call(repo, ada, event="app.users")
    assert own
    assert not events


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_may_have_no_event(repo, ada, events, call):
    await call(repo, ada, event=None)
    assert not events


async def test_a_call_says_more_than_the_repo_it_is_made_on(repo, ada, events):
    quiet = repo.with_options(event=None, tags={"page": "home"})
    await quiet.get(User, ada.id, event="ectype.repo.query", tags={"page": "other"})
    assert [event.tags for event in events] == [{"page": "other"}]


async def test_repos_with_options_share_the_transaction_they_are_used_in(repo, ada):
    async with repo.transaction() as tx:
        await repo.with_options(timeout=5).delete(ada)
        assert await repo.with_options(tags={"a": 1}).get(User, ada.id) is None
        tx.rollback()
    assert await repo.get(User, ada.id) is not None


async def test_functions_of_prepare_changes_get_the_repo_with_its_options(repo, ada, events):
    async def look(changeset, given):
        await given.exists(Post)
        return changeset

    await repo.with_options(tags={"page": "home"}).update(change(ada, User.name.set("Eve")).prepare_changes(look))
    assert [event.tags for event in events] == [{"page": "home"}] * 2


async def test_a_deadline_of_the_repo_with_options_ends_its_calls(repo):
    with pytest.raises(DeadlineError):
        await repo.with_options(timeout=0.05).query(COUNTING)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeot": 3}, "timeout"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": -1}, "timeout=-1"),
        ({"timeout": "3"}, "timeout='3'"),
        ({"tag": {}}, "tags"),
        ({"allow_stale": True}, "allow_stale"),
    ],
)
async def test_an_option_that_does_not_exist_or_fit_is_refused_with_the_fix(repo, ada, options, said):
    for call in (
        lambda: repo.get(User, ada.id, **options),
        lambda: repo.insert(User(name="Eve", email="eve"), **options),
    ):
        with pytest.raises(ConfigError) as caught:
            await call()
        assert said in f"{caught.value}"
    with pytest.raises(ConfigError):
        repo.with_options(**options)


async def test_a_repo_without_query_cache_keeps_no_plans_and_gives_the_same_rows(repo):
    await repo.insert(Tag(name="red", color="r"))
    cached, plans = len(repo._engine.plans), repo._engine.plans
    without = repo.with_options(query_cache=False)
    for number in range(5):
        query = from_(Tag).where(*[Tag.name != str(one) for one in range(number)])
        assert [tag.name for tag in await without.all(query)] == ["red"]
        assert (await without.with_options(timeout=5).get(Tag, "red")) is not None
    assert await without.insert_all(Tag, [{"name": "blue", "color": "b"}]) == 1
    assert len(plans) == cached
    assert len(without._engine.plans) == 0
    await without.with_options(query_cache=True).all(from_(Tag).where(Tag.name != "x"))
    assert len(plans) > cached
    with pytest.raises(ConfigError, match="query_cache"):
        repo.with_options(query_cache="no")  # type: ignore[typeddict-item]
    with pytest.raises(ConfigError, match="no option 'query_cache'"):
        await repo.all(Tag, query_cache=False)  # type: ignore[call-overload]
