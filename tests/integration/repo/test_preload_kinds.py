"""Preloads of every kind of association: what each owner gets, in which order, and by how many statements."""

import pickle
from collections.abc import Iterable

import pytest

from ectype import DatabaseError, NotLoadedError, QueryError, Repo, SchemaError, evolve, from_, is_loaded
from ectype.telemetry import QueryEvent
from tests.integration.repo.circles import Card, Circle, CircleSeat, Paper, Person, Probe, Reply, Site


class World:
    """Ann has a card and two papers, and leads Math and Chess; Ben reports to Ann; Cy has nothing."""

    def __init__(self, people: list[Person], papers: list[Paper], circles: list[Circle]) -> None:
        self.ann, self.ben, self.cy = self.people = people
        self.papers = papers
        self.circles = circles


@pytest.fixture
async def world(repo: Repo) -> World:
    ann = await repo.insert(Person(name="Ann"))
    ben = await repo.insert(Person(name="Ben", boss_id=ann.id))
    cy = await repo.insert(Person(name="Cy"))
    papers = [
        await repo.insert(Paper(title=title, score=score, person_id=owner.id))
        for title, score, owner in (("a0", 4, ann), ("a1", 9, ann), ("b0", 2, ben))
    ]
    replies = [("r0", 0, ben), ("r1", 0, None), ("r2", 2, ann), ("r3", 0, ben), ("r4", 1, cy)]
    await repo.insert_all(
        Reply, [{"body": body, "paper_id": papers[at].id, "person_id": by and by.id} for body, at, by in replies]
    )
    await repo.insert_all(Card, [{"motto": "first", "person_id": ann.id}, {"motto": "b", "person_id": ben.id}])
    circles = [await repo.insert(Circle(name=name)) for name in ("math", "chess", "closed")]
    math, chess, closed = circles
    await repo.insert_all(
        CircleSeat,
        [
            {"person_id": who.id, "circle_id": where.id, "role": role, "since": since}
            for who, where, role, since in (
                (ann, math, "lead", 1), (ann, chess, "lead", 2), (ann, closed, "lead", 3), (ben, math, "guest", 4),
                (ben, chess, "lead", 5),
            )
        ],
    )  # fmt: skip
    return World([ann, ben, cy], papers, circles)


def names(rows: Iterable[Person | Circle]) -> list[str]:
    return [row.name for row in rows]


async def test_has_one_gives_the_row_or_none(repo: Repo, world: World, events: list[QueryEvent]):
    people = await repo.preload(world.people, Person.card)
    assert [one.card and one.card.motto for one in people] == ["first", "b", None]
    assert len(events) == 1


async def test_of_several_rows_a_has_one_gives_the_one_with_the_smallest_key(repo: Repo, world: World):
    await repo.insert(Card(motto="later", person_id=world.ann.id))
    ann = await repo.preload(world.ann, Person.card)
    assert ann.card is not None
    assert ann.card.motto == "first"


async def test_many_to_many_is_one_query_and_gives_each_owner_its_own(
    repo: Repo, world: World, events: list[QueryEvent]
):
    ann, ben, cy = await repo.preload(world.people, Person.circles)
    assert (names(ann.circles), names(ben.circles), cy.circles) == (["math", "chess", "closed"], ["math", "chess"], [])
    assert len(events) == 1
    # One row of the table is one struct, as what a belongs_to leads to is.
    assert ann.circles[0] is ben.circles[0]
    assert ann.circles is not ben.circles
    assert ann.circles[0] == world.circles[0]
    back = await repo.all(from_(Circle).order_by(Circle.id).preload(Circle.people))
    assert [names(one.people) for one in back] == [["Ann", "Ben"], ["Ann", "Ben"], ["Ann"]]


async def test_conditions_and_order_of_the_association_apply(repo: Repo, world: World):
    ann, ben, _ = await repo.preload(world.people, Person.led, Person.best)
    assert names(ann.led) == ["chess", "math"]
    assert names(ben.led) == ["chess"]
    assert [paper.title for paper in ann.best] == ["a1", "a0"]
    assert ben.best == []
    # An order of the preload takes the place of the association's own.
    ann = await repo.preload(world.ann, Person.led.order_by(Circle.name.desc()), Person.best.order_by(Paper.id))
    assert names(ann.led) == ["math", "chess"]
    assert [paper.title for paper in ann.best] == ["a0", "a1"]
    ann = await repo.preload(world.ann, Person.best.where(Paper.score < 9))
    assert [paper.title for paper in ann.best] == ["a0"]


async def test_a_limit_counts_for_each_owner_of_a_many_to_many(repo: Repo, world: World):
    ann, ben, cy = await repo.preload(world.people, Person.circles.order_by(Circle.name).limit(1))
    assert (names(ann.circles), names(ben.circles), cy.circles) == (["chess"], ["chess"], [])
    ann, ben, _ = await repo.preload(world.people, Person.led.limit(1))
    assert (names(ann.led), names(ben.led)) == (["chess"], ["chess"])
    ann, ben, _ = await repo.preload(world.people, Person.circles.where(Circle.name != "chess").limit(1))
    assert (names(ann.circles), names(ben.circles)) == (["math"], ["math"])


