"""`repo.query` and `repo.load`: text of one's own, bound values, rows as they are or as what they are asked for."""

import asyncio
import gc
import warnings
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, NotRequired, TypedDict
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ConfigDict, Field

from ectype import (
    CastError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    EctypeError,
    QueryError,
    Repo,
    Result,
    SchemaError,
    TransactionAbortedError,
    alias,
    change,
    from_,
    literal,
    meta,
    subquery,
)
from ectype.sql.raw import compile_raw
from tests.integration.repo.blog import LogLine, Post, PostLine, Role, Sample, Seat, Stars, Tag, User

MOMENT = datetime(2024, 2, 29, 12, 30, 0, 5, tzinfo=UTC)


def on_postgres(repo: Repo) -> bool:
    return repo.adapter.dialect.schemas


async def tags(repo: Repo) -> None:
    await repo.insert_all(Tag, [{"name": name, "color": color} for name, color in [("a", "red"), ("b", "blue")]])


# --- what comes back


async def test_a_text_gives_columns_rows_and_their_number(repo: Repo):
    await tags(repo)
    made = await repo.query("select name, color from tags where name = {} order by name", "a")
    assert made == Result(("name", "color"), [("a", "red")], 1)
    assert made.rows[0].__class__ is tuple
    none = await repo.query("select name, color from tags where name = {}", "x")
    assert none == Result(("name", "color"), [], 0)
    assert await repo.query("values (1), (2)") == Result(("column1",), [(1,), (2,)], 2)
    assert (await repo.query("select 1 as a, 2 as a")).columns == ("a", "a")


async def test_a_statement_without_rows_says_how_many_it_wrote(repo: Repo):
    assert await repo.query("insert into tags (name, color) values ({}, {}), ('b', 'x')", "a", "red") == Result(
        (), [], 2
    )
    assert (await repo.query("update tags set color = {}", "blue")).count == 2
    assert (await repo.query("update tags set color = {} where name = {}", "x", "none")).count == 0
    made = await repo.query("with one as (select 'a' as n) delete from tags where name in (select n from one)")
    assert made == Result((), [], 1)
    assert await repo.query("delete from tags returning name") == Result(("name",), [("b",)], 1)
    assert await repo.query("create table scratch_of_raw (id bigint)") == Result((), [], 0)
    assert (await repo.query("drop table scratch_of_raw")).count == 0


async def test_braces_are_doubled(repo: Repo):
    assert (await repo.query("select '{{}}' as a, {} as b", "x")).rows == [("{}", "x")]


async def test_every_class_of_value_is_bound_as_its_type(repo: Repo):
    values = {
        "integer": 2**63 - 1,
        "text": 'it\'s "{}" $1 ?1 \\',
        "flag": True,
        "ratio": 0.1,
        "blob": b"\x00\xff",
        "uuid": uuid4(),
        "moment": MOMENT,
        "day": date(2024, 2, 29),
        "clock": MOMENT.time(),
        "span": timedelta(microseconds=3),
        "role": Role.ADMIN,
        "document": {"a": [1, None]},
        "items": [1, "x"],
    }
    columns = ", ".join(values)
    gaps = ", ".join(["{}"] * len(values))
    await repo.query(f"insert into samples ({columns}) values ({gaps})", *values.values())  # pyright: ignore
    [made] = await repo.all(Sample)
    assert {name: getattr(made, name) for name in values} == values
    await repo.query("update samples set integer = {}, role = {}", None, None)
    [made] = await repo.all(Sample)
    assert (made.integer, made.role) == (None, None)
    assert (
        await repo.query("select text from samples where moment = {} and day = {}", MOMENT, date(2024, 2, 29))
    ).count


async def test_a_value_whose_type_nothing_tells_is_given_one_by_literal(repo: Repo):
    values = (3, "a", Decimal("1.5"), True)
    rows = (await repo.query("select {}, {}, {}, {}, {}", *map(literal, values), literal(None))).rows
    assert rows == [(3, "a", Decimal("1.5") if on_postgres(repo) else "1.5", True, None)]


