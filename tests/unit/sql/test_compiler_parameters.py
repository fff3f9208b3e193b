"""Parameters: each value reaches the place that it was written for, however clauses are mixed; secrets are marked."""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import count
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    CastError,
    Field,
    Schema,
    alias,
    cte,
    do_update,
    exists,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    primary_key,
    scalar,
    subquery,
)
from ectype.query.conflicts import plan_conflict
from ectype.query.writing import assigned
from ectype.schema.meta import schema_info
from ectype.sql import compilers
from ectype.sql.bulk import compile_unnest
from ectype.sql.compiler import compile_exists, compile_select
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect
from ectype.sql.shapes import InsertShape, KeyedShape
from ectype.sql.updates import compile_delete_all, compile_update_all
from ectype.sql.writes import compile_insert, compile_keyed
from tests.dialects.world import TABLES, Comment, Line, Post, User, create_table
from tests.dialects.writing import delete_all, insert, update_all


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for table in TABLES:
        connection.execute(create_table(table, SQLITE))
    connection.execute("INSERT INTO users (id, name, role) VALUES (1, 'Ada', 'member')")
    connection.execute("INSERT INTO posts (id, title, url_slug, score, author_id) VALUES (1, 'x', 'y', 3, 1)")
    connection.execute("INSERT INTO comments (id, body, likes, post_id) VALUES (1, 'z', 2, 1)")
    yield connection
    connection.close()


class Checks:
    """Makes conditions that hold only if their own value arrives at their own place."""

    def __init__(self) -> None:
        self.numbers = count(1_000)

    def next(self) -> Any:
        number = next(self.numbers)
        return fragment(f"({{}} = {number})", number)  # type: ignore[arg-type]  # the number is the test's own

    def many(self) -> int:
        return next(self.numbers)


def _inner(checks: Checks) -> Any:
    return from_(Comment).where(checks.next()).order_by(checks.next()).limit(checks.many()).where(checks.next())


def _joined(query: Any, checks: Checks, name: str) -> Any:
    other = alias(User, name)
    return query.join(other, on=checks.next()).where(other.id == 1, checks.next())


def _left_joined(query: Any, checks: Checks, name: str) -> Any:
    source = subquery(_inner(checks), name)
    joined = query.left_join(source, on=checks.next() & checks.next())
    return joined.where(source.id.is_not_null())


def _with_cte(query: Any, checks: Checks, name: str) -> Any:
    named = cte(Line, name)
    lines = from_(Post).where(checks.next()).project(Line(title=Post.title, count=scalar(_one(checks))))
    return query.with_cte(named, lines).join(named, on=checks.next())


def _with_text(query: Any, checks: Checks, name: str) -> Any:
    named = cte(Line, name)
    text = fragment("SELECT 'x' AS title, {} AS count WHERE {}", scalar(_one(checks)), checks.next())
    return query.with_cte(named, text).join(named, on=checks.next())


def _one(checks: Checks) -> Any:
    return from_(Comment).where(checks.next()).select(fn.sum(checks.next().as_type(int)))


STEPS: list[Callable[[Any, Checks, str], Any]] = [
    lambda query, checks, name: query.where(checks.next() & ~~checks.next()),
    lambda query, checks, name: query.where(exists(_inner(checks)), checks.next()),
    lambda query, checks, name: query.where(checks.next(), Post.id.in_(_inner(checks).select(Comment.post_id))),
    lambda query, checks, name: query.where(Post.id.in_([1, checks.many()])),
    lambda query, checks, name: query.where(scalar(_one(checks)) == 1),
    lambda query, checks, name: query.order_by(checks.next(), Post.id.desc()),
    lambda query, checks, name: query.limit(checks.many()),
    lambda query, checks, name: query.offset(0),
    lambda query, checks, name: query.limit(fn.coalesce(scalar(_one(checks)), checks.many()) + checks.many()),
    lambda query, checks, name: query.offset(scalar(_one(checks)) * 0),
    _with_text,
    lambda query, checks, name: query.group_by(Post.id, checks.next()).having(checks.next()),
    _joined,
    _left_joined,
    _with_cte,
]