async def test_a_through_loads_its_steps_and_gives_each_row_once(repo: Repo, world: World, events: list[QueryEvent]):
    first, second, third = await repo.preload(world.papers, Paper.repliers)
    assert (names(first.repliers), names(second.repliers), names(third.repliers)) == (["Ben"], ["Cy"], ["Ann"])
    assert len(events) == 2
    assert [reply.body for reply in first.replies] == ["r0", "r1", "r3"]
    assert first.replies[0].person == world.ben
    ann, ben, cy = await repo.preload(world.people, Person.replies)
    assert [reply.body for reply in ann.replies] == ["r0", "r1", "r3", "r4"]
    assert ([reply.body for reply in ben.replies], cy.replies) == (["r2"], [])


async def test_a_through_may_follow_another_one(repo: Repo, world: World, events: list[QueryEvent]):
    circles = await repo.preload(world.circles, Circle.replies, Circle.papers)
    assert [[reply.body for reply in one.replies] for one in circles] == [
        ["r0", "r1", "r3", "r4", "r2"], ["r0", "r1", "r3", "r4", "r2"], ["r0", "r1", "r3", "r4"],
    ]  # fmt: skip
    assert [[paper.title for paper in one.papers] for one in circles] == [["a0", "a1", "b0"]] * 2 + [["a0", "a1"]]
    # People, papers, replies: what two of them follow is loaded once.
    assert len(events) == 3


async def test_a_has_one_may_go_through_others(repo: Repo, world: World):
    ann, ben, _ = await repo.preload(world.people, Person.boss_card)
    assert ann.boss_card is None
    assert ben.boss_card is not None
    assert ben.boss_card.motto == "first"


async def test_a_through_finds_what_its_steps_hold_whatever_the_order_of_the_paths(repo: Repo, world: World):
    narrowed = Paper.replies.where(Reply.body != "r0")
    for paths in ([narrowed, Paper.repliers], [Paper.repliers, narrowed]):
        for force in (False, True):
            paper = await repo.preload(world.papers[0], *paths, force=force)
            assert [reply.body for reply in paper.replies] == ["r1", "r3"]
            assert names(paper.repliers) == ["Ben"]
    gone = Paper.replies.where(Reply.body == "r1")
    assert (await repo.preload(world.papers[0], Paper.repliers, gone)).repliers == []


async def test_a_path_goes_on_from_a_through(repo: Repo, world: World, events: list[QueryEvent]):
    paper = await repo.preload(world.papers[0], Paper.repliers / Person.card)
    (ben,) = paper.repliers
    assert ben.card is not None
    assert ben.card.motto == "b"
    assert len(events) == 3
    again = await repo.preload(paper, Paper.repliers / Person.circles)
    assert names(again.repliers[0].circles) == ["math", "chess"]
    assert len(events) == 4
    assert not is_loaded(paper.repliers[0], Person.circles)


async def test_what_a_through_follows_is_never_changed_in_what_was_passed_in(repo: Repo, world: World):
    paper = await repo.preload(world.papers[0], Paper.replies)
    through = await repo.preload(paper, Paper.repliers)
    assert [is_loaded(reply, Reply.person) for reply in paper.replies] == [False] * 3
    assert [is_loaded(reply, Reply.person) for reply in through.replies] == [True] * 3


async def test_what_is_loaded_is_kept_and_loaded_anew_by_force(repo: Repo, world: World, events: list[QueryEvent]):
    paths = (Person.card, Person.circles, Person.replies)
    ann = await repo.preload(world.ann, *paths)
    del events[:]
    again = await repo.preload(ann, *paths)
    assert events == []
    assert names(again.circles) == names(ann.circles)
    await repo.delete_all(from_(CircleSeat).where(CircleSeat.role == "lead"))
    await repo.delete_all(Reply)
    del events[:]
    forced = await repo.preload(ann, *paths, force=True)
    assert (forced.circles, forced.replies) == ([], [])
    assert len(events) == 4
    assert names(ann.circles) == ["math", "chess", "closed"]


async def test_owners_without_a_key_cost_no_query(repo: Repo, world: World, events: list[QueryEvent]):
    new = await repo.preload(
        [Person(name="new"), None], Person.card, Person.circles, Person.replies, Person.boss, Person.boss_card
    )
    (person, nothing) = new
    assert nothing is None
    assert person is not None
    assert (person.card, person.circles, person.replies, person.boss, person.boss_card) == (None, [], [], None, None)
    assert events == []


