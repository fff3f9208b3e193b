"""Pages by key: every row once, in the query's own order, on both databases, whatever happens elsewhere."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    CastError,
    ConfigError,
    CursorError,
    Field,
    Page,
    QueryError,
    Repo,
    Schema,
    cte,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    only,
    subquery,
    window,
)
from tests.integration.repo.blog import Card, Comment, LogLine, Post, PostLine, Role, Sample, Seat, Tag, User

SECRET = "a secret of the tests, long enough"
OTHER = b"another secret of the tests"


async def walked(repo: Repo, query: Any, size: int, **options: Any) -> list[list[Any]]:
    """Return the pages from the first to the last."""
    page = await repo.page(query, size=size, secret=SECRET, **options)
    assert (page.previous, page.has_previous) == (None, False)
    pages = [page.rows]
    while page.has_next:
        page = await repo.page(query, size=size, after=page.next, secret=SECRET, **options)
        assert page.has_previous
        pages.append(page.rows)
    return pages


async def walked_back(repo: Repo, query: Any, size: int, **options: Any) -> list[list[Any]]:
    """Return the pages from the last one that going forward found to the first, in that order."""
    page = await repo.page(query, size=size, secret=SECRET, **options)
    while page.has_next:
        page = await repo.page(query, size=size, after=page.next, secret=SECRET, **options)
    pages = [page.rows]
    while page.has_previous:
        page = await repo.page(query, size=size, before=page.previous, secret=SECRET, **options)
        pages.append(page.rows)
    return pages


def flat(pages: list[list[Any]]) -> list[Any]:
    return [row for page in pages for row in page]


MOMENT = datetime(2024, 2, 28, 12, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "integer": [None, 1, -2, 2**62],
    "text": [None, "", "a", "B", "é", "a'b", "\\", '"', "%"],
    "flag": [None, True, False],
    "ratio": [None, 0.1, -0.0, 1e300],
    "scaled": [None, Decimal("1.500"), Decimal(-2)],
    "blob": [None, b"", b"\x00\xff"],
    "uuid": [None, UUID(int=1), UUID(int=2**127)],
    "moment": [None, MOMENT, MOMENT.replace(microsecond=1), MOMENT.replace(year=1969)],
    "day": [None, date(2024, 1, 1), date(1, 1, 2)],
    "clock": [None, MOMENT.time(), MOMENT.time().replace(microsecond=5)],
    "span": [None, timedelta(days=-1), timedelta(microseconds=3)],
    "role": [None, Role.MEMBER, Role.ADMIN],
}
TERM = st.tuples(st.sampled_from([*VALUES, "id"]), st.booleans(), st.sampled_from([None, "first", "last"]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[tuple[str, bool, Any]], int]:
    terms = draw(st.lists(TERM, max_size=3))
    names = [name for name, _, _ in terms if name != "id"]
    row = st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
    return draw(st.lists(row, max_size=12)), terms, draw(st.integers(1, 5))


def ordered(terms: list[tuple[str, bool, Any]]) -> Any:
    columns = {name: getattr(Sample, name) for name, _, _ in terms}
    keys = [columns[name].desc(nulls=nulls) if down else columns[name].asc(nulls=nulls) for name, down, nulls in terms]
    return from_(Sample).order_by(*keys)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cases())
async def test_walking_gives_every_row_once_in_the_order_of_the_query(repo: Repo, case):
    rows, terms, size = case
    await repo.delete_all(Sample)
    for row in rows:
        await repo.insert(Sample(**row))
    query = ordered(terms)
    # A key that is repeated counts where it came first.
    down = [*dict.fromkeys(name for name, _, _ in terms)]
    down = bool(down) and next(one for name, one, _ in terms if name == down[-1])
    whole = await repo.all(query.order_by(Sample.id.desc() if down else Sample.id))
    pages = await walked(repo, query, size)
    assert flat(pages) == whole
    assert all(len(page) == size for page in pages[:-1])
    back = await walked_back(repo, query, size)
    assert flat(back[::-1]) == whole


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scores=st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=12),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 11), st.sampled_from([None, 0, 1, 2, 3, 4])), max_size=6),
    down=st.booleans(),
    size=st.integers(1, 4),
)
async def test_rows_that_stay_come_once_while_others_come_and_go(repo: Repo, scores, changes, down, size):
    await repo.delete_all(Sample)
    # Told apart by their texts: SQLite gives the id of a deleted row to the next one.
    stay = [f"stay {number}" for number, _ in enumerate(scores)]
    guests = [f"guest {number}" for number, _ in enumerate(changes)]
    for text, score in [*zip(stay, scores, strict=True), *zip(guests, [one[2] for one in changes], strict=True)]:
        await repo.insert(Sample(integer=score, text=text))
    query = from_(Sample).order_by(Sample.integer.desc() if down else Sample.integer)
    seen: list[str] = []
    page = await repo.page(query.select(Sample.text), size=size, secret=SECRET)
    for number, (arrives, place, score) in enumerate([*changes, *[(None, 0, None)] * 40]):
        seen += [text for text in page.rows if text]
        if not page.has_next:
            break
        if arrives:
            await repo.insert(Sample(integer=score, text=f"late {number}"))
        elif arrives is False:
            await repo.delete_all(from_(Sample).where(Sample.text == guests[place % len(guests)]))
        page = await repo.page(query.select(Sample.text), size=size, after=page.next, secret=SECRET)
    assert len(seen) == len(set(seen))
    assert set(stay) <= set(seen)
    whole = await repo.all(query.order_by(Sample.id.desc() if down else Sample.id).select(Sample.text))
    assert [text for text in seen if text in stay] == [text for text in whole if text in stay]


async def blog(repo: Repo) -> None:
    users = [await repo.insert(User(name=name, email=name, age=age)) for name, age in [("a", 30), ("b", None)]]
    for number in range(7):
        post = await repo.insert(
            Post(
                title=f"t{number % 3}",
                score=number % 2,
                author_id=users[number % 2].id,
                editor_id=users[0].id if number % 3 else None,
            )
        )
        for word in range(number % 4):
            await repo.insert(Comment(body=f"c{word}", post_id=post.id))
    await repo.insert_all(Tag, [{"name": name, "color": "x"} for name in "xyz"])


async def test_what_a_page_sends_is_what_one_would_write(repo: Repo, events):
    await repo.insert(User(name="a", email="a"))
    await repo.insert(User(name="b", email="b"))
    page = await repo.page(from_(User).order_by(User.name.desc()).select(User.email), size=1, secret=SECRET)
    await repo.page(from_(User).order_by(User.name.desc()).select(User.email), size=1, after=page.next, secret=SECRET)
    text = events[-1].sql.replace("?", "$")
    assert text == (
        'SELECT "u0"."email", "u0"."name", "u0"."id" FROM "users" AS "u0" WHERE ("u0"."name", "u0"."id") < ($1, $2) '
        'ORDER BY "u0"."name" DESC, "u0"."id" DESC LIMIT $3'
    )
    page = await repo.page(from_(User).order_by(User.name, User.age.desc()).select(User.id), size=1, secret=SECRET)
    await repo.page(
        from_(User).order_by(User.name, User.age.desc()).select(User.id), size=1, after=page.next, secret=SECRET
    )
    first, last = ("FIRST", "LAST") if repo.adapter.dialect.nulls_are_largest else ("LAST", "FIRST")
    assert f'ORDER BY "u0"."name", "u0"."age" DESC NULLS {first}, "u0"."id" DESC' in events[-1].sql
    assert last not in events[-1].sql
    assert 'WHERE ("u0"."name" >= ' in events[-1].sql


async def test_a_whole_table_is_read_by_its_key(repo: Repo):
    await blog(repo)
    assert flat(await walked(repo, Post, 3)) == await repo.all(from_(Post).order_by(Post.id))
    await repo.insert_all(Seat, [{"room": room, "number": number} for room in "ba" for number in (2, 1)])
    assert [(seat.room, seat.number) for seat in flat(await walked(repo, Seat, 1))] == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2)
    ]  # fmt: skip


async def test_joins_projections_groups_and_preloads(repo: Repo):
    await blog(repo)
    to_one = from_(Post).join(Post.author).order_by(User.name.desc(), Post.score)
    main = (await repo.query("select current_schema()")).rows[0][0] if repo.adapter.dialect.schemas else "main"
    next_score, many = (Post.score + 1).as_("next"), fn.count(Comment.id).as_("many")
    # Without posts: only their own keys tell them apart where posts are on the left.
    await repo.insert_all(User, [{"name": "", "email": email, "role": Role.MEMBER} for email in "xyz"], timestamps=True)
    down = from_(Post).order_by(Post.score.desc(), Post.title, Post.id.desc())
    up = from_(Post).order_by(Post.score, Post.title.desc(), Post.id)
    queries: list[tuple[Any, Any]] = [
        (down, down),
        (up, up),
        (to_one.select(Post.title, User.name), to_one.order_by(Post.id).select(Post.title, User.name)),
        (
            to_one.select_into(Card, Post.title, Post.score),
            to_one.order_by(Post.id).select_into(Card, Post.title, Post.score),
        ),
        (to_one.project(PostLine(title=Post.title, author=User.name)), None),
        (from_(Post).left_join(Post.editor).order_by(User.name).select(Post.id, maybe(User)), None),
        (from_(Post).left_join(Post.comments).order_by(Post.title).select(Post.id, maybe(Comment.body)), None),
        (from_(Post).right_join(Post.editor).order_by(User.name).select(maybe(Post.id), User.id), None),
        (from_(User).cross_join(Tag).order_by(Tag.name.desc()).select(User.id, Tag.name), None),
        (from_(Post).prefix(main).order_by(Post.score).select(Post.id), None),
        (from_(Post).order_by(Post.score).distinct(), None),
        (from_(Post).order_by(next_score.desc()).select(Post.id, next_score), None),
        (from_(Comment).group_by(Comment.post_id).order_by(many).select(Comment.post_id, many), None),
        (from_(Post).order_by(Post.title).select(only(Post.id, Post.score)), None),
        (from_(Post).left_join(Post.editor).order_by(User.age).select(maybe(only(User.name)), Post.title), None),
        (from_(User).order_by(User.name.desc()).select_merge(User.nickname.set(fn.upper(User.name))), None),
        (
            from_(Comment)
            .group_by(Comment.post_id)
            .order_by(fn.count(Comment.id).desc())
            .select(Comment.post_id, fn.count(Comment.id)),
            None,
        ),
        (from_(Post).order_by(fn.coalesce(Post.editor_id, 0) + 3, fragment("lower({})", Post.title)), None),
        (from_(Post).where(Post.score >= 0).order_by(literal(1).desc(), Post.score + 1), None),
    ]
    for query, total in queries:
        for size in (1, 2, 100):
            found = flat(await walked(repo, query, size))
            assert len(found) == len(await repo.all(query)), query
            assert sorted(map(repr, found)) == sorted(map(repr, await repo.all(query))), query
            assert flat((await walked_back(repo, query, size))[::-1]) == found, query
            if total is not None:
                assert found == await repo.all(total)
    page = await repo.page(from_(User).order_by(User.name.desc()).preload(User.posts), size=1, secret=SECRET)
    assert [len(user.posts) for user in page.rows] == [3]
    assert page.rows == [await repo.get_by_or_raise(User, User.name == "b")]


async def test_rows_of_a_subquery_or_a_cte_need_to_be_told_apart(repo: Repo):
    await blog(repo)

    class Line(Schema):
        number: Field[int]
        title: Field[str]

    lines = from_(Post).project(Line(number=Post.id, title=Post.title))
    sub = subquery(lines, "rows")
    with pytest.raises(QueryError, match="rows is no table, so its rows may repeat"):
        await repo.page(from_(sub), secret=SECRET)
    found = flat(await walked(repo, from_(sub).order_by(sub.title), 2, unique=[sub.number]))
    assert [line.title for line in found] == ["t0", "t0", "t0", "t1", "t1", "t2", "t2"]
    named = cte(Line, "lines")
    query = from_(named).with_cte(named, lines).order_by(named.title.desc())
    found = flat(await walked(repo, query, 2, unique=[named.number]))
    assert [line.title for line in found] == ["t2", "t2", "t1", "t1", "t0", "t0", "t0"]
    await repo.insert_all(LogLine, [{"line": "b", "level": 1}, {"line": "a", "level": 2}])
    with pytest.raises(QueryError, match="LogLine has no primary key"):
        await repo.page(LogLine, secret=SECRET)
    assert [row.line for row in flat(await walked(repo, LogLine, 1, unique=[LogLine.line]))] == ["a", "b"]
    for wrong in ([], ["line"], [LogLine.line == "x"]):
        with pytest.raises(QueryError, match="`unique`"):
            await repo.page(LogLine, secret=SECRET, unique=wrong)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`unique` mentions Post"):
        await repo.page(LogLine, secret=SECRET, unique=[Post.id])  # type: ignore[list-item]


async def test_an_end_that_has_vanished_leads_back(repo: Repo):
    posts = [await repo.insert(Sample(integer=number)) for number in range(4)]
    query = from_(Sample).order_by(Sample.integer)
    page = await repo.page(query, size=2, secret=SECRET)
    await repo.delete_all(from_(Sample).where(Sample.integer >= 2))
    empty = await repo.page(query, size=2, after=page.next, secret=SECRET)
    assert (empty.rows, empty.next, empty.has_previous) == ([], None, True)
    back = await repo.page(query, size=2, before=empty.previous, secret=SECRET)
    assert [row.id for row in back.rows] == [posts[0].id, posts[1].id]
    assert not back.has_previous
    again = await repo.page(query, size=2, after=back.next, secret=SECRET)
    assert again.rows == []
    for size in (1, 2):
        before = await repo.page(query, size=size, before=page.next, secret=SECRET)
        assert [row.integer for row in before.rows] == [0]
    none = await repo.page(query, size=1, before=before.previous or before.next, secret=SECRET)
    assert none.rows == []
    assert none.next is not None
    assert [row.integer for row in (await repo.page(query, size=5, after=none.next, secret=SECRET)).rows] == [0, 1]
    assert await repo.page(from_(Sample).where(Sample.integer > 99), secret=SECRET) == Page([], None, None)


async def test_a_cursor_is_of_one_order_of_one_query_signed_by_one_secret(repo: Repo):
    for number in range(3):
        await repo.insert(Sample(integer=number, text="x"))
        await repo.insert(User(name="x", email=str(number), age=30))
    query = from_(Sample).order_by(Sample.integer)
    page = await repo.page(query, size=1, secret=SECRET)
    cursor = page.next
    assert cursor is not None
    again = await repo.page(query, size=1, after=cursor, secret=(OTHER, SECRET))
    assert [row.integer for row in again.rows] == [1]
    assert again.next is not None
    assert (await repo.page(query, size=1, after=again.next, secret=OTHER)).rows[0].integer == 2
    same = [query.select(Sample.text), query.where()]
    for other in same:
        assert len((await repo.page(other, size=1, after=cursor, secret=SECRET)).rows) == 1
    others: list[Any] = [
        from_(Sample),
        from_(Sample).order_by(Sample.integer.desc()),
        from_(Sample).order_by(Sample.integer.asc(nulls="first" if repo.adapter.dialect.nulls_are_largest else "last")),
        from_(Sample).order_by(Sample.integer, Sample.text),
        from_(Sample).order_by(Sample.ratio),
        query.where(Sample.flag.is_null()),
        from_(User).order_by(User.age),
    ]
    for other in others:
        with pytest.raises(CursorError, match="another query or order"):
            await repo.page(other, size=1, after=cursor, secret=SECRET)
    with pytest.raises(CursorError, match="changed"):
        await repo.page(query, after=cursor, secret=OTHER)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), char=st.sampled_from("AB_-=. \0é$"), text=st.text(max_size=100))
async def test_a_changed_cursor_is_refused(repo: Repo, place: int, char: str, text: str):
    if not await repo.exists(Sample):
        await repo.insert_all(Sample, [{"integer": 1}, {"integer": 2}])
    query = from_(Sample).order_by(Sample.integer)
    cursor = (await repo.page(query, size=1, secret=SECRET)).next
    assert cursor is not None
    place %= len(cursor)
    changed = cursor[:place] + char + cursor[place + 1 :]
    for wrong in (changed, cursor[:place], cursor + char, text, cursor + "=", " " + cursor):
        if wrong == cursor:
            continue
        with pytest.raises(CursorError) as raised:
            await repo.page(query, before=wrong, secret=SECRET)
        assert isinstance(raised.value, CastError)


async def test_what_is_no_cursor_secret_or_size_is_refused_before_anything_is_sent(repo: Repo, events):
    for wrong in ("", "A" * 5_000, "A" * 100, 3, b"x"):
        with pytest.raises(CursorError):
            await repo.page(Sample, after=wrong, secret=SECRET)  # type: ignore[arg-type]
    for secret in ("short", b"", (), None, (SECRET, "x"), 3):
        with pytest.raises(ConfigError, match="at least 16 bytes"):
            await repo.page(Sample, secret=secret)  # type: ignore[arg-type]
    for size in (0, -1, 1_001):
        with pytest.raises(CastError, match="1 to 1000 rows"):
            await repo.page(Sample, size=size, secret=SECRET)
    for size in ("3", 2.0, True, None):
        with pytest.raises(QueryError, match="number of rows"):
            await repo.page(Sample, size=size, secret=SECRET)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="not both"):
        await repo.page(Sample, after="a", before="b", secret=SECRET)
    assert events == []


async def test_orders_that_cannot_be_continued_are_refused(repo: Repo, events):
    ranked = fn.row_number().over(window(order_by=[Post.id]))
    refusals: list[tuple[Any, str]] = [
        (from_(Post).limit(3), "`limit`"),
        (from_(Post).offset(3), "`offset`"),
        (from_(Post).union(from_(Post)), "`union`"),
        (from_(Post).order_by(ranked), "window"),
        (from_(Post).order_by(Post.meta), "cannot hold"),
        (from_(Post).order_by(Post.tags), "cannot hold"),
        (from_(User).order_by(User.password_hash), "redacted"),
        (from_(User).order_by(fn.lower(fn.coalesce(User.password_hash, ""))), "redacted"),
        (from_(Post).select(Post.title).distinct(), "distinct"),
        (from_(Post).join(Post.author).order_by(User.name).distinct(), "distinct"),
        (from_(Post).select(fn.count()), "one row"),
        (from_(Post).group_by(Post.score + 1).select(fn.count()), "values of its own"),
    ]
    for query, words in refusals:
        with pytest.raises(QueryError, match=words):
            await repo.page(query, secret=SECRET)
    assert events == []


async def test_a_key_that_is_too_long_for_a_cursor_says_so(repo: Repo):
    await repo.insert_all(Sample, [{"text": "x" * 5_000}, {"text": "y"}])
    with pytest.raises(QueryError, match="too many for a cursor"):
        await repo.page(from_(Sample).order_by(Sample.text), size=1, secret=SECRET)
