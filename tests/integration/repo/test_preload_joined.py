"""Preloads that a join of the same query fills: one statement, rows merged by primary key."""

import pytest

from ectype import QueryError, Repo, SchemaError, alias, change, fn, from_, is_loaded, meta, only, subquery
from ectype.schema.structs import partial_names
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Comment, Post, User
from tests.integration.repo.circles import Card, Circle, Paper, Person, Reply
from tests.integration.repo.test_preload_kinds import World, names, world

__all__ = ["world"]


def titles(person: Person) -> list[str]:
    return [paper.title for paper in person.papers]


def bodies(paper: Paper) -> list[str]:
    return [reply.body for reply in paper.replies]


async def test_one_statement_gives_parents_in_their_order_and_each_its_children(
    repo: Repo, world: World, events: list[QueryEvent]
):
    query = from_(Person).left_join(Person.papers).order_by(Person.name.desc(), Paper.title)
    cy, ben, ann = await repo.all(query.preload(Person.papers.joined()))
    assert (titles(cy), titles(ben), titles(ann)) == ([], ["b0"], ["a0", "a1"])
    assert len(events) == 1
    assert ann == world.ann
    assert ann.papers[0] == world.papers[0]
    # In the order of the join, not of the key.
    reverse = from_(Person).left_join(Person.papers).order_by(Paper.score.desc())
    found = await repo.all(reverse.preload(Person.papers.joined()))
    assert {person.name: titles(person) for person in found} == {"Ann": ["a1", "a0"], "Ben": ["b0"], "Cy": []}


async def test_an_inner_join_leaves_parents_without_children_out(repo: Repo, world: World):
    query = from_(Person).join(Person.papers).order_by(Paper.id).preload(Person.papers.joined())
    assert [(person.name, titles(person)) for person in await repo.all(query)] == [
        ("Ann", ["a0", "a1"]),
        ("Ben", ["b0"]),
    ]


async def test_joins_nest_and_go_on_with_queries_of_their_own(repo: Repo, world: World, events: list[QueryEvent]):
    query = (
        from_(Person)
        .left_join(Person.papers)
        .left_join(Paper.replies)
        .order_by(Person.id, Paper.id, Reply.id)
        .preload(Person.papers.joined() / Paper.replies.joined() / Reply.person, Person.card)
    )
    ann, ben, cy = await repo.all(query)
    assert [bodies(paper) for paper in ann.papers] == [["r0", "r1", "r3"], ["r4"]]
    assert [bodies(paper) for paper in ben.papers] == [["r2"]]
    assert cy.papers == []
    assert ann.papers[0].replies[0].person == world.ben
    assert ann.card is not None
    assert len(events) == 3


async def test_two_lists_of_one_parent_are_each_complete_and_without_repetition(repo: Repo, world: World):
    query = from_(Person).left_join(Person.papers).left_join(Person.circles).order_by(Paper.id, Circle.id)
    found = await repo.all(query.preload(Person.papers.joined(), Person.circles.joined()))
    by_name = {person.name: (titles(person), names(person.circles)) for person in found}
    assert by_name == {
        "Ann": (["a0", "a1"], ["math", "chess", "closed"]),
        "Ben": (["b0"], ["math", "chess"]),
        "Cy": ([], []),
    }


async def test_single_associations_and_throughs_are_filled_too(repo: Repo, world: World, events: list[QueryEvent]):
    query = from_(Paper).join(Paper.person).left_join(Person.card).order_by(Paper.id)
    papers = await repo.all(query.preload(Paper.person.joined() / Person.card.joined()))
    assert [paper.person.name for paper in papers] == ["Ann", "Ann", "Ben"]
    assert [paper.person.card and paper.person.card.motto for paper in papers] == ["first", "first", "b"]
    through = from_(Paper).left_join(Paper.repliers).order_by(Paper.id).preload(Paper.repliers.joined())
    found = await repo.all(through)
    assert [names(paper.repliers) for paper in found] == [["Ben"], ["Cy"], ["Ann"]]
    # Directly, without what lies between.
    assert not is_loaded(found[0], Paper.replies)
    assert len(events) == 2


async def test_an_alias_fills_when_it_is_named(repo: Repo, world: World):
    boss = alias(Person, "boss")
    query = from_(Person).left_join(Person.boss, as_=boss).order_by(Person.id)
    people = await repo.all(query.preload(Person.boss.joined(boss)))
    assert [person.boss and person.boss.name for person in people] == [None, "Ann", None]
    theirs = from_(Person).join(Person.papers, as_=alias(Paper, "theirs"))
    with pytest.raises(QueryError, match=r"hint: say which: `Person\.papers\.joined\(theirs\)`"):
        await repo.all(theirs.preload(Person.papers.joined()))