async def test_columns_and_schemas_stand_for_their_names(repo: Repo, events):
    await tags(repo)
    other = alias(Tag, "other")
    made = await repo.query("select {} from {} where {} = {}", Tag.color, Tag, Tag.name, "a")
    assert made.rows == [("red",)]
    text = events[-1].sql.replace("?", "$")
    assert text == 'select "color" from "tags" where "name" = $1'
    joined = await repo.query(
        "select {} from {} join {} on {} = {} where {} <> {}",
        other.name, alias(Tag, "t"), other, alias(Tag, "t").name, other.name, other.name, "b",
    )  # fmt: skip
    assert joined.rows == [("a",)]
    assert '"tags" AS "other" on "t"."name" = "other"."name"' in events[-1].sql


async def test_prefixes_count_for_schemas_in_gaps_only(repo: Repo, postgres_url: str):
    with pytest.raises(QueryError, match="prefix='x' changes nothing"):
        await repo.query("select 1", prefix="x")
    if on_postgres(repo):
        with pytest.raises(DatabaseError, match=r'relation "nowhere\.tags" does not exist'):
            await repo.query("select 1 from {}", Tag, prefix="nowhere")
        with pytest.raises(QueryError, match="63 bytes"):
            await repo.query("select 1 from {}", Tag, prefix="x" * 64)
    else:
        await tags(repo)
        assert (await repo.query("select 1 from {}", Tag, prefix="main")).count == 2


# --- into


@dataclass
class Line:
    name: str
    color: str | None
    weight: int = 3
    seen: list[str] = field(default_factory=list, init=False)


class Pair(NamedTuple):
    name: str
    color: str
    weight: int = 3


class Known(TypedDict):
    name: str
    color: NotRequired[str]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    color: str = Field(default="none", max_length=4)


async def test_rows_become_what_into_says(repo: Repo):
    await tags(repo)
    text = "select color, name from tags order by name"
    assert await repo.query("select color, name from tags order by name", into=Line) == [
        Line("a", "red"),
        Line("b", "blue"),
    ]
    assert await repo.query(text, into=Pair) == [Pair("a", "red"), Pair("b", "blue")]
    assert await repo.query(text, into=Known) == [{"name": "a", "color": "red"}, {"name": "b", "color": "blue"}]
    assert await repo.query(text, into=Model) == [Model(name="a", color="red"), Model(name="b", color="blue")]
    assert await repo.query("select name from tags where name = {}", "a", into=Known) == [{"name": "a"}]
    assert await repo.query("select name from tags where name = {}", "a", into=Model) == [Model(name="a")]
    assert await repo.query("select * from tags order by name", into=Tag) == await repo.all(
        from_(Tag).order_by(Tag.name)
    )
    assert await repo.query("select * from tags where name = 'x'", into=Tag) == []


async def test_structs_that_text_gave_are_as_good_as_those_of_a_query(repo: Repo):
    ada = await repo.insert(User(name="Ada", email="a", password_hash="x"))
    post = await repo.insert(Post(title="t", author_id=ada.id, price=Decimal("1.50"), meta={"a": [1]}, tags=["x"]))
    await repo.insert(Sample(moment=MOMENT, clock=MOMENT.time(), span=timedelta(1), stars=Stars.TWO, numbers=[1], role=Role.ADMIN, uuid=UUID(int=1), exact=Decimal("1.10"), flag=False))  # fmt: skip # noqa: E501
    for model in (User, Post, Sample):
        [made] = await repo.query("select * from {}", model, into=model)
        [known] = await repo.all(from_(model))
        assert made == known
        assert meta(made) == meta(known)
    [found] = await repo.query("insert into {} (name, color) values ({}, {}) returning *", Tag, "z", "red", into=Tag)
    assert await repo.update(change(found, Tag.color.set("blue"))) == Tag(name="z", color="blue")
    [read] = await repo.query("select * from posts", into=Post)
    read.meta["a"].append(2)
    assert change(read, Post.meta.set(read.meta)).changes == {"meta": {"a": [1, 2]}}
    assert await repo.query("select title, 'Ada' as author, 3 as comments from posts", into=PostLine) == [
        PostLine(title=post.title, author="Ada", comments=3)
    ]


