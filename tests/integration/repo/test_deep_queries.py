"""Any number of conditions, and expressions nested deeper than can be: the lists of programs have any length."""

import operator
from collections.abc import AsyncIterator, Callable
from functools import reduce
from typing import Any

import pytest

from ectype import Field, Repo, Schema, alias, and_, exists, field, fn, from_, or_, primary_key
from ectype.errors import DatabaseError, QueryError


class Item(Schema, table="deep_items"):
    id: Field[int] = primary_key()
    n: Field[int] = field(default=0)
    slug: Field[str | None] = field(default=None)


ROWS = 10
MANY = 2_400
"""More than SQLite's trees have levels, and than Python's stack has frames."""


@pytest.fixture
async def repo(database_url: str) -> AsyncIterator[Repo]:
    key = "integer primary key" if database_url.startswith("sqlite") else "bigint primary key"
    async with Repo(database_url, pool_size=1) as repo:
        await repo.query(f"create table deep_items (id {key}, n bigint not null, slug text)")
        await repo.insert_all(Item, [{"id": number, "n": number, "slug": f"s{number}"} for number in range(ROWS)])
        yield repo


def one_of(numbers: range) -> list[Any]:
    """Conditions of which row 3 meets one at the beginning and row 7 one at the end."""
    met = {3: 3, len(numbers) - 2: 7}
    return [
        (Item.slug == f"s{met[number]}") & (Item.n > 0) if number in met else Item.n == ROWS + number
        for number in numbers
    ]


def all_of(numbers: range, value: Any = Item.n) -> list[Any]:
    """Conditions that all rows meet but row 3 and row 7."""
    missed = {3: 3, len(numbers) - 2: 7}
    return [value != missed.get(number, ROWS + number) for number in numbers]


ANY: dict[str, Callable[[list[Any]], Any]] = {
    "or_": lambda terms: from_(Item).where(or_(*terms)),
    "|": lambda terms: from_(Item).where(reduce(operator.or_, terms)),
    "| from the right": lambda terms: from_(Item).where(reduce(lambda made, one: one | made, terms)),
    "| of halves": lambda terms: from_(Item).where(or_(*terms[:1_000]) | or_(*terms[1_000:])),
    "or_where": lambda terms: reduce(lambda query, one: query.or_where(one), terms[1:], from_(Item).where(terms[0])),
    "| inside ~~": lambda terms: from_(Item).where(~~or_(*terms)),
    "| in a subquery": lambda terms: from_(Item).where(Item.id.in_(from_(Item).where(or_(*terms)).select(Item.id))),
}
ALL: dict[str, Callable[[list[Any]], Any]] = {
    "and_": lambda terms: from_(Item).where(and_(*terms)),
    "&": lambda terms: from_(Item).where(reduce(operator.and_, terms)),
    "where of many": lambda terms: from_(Item).where(*terms),
    "many wheres": lambda terms: reduce(lambda query, one: query.where(one), terms, from_(Item)),
    # Of an aggregate: a plain column SQLite moves into WHERE, each condition one level deeper.
    "having": lambda terms: from_(Item).group_by(Item.id).having(*terms),
}


async def ids(repo: Repo, query: Any) -> list[int]:
    return await repo.all(query.order_by(Item.id).select(Item.id))


@pytest.mark.parametrize("count", [11, 40, MANY])
@pytest.mark.parametrize("how", ANY)
async def test_any_number_of_conditions_of_which_one_holds_finds_its_rows(repo: Repo, how: str, count: int):
    """B4 row 62: neither Python's stack nor the depth of SQLite's trees bounds a list of filters."""
    assert await ids(repo, ANY[how](one_of(range(count)))) == [3, 7]


@pytest.mark.parametrize("count", [11, 40, MANY])
@pytest.mark.parametrize("how", ALL)
async def test_any_number_of_conditions_which_all_hold_finds_its_rows(repo: Repo, how: str, count: int):
    assert await ids(repo, ALL[how](all_of(range(count), fn.max(Item.n) if how == "having" else Item.n))) == [
        0,
        1,
        2,
        4,
        5,
        6,
        8,
        9,
    ]


