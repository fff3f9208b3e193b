"""Customised preloads: partial structs, queries and functions of one's own, and what is remembered of them."""

import pickle
from typing import Any

import pytest

from ectype import QueryError, Repo, change, evolve, exists, fn, from_, only, outer
from ectype.schema.structs import partial_names
from ectype.telemetry import QueryEvent
from tests.integration.repo.circles import Card, Circle, Paper, Person, Probe, Reply, Site
from tests.integration.repo.test_preload_joined import bodies, titles
from tests.integration.repo.test_preload_kinds import World, names, sites, world

__all__ = ["sites", "world"]


async def test_only_loads_the_columns_that_were_named_and_the_keys(repo: Repo, world: World, events: list[QueryEvent]):
    ann = await repo.preload(world.ann, Person.papers.only(Paper.title) / Paper.replies.only(Reply.body))
    paper = ann.papers[0]
    assert (paper.id, paper.title, paper.person_id) == (world.papers[0].id, "a0", world.ann.id)
    for missing in ("score", "tags", "meta", "note"):
        with pytest.raises(AttributeError):
            getattr(paper, missing)
    assert "score=<unset>" in repr(paper)
    assert bodies(paper) == ["r0", "r1", "r3"]
    with pytest.raises(AttributeError):
        _ = paper.replies[0].person_id
    assert '"score"' not in events[0].sql
    # Only some columns, but all rows.
    assert partial_names(ann) == frozenset()
    assert pickle.loads(pickle.dumps(paper)).title == "a0"


async def test_only_goes_with_conditions_order_and_limit(repo: Repo, world: World):
    path = Person.papers.only(Paper.title).where(Paper.score > 3).order_by(Paper.score.desc()).limit(1)
    ann, ben, _ = await repo.preload(world.people, path)
    assert (titles(ann), ben.papers) == (["a1"], [])
    people = await repo.preload(world.people, Person.circles.only(Circle.name), Person.card.only(Card.motto))
    assert names(people[1].circles) == ["math", "chess"]
    assert people[1].card is not None
    assert people[1].card.motto == "b"
    papers = await repo.preload(world.papers, Paper.person.only(Person.name))
    assert [paper.person.name for paper in papers] == ["Ann", "Ann", "Ben"]


async def test_a_partial_struct_of_lists_can_be_changed_and_stored(repo: Repo, world: World):
    ann = await repo.preload(world.ann, Person.papers.only(Paper.title))
    changed = await repo.update(change(ann.papers[0], Paper.title.set("new"), Paper.tags.set(["x"])))
    assert changed.title == "new"
    stored = await repo.get_or_raise(Paper, changed.id)
    assert (stored.title, stored.tags, stored.score) == ("new", ["x"], 4)


async def test_a_query_of_ones_own_may_join_and_filter_and_keeps_its_order(repo: Repo, world: World):
    replied = from_(Paper).join(Paper.replies).where(Reply.body.in_(["r1", "r2", "r4"])).order_by(Paper.title.desc())
    ann, ben, cy = await repo.preload(world.people, Person.papers.using(replied) / Paper.replies)
    assert (titles(ann), titles(ben), cy.papers) == (["a1", "a0"], ["b0"], [])
    assert bodies(ann.papers[1]) == ["r0", "r1", "r3"]
    chosen = from_(Reply).join(Reply.paper).where(Reply.body == "r4").select(Paper)
    ann = await repo.preload(world.ann, Person.papers.using(chosen))
    assert titles(ann) == ["a1"]
    either = from_(Paper).where(Paper.score > 100).or_where(Paper.score > 3).order_by(Paper.id).reverse_order()
    ann, ben, _ = await repo.preload(world.people, Person.papers.using(either))
    assert (titles(ann), ben.papers) == (["a1", "a0"], [])
    part = from_(Paper).select(only(Paper.id, Paper.person_id, Paper.title)).order_by(Paper.id.desc())
    ann = await repo.preload(world.ann, Person.papers.using(part))
    assert titles(ann) == ["a1", "a0"]
    with pytest.raises(AttributeError):
        _ = ann.papers[0].score
    asked = from_(Paper).where(exists(from_(Reply).where(Reply.paper_id == outer(Paper.id), Reply.person_id.is_null())))
    ann = await repo.preload(world.ann, Person.papers.using(asked))
    assert titles(ann) == ["a0"]