@dataclass
class Typed:
    moment: datetime | None
    role: Role
    numbers: list[int]
    span: timedelta
    flag: bool
    document: dict[str, Any]
    anything: Any


async def test_values_are_loaded_by_the_types_of_the_class(repo: Repo):
    await repo.insert(
        Sample(moment=MOMENT, role=Role.ADMIN, numbers=[1, 2], span=timedelta(1), flag=True, document={"a": 1})
    )
    text = "select moment, role, numbers, span, flag, document, id as anything from samples"
    [made] = await repo.query(text, into=Typed)
    assert made == Typed(MOMENT, Role.ADMIN, [1, 2], timedelta(1), flag=True, document={"a": 1}, anything=made.anything)


async def test_columns_that_do_not_fit_into_say_which(repo: Repo):
    await tags(repo)
    refusals: list[tuple[Any, str, str]] = [
        (Line, "select name, colour from (select name, color as colour from tags) x", "did you mean `color`"),
        (Line, "select name from tags", "Line needs the column `color`, and the text gives: name"),
        (Line, "select name, color, name from tags", "gives the column `name` twice"),
        (Tag, "select name, color as colr from tags", "a column `colr`, which Tag does not have"),
        (Tag, "select name from tags", "Tag needs the column `color`"),
        (User, "select password from (select 'x' as password) x", "`password`, which User does not have"),
        (PostLine, "select 'a' as title, 'b' as author", "PostLine needs the column `comments`"),
        (Line, "delete from tags where name = 'none'", "gives no rows"),
        (Pair, "select name from tags", "Pair needs the column `color`"),
        (Known, "select color from tags", "Known needs the column `name`"),
        (Model, "select color from tags", "Model needs the column `name`"),
    ]
    for into, text, words in refusals:
        with pytest.raises(QueryError) as raised:
            await repo.query(text, into=into)  # pyright: ignore
        assert words in str(raised.value)
    for into in (int, 3, alias(Tag, "t"), lambda name: name, list[str], Role):
        with pytest.raises(QueryError, match="`into` takes a schema"):
            await repo.query("select name, color from tags", into=into)  # type: ignore[type-var]


async def test_rows_that_do_not_fit_into_raise_our_error(repo: Repo):
    await tags(repo)
    with pytest.raises(CastError, match=r"`Pair.color` is NULL"):
        await repo.query("select name, null as color from tags", into=Pair)
    with pytest.raises(CastError, match=r"`Tag.color` is NULL"):
        await repo.query("select name, null as color from tags", into=Tag)
    await repo.query("update tags set color = {}", "much too long")
    with pytest.raises(CastError, match="Model refused a row with ValidationError"):
        await repo.query("select name, color from tags", into=Model)
    with pytest.raises(CastError, match="expected an integer, got 'x'") as raised:
        await repo.query("select name, color, 'x' as weight from tags", into=Line)
    assert "in the column `Line.weight`" in raised.value.__notes__
    assert any("in the SQL text" in note for note in raised.value.__notes__)


# --- refusals


class Other:
    pass