async def test_an_alias_may_be_the_rows_own_side(repo: Repo, world: World):
    worker = alias(Person, "worker")
    query = from_(worker).join(worker.papers).order_by(Paper.id).preload(worker.papers.joined())
    assert [(one.name, titles(one)) for one in await repo.all(query)] == [("Ann", ["a0", "a1"]), ("Ben", ["b0"])]
    chosen = from_(Paper).join(Paper.person).left_join(Paper.replies).order_by(Paper.id, Reply.id).select(Paper)
    assert [bodies(paper) for paper in await repo.all(chosen.preload(Paper.replies.joined()))] == [
        ["r0", "r1", "r3"],
        ["r4"],
        ["r2"],
    ]


async def test_parents_may_be_partial_structs_with_their_key_and_members_filled_in(repo: Repo, world: World):
    joined = from_(Paper).left_join(Paper.replies).order_by(Paper.id, Reply.id)
    part = joined.select(only(Paper.id, Paper.title)).select_merge(Paper.draft.set(fn.lower(Paper.title)))
    first, *_ = await repo.all(part.preload(Paper.replies.joined()))
    assert (first.title, first.draft, bodies(first)) == ("a0", "a0", ["r0", "r1", "r3"])
    with pytest.raises(QueryError, match=r"`Paper\.replies` is found by `Paper\.id`, which this query does not select"):
        joined.select(only(Paper.title)).preload(Paper.replies.joined())
    with pytest.raises(
        QueryError, match=r"`Paper\.repliers` is found by `Paper\.id`, which this query does not select"
    ):
        from_(Paper).select(only(Paper.title)).preload(Paper.repliers)


async def test_a_single_row_is_merged_before_it_is_counted(repo: Repo, world: World):
    query = from_(Person).join(Person.papers).where(Person.name == "Ann").preload(Person.papers.joined())
    ann = await repo.one(query)
    assert ann is not None
    assert sorted(titles(ann)) == ["a0", "a1"]


async def test_a_struct_below_two_parents_is_one_for_each(repo: Repo, world: World):
    query = from_(Person).join(Person.circles).order_by(Person.id, Circle.id).preload(Person.circles.joined())
    ann, ben = await repo.all(query)
    assert ann.circles[0] == ben.circles[0]
    assert ann.circles[0] is not ben.circles[0]


async def test_a_filtered_list_is_remembered_as_partial(repo: Repo, world: World):
    joined = from_(Person).left_join(Person.papers)
    whole = await repo.all(joined.preload(Person.papers.joined()))
    assert {partial_names(person) for person in whole} == {frozenset()}
    by_parent = await repo.all(joined.where(Person.name == "Ann").preload(Person.papers.joined()))
    assert partial_names(by_parent[0]) == frozenset()
    for query in (
        joined.where(Paper.score > 3),
        joined.where(Person.name == "nobody").or_where(Paper.score > 3),
        joined.join(Paper.replies),
        from_(Person).left_join(Paper, on=(Paper.person_id == Person.id) & (Paper.score > 3)),
    ):
        found = await repo.all(query.preload(Person.papers.joined()))
        assert found
        assert {partial_names(person) for person in found} == {frozenset({"papers"})}
    some = subquery(from_(Paper).where(Paper.score > 3), "some")
    found = await repo.all(from_(Person).left_join(Person.papers, as_=some).preload(Person.papers.joined(some)))
    assert {partial_names(person) for person in found} == {frozenset({"papers"})}
    deeper = joined.left_join(Paper.replies).where(Reply.body == "r0")
    (ann,) = await repo.all(deeper.preload(Person.papers.joined() / Paper.replies.joined()))
    assert (partial_names(ann), partial_names(ann.papers[0])) == (frozenset({"papers"}), frozenset({"replies"}))