async def test_duplicates_share_no_list_and_rows_of_two_schemas_are_refused(repo: Repo, world: World):
    one, none, two = await repo.preload([world.ann, None, world.ann], Person.circles)
    assert one is not None
    assert two is not None
    assert none is None
    one.circles.append(world.circles[0])
    assert len(two.circles) == 3
    with pytest.raises(QueryError, match="`preload` takes rows of one schema, got Person and Paper"):
        await repo.preload([world.ann, world.papers[0]], Person.circles)  # type: ignore[list-item]


@pytest.fixture
async def sites(repo: Repo) -> list[Site]:
    made = [await repo.insert(Site(area=area, number=number)) for area, number in (("n", 1), ("n", 2), ("s", 1))]
    await repo.insert_all(
        Probe,
        [
            {"site_area": area, "site_number": number}
            for area, number in (("n", 1), ("s", 1), ("n", 1), ("s", 2), ("s", None), (None, None))
        ],
    )
    links = [("n", 1, "s", 1), ("n", 1, "n", 2), ("s", 1, "n", 1)]
    for link in links:
        await repo._session.execute(
            "INSERT INTO site_links (from_area, from_number, to_area, to_number) "
            f"VALUES ('{link[0]}', {link[1]}, '{link[2]}', {link[3]})",
            (),
            None,
        )
    return made


async def test_keys_of_several_columns_are_compared_together(repo: Repo, sites: list[Site], events: list[QueryEvent]):
    found = await repo.preload(sites, Site.probes / Probe.site)
    first = min(probe.id for one in found for probe in one.probes)
    assert [[probe.id - first for probe in one.probes] for one in found] == [[0, 2], [], [1]]
    assert found[0].probes[0].site == sites[0]
    assert len(events) == 2
    probes = await repo.all(from_(Probe).order_by(Probe.id).preload(Probe.site))
    assert [one.site and (one.site.area, one.site.number) for one in probes] == [
        ("n", 1), ("s", 1), ("n", 1), None, None, None,
    ]  # fmt: skip
    limited = await repo.preload(sites, Site.probes.order_by(Probe.id.desc()).limit(1))
    assert [[probe.id - first for probe in one.probes] for one in limited] == [[2], [], [1]]


async def test_a_table_between_may_have_keys_of_several_columns(repo: Repo, sites: list[Site]):
    found = await repo.preload(sites, Site.near)
    assert [[(one.area, one.number) for one in site.near] for site in found] == [[("n", 2), ("s", 1)], [], [("n", 1)]]
    limited = await repo.preload(sites, Site.near.order_by(Site.area.desc()).limit(1))
    assert [[(one.area, one.number) for one in site.near] for site in limited] == [[("s", 1)], [], [("n", 1)]]


async def test_an_association_that_follows_others_cannot_be_inserted(repo: Repo, events: list[QueryEvent]):
    with pytest.raises(SchemaError, match=r"`insert` cannot change `Person\.replies`, which only follows") as refused:
        await repo.insert(Person(name="x", replies=[Reply(body="b", paper_id=1)]))
    assert "change the first step, `Person.papers`" in str(refused.value)
    assert events == []
    assert (await repo.insert(Person(name="x", replies=[]))).replies == []


async def test_loaded_associations_of_every_kind_travel_with_their_struct(repo: Repo, world: World):
    ann = await repo.preload(world.ann, Person.card, Person.circles, Person.replies)
    for copy in (evolve(ann, name="Anna"), pickle.loads(pickle.dumps(ann))):
        assert (copy.card, copy.circles, copy.replies) == (ann.card, ann.circles, ann.replies)
    assert ann == world.ann
    assert "circles=[Circle(" in repr(ann)
    with pytest.raises(NotLoadedError, match=r"from_\(Person\)\.preload\(Person\.led\)"):
        _ = ann.led


async def test_rows_are_read_where_their_struct_came_from_or_where_prefix_says(repo: Repo, world: World):
    if repo.adapter.dialect.name != "PostgreSQL":
        with pytest.raises(DatabaseError):
            await repo.preload(world.ann, Person.papers, prefix="elsewhere")
        return
    await repo._session.script(
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.papers (LIKE papers); "
        "CREATE TABLE elsewhere.people (LIKE people);"
        f"INSERT INTO elsewhere.people (id, name) VALUES ({world.ann.id}, 'Other');"
        "INSERT INTO elsewhere.papers (id, title, score, tags, person_id, meta) "
        f"VALUES (1, 'there', 1, '{{}}', {world.ann.id}, '{{}}')"
    )
    try:
        ann = await repo.preload(world.ann, Person.papers, prefix="elsewhere")
        assert [paper.title for paper in ann.papers] == ["there"]
        (other,) = await repo.all(Person, prefix="elsewhere")
        assert [paper.title for paper in (await repo.preload(other, Person.papers)).papers] == ["there"]
    finally:
        await repo._session.script("DROP SCHEMA elsewhere CASCADE")
