"""Preloads that are made again and again: what is kept of a shape never decides what is loaded."""

from typing import Any

import pytest

from ectype import Rel, Repo, alias, from_, is_loaded
from ectype.telemetry import QueryEvent
from tests.integration.repo.circles import Paper, Person
from tests.integration.repo.test_preload_kinds import World, world

__all__ = ["world"]

PATHS: dict[str, tuple[Any, Rel[Any, Any]]] = {
    "has_many": (Person, Person.papers),
    "has_many with conditions and an order": (Person, Person.best),
    "has_one": (Person, Person.card),
    "belongs_to": (Paper, Paper.person),
    "belongs_to one's own schema": (Person, Person.boss),
    "many_to_many": (Person, Person.circles),
    "many_to_many with conditions": (Person, Person.led),
    "through": (Paper, Paper.repliers),
}


def keys(held: Any) -> Any:
    """Return the keys of what an association holds."""
    if isinstance(held, list):
        return [one.id for one in held]
    return None if held is None else held.id


@pytest.mark.parametrize("kind", PATHS)
async def test_each_owner_gets_its_own_rows_however_often_an_association_was_preloaded(
    kind: str, repo: Repo, world: World
):
    schema, path = PATHS[kind]
    name = path.hops[0].association.name
    owners = await repo.all(from_(schema).order_by(schema.id))
    together = {one.id: keys(getattr(one, name)) for one in await repo.preload(owners, path)}
    for owner in [*owners, *reversed(owners)]:
        alone = await repo.preload(owner, path)
        assert {owner.id: keys(getattr(alone, name))} == {owner.id: together[owner.id]}
        narrowed = await repo.all(from_(schema).where(schema.id == owner.id).preload(path))
        assert [keys(getattr(one, name)) for one in narrowed] == [together[owner.id]]


async def test_a_query_of_one_shape_is_filled_as_each_call_says(repo: Repo, world: World, events: list[QueryEvent]):
    boss, other = alias(Person, "boss"), alias(Person, "other")
    query = from_(Person).left_join(Person.boss, as_=boss).left_join(Person.boss, as_=other).order_by(Person.id)
    ways: list[tuple[tuple[Rel[Any, Any], ...], int]] = [
        ((Person.boss.joined(boss),), 1),
        ((Person.boss,), 2),
        ((Person.boss.joined(other),), 1),
        ((Person.boss.joined(boss) / Person.card,), 2),
        ((Person.boss, Person.card), 3),
        ((Person.card,), 2),
    ]
    for paths, statements in ways * 2:
        events.clear()
        people = await repo.all(query.preload(*paths))
        assert len(events) == statements
        wanted = {path.hops[0].association.name for path in paths}
        assert [is_loaded(person, Person.boss) for person in people] == ["boss" in wanted] * len(people)
        assert [is_loaded(person, Person.card) for person in people] == ["card" in wanted] * len(people)
        if "boss" in wanted:
            assert [keys(person.boss) for person in people] == [person.boss_id for person in people]


async def test_conditions_on_a_preload_are_not_those_of_the_one_before(repo: Repo, world: World):
    for title in ("a0", "a1", "b0", "a0"):
        query = from_(Person).order_by(Person.id).preload(Person.papers.where(Paper.title == title))
        assert [paper.title for person in await repo.all(query) for paper in person.papers] == [title]
    plain = await repo.all(from_(Person).order_by(Person.id).preload(Person.papers))
    assert [paper.title for person in plain for paper in person.papers] == ["a0", "a1", "b0"]


async def test_without_a_cache_of_plans_a_preload_finds_the_same(repo: Repo, world: World):
    query = from_(Person).left_join(Person.papers).order_by(Person.id, Paper.id)
    for path in (Person.papers.joined(), Person.papers):
        kept = await repo.all(query.preload(path))
        uncached = await repo.with_options(query_cache=False).all(query.preload(path))
        assert [keys(one.papers) for one in uncached] == [keys(one.papers) for one in kept]


async def test_aliases_that_are_made_anew_at_each_call_take_no_further_plan(repo: Repo, world: World):
    counts: list[int] = []
    for _ in range(4):
        boss = alias(Person, "boss")
        query = from_(Person).left_join(Person.boss, as_=boss).preload(Person.boss.joined(boss), Person.card)
        await repo.all(query)
        counts.append(len(repo._engine.plans))
    assert len(set(counts[1:])) == 1