async def test_a_limit_on_the_parent_is_refused_with_the_surprise_and_the_fix(repo: Repo, world: World):
    query = from_(Person).left_join(Person.papers).preload(Person.papers.joined()).limit(2)
    with pytest.raises(QueryError) as caught:
        await repo.all(query)
    assert str(caught.value) == (
        "this query's limit counts rows of the join, not Person structs: with `Person.papers.joined()` it would cut "
        "lists short and leave parents out\n\n"
        "hint: preload by a query of its own, `.preload(Person.papers)`, or limit in a subquery: "
        "`from_(subquery(query.limit(…), 'page'))`"
    )
    page = subquery(from_(Person).order_by(Person.id).limit(2), "page")
    fixed = from_(page).left_join(page.papers).order_by(page.id, Paper.id).preload(page.papers.joined())
    assert [titles(person) for person in await repo.all(fixed)] == [["a0", "a1"], ["b0"]]
    single = from_(Paper).join(Paper.person).order_by(Paper.id).limit(2).preload(Paper.person.joined())
    assert [paper.person.name for paper in await repo.all(single)] == ["Ann", "Ann"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: from_(Person).preload(Person.papers.joined()), "finds no join of Paper in this query"),
        (
            lambda: (
                from_(Person)
                .left_join(Person.papers)
                .left_join(Paper.replies)
                .preload(Person.papers / Paper.replies.joined())
            ),
            "`Paper.replies.joined()` hangs on `Person.papers`, which has a query of its own",
        ),
        (
            lambda: from_(Person).left_join(Person.papers).distinct().preload(Person.papers.joined()),
            "cannot be filled from this query: it would count the rows of the join",
        ),
        (
            lambda: from_(Person).left_join(Person.papers).group_by(Person.id).preload(Person.papers.joined()),
            "groups have no single row to fill from",
        ),
        (
            lambda: from_(Person).left_join(Person.papers).offset(1).preload(Person.papers.joined()),
            "this query's offset counts rows of the join",
        ),
        (
            lambda: from_(Person).left_join(Person.papers).preload(Person.papers.joined(), Person.papers.limit(1)),
            "`Person.papers` is customised in two ways in one preload: `Person.papers.joined()` and "
            "`Person.papers.limit(1)`",
        ),
        (
            lambda: from_(Person).left_join(Person.papers).left_join(Person.card).preload(Person.papers.joined(Card)),
            "`Person.papers` leads to Paper, and not to Card",
        ),
        (
            lambda: from_(Paper).right_join(Paper.person).preload(Paper.person.joined()),
            "is filled from inner and left joins only, and this query has a right one",
        ),
        (lambda: from_(Person).preload(Person.papers.where(Paper.id > 1).joined()), "is customised already"),
        (lambda: from_(Person).preload(Person.papers.joined().limit(3)), "decides which rows are loaded"),
        (lambda: from_(Person).preload(Person.papers.joined("papers")), "takes the alias that was joined"),
    ],
)
async def test_what_a_join_cannot_fill_is_refused(repo: Repo, events: list[QueryEvent], build, message: str):
    with pytest.raises((QueryError, SchemaError)) as caught:
        await repo.all(build())
    assert message in str(caught.value)
    assert events == []


async def test_a_query_that_stands_in_for_its_schema_fills_and_leaves_the_list_partial(repo: Repo, world: World):
    best = from_(Paper).where(Paper.score > 3).order_by(Paper.id).limit(1)
    query = from_(Person).left_join(best, on=Paper.person_id == Person.id).preload(Person.papers.joined())
    found = {person.name: person for person in await repo.all(query)}
    assert {name: titles(person) for name, person in found.items()} == {"Ann": ["a0"], "Ben": [], "Cy": []}
    assert partial_names(found["Ben"]) == frozenset({"papers"})
    narrowed = from_(Person).left_join(Person.papers, on=Paper.score > 4).preload(Person.papers.joined())
    assert {partial_names(person) for person in await repo.all(narrowed)} == {frozenset({"papers"})}


async def test_repo_preload_has_no_join_to_fill_from(repo: Repo, world: World, events: list[QueryEvent]):
    with pytest.raises(
        QueryError, match=r"`Person\.papers\.joined\(\)` is filled from a join, and `repo\.preload` runs"
    ):
        await repo.preload(world.ann, Person.papers.joined())
    query = from_(Person).left_join(Person.papers).order_by(Person.id).preload(Person.papers.joined())
    with pytest.raises(QueryError, match="is filled from a join, and a page counts the rows of its query"):
        await repo.page(query, size=2, secret="x" * 32)
    assert events == []
    page = await repo.page(from_(Person).order_by(Person.id).preload(Person.papers), size=2, secret="x" * 32)
    assert [titles(person) for person in page.rows] == [["a0", "a1"], ["b0"]]


async def test_what_rows_belong_to_is_the_same_from_a_join_as_from_queries_of_its_own(repo: Repo, events):
    """With and without another join beside it that repeats rows, and where the far end is missing."""
    ada = await repo.insert(User(name="Ada", email="a"))
    first = await repo.insert(Post(title="one", author_id=ada.id, editor_id=ada.id, tags=["x"]))
    second = await repo.insert(Post(title="two", author_id=ada.id))
    for post, user in ((first, ada.id), (second, None), (first, None)):
        await repo.insert(Comment(body="x", post_id=post.id, user_id=user))
    query = from_(Comment).order_by(Comment.id)
    alone = await repo.all(query.preload(Comment.post / Post.editor, Comment.user))
    joins = query.join(Comment.post).left_join(Post.editor).left_join(Comment.user, as_=(by := alias(User, "by")))
    filled = (Comment.post.joined() / Post.editor.joined(), Comment.user.joined(by))
    del events[:]
    for joined in (joins, joins.left_join(Post.comments, as_=alias(Comment, "other"))):
        found = await repo.all(joined.preload(*filled))
        assert found == alone
        assert [comment.post for comment in found] == [comment.post for comment in alone]
        assert [comment.post.editor for comment in found] == [comment.post.editor for comment in alone]
        assert [comment.user for comment in found] == [comment.user for comment in alone]
        assert [meta(comment.post) for comment in found] == [meta(comment.post) for comment in alone]
        assert dict(change(found[0].post, Post.tags.set(["x"])).changes) == {}
    assert len(events) == 2
