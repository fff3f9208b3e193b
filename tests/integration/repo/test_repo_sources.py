"""Reads and writes over other tables, prefixes, constant rows, SQL text and joins of every kind, on each database."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    DatabaseError,
    Field,
    Ignored,
    QueryError,
    Repo,
    Schema,
    StaleEntryError,
    UnsupportedError,
    alias,
    change,
    cte,
    do_nothing,
    field,
    fn,
    fragment,
    from_,
    identifier,
    maybe,
    meta,
    primary_key,
    replace_all,
    scalar,
    source,
    subquery,
    values,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Comment, Post, Tag, User

OLD = source(Tag, "old_tags")


class Rate(Schema):
    """A shape: what constant rows and CTEs hold."""

    name: Field[str]
    color: Field[str]


class Reading(Schema):
    """A shape: numbers of every size."""

    id: Field[int] = primary_key()
    ratio: Field[float | None] = field(default=None)
    text: Field[str | None] = field(default=None)


@pytest.fixture
async def tags(repo: Repo) -> AsyncIterator[Repo]:
    """A repo with a second table of tags, and one tag in each."""
    await repo._session.script("CREATE TABLE old_tags (name text PRIMARY KEY, color text NOT NULL)")
    try:
        await repo.insert(Tag(name="red", color="here"))
        await repo.insert_all(OLD, [{"name": "red", "color": "old"}, {"name": "grey", "color": "old"}])
        yield repo
    finally:
        await repo._session.script("DROP TABLE old_tags")


async def test_a_struct_of_another_table_is_written_back_there(tags: Repo):
    old = await tags.get_by_or_raise(OLD, OLD.name == "red")
    assert old == Tag(name="red", color="old")
    assert meta(old).source == "old_tags"
    changed = await tags.update(change(old, Tag.color.set("older")))
    assert meta(changed).source == "old_tags"
    again = await tags.update(change(changed, Tag.color.set("oldest")))
    assert (await tags.get_or_raise(Tag, "red")).color == "here"
    assert (await tags.get_or_raise(OLD, "red")).color == "oldest"
    deleted = await tags.delete(again)
    assert (meta(deleted).state, meta(deleted).source) == ("deleted", "old_tags")
    assert [tag.name for tag in await tags.all(OLD)] == ["grey"]
    assert [tag.name for tag in await tags.all(Tag)] == ["red"]
    with pytest.raises(StaleEntryError):
        await tags.delete(again)


async def test_an_upsert_of_a_struct_of_another_table_goes_there(tags: Repo):
    old = await tags.get_or_raise(OLD, "red")
    outcome = await tags.upsert(change(old, Tag.color.set("new")), on_conflict=replace_all(), conflict_target=Tag.name)
    assert outcome.struct is not None
    assert outcome.struct.color == "new"
    assert meta(outcome.struct).source == "old_tags"
    assert (await tags.get_or_raise(Tag, "red")).color == "here"
    assert (await tags.get_or_raise(OLD, "red")).color == "new"


async def test_an_upsert_that_does_nothing_finds_the_row_of_the_other_table(tags: Repo):
    old = await tags.get_or_raise(OLD, "red")
    await tags.update(change(old, Tag.color.set("older")))
    outcome = await tags.upsert(old, on_conflict=do_nothing(), conflict_target=Tag.name)
    assert isinstance(outcome, Ignored)
    assert outcome.struct == Tag(name="red", color="older")
    assert meta(outcome.struct).source == "old_tags"


async def test_many_rows_are_written_into_another_table(tags: Repo):
    (made,) = await tags.insert_all(OLD, [{"name": "x", "color": "y"}], returning=Tag)
    assert meta(made).source == "old_tags"
    assert await tags.insert_all(
        OLD, [Tag(name="x", color="z")], on_conflict=replace_all(), conflict_target=Tag.name, returning=OLD.color
    ) == ["z"]
    (updated,) = await tags.update_all(from_(OLD).where(OLD.name == "x"), OLD.color.set("w"), returning=Tag)
    assert (updated.color, meta(updated).source) == ("w", "old_tags")
    assert await tags.update_all(OLD, Tag.color.set("v"), returning=OLD.color) == ["v", "v", "v"]
    assert await tags.delete_all(from_(OLD).where(OLD.name != "red"), returning=OLD.name) != []
    assert [(tag.name, tag.color) for tag in await tags.all(OLD)] == [("red", "v")]
    assert [(tag.name, tag.color) for tag in await tags.all(Tag)] == [("red", "here")]
    with pytest.raises(QueryError, match="`insert_all` takes no hint, got 'NOT INDEXED'"):
        await tags.insert_all(source(Tag, hint="NOT INDEXED"), [{"name": "x", "color": "y"}])
    with pytest.raises(QueryError, match="`insert_all` writes a table, got <alias rows of Tag>"):
        await tags.insert_all(subquery(from_(Tag), "rows"), [{"name": "x", "color": "y"}])


async def test_reads_of_every_kind_take_another_table(tags: Repo):
    assert await tags.exists(OLD)
    assert await tags.aggregate(OLD, fn.count()) == 2
    assert await tags.aggregate(from_(OLD).order_by(OLD.name).limit(1), fn.max(OLD.name)) == "grey"
    assert await tags.aggregate(from_(subquery(from_(OLD), "rows")).limit(1), fn.count()) == 1
    joined = from_(Tag).join(OLD, on=OLD.name == Tag.name)
    assert await tags.all(joined.select(Tag.color, OLD.color)) == [("here", "old")]
    (pair,) = await tags.all(joined.select(Tag, OLD))
    assert [meta(struct).source for struct in pair] == ["tags", "old_tags"]
    (struct,) = await tags.all(from_(subquery(from_(OLD).where(OLD.name == "red"), "rows")))
    assert meta(struct).source == "old_tags"


async def test_a_shape_over_a_table_is_read(tags: Repo):
    rates = source(Rate, "old_tags")
    found = await tags.all(from_(rates).order_by(rates.name))
    assert found == [Rate(name="grey", color="old"), Rate(name="red", color="old")]
    assert meta(found[0]).source == "old_tags"


async def test_structs_of_a_cte_belong_to_the_table_of_their_schema(tags: Repo):
    kept = cte(Tag, "kept")
    (tag,) = await tags.all(from_(kept).with_cte(kept, from_(Tag), materialized=True))
    assert meta(tag).source == "tags"
    await tags.update(change(tag, Tag.color.set("new")))
    assert (await tags.get_or_raise(Tag, "red")).color == "new"


async def test_rows_are_updated_and_deleted_by_constant_rows(tags: Repo):
    rates = values(Rate, [Rate(name="red", color="x"), Rate(name="blue", color="y")], name="rates")
    names = from_(rates).where(rates.color == "x").select(rates.name)
    assert await tags.update_all(from_(OLD).where(OLD.name.in_(names)), OLD.color.set("new")) == 1
    assert await tags.delete_all(from_(OLD).where(~OLD.name.in_(from_(rates).select(rates.name)))) == 1
    assert await tags.all(from_(OLD)) == [Tag(name="red", color="new")]


async def test_any_number_of_constant_rows_is_one_statement(repo: Repo, events: list[QueryEvent]):
    for count in (1, 3, 5_000):
        rows = values(Rate, [{"name": f"n{number}", "color": "x"} for number in range(count)])
        assert await repo.aggregate(from_(rows).where(rows.color == "x"), fn.count()) == count
    assert len({event.sql for event in events}) == 1


ROWS = st.lists(
    st.builds(
        Reading,
        id=st.integers(-(2**63), 2**63 - 1),
        ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        text=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    ),
    min_size=1,
    max_size=4,
)


@given(rows=ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_constant_rows_come_back_as_they_were(repo: Repo, rows: list[Reading]):
    found = await repo.all(from_(values(Reading, rows)))
    assert sorted(found, key=repr) == sorted(rows, key=repr)


async def test_rows_of_sql_text_are_structs(tags: Repo):
    text = source(Tag, fragment("(SELECT * FROM old_tags WHERE color = {})", "old"))
    found = await tags.all(from_(text).where(text.name == "red"))
    assert found == [Tag(name="red", color="old")]
    assert meta(found[0]).source == "tags"
    assert await tags.all(from_(Tag).join(text, on=text.name == Tag.name).select(text.color)) == ["old"]


async def blog(repo: Repo) -> tuple[Post, Post]:
    ann = await repo.insert(User(name="Ann", email="a", age=30))
    first = await repo.insert(Post(title="first", author_id=ann.id))
    second = await repo.insert(Post(title="second", author_id=ann.id))
    await repo.insert_all(Comment, [{"body": body, "post_id": first.id} for body in ("x", "y")])
    return first, second


async def test_the_missing_row_of_a_right_join_is_none(repo: Repo):
    first, second = await blog(repo)
    query = from_(Comment).right_join(Comment.post).order_by(Post.id, Comment.body)
    if not repo._engine.dialect.right_and_full_join:
        with pytest.raises(UnsupportedError):
            await repo.all(query)
        return
    assert [None if one is None else one.body for one in await repo.all(query)] == ["x", "y", None]
    assert await repo.all(query.select(Post, maybe(Comment.body))) == [(first, "x"), (first, "y"), (second, None)]
    both = from_(Comment).full_join(Post, on=(Comment.post_id == Post.id) & (Comment.body == "x"))
    found = await repo.all(both.select(maybe(Comment.body), maybe(Post.title)))
    assert sorted(found, key=repr) == [("x", "first"), ("y", None), (None, "second")]
    # What is missing has no associations to load.
    comments = await repo.all(query.preload(Comment.post))
    assert [None if one is None else one.post for one in comments] == [first, first, None]


async def test_the_first_rows_of_each_parent_are_joined(repo: Repo):
    first, second = await blog(repo)
    newest = from_(Comment).order_by(Comment.body.desc()).limit(1)
    query = from_(Post).left_join(newest, on=Comment.post_id == Post.id).order_by(Post.id)
    assert await repo.all(query.select(Post.id, maybe(Comment.body))) == [(first.id, "y"), (second.id, None)]


async def test_the_prefix_of_a_query_is_remembered(tags: Repo, blog_url: str):
    if blog_url.startswith("sqlite"):
        (tag,) = await tags.all(from_(Tag).prefix("main"))
        assert meta(tag).prefix == "main"
        await tags.update(change(tag, Tag.color.set("new")))
        assert (await tags.get_or_raise(source(Tag, prefix="main"), "red")).color == "new"
        assert await tags.exists(from_(Tag).prefix("main"))
        assert await tags.aggregate(from_(Tag).prefix("main"), fn.count()) == 1
        assert await tags.update_all(from_(Tag).prefix("main"), Tag.color.set("x")) == 1
        return
    await tags._session.script("CREATE SCHEMA tenant_y; CREATE TABLE tenant_y.tags (LIKE tags INCLUDING ALL)")
    try:
        there = source(Tag, prefix="tenant_y")
        await tags.insert_all(there, [{"name": "a", "color": "b"}], prefix="nowhere")
        (tag,) = await tags.all(from_(Tag).prefix("tenant_y"), prefix="nowhere")
        assert (tag.color, meta(tag).prefix) == ("b", "tenant_y")
        await tags.update(change(tag, Tag.color.set("c")))
        (tag,) = await tags.update_all(from_(Tag).prefix("tenant_y"), Tag.color.set("d"), returning=Tag)
        assert meta(tag).prefix == "tenant_y"
        assert await tags.all(from_(there).select(there.color)) == ["d"]
        assert await tags.delete_all(from_(there)) == 1
        assert [one.name for one in await tags.all(Tag)] == ["red"]
    finally:
        await tags._session.script("DROP SCHEMA tenant_y CASCADE")


class Tenant(Schema, table="tags", prefix="tenant_a"):
    """A schema that says itself where its table is."""

    name: Field[str] = field(primary_key=True)
    color: Field[str]


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_the_prefix_of_a_source_wins_over_that_of_the_schema(repo: Repo):
    await repo._session.script(
        "CREATE SCHEMA tenant_a; CREATE TABLE tenant_a.tags (LIKE tags INCLUDING ALL);"
        " CREATE SCHEMA tenant_b; CREATE TABLE tenant_b.tags (LIKE tags INCLUDING ALL)"
    )
    try:
        there = source(Tenant, prefix="tenant_b")
        await repo.insert(Tenant(name="x", color="a"), prefix="nowhere")
        await repo.insert_all(there, [{"name": "x", "color": "b"}], prefix="nowhere")
        (tag,) = await repo.all(from_(there).prefix("nowhere"))
        assert (tag.color, meta(tag).prefix) == ("b", "tenant_b")
        changed = await repo.update(change(tag, Tenant.color.set("c")))
        assert meta(changed).prefix == "tenant_b"
        assert (await repo.get_or_raise(there, "x")).color == "c"
        assert (await repo.get_or_raise(Tenant, "x")).color == "a"
        await repo.delete(changed)
        assert [one.color for one in await repo.all(from_(Tenant).prefix("nowhere"))] == ["a"]
    finally:
        await repo._session.script("DROP SCHEMA tenant_a CASCADE; DROP SCHEMA tenant_b CASCADE")


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_associations_are_loaded_from_where_the_query_read(repo: Repo):
    await repo._session.script(
        "CREATE SCHEMA tenant_z; CREATE TABLE tenant_z.users (LIKE users INCLUDING ALL);"
        " CREATE TABLE tenant_z.posts (LIKE posts INCLUDING ALL)"
    )
    try:
        user = await repo.insert(User(name="Ann", email="a"), prefix="tenant_z")
        await repo.insert(Post(title="there", author_id=user.id), prefix="tenant_z")
        there = source(User, prefix="tenant_z")
        for query in (from_(User).prefix("tenant_z").preload(User.posts), from_(there).preload(User.posts)):
            (found,) = await repo.all(query)
            assert [(post.title, meta(post).prefix) for post in found.posts] == [("there", "tenant_z")]
    finally:
        await repo._session.script("DROP SCHEMA tenant_z CASCADE")


async def test_a_hint_reaches_the_database(tags: Repo, blog_url: str):
    sampled = source(Tag, hint="TABLESAMPLE SYSTEM (100)")
    hinted = source(Tag, hint="NOT INDEXED") if blog_url.startswith("sqlite") else sampled
    other = alias(hinted, "other")
    assert await tags.all(from_(hinted).where(hinted.name == "red").select(hinted.color)) == ["here"]
    assert await tags.all(from_(Tag).join(other, on=other.name == Tag.name).select(other.color)) == ["here"]


async def test_a_name_that_nothing_has_is_an_error(tags: Repo):
    assert await tags.all(from_(Tag).where(fragment("{} = 'red'", identifier("name"))).select(Tag.color)) == ["here"]
    for query in (
        from_(Tag).where(fragment("{} <> ''", identifier("typo"))),
        from_(Tag).order_by(fragment("{}", identifier("typo"))),
        from_(Tag).select(fragment("max({})", identifier("typo"))),
    ):
        with pytest.raises(DatabaseError, match="typo"):
            await tags.all(query)


async def test_rows_are_counted_by_what_the_database_says(tags: Repo):
    await tags.insert_all(Tag, [{"name": name, "color": "x"} for name in "abc"])
    number = scalar(from_(OLD).select(fn.count()))
    query = from_(Tag).order_by(Tag.name).limit(number)
    assert [tag.name for tag in await tags.all(query)] == ["a", "b"]
    assert [tag.name for tag in await tags.all(query.offset(number))] == ["c", "red"]
    assert await tags.aggregate(query.offset(number - 1), fn.max(Tag.name)) == "c"
    assert await tags.exists(query.offset(number + number)) is False
    assert [tag.name for tag in await tags.all(query.union(from_(Tag).limit(number * 0)))] == ["a", "b"]
    await tags.delete_all(from_(OLD))
    assert await tags.all(query) == []
    below = fn.coalesce(number, 0) - 1
    if tags.adapter.dialect.name == "SQLite":
        assert len(await tags.all(from_(Tag).limit(below))) == 4
    else:
        with pytest.raises(DatabaseError, match="must not be negative"):
            await tags.all(from_(Tag).limit(below))


async def test_a_cte_of_sql_text_is_read_like_any_other(tags: Repo):
    kept = cte(Rate, "kept")
    text = fragment("SELECT color, name FROM old_tags WHERE name <> {}", "grey")
    query = from_(kept).with_cte(kept, text)
    (rate,) = await tags.all(query)
    assert (rate.name, rate.color) == ("red", "old")
    assert await tags.aggregate(query, fn.count()) == 1
    tag = from_(Tag).with_cte(kept, text).join(kept, on=kept.name == Tag.name)
    assert await tags.update_all(tag, Tag.color.set(kept.color)) == 1
    assert await tags.one(from_(Tag).select(Tag.color)) == "old"
    assert await tags.delete_all(tag) == 1