@pytest.mark.parametrize(
    ("text", "params", "error", "words"),
    [
        ("select {}", (), QueryError, "has 1 gaps and got 0 arguments"),
        ("select 1", (1,), QueryError, "has 0 gaps and got 1 arguments"),
        ("select {name}", (1,), QueryError, "a brace stands alone"),
        ("select '{}'", ("x",), QueryError, "inside quotes"),
        ('select "{}"', ("x",), QueryError, "inside quotes"),
        ("select 1 -- {}", ("x",), QueryError, "inside quotes or a comment"),
        ("select /* {} */ 1", ("x",), QueryError, "inside quotes or a comment"),
        ("select $x${}$x$", ("x",), QueryError, "inside quotes"),
        ("select E'\\'{}'", ("x",), QueryError, "inside quotes"),
        ("select 'a''{}'", ("x",), QueryError, "inside quotes"),
        ("select 1\0", (), QueryError, "no NUL character"),
        ("", (), QueryError, "no statement"),
        (" ; -- nothing\n", (), QueryError, "no statement"),
        ("select 1; select 2", (), QueryError, "several statements"),
        ("select 1; /* x */ delete from tags", (), QueryError, "several statements"),
        ("BEGIN", (), QueryError, "`BEGIN` in SQL text"),
        ("begin immediate", (), QueryError, "transaction()"),
        ("/* a */ -- b\n Commit", (), QueryError, "`COMMIT`"),
        ("rollback to x", (), QueryError, "`ROLLBACK`"),
        ("end", (), QueryError, "`END`"),
        ("savepoint x", (), QueryError, "nested one is a savepoint"),
        ("release x", (), QueryError, "`RELEASE`"),
        ("start transaction", (), QueryError, "`START`"),
        ("abort", (), QueryError, "`ABORT`"),
        ("prepare transaction 'x'", (), QueryError, "`PREPARE`"),
        ("deallocate all", (), QueryError, "`DEALLOCATE`"),
        ("discard all", (), QueryError, "`DISCARD`"),
        ("copy tags to stdout", (), QueryError, "`COPY`"),
        ("copy tags from stdin", (), QueryError, "`COPY`"),
        ("select {}", (Other(),), CastError, "a Other cannot be a parameter"),
        ("select {}", (1j,), CastError, "a complex cannot be a parameter"),
        ("select {}", ("a\0b",), CastError, "NUL"),
        ("select {}", ("\ud800",), CastError, "surrogate"),
        ("select {}", (2**63,), CastError, "64 bits"),
        ("select {}", (datetime(2024, 1, 1),), CastError, "no time zone"),
        ("select {}", (Tag(name="x"),), CastError, "a Tag cannot be a parameter"),
        ("select {}", (Tag.name + "x",), QueryError, "an expression cannot stand in a gap"),
        ("select {}", (Tag.name == "x",), QueryError, "an expression cannot stand in a gap"),
        ("select {}", (User.password,), QueryError, "virtual"),
        ("select {}", (PostLine,), QueryError, "has no table"),
        ("select {}", (subquery(from_(Tag), "t"),), QueryError, "has no table"),
        ("select {}", (subquery(from_(Tag), "t").name,), QueryError, "a column of a subquery or CTE"),
        ("select {}", (from_(Tag),), CastError, "a Query cannot be a parameter"),
        (3, (), QueryError, "takes SQL text, got 3"),
        (b"select 1", (), QueryError, "takes SQL text"),
        (from_(Tag), (), QueryError, "repo.all(query)"),
    ],
)
async def test_what_cannot_be_run_is_refused_before_anything_is_sent(repo: Repo, events, text, params, error, words):
    with pytest.raises(error) as raised:
        await repo.query(text, *params)
    assert words in str(raised.value)
    assert events == []


async def test_quotes_and_comments_that_hold_no_gap_are_left_alone(repo: Repo):
    text = "select 'a;b', '--', \"name\", {} /* ; '{{' */ from tags -- ; begin\n;"
    await tags(repo)
    assert (await repo.query(text, "x")).rows[0][3] == "x"
    assert (await repo.query("select 'it''s', '/*', {}", "x")).rows == [("it's", "/*", "x")]
    if on_postgres(repo):
        assert (await repo.query("select $a$ ; ' $a$, E'\\'', {} /* /* ; */ ' */", "x")).rows == [(" ; ' ", "'", "x")]


