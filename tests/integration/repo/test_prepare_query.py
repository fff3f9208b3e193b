"""The hook that every query goes through, and conditions that reach each table of a query."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Invalid,
    ManyToMany,
    Query,
    QueryContext,
    QueryError,
    Repo,
    Schema,
    UnsupportedError,
    alias,
    assoc,
    belongs_to,
    change,
    cte,
    exists,
    field,
    fn,
    fragment,
    from_,
    has_many,
    many_to_many,
    maybe,
    outer,
    primary_key,
    scalar,
    source,
    subquery,
    telemetry,
)
from ectype.migrations import Migration, up
from ectype.telemetry import QueryEvent


class Tenanted:
    """A mixin: rows that belong to a tenant."""

    tenant: Field[int] = field(default=0)


class Team(Schema, Tenanted, table="h_teams"):
    id: Field[int] = field(primary_key=True)
    name: Field[str]
    members: "HasMany[Member]" = has_many(on_delete="delete_all")
    tasks: "HasMany[Task]" = has_many(through=lambda: Team.members / Member.tasks)


class Member(Schema, Tenanted, table="h_members"):
    id: Field[int] = field(primary_key=True)
    name: Field[str]
    team_id: Field[int | None] = field(default=None)
    team: BelongsTo[Team | None] = belongs_to()
    tasks: "ManyToMany[Task]" = many_to_many(through=lambda: Assignment)


class Assignment(Schema, Tenanted, table="h_assignments"):
    member_id: Field[int] = field(primary_key=True)
    task_id: Field[int] = field(primary_key=True)
    member: BelongsTo[Member] = belongs_to()
    task: "BelongsTo[Task]" = belongs_to()


class Task(Schema, Tenanted, table="h_tasks"):
    id: Field[int] = primary_key()
    title: Field[str]


class Plan(Schema, table="h_plans"):
    """A table that all tenants share."""

    id: Field[int] = field(primary_key=True)
    team_id: Field[int]
    team: BelongsTo[Team] = belongs_to()


def tables_of_tenants(m: Migration) -> None:
    for table, columns in (
        ("h_teams", (("name", str),)),
        ("h_members", (("name", str), ("team_id", int))),
        ("h_tasks", (("title", str),)),
    ):
        with m.create_table(table) as t:
            for name, kind in columns:
                t.column(name, kind)
            t.column("tenant", int, null=False)
    with m.create_table("h_assignments", primary_key=False) as t:
        t.column("member_id", int, primary_key=True)
        t.column("task_id", int, primary_key=True)
        t.column("tenant", int, null=False)
    with m.create_table("h_plans") as t:
        t.column("team_id", int)


def of_tenant(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
    if context.tags.get("every_tenant"):
        return query
    tenant = context.tags.get("tenant", 1)
    return query.where_each(Tenanted, lambda table: table.tenant == tenant)


@pytest.fixture
async def everything(database_url: str) -> AsyncIterator[Repo]:
    """Two tenants with the same rows, 10 apart: teams 1 and 11 have members 1, 2 and 11, 12."""
    async with Repo(database_url) as repo:
        await up(repo, 1, tables_of_tenants)
        for tenant, base in ((1, 0), (2, 10)):
            await repo.insert_all(Team, [{"id": base + 1, "name": "red", "tenant": tenant}])
            # Member 2 of tenant 1 is, wrongly, in a team of tenant 2, and the other way round.
            await repo.insert_all(
                Member,
                [
                    {"id": base + 1, "name": "Ada", "team_id": base + 1, "tenant": tenant},
                    {"id": base + 2, "name": "Bo", "team_id": 11 - base, "tenant": tenant},
                ],
            )
            await repo.insert_all(Task, [{"id": base + 1, "title": "dig", "tenant": tenant}])
            await repo.insert_all(
                Assignment,
                [
                    {"member_id": base + 1, "task_id": 1, "tenant": tenant},
                    {"member_id": base + 1, "task_id": 11, "tenant": tenant},
                ],
            )
            await repo.insert_all(Plan, [{"id": base + 1, "team_id": base + 1}])
        yield repo


@pytest.fixture
async def repo(everything: Repo, database_url: str) -> AsyncIterator[Repo]:
    async with Repo(database_url, prepare_query=of_tenant) as repo:
        yield repo


other = alias(Member, "other")
reds = subquery(from_(Team).where(Team.name == "red"), "reds")
people = cte(Member, "people")
QUERIES: dict[str, tuple[Query[Any, Any, Any], list[Any]]] = {
    "from": (from_(Member).select(Member.id), [1, 2]),
    "alias": (from_(other).select(other.id), [1, 2]),
    "join": (from_(Plan).join(Plan.team).select(Plan.id, Team.id), [(1, 1)]),
    "join of an alias": (from_(Member).join(other, on=other.name == Member.name).select(other.id), [1, 2]),
    "outer side": (from_(Member).left_join(Member.team).select(Member.id, maybe(Team.id)), [(1, 1), (2, None)]),
    "outer side of a table between": (
        from_(Member).left_join(Member.tasks).select(Member.id, maybe(Task.id)),
        [(1, None), (1, 1), (2, None)],
    ),
    "shared table with an outer side": (
        from_(Plan).left_join(Plan.team).select(Plan.id, maybe(Team.id)),
        [(1, 1), (11, None)],
    ),
    "subquery": (from_(reds).select(reds.id), [1]),
    "joined query": (from_(Plan).join(from_(Team), on=Team.id == Plan.team_id).select(Plan.id), [1]),
    "joined query with a limit": (
        from_(Plan).join(from_(Team).order_by(Team.id).limit(9), on=Team.id == Plan.team_id).select(Plan.id),
        [1],
    ),
    "in": (from_(Plan).where(Plan.team_id.in_(from_(Team).select(Team.id))).select(Plan.id), [1]),
    "exists": (
        from_(Plan).where(exists(from_(Team).where(Team.id == outer(Plan.team_id)))).select(Plan.id),
        [1],
    ),
    "cte": (from_(people).with_cte(people, from_(Member)).select(people.id), [1, 2]),
    "union": (from_(Team).select(Team.id).union_all(from_(Member).select(Member.id)), [1, 1, 2]),
    "or": (from_(Member).where(Member.id == 1).or_where(Member.id > 0).select(Member.id), [1, 2]),
    "group": (from_(Member).group_by(Member.name).select(Member.name, fn.count()), [("Ada", 1), ("Bo", 1)]),
    "limit": (from_(Member).order_by(Member.id.desc()).limit(1).select(Member.id), [2]),
    "text": (
        from_(Plan)
        .where(fragment("{} = {}", Plan.team_id, scalar(from_(Team).select(fn.max(Team.id)))).as_type(bool))
        .select(Plan.id),
        [1],
    ),
    "source of text": (
        from_(rows := source(Team, fragment("(select * from h_teams)"))).select(rows.id),
        [1],
    ),
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.values(), ids=QUERIES)
async def test_a_condition_reaches_each_table_of_a_query(repo: Repo, query: Query[Any, Any, Any], expected: list[Any]):
    found = await repo.all(query)
    assert sorted(found, key=lambda row: (isinstance(row, tuple), str(row))) == sorted(
        expected, key=lambda row: (isinstance(row, tuple), str(row))
    )
    everyones = len(await repo.all(query, tags={"every_tenant": True}))
    assert everyones >= len(expected)


async def test_both_sides_of_a_full_join_keep_the_rows_of_the_tenant(repo: Repo, everything: Repo):
    if not everything.adapter.dialect.right_and_full_join:
        pytest.skip("this SQLite has no full join")
    full = from_(Member).full_join(Team, on=Team.id == Member.team_id).select(maybe(Member.id), maybe(Team.id))
    assert sorted(await repo.all(full), key=str) == [(1, 1), (2, None)]
    right = from_(Member).right_join(Team, on=Team.id == Member.team_id).select(maybe(Member.id), Team.id)
    assert await repo.all(right) == [(1, 1)]
    left = from_(Team).right_join(Member, on=Team.id == Member.team_id).select(maybe(Team.id), Member.id)
    assert sorted(await repo.all(left), key=str) == [(1, 1), (None, 2)]


async def test_every_call_that_runs_a_query_goes_through_the_hook(repo: Repo, everything: Repo):
    assert await repo.get(Member, 11) is None
    assert await repo.get(Member, 1) is not None
    assert await repo.get(Member, 11, tags={"tenant": 2}) is not None
    assert await repo.get(from_(Member).select(Member.name), 1) == "Ada"
    assert [one.id for one in await repo.all(Member)] == [1, 2]
    assert [one.id for one in await repo.all_by(Member, Member.name == "Ada")] == [1]
    assert (await repo.one_or_raise(Team)).id == 1
    assert (await repo.get_by_or_raise(Member, Member.name == "Bo")).id == 2
    assert not await repo.exists(from_(Member).where(Member.id > 10))
    assert await repo.aggregate(Member, fn.count()) == 2
    assert await repo.aggregate(from_(Member).order_by(Member.id).limit(9), fn.max(Member.id)) == 2
    page = await repo.page(from_(Member).order_by(Member.id), secret=b"0123456789abcdef")
    assert [one.id for one in page.rows] == [1, 2]
    async with repo.stream(from_(Member).order_by(Member.id).preload(Member.team), batch=1) as rows:
        assert [(one.id, one.team and one.team.id) async for one in rows] == [(1, 1), (2, None)]
    strangers = await everything.all(from_(Member).order_by(Member.id))
    assert [one and one.id for one in await repo.reload(strangers)] == [1, 2, None, None]
    assert [one.id for one in await repo.all(assoc(strangers, Member.team))] == [1]


async def test_preloads_go_through_the_hook(repo: Repo):
    query = from_(Member).order_by(Member.id).preload(Member.team, Member.tasks)
    ada, bo = await repo.all(query)
    assert (ada.team and ada.team.id, bo.team) == (1, None)
    assert [task.id for task in ada.tasks] == [1]
    [team] = await repo.all(from_(Team).preload(Team.tasks, Team.members.order_by(Member.id).limit(1)))
    assert [task.id for task in team.tasks] == [1]
    assert [member.id for member in team.members] == [1]
    again = await repo.preload(team, Team.members, force=True, tags={"every_tenant": True})
    assert sorted(member.id for member in again.members) == [1, 12]
    [joined] = await repo.all(from_(Team).join(Team.members).preload(Team.members.joined()))
    assert [member.id for member in joined.members] == [1]


async def test_writes_over_queries_go_through_the_hook(repo: Repo, everything: Repo):
    assert await repo.update_all(Member, Member.name.set("x")) == 2
    joined = from_(Plan).join(Plan.team).where(Team.name == "red")
    assert await repo.update_all(joined, Plan.team_id.set(1)) == 1
    assert await repo.delete_all(from_(Member).join(Member.team).where(Team.name == "red")) == 1
    assert await repo.delete_all(Member, tags={"tenant": 2}) == 2
    assert [one.id for one in await everything.all(Member)] == [2]
    assert await repo.delete_all(from_(Member).select(Member.id)) == [2]


async def test_rows_that_a_query_inserts_are_those_of_the_hook(repo: Repo, everything: Repo):
    names = {"id": Member.id + 100, "title": Member.name, "tenant": Member.tenant}
    assert await repo.insert_all(Task, from_(Member).select(names)) == 2
    assert await repo.insert_all(Task, from_(Member).select(names), tags={"tenant": 2}) == 2
    added = from_(Task).where(Task.id > 100).order_by(Task.id).select(Task.id, Task.tenant)
    assert await everything.all(added) == [(101, 1), (102, 1), (111, 2), (112, 2)]


async def test_what_is_explained_is_what_the_hook_makes_of_it(repo: Repo):
    told: list[QueryEvent] = []
    with telemetry.attach("ectype.repo.query", told.append):
        await repo.explain(Member)
        await repo.explain(Member, Member.name.set("x"))
        await repo.explain(Member, delete=True)
        await repo.explain(Member, tags={"every_tenant": True})
    assert ["tenant" in event.sql.partition("WHERE")[2] for event in told] == [True, True, True, False]
    assert [event.params[:1] for event in told] == [(1,), (1,), (1,), ()]


async def test_what_is_explained_by_running_it_and_stays_is_of_the_tenant_only(repo: Repo, everything: Repo):
    if not repo.adapter.dialect.explain_options:
        with pytest.raises(UnsupportedError):
            await repo.explain(Member, delete=True, analyze=True, rollback=False)
        return
    await repo.explain(Member, Member.name.set("x"), analyze=True, rollback=False)
    await repo.explain(from_(Task), delete=True, analyze=True, rollback=False)
    names = from_(Member).order_by(Member.id).select(Member.name)
    assert await everything.all(names) == ["x", "x", "Ada", "Bo"]
    assert await everything.all(from_(Task).select(Task.id)) == [11]


async def test_subqueries_in_the_values_of_an_update_go_through_the_hook(repo: Repo, everything: Repo):
    last = scalar(from_(Team).select(fn.max(Team.id)))
    assert await repo.update_all(Plan, Plan.team_id.set(last)) == 2
    assert await everything.all(from_(Plan).select(Plan.team_id)) == [1, 1]
    assert await repo.update_all(Plan, Plan.team_id.set(last), tags={"every_tenant": True}) == 2
    assert await everything.all(from_(Plan).select(Plan.team_id)) == [11, 11]


async def test_what_goes_with_a_row_goes_through_the_hook(repo: Repo, everything: Repo):
    await repo.delete(await repo.get_or_raise(Team, 1))
    assert [one.id for one in await everything.all(from_(Member).order_by(Member.id))] == [2, 11, 12]


async def test_looking_for_equal_values_goes_through_the_hook(repo: Repo, everything: Repo):
    await everything.update_all(from_(Member).where(Member.id == 12), Member.name.set("Cy"))
    changeset = change(Member(id=50, name="x"), Member.name.set("Cy"))
    assert (await repo.unsafe_validate_unique(changeset, Member.name)).valid
    assert not (await repo.unsafe_validate_unique(changeset, Member.name, tags={"tenant": 2})).valid
    assert not isinstance(await everything.try_insert(changeset), Invalid)


async def test_the_text_of_a_query_is_that_which_runs(repo: Repo):
    sql, params = repo.to_sql(Member)
    assert "tenant" in sql.partition("WHERE")[2]
    assert params == (1,)
    assert repo.with_options(tags={"tenant": 7}).to_sql(Member)[1] == (7,)
    assert repo.to_sql(Member, delete=True)[1] == (1,)
    assert repo.to_sql(Member, update=[Member.name.set("x")])[1] == (1, "x")
    assert "WHERE" not in repo.with_options(tags={"every_tenant": True}).to_sql(Member)[0]


async def test_a_join_that_is_taken_away_again_takes_its_condition_along(repo: Repo, everything: Repo):
    query = from_(Member).join(Member.team).where_each(Tenanted, lambda table: table.tenant == 2).exclude("join")
    assert await everything.all(query.select(Member.id).order_by(Member.id)) == [11, 12]
    assert await everything.update_all(query, Member.name.set("x")) == 2


async def test_a_hook_is_told_what_runs(everything: Repo, database_url: str):
    seen: list[QueryContext] = []

    def hook(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
        seen.append(context)
        return query

    async with Repo(database_url, prepare_query=hook, name="main") as repo:
        member = await repo.get_or_raise(Member, 1, tags={"page": "home"})
        assert seen == [QueryContext("get", Member, {"page": "home"}, None, "main")]
        seen.clear()
        tagged = repo.with_options(tags={"job": 7})
        await tagged.all(from_(Team).preload(Team.members))
        await tagged.exists(Team)
        await tagged.aggregate(Team, fn.count())
        await tagged.reload(member)
        await tagged.update_all(Team, Team.name.set("x"))
        await tagged.delete(await tagged.get_or_raise(Team, 11))
        await tagged.delete_all(Team)
    operations = ["all", "preload", "exists", "aggregate", "reload", "update_all", "get", "on_delete", "delete_all"]
    assert [one.operation for one in seen] == operations
    assert [one.schema for one in seen] == [Team, Member, Team, Team, Member, Team, Team, Member, Team]
    assert all(one.tags == {"job": 7} for one in seen)


async def test_a_hook_may_change_the_query_in_any_way(everything: Repo, database_url: str):
    def hook(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
        return query.limit(1) if context.operation == "all" else query

    async with Repo(database_url, prepare_query=hook) as repo:
        assert len(await repo.all(Member)) == 1


async def test_a_hook_that_returns_no_query_is_refused(everything: Repo, database_url: str):
    async with Repo(database_url, prepare_query=lambda query, context: None) as repo:  # type: ignore[arg-type, return-value]
        with pytest.raises(QueryError, match="`prepare_query` returns the query to run, and it returned None"):
            await repo.all(Member)


async def test_an_error_of_a_hook_is_the_callers(everything: Repo, database_url: str):
    def hook(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
        raise PermissionError("no tenant")

    async with Repo(database_url, prepare_query=hook) as repo:
        with pytest.raises(PermissionError, match="no tenant"):
            await repo.get(Member, 1)
        assert repo.pool.report().in_use == 0


def test_equal_conditions_are_one_shape():
    def narrowed(tenant: int) -> Query[Any, Any, Any]:
        return from_(Member).join(Member.team).where_each(Tenanted, lambda table: table.tenant == tenant)

    assert narrowed(1).node is narrowed(2).node
    assert narrowed(7).params == (7, 7)
    assert repr(narrowed(7)).endswith(".where_each(Member: Member.tenant == 7, Team: Team.tenant == 7)")


def test_a_query_without_such_a_table_stays_as_it_is():
    query = from_(Plan)
    assert query.where_each(Tenanted, lambda table: table.tenant == 1) is not None
    assert query.where_each(Tenanted, lambda table: table.tenant == 1).node is query.node


def test_one_schema_can_be_narrowed_too():
    query = from_(Plan).join(Plan.team).where_each(Team, lambda team: team.name == "red")
    assert repr(query).endswith('.where_each(Team: Team.name == "red")') or "where_each(Team: Team.name" in repr(query)


REFUSED = [
    (lambda table: True, "is an expression, got True"),
    (lambda table: Plan.id == 1, "mentions Plan, and it is said of each table for itself"),
    (lambda table: table.id.in_(from_(Team).select(Team.id)), "has a subquery that reads such tables itself"),
]


@pytest.mark.parametrize(("predicate", "message"), REFUSED)
def test_a_condition_that_cannot_be_said_of_each_table_is_refused(predicate: Any, message: str):
    with pytest.raises(QueryError, match=message):
        from_(Member).where_each(Tenanted, predicate)


def test_what_is_no_class_is_refused():
    with pytest.raises(QueryError, match="takes a schema or a mixin of schemas, got 'Tenanted'"):
        from_(Member).where_each("Tenanted", lambda table: table.id == 1)  # type: ignore[type-var, arg-type]
