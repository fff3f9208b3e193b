"""`insert_all` of what a query selects, of expressions, and of values that all rows share."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ectype import (
    CastError,
    ConstraintError,
    MultipleResultsError,
    QueryError,
    Repo,
    change,
    cte,
    do_nothing,
    do_update,
    excluded,
    fn,
    from_,
    literal,
    placeholder,
    replace,
    scalar,
    source,
)
from tests.integration.repo.blog import Comment, LogLine, Post, Seat, Tag, User

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def user(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada@b.c"))


@pytest.fixture
async def tags(repo: Repo) -> list[str]:
    names = ["a", "b", "c"]
    await repo.insert_all(Tag, [{"name": name, "color": "red"} for name in names])
    return names


def row(user: User, **values: Any) -> dict[str, Any]:
    return {"title": "x", "author_id": user.id, "inserted_at": NOW, "updated_at": NOW, **values}


# --- a query


LINES = {
    "a dict": lambda: from_(Tag).order_by(Tag.name).select({"line": Tag.name, "level": literal(3)}),
    "a projection": lambda: from_(Tag).order_by(Tag.name).project(LogLine(line=Tag.name, level=3)),
    "a grouped query": lambda: (
        from_(Tag).group_by(Tag.name).order_by(Tag.name).select({"line": Tag.name, "level": fn.count() + 2})
    ),
    "a combination": lambda: (
        from_(Tag).where(Tag.name == "a").select({"line": Tag.name, "level": literal(3)})
    ).union_all(from_(Tag).where(Tag.name != "a").select({"line": Tag.name, "level": literal(3)})),
}


@pytest.mark.parametrize("query", LINES.values(), ids=LINES)
async def test_what_a_query_selects_is_inserted_in_one_statement(repo: Repo, tags, events, query):
    assert await repo.insert_all(LogLine, query()) == 3
    assert len(events) == 1
    assert events[0].sql.startswith("INSERT INTO")
    assert sorted([(line.line, line.level) for line in await repo.all(LogLine)]) == [(name, 3) for name in tags]


async def test_whole_structs_are_copied_from_a_table_of_the_same_columns(repo: Repo, tags):
    copied = from_(Tag).where(Tag.name == "a").select({"name": fn.concat(Tag.name, literal("2")), "color": Tag.color})
    assert await repo.insert_all(Tag, copied, returning=Tag) == [Tag(name="a2", color="red")]
    await repo.delete_all(from_(Tag).where(Tag.name == "a"))
    again = source(Tag, "tags")
    assert await repo.insert_all(Tag, from_(again).where(again.name == "a2"), on_conflict=do_nothing()) == 0


async def test_what_comes_back_of_a_query_is_what_returning_says(repo: Repo, tags):
    query = from_(Tag).order_by(Tag.name).select({"line": Tag.name})
    assert sorted(await repo.insert_all(LogLine, query, returning=LogLine.line)) == tags
    pairs = await repo.insert_all(LogLine, query, returning=(LogLine.line, LogLine.level))
    assert sorted(pairs) == [(name, 7) for name in tags]


async def test_rows_of_a_query_that_are_there_do_what_on_conflict_says(repo: Repo, tags):
    query = from_(Tag).where(Tag.color == "red").select({"name": Tag.name, "color": literal("blue")})
    assert await repo.insert_all(Tag, query, on_conflict=do_nothing(), conflict_target=Tag.name) == 0
    await repo.insert_all(
        Tag,
        query,
        on_conflict=do_update(Tag.color.set(fn.concat(excluded(Tag.color), literal("!"))), where=Tag.name != "b"),
        conflict_target=Tag.name,
    )
    found = await repo.all(from_(Tag).order_by(Tag.name).select(Tag.color))
    assert found == ["blue!", "red", "blue!"]
    everything = from_(Tag).select({"name": Tag.name, "color": literal("new")})
    await repo.insert_all(Tag, everything, on_conflict=replace(Tag.color), conflict_target=Tag.name)
    assert set(await repo.all(from_(Tag).select(Tag.color))) == {"new"}


async def test_a_query_may_join(repo: Repo, user: User):
    await repo.insert_all(Post, [row(user, title="one"), row(user, title="two")])
    query = (
        from_(Post)
        .join(Post.author)
        .where(User.name == "Ada")
        .select({"body": fn.concat(User.name, literal(": "), Post.title), "post_id": Post.id, "user_id": User.id})
    )
    assert await repo.insert_all(Comment, query) == 2
    assert sorted(await repo.all(from_(Comment).select(Comment.body))) == ["Ada: one", "Ada: two"]


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_rows_move_from_table_to_table_in_one_statement(repo: Repo, tags, events):
    gone = cte(Tag, "gone")
    moved = from_(gone).with_cte(gone, from_(Tag).where(Tag.name != "b"), delete=True).select({"line": gone.name})
    assert sorted(await repo.insert_all(LogLine, moved, returning=LogLine.line)) == ["a", "c"]
    assert len(events) == 1
    assert await repo.all(from_(Tag).select(Tag.name)) == ["b"]


REFUSED = {
    "a tuple": (lambda: from_(Tag).select(Tag.name, Tag.color), "by its names"),
    "one value": (lambda: from_(Tag).select(Tag.name), "by its names"),
    "an unknown name": (lambda: from_(Tag).select({"lime": Tag.name}), "did you mean `line`"),
    "a struct of other columns": (lambda: from_(Tag), "field `name` does not exist"),
    "another type": (lambda: from_(Tag).select({"line": Tag.name, "level": Tag.name}), "stores integer"),
    "a preload": (lambda: from_(Post).preload(Post.author), "preloads"),
}


@pytest.mark.parametrize(("query", "said"), REFUSED.values(), ids=REFUSED)
async def test_a_query_that_cannot_be_inserted_is_refused_before_anything_is_sent(repo: Repo, events, query, said):
    with pytest.raises(QueryError) as caught:
        await repo.insert_all(LogLine, query())
    assert said in str(caught.value)
    assert events == []


async def test_a_query_fills_in_no_timestamps(repo: Repo):
    with pytest.raises(QueryError, match="timestamps"):
        await repo.insert_all(LogLine, from_(Tag).select({"line": Tag.name}), timestamps=True)


async def test_a_redacted_value_in_a_query_is_not_shown(repo: Repo, user: User, events):
    query = from_(User).select(
        {
            "name": User.name,
            "email": fn.concat(User.email, literal("2")),
            "role": User.role,
            "password_hash": literal("s3cret"),
            "inserted_at": User.inserted_at,
            "updated_at": User.updated_at,
        }
    )
    assert await repo.insert_all(User, query) == 1
    assert "s3cret" not in repr(events)
    assert await repo.exists(from_(User).where(User.password_hash == "s3cret"))


# --- expressions


async def test_a_cell_may_be_an_expression_or_a_query_of_one_value(repo: Repo, user: User, events):
    rows = [
        row(user, title=fn.upper(literal("one")), score=scalar(from_(User).select(fn.count()))),
        row(user, title="two", score=literal(2) * 21, slug=None),
        row(user, title="three", author_id=scalar(from_(User).where(User.name == "Ada").select(fn.min(User.id)))),
    ]
    found = await repo.insert_all(Post, rows, returning=(Post.title, Post.score))
    assert found == [("ONE", 1), ("two", 42), ("three", 0)]


async def test_rows_of_expressions_and_of_values_keep_their_order_and_are_one_transaction(repo: Repo, user: User):
    rows = [row(user, title=fn.lower(literal(f"T{n}")) if n % 3 else f"t{n}", score=n) for n in range(1_203)]
    assert await repo.insert_all(Post, rows, returning=Post.title) == [f"t{n}" for n in range(1_203)]
    broken = [*rows[:600], row(user, title=fn.lower(literal("x")), author_id=-1)]
    with pytest.raises(ConstraintError):
        await repo.insert_all(Post, broken)
    assert await repo.aggregate(Post, fn.count()) == 1_203


async def test_an_expression_takes_part_in_an_upsert(repo: Repo, tags):
    rows = [{"name": "a", "color": fn.upper(literal("x"))}, {"name": "z", "color": "plain"}]
    await repo.insert_all(Tag, rows, on_conflict=replace(Tag.color), conflict_target=Tag.name)
    assert await repo.get(Tag, "a") == Tag(name="a", color="X")
    assert await repo.get(Tag, "z") == Tag(name="z", color="plain")


async def test_an_expression_that_reads_a_row_is_refused_with_the_fix(repo: Repo, events):
    with pytest.raises(QueryError) as caught:
        await repo.insert_all(Tag, [{"name": Tag.color, "color": "x"}])
    assert "scalar(from_(Tag)" in str(caught.value)
    assert events == []


async def test_a_value_beside_an_expression_is_still_checked_and_hidden(repo: Repo, user: User, events):
    with pytest.raises(CastError, match="an integer"):
        await repo.insert_all(Post, [row(user, title=fn.lower(literal("x")), score="many")])
    assert events == []
    people = {"name": fn.upper(literal("eve")), "email": "e", "inserted_at": NOW, "updated_at": NOW, "role": "member"}
    with pytest.raises(CastError):
        await repo.insert_all(User, [people])
    people["role"] = user.role
    await repo.insert_all(User, [{**people, "password_hash": "s3cret"}])
    assert "s3cret" not in repr(events)


# --- placeholders


async def test_a_placeholder_is_the_value_that_its_rows_share(repo: Repo, user: User, events):
    body = placeholder("a long text")
    rows = [row(user, title=body, score=n) for n in range(50)]
    assert await repo.insert_all(Post, rows) == 50
    [event] = events
    assert await repo.aggregate(from_(Post).where(Post.title == "a long text"), fn.sum(Post.score)) == 1225
    if repo.adapter.dialect.name == "PostgreSQL":
        assert event.params.count("a long text") == 1


@pytest.mark.parametrize("shared", [3, None, "both"])
async def test_placeholders_of_some_rows_or_of_all_columns_are_their_values(repo: Repo, shared):
    one, other = placeholder("A"), placeholder(None if shared is None else 3)
    rows = [{"line": one, "level": other} for _ in range(3)]
    if shared == "both":
        rows.append({"line": "B", "level": placeholder(7)})
    await repo.insert_all(LogLine, rows)
    found = [(line.line, line.level) for line in await repo.all(from_(LogLine).order_by(LogLine.line, LogLine.level))]
    assert found == [("A", other.value)] * 3 + ([("B", 7)] if shared == "both" else [])


async def test_a_placeholder_of_the_wrong_type_is_refused(repo: Repo, events):
    with pytest.raises(CastError, match=r"LogLine\.level"):
        await repo.insert_all(LogLine, [{"line": "x", "level": placeholder("many")}] * 2)
    assert events == []


async def test_a_placeholder_stands_beside_an_expression(repo: Repo):
    rows = [{"line": placeholder("x"), "level": literal(2) + n} for n in range(3)]
    assert sorted(await repo.insert_all(LogLine, rows, returning=LogLine.level)) == [2, 3, 4]


# --- what comes back of one row


async def test_a_write_of_one_row_reads_back_what_it_is_asked_for(repo: Repo, user: User, events):
    seat = await repo.insert(Seat(room="A", number=1), returning=True)
    assert seat == Seat(room="A", number=1)
    await repo.insert(Post(title="x", author_id=user.id), returning=(Post.score, Post.title))
    await repo.update(change(user, User.name.set("Eve")), returning=User.email)
    await repo.delete_all(Post)
    await repo.delete(user, returning=User.name)
    returned = [event.sql.rpartition("RETURNING ")[2].replace("`", '"') for event in events if "RETURNING" in event.sql]
    assert returned == ['"room", "number", "guest"', '"id", "title", "score"', '"email"', '"name"']


async def test_what_the_database_has_changed_since_is_read_back_by_an_update(repo: Repo, user: User):
    await repo.update_all(User, User.nickname.set("Countess"))
    assert (await repo.update(change(user, User.age.set(36)))).nickname is None
    assert (await repo.update(change(user, User.age.set(37)), returning=True)).nickname == "Countess"
    assert (await repo.try_update(change(user, User.age.set(38)), returning=User.nickname)).value.nickname == "Countess"


@pytest.mark.parametrize(
    ("wanted", "said"), [((), "no column"), (Post.title, "columns of Tag"), (3, "columns of Tag")], ids=repr
)
async def test_what_no_row_has_cannot_be_read_back(repo: Repo, events, wanted, said):
    with pytest.raises(QueryError, match=said):
        await repo.insert(Tag(name="x"), returning=wanted)
    assert events == []


async def test_a_key_that_is_not_unique_is_told_and_rolled_back_with_its_transaction(repo: Repo):
    quoted = "CREATE TABLE doubles (name text, color text NOT NULL)"
    await repo._session.script(quoted)
    doubles = source(Tag, "doubles")
    try:
        await repo.insert_all(doubles, [{"name": "a", "color": "x"}, {"name": "a", "color": "y"}])
        one = (await repo.all(doubles))[0]
        with pytest.raises(MultipleResultsError) as caught:
            async with repo.transaction():
                await repo.update(change(one, Tag.color.set("z")))
        assert "wrote 2 rows" in str(caught.value)
        assert sorted(await repo.all(from_(doubles).select(doubles.color))) == ["x", "y"]
    finally:
        await repo._session.script("DROP TABLE doubles")
