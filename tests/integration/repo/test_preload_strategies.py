"""Random graphs of owners, children and ties: every way to preload gives what a plain Python model gives."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import Repo, assoc, from_
from tests.integration.repo.circles import Card, Circle, CircleSeat, Paper, Person, Probe, Reply, Site


@dataclass(frozen=True)
class Graph:
    """Who wrote what, who answered it, who sits where.

    Attributes:
        bosses: of each person, the boss's place among those before, or None.
        papers: of each paper, its writer and its score.
        replies: of each reply, its paper and who wrote it, or None.
        cards: who has one.
        seats: pairs of a person and a circle.
        probes: of each probe, the parts of its site's key.
    """

    bosses: list[int | None]
    papers: list[tuple[int, int]]
    replies: list[tuple[int, int | None]]
    cards: set[int]
    seats: set[tuple[int, int]]
    probes: list[tuple[int | None, int | None]]


CIRCLES, SITES = 3, [(area, number) for area in ("n", "s") for number in (1, 2)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 4))
    person = st.integers(0, count - 1)
    papers = draw(st.lists(st.tuples(person, st.integers(0, 3)), max_size=6))
    replies = st.tuples(st.integers(0, len(papers) - 1), st.none() | person)
    return Graph(
        [None, *(draw(st.none() | st.integers(0, at - 1)) for at in range(1, count))],
        papers,
        draw(st.lists(replies, max_size=8)) if papers else [],
        draw(st.sets(person)),
        draw(st.sets(st.tuples(person, st.integers(0, CIRCLES - 1)))),
        draw(st.lists(st.tuples(st.sampled_from([0, 1, None]), st.sampled_from([0, 1, None])), max_size=5)),
    )


async def stored(repo: Repo, graph: Graph) -> None:
    """Store a graph under keys that are its places."""
    for model in (CircleSeat, Reply, Card, Paper, Circle, Probe, Site):
        await repo.delete_all(model)
    await repo.update_all(Person, Person.boss_id.set(None))
    await repo.delete_all(Person)
    people = range(len(graph.bosses))
    await repo.insert_all(Person, [{"id": at, "name": f"p{at}", "boss_id": graph.bosses[at]} for at in people])
    await repo.insert_all(
        Paper,
        [
            {"id": at, "title": f"t{at}", "score": score, "tags": [], "meta": {}, "person_id": who}
            for at, (who, score) in enumerate(graph.papers)
        ],
    )
    await repo.insert_all(
        Reply, [{"id": at, "body": "", "paper_id": on, "person_id": who} for at, (on, who) in enumerate(graph.replies)]
    )
    await repo.insert_all(Card, [{"id": who, "motto": "", "person_id": who} for who in graph.cards])
    await repo.insert_all(Circle, [{"id": at, "name": f"c{at}"} for at in range(CIRCLES)])
    await repo.insert_all(CircleSeat, [{"person_id": who, "circle_id": at} for who, at in graph.seats])
    await repo.insert_all(Site, [{"area": area, "number": number} for area, number in SITES])
    await repo.insert_all(
        Probe,
        [
            {
                "id": at,
                "site_area": area if area is None else "ns"[area],
                "site_number": None if number is None else number + 1,
            }
            for at, (area, number) in enumerate(graph.probes)
        ],
    )


# --- the model


def papers_of(graph: Graph, who: int) -> list[int]:
    return [at for at, (writer, _) in enumerate(graph.papers) if writer == who]


def by_score(graph: Graph, papers: list[int]) -> list[int]:
    return sorted(papers, key=lambda at: (-graph.papers[at][1], at))


def replies_of(graph: Graph, paper: int) -> list[int]:
    return [at for at, (on, _) in enumerate(graph.replies) if on == paper]


def repliers_of(graph: Graph, paper: int) -> list[int]:
    found = (graph.replies[at][1] for at in replies_of(graph, paper))
    return list(dict.fromkeys(who for who in found if who is not None))


def circles_of(graph: Graph, who: int) -> list[int]:
    return sorted(at for sitter, at in graph.seats if sitter == who)


def probes_at(graph: Graph, area: str, number: int) -> list[int]:
    place = ("ns".index(area), number)
    return [
        at
        for at, (one, other) in enumerate(graph.probes)
        if one is not None and other is not None and (one, other + 1) == place
    ]


def ids(rows: list[object]) -> list[int]:
    return [row.id for row in rows]  # type: ignore[attr-defined]


def check_people(graph: Graph, people: list[Person], *, limit: int | None = None) -> None:
    assert [person.id for person in people] == list(range(len(graph.bosses)))
    for person in people:
        assert ids(person.papers) == papers_of(graph, person.id)[:limit]
        assert ids(person.circles) == circles_of(graph, person.id)[:limit]
        assert (person.card and person.card.id) == (person.id if person.id in graph.cards else None)
        assert (person.boss and person.boss.id) == graph.bosses[person.id]
        for paper in person.papers:
            assert ids(paper.replies) == replies_of(graph, paper.id)[:limit]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), limit=st.integers(0, 2))
async def test_every_way_to_preload_gives_what_a_model_gives(repo: Repo, graph: Graph, limit: int):
    await stored(repo, graph)
    everybody = from_(Person).order_by(Person.id)
    deep = Person.papers / Paper.replies
    check_people(graph, await repo.all(everybody.preload(deep, Person.circles, Person.card, Person.boss)))
    people = await repo.all(everybody)
    check_people(graph, await repo.preload(people, deep, Person.circles, Person.card, Person.boss))
    joined = (
        everybody.left_join(Person.papers)
        .left_join(Paper.replies)
        .left_join(Person.circles)
        .left_join(Person.card)
        .order_by(Paper.id, Reply.id, Circle.id)
        .preload(Person.papers.joined() / Paper.replies.joined(), Person.circles.joined(), Person.card.joined())
    )
    check_people(graph, await repo.all(joined.preload(Person.boss)))
    limited = Person.papers.limit(limit) / Paper.replies.limit(limit)
    check_people(
        graph, await repo.preload(people, limited, Person.circles.limit(limit), Person.card, Person.boss), limit=limit
    )
    for person in await repo.preload(people, Person.papers.order_by(Paper.score.desc()).limit(limit)):
        assert ids(person.papers) == by_score(graph, papers_of(graph, person.id))[:limit]
    await compare_throughs(repo, graph, people)
    await compare_composite(repo, graph, limit)


async def compare_throughs(repo: Repo, graph: Graph, people: list[Person]) -> None:
    papers = await repo.all(from_(Paper).order_by(Paper.id).preload(Paper.repliers))
    for paper in papers:
        assert ids(paper.repliers) == repliers_of(graph, paper.id)
    for paper in await repo.all(from_(Paper).left_join(Paper.repliers).preload(Paper.repliers.joined())):
        assert sorted(ids(paper.repliers)) == sorted(repliers_of(graph, paper.id))
    for person in await repo.preload(people, Person.replies, Person.boss_card):
        assert ids(person.replies) == [at for paper in papers_of(graph, person.id) for at in replies_of(graph, paper)]
        boss = graph.bosses[person.id]
        assert (person.boss_card and person.boss_card.id) == (boss if boss in graph.cards else None)
    chosen = people[::2]
    found = await repo.all(assoc(chosen, Person.replies).order_by(Reply.id))
    wanted = {at for person in chosen for paper in papers_of(graph, person.id) for at in replies_of(graph, paper)}
    assert ids(found) == sorted(wanted)
    seen = await repo.all(assoc(chosen, Person.circles / Circle.people).order_by(Person.id))
    circles = {at for person in chosen for at in circles_of(graph, person.id)}
    assert ids(seen) == sorted({who for who, at in graph.seats if at in circles})


async def compare_composite(repo: Repo, graph: Graph, limit: int) -> None:
    sites = await repo.all(from_(Site).order_by(Site.area, Site.number).preload(Site.probes / Probe.site))
    assert [(site.area, site.number) for site in sites] == SITES
    for site in sites:
        assert ids(site.probes) == probes_at(graph, site.area, site.number)
        assert all(probe.site == site for probe in site.probes)
        assert ids(await repo.all(assoc(site, Site.probes).order_by(Probe.id))) == ids(site.probes)
    joined = from_(Site).left_join(Site.probes).order_by(Site.area, Site.number, Probe.id)
    for site in await repo.all(joined.preload(Site.probes.joined())):
        assert ids(site.probes) == probes_at(graph, site.area, site.number)
    for site in await repo.preload(sites, Site.probes.limit(limit), force=True):
        assert ids(site.probes) == probes_at(graph, site.area, site.number)[:limit]