async def test_a_query_of_ones_own_serves_every_kind(repo: Repo, world: World, sites: list[Site]):
    crowded = (
        from_(Circle)
        .left_join(Circle.people)
        .group_by(Circle.id, Circle.name)
        .order_by(fn.count(Person.id), Circle.name)
    )
    ann, ben, cy = await repo.preload(world.people, Person.circles.using(crowded))
    assert (names(ann.circles), names(ben.circles), cy.circles) == (
        ["closed", "chess", "math"],
        ["chess", "math"],
        [],
    )
    led = await repo.preload(world.ann, Person.led.using(from_(Circle).order_by(Circle.id)))
    assert names(led.led) == ["math", "chess"]
    papers = await repo.preload(world.papers, Paper.person.using(from_(Person).where(Person.name != "Ann")))
    assert [paper.person and paper.person.name for paper in papers] == [None, None, "Ben"]
    found = await repo.preload(sites, Site.probes.using(from_(Probe).order_by(Probe.id.desc())))
    assert [len(site.probes) for site in found] == [2, 0, 1]
    assert found[0].probes[0].id > found[0].probes[1].id


async def test_the_condition_of_the_association_holds_in_a_query_of_ones_own(repo: Repo, world: World):
    ann = await repo.preload(world.ann, Person.best.using(from_(Paper).order_by(Paper.id.desc())))
    assert [paper.title for paper in ann.best] == ["a1", "a0"]
    ben = await repo.preload(world.ben, Person.best.using(from_(Paper)))
    assert ben.best == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Person.papers.using(from_(Paper).limit(2)), "a limit counts over all owners together"),
        (lambda: Person.papers.using(from_(Paper).offset(2)), "an offset counts over all owners together"),
        (lambda: Person.papers.using(from_(Paper).union(from_(Paper))), "it has two parts"),
        (lambda: Person.papers.using(from_(Paper).preload(Paper.replies)), "preloads Paper.replies"),
        (lambda: Person.papers.using(from_(Reply)), "takes a query of Paper, got from_(Reply)"),
        (lambda: Person.papers.using(from_(Paper).select(Paper.id)), "selects bare expressions"),
        (
            lambda: Person.papers.using(from_(Paper).select(only(Paper.id, Paper.title))),
            "`Person.papers.using(…)` needs `Paper.person_id`, which its query does not select",
        ),
        (
            lambda: Person.papers.using(
                from_(Paper).project(Paper(id=Paper.id, title=Paper.title, person_id=Paper.person_id, note=None))
            ),
            "takes a query of stored structs, and this one projects",
        ),
        (lambda: Person.papers.using(Paper), "`using` takes a query, got <class"),
        (lambda: Person.papers.limit(1).using(from_(Paper)), "`Person.papers` is customised already"),
        (lambda: Person.papers.using(from_(Paper)).where(Paper.id > 1), "decides which rows are loaded"),
        (lambda: Person.replies.using(from_(Reply)), "only follows Person.papers / Paper.replies"),
        (lambda: Person.replies.order_by(Reply.id), "`.order_by(…)` is refused"),
        (lambda: Person.replies.where(Reply.id > 1), "customise a step instead"),
        (lambda: Person.replies.limit(1), "`.limit(…)` is refused"),
        (lambda: Person.replies.only(Reply.body), "`.only(…)` is refused"),
        (lambda: Paper.person.limit(1), "`Paper.person` is one struct, so `limit` means nothing"),
        (lambda: Person.card.order_by(Card.id), "`Person.card` is one struct, so `order_by` means nothing"),
        (Person.papers.only, "`only` needs at least one column"),
        (lambda: Person.papers.only(Reply.body), "`only` takes columns of Paper, got Reply.body"),
        (lambda: Person.papers.only("title"), "`only` takes columns of Paper, got 'title'"),
        (lambda: Person.papers.only(Paper.draft), "is virtual: it is not stored"),
        (lambda: Person.papers.load_with("x"), "`load_with` takes an async function, got 'x'"),
        (lambda: Person.replies.load_with(lambda _: []), "`.load_with(…)` is refused"),
    ],
)
async def test_a_customisation_that_means_nothing_is_refused(
    repo: Repo, world: World, events: list[QueryEvent], build, message: str
):
    with pytest.raises(QueryError) as caught:
        await repo.preload(world.ann if "Person" in message or "Paper.person" not in message else world.papers, build())
    assert message in str(caught.value)
    assert events == []


async def test_a_function_of_ones_own_gets_the_owners_keys_and_its_order_is_kept(
    repo: Repo, world: World, events: list[QueryEvent]
):
    asked: list[list[int]] = []

    async def papers_of(keys: list[int]) -> list[Paper]:
        asked.append(keys)
        return [Paper(id=n, title=f"p{n}", person_id=world.ann.id) for n in (3, 1, 2)]

    ann, ben, again = await repo.preload([world.ann, world.ben, world.ann], Person.papers.load_with(papers_of))
    assert asked == [sorted([world.ann.id, world.ben.id])]
    assert (titles(ann), titles(ben), titles(again)) == (["p3", "p1", "p2"], [], ["p3", "p1", "p2"])
    assert events == []
    assert partial_names(ann) == frozenset({"papers"})