@given(steps=st.lists(st.sampled_from(STEPS), max_size=7), union=st.booleans(), place=st.integers(0, 7))
def test_every_value_arrives_where_it_was_written(
    steps: list[Any], union: bool, place: int, database: sqlite3.Connection
):
    checks = Checks()
    query: Any = from_(subquery(from_(Post).where(checks.next()), "start")) if not steps else from_(Post)
    selected = lambda query: query.select(checks.next(), scalar(_one(checks)), literal(1), checks.next())
    for number, step in enumerate(steps):
        if number == place:
            query = selected(query)
        query = step(query, checks, f"s{number}")
    if place >= len(steps):
        query = selected(query)
    ordered = any(step is STEPS[5] for step in steps)
    if union and not ordered:
        query = query.union_all(from_(Post).where(checks.next()).select(checks.next(), literal(1), literal(1), Post.id))
    sql, params = query.to_sql(SQLITE)
    assert sorted(set(map(int, _marks(sql)))) == list(range(1, len(params) + 1))
    assert database.execute(sql, params).fetchall() == [(1, 1, 1, 1)] * (2 if union and not ordered else 1)


def _marks(sql: str) -> list[str]:
    return [
        mark.rstrip("),")
        for mark in sql.replace("(", " ").replace(")", " ").split("?")[1:]
        for mark in [mark.split()[0]]
    ]


def test_a_write_sends_each_value_to_its_own_place(database: sqlite3.Connection):
    checks = Checks()
    database.execute("SAVEPOINT test")
    rows = from_(Post).where(checks.next(), exists(_inner(checks)))
    sql, params = update_all(rows, Post.score.set(Post.score + 4), Post.title.set("new"), returning=("score", "title"))(
        SQLITE
    )
    assert database.execute(sql, params).fetchall() == [(7, "new")]
    action = do_update(Post.score.set(Post.score * 2 + 1), Post.title.set("newer"), where=checks.next() & checks.next())
    given = {"title": "x", "slug": "y", "score": 1, "author_id": 1}
    sql, params = insert(Post, given, action, (Post.slug,), returning=("score", "title"))(SQLITE)
    assert database.execute(sql, params).fetchall() == [(15, "newer")]
    sql, params = delete_all(from_(Post).where(checks.next(), checks.next()), returning=("id",))(SQLITE)
    assert database.execute(sql, params).fetchall() == [(1,)]
    database.execute("ROLLBACK TO test")


SECRET = [
    (from_(User).where(User.password == "x", User.id == 1), {0}),
    (from_(User).where((User.id == 1) & (User.password == "x")), {1}),
    (from_(User).where(User.id == 1, ~(User.password.in_(["x"]))), {1}),
    (from_(User).where(fn.lower(User.password) == "x").limit(3), {0}),
    (from_(User).where(User.password.like("x")).select(fn.coalesce(User.password, "y"), literal(3)), {0, 1}),
    (from_(User).where(fragment("f({}, {})", User.password, "x") == "y"), {0, 1}),
    (from_(User).select(fn.max(User.password).over(fn.window(order_by=User.id + 1)), User.id + 2), set()),
    (from_(User).where(User.id == 1, exists(from_(User).where(User.password == "x", User.name == "y"))), {1}),
    (from_(subquery(from_(User).where(User.password == "x"), "hidden")).limit(2), {0}),
    (from_(User).join(alias(User, "o"), on=alias(User, "o").password == "x").where(User.id == 1), {0}),
]


@pytest.mark.parametrize(("query", "wanted"), SECRET, ids=[repr(query) for query, _ in SECRET])
def test_the_values_beside_a_redacted_column_are_marked(query: Any, wanted: set[int]):
    for dialect in (POSTGRES, SQLITE):
        assert compile_select(query.node, dialect).redacted == wanted
        assert compile_exists(query.node, dialect).redacted <= wanted


def test_the_values_written_into_a_redacted_column_are_marked():
    info = schema_info(User)
    insert_shape = InsertShape(info, ("name", "password"))
    assert compile_insert(insert_shape, SQLITE).redacted == {1}
    assert compile_unnest(insert_shape, POSTGRES).redacted == {1}
    assert compile_keyed(KeyedShape("update", info, ("password",), ("id",)), SQLITE).redacted == {0}
    action = do_update(User.name.set("x"), User.password.set("y"), where=User.password != "z")
    planned, _ = plan_conflict(info, action, (User.name,), ("name",))
    assert compile_insert(InsertShape(info, ("name",), on_conflict=planned), SQLITE).redacted == {2, 3}
    rows = from_(User).where(User.id == 1, User.password == "x")
    terms = assigned(info, [User.name.set("a"), User.password.set(fn.concat(User.name, "b"))])
    assert compile_update_all(rows.node, terms, SQLITE).redacted == {1, 3}
    assert compile_delete_all(rows.node, SQLITE).redacted == {1}