async def test_what_the_database_refuses_is_our_error(repo: Repo):
    await tags(repo)
    with pytest.raises(DatabaseError) as raised:
        await repo.query("select nothing from nowhere")
    assert raised.value.sqlstate
    with pytest.raises(ConstraintError) as broken:
        await repo.query("insert into tags (name, color) values ({}, 'x')", "a")
    assert broken.value.kind == "unique"
    assert "(a)" not in str(broken.value)
    for text in ("selekt 1", "select $1", "select 1 where", "select ?"):
        with pytest.raises(EctypeError):
            await repo.query(text)  # pyright: ignore


# --- connections


async def test_it_runs_in_the_open_transaction_and_its_savepoints(repo: Repo):
    async with repo.transaction() as tx:
        await repo.query("insert into tags (name, color) values ('a', 'x')")
        with pytest.raises(ConstraintError):
            async with repo.transaction():
                await repo.query("insert into tags (name, color) values ('a', 'y')")
        assert (await repo.query("select color from tags")).rows == [("x",)]
        tx.rollback()
    assert (await repo.query("select color from tags")).rows == []


async def test_after_an_error_its_transaction_takes_no_more(repo: Repo):
    async with repo.transaction() as tx:
        with pytest.raises(DatabaseError):
            await repo.query("select nothing")
        with pytest.raises(TransactionAbortedError):
            await repo.query("select 1")
        tx.rollback()


async def test_a_deadline_ends_it(repo: Repo):
    slow = (
        "select pg_sleep(20)"
        if on_postgres(repo)
        else "with recursive n(x) as (select 1 union all select x + 1 from n) select max(x) from n"
    )
    with pytest.raises(DeadlineError):
        await repo.query(slow, timeout=0.1)
    task = asyncio.create_task(repo.query(slow))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await repo.query("select 1 as a")).rows == [(1,)]


async def test_what_text_changed_in_a_session_is_undone_before_others_use_it(blog_url: str):
    async with Repo(blog_url, pool_size=1) as repo:
        postgres = on_postgres(repo)
        setting = "set statement_timeout = 12345" if postgres else "pragma foreign_keys = off"
        asked = "show statement_timeout" if postgres else "pragma foreign_keys"
        before = (await repo.query(asked)).rows
        await repo.query(setting)
        assert (await repo.query(asked)).rows == before
        if postgres:
            await repo.query("select set_config('statement_timeout', '12345', false)")
            assert (await repo.query(asked)).rows == before
        async with repo.transaction():
            await repo.query("create temporary table scratch (id bigint)")
            await repo.query("insert into scratch (id) values ({})", 1)
            assert (await repo.query("select id from scratch")).rows == [(1,)]
        with pytest.raises(DatabaseError, match="scratch"):
            await repo.query("select id from scratch")


