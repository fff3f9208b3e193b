"""What an acceptance of the query language asks first: SQL on both databases, and the rows that it gives."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ectype import (
    CastError,
    InvalidParamsError,
    QueryError,
    Repo,
    UnsupportedError,
    change,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    splice,
    subquery,
    tuple_,
    values,
)
from tests.integration.repo import blog
from tests.integration.repo.articles import Article, Note, tables

IDS = from_(Article).order_by(Article.id).select(Article.id)
LEAP = datetime(2024, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
async def articles(repo: Repo) -> AsyncIterator[Repo]:
    """Three articles with 5, 10 and 42 visits; the first has two notes, the last none and no title."""
    rows = ((1, "Bees", 5), (2, "Ants", 10), (3, None, 42))
    async with tables(repo):
        await repo.insert_all(
            Article, [{"id": id, "title": title, "visits": visits, "stamp": LEAP} for id, title, visits in rows]
        )
        await repo.insert_all(
            Note,
            [{"id": id, "text": text, "article_id": of} for id, text, of in ((1, "a", 1), (2, "b", 1), (3, "c", 2))],
        )
        yield repo


def text(repo: Repo, query: Any, **writing: Any) -> str:
    """Return the SQL, with parameters written alike on both databases."""
    return repo.to_sql(query, **writing)[0].replace("?", "$")


def is_sqlite(repo: Repo) -> bool:
    return repo.adapter.dialect.name == "SQLite"


async def test_a_comparison_with_none_is_refused_and_names_is_null(articles: Repo):
    with pytest.raises(QueryError, match=r"is never true in SQL: Article\.title\n\nhint: use `\.is_null\(\)`"):
        IDS.where(Article.title == None)  # type: ignore[arg-type]  # noqa: E711
    with pytest.raises(QueryError, match=r"never true in SQL"):
        await articles.get_by(Article, Article.title == None)  # type: ignore[arg-type]  # noqa: E711
    with pytest.raises(
        QueryError, match=r"`in_` found None in the list\n\nhint: write `x\.in_\(values\) \| x\.is_null"
    ):
        IDS.where(Article.title.in_(["Bees", None]))  # type: ignore[list-item]
    assert await articles.all(IDS.where(Article.title.is_null())) == [3]


async def test_a_text_is_no_number_unless_it_is_cast(articles: Repo):
    # Ecto casts every bound value by its column. Here values have the column's type, which the checkers hold, and
    # text from outside is cast by `filter_params`, or by a changeset.
    for wrong in ("10", "x"):
        with pytest.raises(CastError, match=f"expected an integer, got '{wrong}' \\(str\\)\n\nhint: .* changeset"):
            await articles.all(IDS.where(Article.visits > wrong))  # type: ignore[operator]
    filterable = {"visits": Article.visits}
    assert await articles.all(IDS.filter_params({"visits__gt": "9"}, filterable=filterable)) == [2, 3]
    with pytest.raises(InvalidParamsError) as caught:
        IDS.filter_params({"visits__gt": "x"}, filterable=filterable)
    assert caught.value.messages() == {"visits__gt": ["is invalid"]}


async def test_conditions_are_read_from_left_to_right(articles: Repo):
    both = IDS.where(Article.visits == 42).where(Article.id != 1)
    assert ' WHERE ("a0"."visits" = $1) AND ("a0"."id" <> $2) ' in text(articles, both)
    assert await articles.all(both) == [3]
    either = IDS.or_where(Article.visits == 5).or_where(Article.visits == 42).where(Article.id < 3)
    assert ' WHERE (("a0"."visits" = $1) OR ("a0"."visits" = $2)) AND ("a0"."id" < $3) ' in text(articles, either)
    assert await articles.all(either) == [1]


async def test_an_empty_list_finds_nothing(articles: Repo):
    nothing: list[int] = []
    for query in (IDS.where(Article.id.in_(nothing)), IDS.where(literal(1).in_(nothing))):
        assert await articles.all(query) == []
    assert await articles.all(IDS.where(~Article.id.in_(nothing))) == [1, 2, 3]
    listed = '("a0"."id" IN (SELECT value FROM json_each($1)))' if is_sqlite(articles) else '"a0"."id" = ANY($1)'
    assert f" WHERE {listed} " in text(articles, IDS.where(Article.id.in_(nothing)))


async def test_a_list_may_be_a_query_of_one_column(articles: Repo):
    inner = from_(Article).where(Article.title == "Bees")
    query = from_(Note).where(Note.article_id.in_(inner.select(Article.id))).order_by(Note.id).select(Note.text)
    assert ('WHERE "n0"."article_id" IN (SELECT "a1"."id" FROM "articles" AS "a1" WHERE "a1"."title" = $1)') in text(
        articles, query
    )
    assert await articles.all(query) == ["a", "b"]
    for wrong in (inner.select(Article.id, Article.visits), inner):
        with pytest.raises(QueryError, match=r"take a query of one column, and this one has [26]"):
            await articles.all(from_(Note).where(Note.article_id.in_(wrong)))  # type: ignore[arg-type]


async def test_tuples_are_compared_as_one(articles: Repo):
    query = IDS.where(tuple_(Article.visits, Article.id) > (5, 1))
    assert 'WHERE ("a0"."visits", "a0"."id") > ($1, $2) ' in text(articles, query)
    assert await articles.all(query) == [2, 3]


async def test_the_order_and_limit_of_a_combination_are_those_of_the_whole(articles: Repo):
    second = from_(Article).where(Article.id > 1).order_by(Article.visits.desc()).limit(1).select(Article.visits)
    query = from_(Article).where(Article.id < 3).select(Article.visits).union(second)
    query = query.order_by(Article.visits.desc()).limit(2)
    assert text(articles, query).endswith(f" ORDER BY 1 DESC LIMIT ${len(articles.to_sql(query)[1])}")
    assert await articles.all(query) == [42, 10]


async def test_distinct_keys_come_first_in_the_order(articles: Repo):
    query = from_(Note).distinct(Note.article_id.desc()).order_by(Note.text.desc()).select(Note.text)
    if is_sqlite(articles):
        with pytest.raises(UnsupportedError, match=r"SQLite has no DISTINCT ON"):
            await articles.all(query)
        return
    assert text(articles, query) == (
        'SELECT DISTINCT ON ("n0"."article_id") "n0"."text" FROM "article_notes" AS "n0" '
        'ORDER BY "n0"."article_id" DESC, "n0"."text" DESC'
    )
    assert await articles.all(query) == ["c", "b"]


async def test_a_fragment_binds_its_values_one_after_the_other(articles: Repo):
    query = IDS.where(fragment("{} in ({}, {}, {})", Article.id, 1, splice([2, 7, 8]), 9))
    assert 'WHERE ("a0"."id" in ($1, $2, $3, $4, $5)) ' in text(articles, query)
    assert await articles.all(query) == [1, 2]
    # That the text is a literal of the program is for the checkers to see; a value is never part of it.
    hostile = 'visits" > 0; DROP TABLE articles --'
    assert await articles.all(IDS.where(fragment("{} = {}", Article.title, hostile))) == []
    assert await articles.all(IDS) == [1, 2, 3]


async def test_a_path_into_a_document_compares_as_json(repo: Repo):
    # Departure: keys are bound, a value is compared as JSON of its kind, and containment is a call of its own.
    ada = await repo.insert(change(blog.User, blog.User.name.set("Ada"), blog.User.email.set("a@example.org")))
    for number, meta in enumerate(({"id": 123, "a": {"b": "x"}}, {"id": "123"}, {}), 1):
        post = change(blog.Post, blog.Post.title.set(f"t{number}"), blog.Post.author_id.set(ada.id))
        await repo.insert(post.put_change(blog.Post.meta, meta))
    query = from_(blog.Post).order_by(blog.Post.title)
    assert await repo.all(query.where(blog.Post.meta["id"] == 123).select(blog.Post.title)) == ["t1"]
    assert await repo.all(query.where(blog.Post.meta["id"] == "123").select(blog.Post.title)) == ["t2"]
    assert await repo.all(query.select(blog.Post.meta["a"]["b"])) == ["x", None, None]
    part = query.where(blog.Post.meta.contains({"id": 123})).select(blog.Post.title)
    if is_sqlite(repo):
        with pytest.raises(UnsupportedError, match="cannot look for a part of a document"):
            await repo.all(part)
    else:
        assert await repo.all(part) == ["t1"]


async def test_moments_are_moved_to_the_end_of_a_month_and_now_is_bound(articles: Repo):
    # Departure: a moment stays aware, and is moved by one rule on both databases.
    moved = from_(Article).where(Article.id == 1).select(fn.datetime_add(Article.stamp, 1, "month"))
    assert await articles.one(moved) == datetime(2024, 2, 29, 12, tzinfo=UTC)
    query = IDS.where(Article.stamp > fn.ago(3, "day"))
    [bound] = query.params
    assert isinstance(bound, datetime)
    assert abs(datetime.now(UTC) - timedelta(days=3) - bound) < timedelta(minutes=1)
    assert await articles.all(query) == []


async def test_what_an_outer_join_left_out_changes_no_struct(articles: Repo):
    query = from_(Article).left_join(Article.notes, on=Note.id > 2).order_by(Article.id)
    merged = await articles.all(query.select_merge(Article.title.set(maybe(Note.text))))
    assert [article.title for article in merged] == ["Bees", "c", None]
    pairs = await articles.all(query.select(Article, maybe(Note)))
    assert [(article.id, note and note.text) for article, note in pairs] == [(1, None), (2, "c"), (3, None)]


def test_an_unknown_field_is_answered_with_the_closest_one():
    # Python's own message names the schema and, in a traceback, what is closest; where names are text we say it.
    with pytest.raises(AttributeError, match="type object 'Article' has no attribute 'visist'") as caught:
        Article.visist  # type: ignore[attr-defined]
    assert (caught.value.name, caught.value.obj) == ("visist", Article)
    assert {"visits", "title"} <= {*dir(Article)}
    with pytest.raises(QueryError, match=r"`visist`, which is no column of Article(.|\n)*`visits`"):
        values(Article, [{"visist": 1}])


async def test_only_whole_tables_joins_and_conditions_are_written(articles: Repo):
    for query in (from_(Article).order_by(Article.id), from_(Article).limit(1), from_(Article).distinct()):
        with pytest.raises(QueryError, match=r"`update_all` takes a query with `where`, `join`, .* only"):
            await articles.update_all(query, Article.visits.set(0))
        with pytest.raises(QueryError, match=r"`delete_all` takes a query with `where`, `join`, .* only"):
            await articles.delete_all(query)
    chosen = subquery(from_(Article).where(Article.visits > 5).order_by(Article.id).limit(1), "chosen")
    query = from_(Article).join(chosen, on=chosen.id == Article.id)
    found = text(articles, query, update=[Article.title.set("x")])
    assert found.startswith('UPDATE "articles" AS "a0" SET "title" = $3 FROM (SELECT ')
    assert found.endswith(') AS "c1" WHERE "c1"."id" = "a0"."id"')
    assert await articles.update_all(query, Article.title.set("x")) == 1
    assert await articles.all(from_(Article).where(Article.title == "x").select(Article.id)) == [2]


async def test_an_update_gives_a_number_or_the_rows_that_it_selects(articles: Repo):
    # Departure: without a select it gives the number alone, with one the rows alone.
    assignments = (Article.title.set("t"), Article.visits.inc(1), Article.lock_version.inc(-3))
    assert text(articles, Article, update=assignments) == (
        'UPDATE "articles" AS "a0" SET "title" = $1, "visits" = "a0"."visits" + $2, '
        '"lock_version" = "a0"."lock_version" + $3'
    )
    assert await articles.update_all(Article, *assignments) == 3
    rows = await articles.update_all(
        from_(Article).where(Article.id < 3).select(Article.id, Article.visits), *assignments
    )
    assert sorted(rows) == [(1, 7), (2, 12)]
    # Nothing else is written.
    assert await articles.all(from_(Article).select(Article.stamp)) == [LEAP] * 3