def test_columns_say_how_they_are_read_and_what_they_are_called():
    query = (
        from_(Post)
        .left_join(Post.author)
        .group_by(Post.id, User.id)
        .select(Post.posted_at, maybe(User.name), fn.count(), Post.score + 1, literal(None))
    )
    columns = compile_select(query.node, POSTGRES).columns
    assert [column.name for column in columns] == [
        "Post.posted_at",
        "User.name",
        "the expression `c2`",
        "the expression `c3`",
        "the expression `c4`",
    ]
    assert [column.nullable for column in columns] == [True, True, False, True, True]
    assert columns[0].slow_load is not None
    assert compile_select(query.node, SQLITE).columns[0].slow_load is None
    whole = compile_select(from_(Post).node, SQLITE).columns
    assert {column.name for column in whole if column.mutable} == {"Post.meta", "Post.tags"}


def test_a_statement_without_values_takes_none():
    statement = compile_select(from_(User).node, SQLITE)
    assert statement.dump(()) == ()
    assert compile_exists(from_(User).node, SQLITE).sql == 'SELECT EXISTS(SELECT 1 FROM "users" AS "u0")'


def test_the_compilers_that_load_late_are_the_compilers():
    step = from_(Post).where(Post.score > 1)
    info = schema_info(Post)
    terms = assigned(info, [Post.score.set(2)])
    insert_shape = InsertShape(info, ("title",), ("id",))
    keyed_shape = KeyedShape("update", info, ("title",), ("id",))
    pairs = [
        (compilers.compile_select(step.node, SQLITE, "p"), compile_select(step.node, SQLITE, "p")),
        (compilers.compile_exists(step.node, SQLITE, "p"), compile_exists(step.node, SQLITE, "p")),
        (
            compilers.compile_insert(insert_shape, POSTGRES, told=True),
            compile_insert(insert_shape, POSTGRES, told=True),
        ),
        (compilers.compile_keyed(keyed_shape, SQLITE), compile_keyed(keyed_shape, SQLITE)),
        (compilers.compile_unnest(insert_shape, POSTGRES), compile_unnest(insert_shape, POSTGRES)),
        (
            compilers.compile_update_all(step.node, terms, SQLITE, prefix="p"),
            compile_update_all(step.node, terms, SQLITE, prefix="p"),
        ),
        (
            compilers.compile_delete_all(step.node, SQLITE, prefix="p"),
            compile_delete_all(step.node, SQLITE, prefix="p"),
        ),
    ]
    for late, direct in pairs:
        assert late.sql == direct.sql


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda dialect: dialect.name)
def test_a_refused_value_is_said_with_its_field_and_a_secret_without_its_text(dialect: Dialect):
    shape = InsertShape(schema_info(User), ("name", "password"))
    with pytest.raises(CastError) as caught:
        compile_insert(shape, dialect).dump((3, "x"))
    assert "3" in str(caught.value)
    assert caught.value.__notes__ == ["in the field `User.name`"]
    with pytest.raises(CastError) as caught:
        compile_insert(shape, dialect).dump(("x", 918_273))
    assert "918" not in "".join([str(caught.value), *caught.value.__notes__])
    query = from_(User).where(User.password == 918_273)  # type: ignore[arg-type]
    with pytest.raises(CastError, match="not shown since it is redacted") as caught:
        query.to_sql(dialect)
    assert "918" not in str(caught.value)


def test_what_stands_beside_an_average_is_a_number():
    query = from_(Post).group_by(Post.id).having(fn.avg(Post.score) > "x").select(Post.id)  # type: ignore[operator]
    with pytest.raises(CastError, match="expected a number beside an average, got 'x'"):
        query.to_sql(SQLITE)


def test_constraints_of_a_field_are_for_what_is_stored_and_not_for_what_is_compared():
    class Limited(Schema, table="limited"):
        id: Field[int] = primary_key()
        age: Field[Annotated[int, Gt(0)]]

    query = from_(Limited).where(Limited.age > -1, Limited.age.in_([-2]), fn.coalesce(Limited.age, -3) == -4)
    assert query.select(fn.sum(Limited.age)).to_sql(SQLITE)[1] == (-1, "[-2]", -3, -4)
    assert "CAST(sum(" in query.select(fn.sum(Limited.age)).to_sql(POSTGRES)[0]
    with pytest.raises(CastError):
        update_all(from_(Limited), Limited.age.set(-1))(SQLITE)