async def test_many_conditions_of_one_kind_after_many_of_another_bind_as_they_were_written(repo: Repo):
    """`((a OR b …) AND c …) OR d`: what stands before another connective stays together."""
    query = reduce(lambda query, one: query.or_where(one), one_of(range(MANY)), from_(Item).where(Item.n == -1))
    query = query.where(*[Item.n != ROWS + number for number in range(MANY)], Item.n != 3).or_where(Item.n == 9)
    assert await ids(repo, query) == [7, 9]


async def test_many_conditions_say_which_rows_are_written_joined_and_counted(repo: Repo):
    terms = one_of(range(MANY))
    assert await repo.exists(from_(Item).where(or_(*terms)))
    assert await repo.aggregate(from_(Item).where(or_(*terms)), fn.count()) == 2
    other = alias(Item, "other")
    joined = from_(other).join(Item, on=or_(*terms)).where(other.id == 0)
    assert await repo.aggregate(joined, fn.count()) == 2
    around = from_(other).where(exists(from_(Item).where(or_(*terms))), other.id < 2)
    assert await repo.aggregate(around, fn.count()) == 2
    counted = from_(Item).select(fn.count(Item.id).filter(or_(*terms)))
    assert await repo.one(counted) == 2
    assert await repo.update_all(from_(Item).where(or_(*terms)), Item.slug.set("found")) == 2
    assert await repo.delete_all(from_(Item).where(and_(*all_of(range(MANY))))) == 8
    assert await ids(repo, from_(Item)) == [3, 7]


async def test_any_number_of_texts_is_one_text(repo: Repo):
    query = from_(Item).where(Item.id == 1).select(fn.concat(*[Item.slug, "-"] * (MANY // 2)))
    assert await repo.one(query) == "s1-" * (MANY // 2)


DEEP: dict[str, Callable[[], Any]] = {
    "a sum": lambda: reduce(lambda made, one: made + one, [Item.n] * 300),
    "not not": lambda: reduce(lambda made, _: ~made, range(MANY), Item.n == 1),
    "calls": lambda: reduce(lambda made, _: fn.lower(made), range(300), Item.slug),
    "turns": lambda: reduce(lambda made, _: (made & (Item.n == 1)) | (Item.n == 2), range(MANY), Item.n == 1),
}


@pytest.mark.parametrize("what", DEEP)
async def test_what_is_nested_too_deep_is_refused_by_our_own_error(repo: Repo, what: str):
    deep = DEEP[what]()
    query = from_(Item).where(deep.is_not_null())
    calls: list[Callable[[], Any]] = [
        lambda: repo.all(query),
        lambda: repo.exists(query),
        lambda: repo.aggregate(Item, fn.max(deep)),
        lambda: repo.update_all(query, Item.slug.set("x")),
        lambda: repo.delete_all(query),
        lambda: repo.insert_all(Item, query),
    ]
    for call in calls:
        with pytest.raises(QueryError, match="is nested too deep to become SQL") as caught:
            await call()
        assert "`(a + b) + (c + d)`" in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(QueryError, match="is nested too deep to become SQL"):
        repo.to_sql(query)
    assert "Item" in repr(query) or "nested too deep" in repr(query)
    assert "Item" in repr(deep) or "nested too deep" in repr(deep)
    assert await repo.aggregate(Item, fn.count()) == ROWS


async def test_queries_that_are_nested_too_deep_are_refused_by_our_own_error(repo: Repo):
    query = from_(Item).select(Item.id)
    for _ in range(MANY):
        query = from_(Item).where(Item.id.in_(query)).select(Item.id)
    with pytest.raises(QueryError, match="is nested too deep to become SQL") as caught:
        await repo.all(query)
    assert "`with_cte`" in str(caught.value.hint)
    assert "nested too deep" in repr(query)
    assert await repo.aggregate(Item, fn.count()) == ROWS


async def test_text_that_sqlite_finds_too_deep_says_what_to_do(repo: Repo):
    text: Any = "select " + " + ".join(["1"] * MANY)
    if repo.adapter.dialect.name == "PostgreSQL":
        assert (await repo.query(text)).rows == [(MANY,)]
        return
    with pytest.raises(DatabaseError, match="Expression tree is too large") as caught:
        await repo.query(text)
    assert "in a subquery" in str(caught.value.hint)