async def test_a_function_of_ones_own_serves_every_kind(repo: Repo, world: World, sites: list[Site]):
    async def pairs_of(keys: list[int]) -> list[tuple[int, Circle]]:
        return [(key, Circle(id=n, name=f"c{n}")) for key in keys for n in (2, 1)]

    async def people_of(keys: list[int]) -> list[Person]:
        return [Person(id=key, name=f"n{key}") for key in keys]

    async def probes_of(keys: list[tuple[str, int]]) -> list[Probe]:
        assert keys == [("n", 1), ("n", 2), ("s", 1)]
        return [Probe(id=1, site_area="s", site_number=1)]

    ann, ben = await repo.preload([world.ann, world.ben], Person.circles.load_with(pairs_of))
    assert names(ann.circles) == names(ben.circles) == ["c2", "c1"]
    paper = await repo.preload(world.papers[0], Paper.person.load_with(people_of))
    assert paper.person.name == f"n{world.ann.id}"
    found = await repo.preload(sites, Site.probes.load_with(probes_of))
    assert [len(site.probes) for site in found] == [0, 0, 1]
    person = await repo.preload(Person(name="new"), Person.papers.load_with(people_of))  # type: ignore[arg-type]
    assert person.papers == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1], "returns a list of structs of Paper, got 1 in it"),
        (None, "returns a list of structs of Paper, got None"),
        ([(1, Paper(id=1, title="x", person_id=1))], "returns a list of structs of Paper, got (1, Paper("),
    ],
)
async def test_what_a_function_returns_is_checked(repo: Repo, world: World, given: Any, message: str):
    async def load(_keys: list[int]) -> Any:
        return given

    with pytest.raises(QueryError) as caught:
        await repo.preload(world.ann, Person.papers.load_with(load))
    assert message in str(caught.value)
    with pytest.raises(QueryError, match="returns a list of pairs of an owner's key and a struct of Circle"):
        await repo.preload(world.ann, Person.circles.load_with(load))


async def test_two_customisations_of_one_step_are_refused_with_both_as_code(repo: Repo, world: World):
    async def load(_keys: list[int]) -> list[Paper]:
        return []

    for first, second, text in (
        (Person.papers.only(Paper.title), Person.papers.limit(1), "`Person.papers.only(Paper.title)`"),
        (Person.papers.using(from_(Paper)), Person.papers.limit(1), "`Person.papers.using(from_(Paper))`"),
        (Person.papers.load_with(load), Person.papers.limit(1), "`Person.papers.load_with(load)`"),
    ):
        with pytest.raises(QueryError) as caught:
            await repo.preload(world.ann, first, second)
        assert f"is customised in two ways in one preload: {text} and `Person.papers.limit(1)`" in str(caught.value)
    same = Person.papers.using(from_(Paper).where(Paper.score > 3))
    ann = await repo.preload(world.ann, same, Person.papers.using(from_(Paper).where(Paper.score > 3)) / Paper.replies)
    assert titles(ann) == ["a0", "a1"]


async def test_a_customised_preload_over_a_loaded_association_is_refused_with_the_fix(repo: Repo, world: World):
    ann = await repo.preload(world.ann, Person.circles)
    for path in (Person.circles.using(from_(Circle)), Person.circles.only(Circle.name)):
        with pytest.raises(QueryError, match=r"`Person\.circles` is loaded already.*\n\n.*force=True"):
            await repo.preload(ann, path)
        assert len((await repo.preload(ann, path, force=True)).circles) == 3


async def test_a_filtered_list_is_remembered_as_partial_until_it_is_loaded_whole(repo: Repo, world: World):
    for path in (
        Person.papers.where(Paper.score > 3),
        Person.papers.limit(1),
        Person.papers.using(from_(Paper)),
    ):
        ann = await repo.preload(world.ann, path)
        assert partial_names(ann) == frozenset({"papers"})
        for copy in (evolve(ann, name="x"), pickle.loads(pickle.dumps(ann)), await repo.preload(ann, Person.card)):
            assert partial_names(copy) == frozenset({"papers"})
        updated = await repo.update(change(ann, Person.name.set("Anna")))
        assert partial_names(updated) == frozenset({"papers"})
        await repo.update(change(updated, Person.name.set("Ann")))
        whole = await repo.preload(ann, Person.papers, force=True)
        assert partial_names(whole) == frozenset()
    ordered = await repo.preload(world.ann, Person.papers.order_by(Paper.id.desc()), Person.best)
    assert partial_names(ordered) == frozenset()
