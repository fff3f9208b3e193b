"""`assoc`: the rows of an association as a query, to read, to narrow, to change and to delete."""

import pytest

from ectype import DatabaseError, Repo, assoc, fn, from_, with_meta
from ectype.telemetry import QueryEvent
from tests.integration.repo.circles import Card, Circle, Paper, Person, Probe, Reply, Site
from tests.integration.repo.test_preload_kinds import World, names, sites, world

__all__ = ["sites", "world"]


async def test_it_gives_the_rows_of_every_kind_once(repo: Repo, world: World, sites: list[Site]):
    people, papers = world.people, world.papers
    assert len(await repo.all(assoc(people, Person.papers))) == 3
    assert names(await repo.all(assoc(people, Person.circles).order_by(Circle.id))) == ["math", "chess", "closed"]
    assert names(await repo.all(assoc(world.ben, Person.led))) == ["chess"]
    assert names(await repo.all(assoc([papers[0], papers[1], papers[0]], Paper.person))) == ["Ann"]
    assert names(await repo.all(assoc(papers, Paper.repliers).order_by(Person.id))) == ["Ann", "Ben", "Cy"]
    cards = await repo.all(assoc(people, Person.boss_card))
    assert [card.motto for card in cards] == ["first"]
    assert len(await repo.all(assoc(sites[0], Site.probes))) == 2
    near = await repo.all(assoc(sites[0], Site.near).order_by(Site.area))
    assert [(one.area, one.number) for one in near] == [("n", 2), ("s", 1)]
    around = await repo.all(assoc(sites[2], Site.near / Site.near / Site.probes).order_by(Probe.id))
    assert [(one.site_area, one.site_number) for one in around] == [("s", 1)]


async def test_owners_without_a_key_have_no_rows(repo: Repo, world: World):
    assert await repo.all(assoc(Person(name="new"), Person.papers)) == []
    assert await repo.all(assoc(world.cy, Person.boss)) == []
    assert await repo.all(assoc([], Person.papers)) == []


async def test_it_composes_with_whatever_a_query_can_do(repo: Repo, world: World, events: list[QueryEvent]):
    query = assoc(world.ann, Person.papers).where(Paper.score > 4).preload(Paper.replies)
    (paper,) = await repo.all(query)
    assert [reply.body for reply in paper.replies] == ["r4"]
    assert await repo.aggregate(assoc(world.ann, Person.replies), fn.count(Reply.id)) == 4
    assert await repo.exists(assoc(world.cy, Person.papers)) is False
    assert len(events) == 4


async def test_its_rows_can_be_changed_and_deleted_at_once(repo: Repo, world: World):
    assert await repo.update_all(assoc(world.ann, Person.papers), Paper.score.inc(1)) == 2
    assert await repo.delete_all(assoc([world.ann, world.ben], Person.replies)) == 5
    assert await repo.update_all(assoc(world.ben, Person.circles), Circle.name.set("x")) == 2
    # Rows may be chosen by joins over tables between, too.
    taken = from_(Circle).join(Circle.people).where(Person.name == "Ben", Circle.name == "x")
    assert await repo.update_all(taken, Circle.name.set("x")) == 2
    assert await repo.delete_all(from_(Card).join(Card.person).join(Person.led)) == 2
    ann = await repo.preload(world.ann, Person.papers, Person.circles)
    assert [paper.score for paper in ann.papers] == [5, 10]
    assert names(ann.circles) == ["x", "x", "closed"]


async def test_rows_are_read_where_their_owner_came_from_unless_the_query_says_otherwise(repo: Repo, world: World):
    ann, home, postgres = world.ann, "main", repo.adapter.dialect.name == "PostgreSQL"
    if postgres:
        ((home,),) = (await repo.query("SELECT current_schema()::text")).rows
        await repo._session.script(
            "CREATE SCHEMA tenant; CREATE TABLE tenant.papers (LIKE papers); CREATE TABLE tenant.people (LIKE people);"
            "CREATE TABLE tenant.seats_in_circles (LIKE seats_in_circles); CREATE TABLE tenant.circles (LIKE circles);"
            f"INSERT INTO tenant.people (id, name) VALUES ({ann.id}, 'Ann there');"
            "INSERT INTO tenant.papers (id, title, score, tags, person_id, meta) "
            f"VALUES (1, 'there', 1, '{{}}', {ann.id}, '{{}}')"
        )
    try:
        if postgres:
            (there,) = await repo.all(Person, prefix="tenant")
            assert [one.title for one in await repo.all(assoc(there, Person.papers))] == ["there"]
            assert await repo.all(assoc([there, ann], Person.circles)) == []
            assert await repo.update_all(assoc(there, Person.papers), Paper.score.inc(1)) == 1
        else:
            there = with_meta(ann, prefix="nowhere")
            with pytest.raises(DatabaseError, match="nowhere"):
                await repo.all(assoc(there, Person.papers))
        back = assoc(there, Person.papers).prefix(home).order_by(Paper.id)
        assert [(one.title, one.score) for one in await repo.all(back)] == [("a0", 4), ("a1", 9)]
        assert len(await repo.all(assoc([ann, there], Person.papers))) == 2
    finally:
        if postgres:
            await repo._session.script("DROP SCHEMA tenant CASCADE")