async def test_a_repo_may_close_while_the_session_is_reset(blog_url: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with Repo(blog_url, pool_size=1) as repo:
            await repo.query("create temporary table scratch (id bigint)")
        assert repo.pool.report().opening == 0
        del repo
        gc.collect()


@pytest.mark.parametrize(
    ("text", "resets"),
    [
        ("select id, count(*) from posts where id in (1) group by id having max(score) > 3", False),
        ("insert into posts (title) values ('set_config(')", False),
        ("with x as (select 1) select * from x", False),
        ("update posts set title = lower(title) where (score > 3) and (id = 1)", False),
        ("merge into posts using x on (true) when matched then delete", False),
        ("(select 1) union (select 2)", False),
        ("set timezone = 'UTC'", True),
        ("create temporary table x (id int)", True),
        ("pragma foreign_keys = off", True),
        ("select set_config('a.b', 'c', false)", True),
        ("select pg_advisory_lock(1)", True),
        ('select "set_config"(1)', True),
        ("select my.count(1)", True),
        ("select set_config /* x */ ('a')", True),
        ("select 1 into temporary x", True),
        ("with x as (select 1) select * into temp y from x", True),
        ("listen x", True),
        ("declare c cursor with hold for select 1", True),
        ("call work()", True),
        ("do $$ begin perform 1; end $$", True),
    ],
)
async def test_a_text_that_may_change_the_session_is_known(repo: Repo, text: str, resets: bool):
    assert compile_raw(text, (), repo.adapter.dialect, None).resets is resets


async def test_plain_reads_cost_no_reset(repo: Repo):
    await tags(repo)
    await repo.query("select name from tags where name = {}", "a")
    assert repo.pool.report().opening == 0
    await repo.query("select name, random() from tags")
    assert repo.pool.report().opening == 0


# --- telemetry


async def test_every_text_tells_of_one_event(repo: Repo, events):
    await repo.query("insert into tags (name, color) values ({}, {}), ('b', 'c')", "a", "x")
    await repo.query("select name, color from tags", into=Tag)
    with pytest.raises(DatabaseError):
        await repo.query("select nothing from tags where name = {}", "q")
    assert [(event.rows, event.params, type(event.error)) for event in events] == [
        (2, ("a", "x"), type(None)),
        (2, (), type(None)),
        (None, ("q",), DatabaseError),
    ]
    assert events[1].sql == "select name, color from tags"


async def test_values_beside_a_redacted_column_are_hidden(repo: Repo, events):
    await repo.query("select {} from {} where {} = {}", User.id, User, User.password_hash, "s3cret")
    assert events[0].params == ("<redacted>",)
    with pytest.raises(CastError) as raised:
        await repo.query("select 1 from {} where {} = {}", User, User.password_hash, "s3cret\0")
    assert "s3cret" not in str(raised.value)


async def test_log_params_false_hides_them_all(blog_url: str, events):
    async with Repo(blog_url, log_params=False) as repo:
        await repo.query("select name from tags where name = {}", "visible")
    assert events[0].params == ("<hidden>",)


# --- load


async def test_load_makes_structs_of_what_drivers_give(repo: Repo):
    await repo.insert(Sample(moment=MOMENT, scaled=Decimal("1.500"), role=Role.ADMIN, numbers=[1], document={"a": 1}))
    result = await repo.query("select * from samples")
    [known] = await repo.all(Sample)
    [row] = result.rows
    for given in (
        (result.columns, row),
        dict(zip(result.columns, row, strict=True)),
        (list(result.columns), list(row)),
    ):
        made = repo.load(Sample, given)
        assert made == known
        assert meta(made).state == "loaded"
    made.document["a"] = 2
    assert change(made, Sample.document.set(made.document)).changes == {"document": {"a": 2}}


async def test_load_leaves_out_what_it_does_not_know_and_leaves_unset_what_is_missing(repo: Repo):
    made = repo.load(User, {"id": 3, "name": "Ada", "password": "no", "unknown": object(), "posts": 7})
    assert (made.id, made.name, made.password) == (3, "Ada", None)
    with pytest.raises(AttributeError):
        _ = made.email
    assert repr(made).startswith("User(id=3, name='Ada', email=<unset>")
    assert repo.load(Tag, {}) == repo.load(Tag, ([], []))
    assert repo.load(LogLine, {"line": "x", "level": None}).level is None


async def test_load_refuses_what_is_no_row(repo: Repo):
    for wrong in (None, 3, "ab", [("a", 1)], ("a", "b"), (1, 2), Seat(room="a", number=1), ({}, {})):
        with pytest.raises(QueryError, match="`load` takes a mapping"):
            repo.load(Tag, wrong)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="2 columns and 1 values"):
        repo.load(Tag, (["name", "color"], ["a"]))
    with pytest.raises(CastError, match=r"`Tag.name` is NULL"):
        repo.load(Tag, {"name": None})
    with pytest.raises(CastError) as raised:
        repo.load(User, {"role": "boss"})
    assert "User.role" in str(raised.value) + str(raised.value.__notes__)
    for wrong in (3, Tag(name="x"), int):
        with pytest.raises(SchemaError):
            repo.load(wrong, {})  # type: ignore[type-var]


class Size(Enum):
    S = "s"


async def test_an_enum_of_ones_own_and_a_list_are_sent_too(repo: Repo):
    await repo.query("insert into tags (name, color) values ({}, {})", Size.S, "x")
    assert (await repo.query("select name from tags")).rows == [("s",)]
