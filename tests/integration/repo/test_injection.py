"""Hostile text in every place that a user can reach: it changes values and nothing else, or is refused in our words."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from ectype import (
    POSTGRES,
    SQLITE,
    CastError,
    DatabaseError,
    EctypeError,
    Field,
    InvalidParamsError,
    QueryError,
    Repo,
    Schema,
    alias,
    change,
    cte,
    do_update,
    escape_like,
    field,
    fn,
    fragment,
    from_,
    literal,
    primary_key,
    replace,
    subquery,
)
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import Dialect
from tests.integration.repo.blog import Post, Sample, Tag, Token, User

HOSTILE = [
    "'",
    "''",
    '"',
    '""',
    "`",
    "]",
    "'; drop table tags; --",
    '"; drop table tags; --',
    "' or '1'='1",
    "1 or 1=1",
    "x' union select password_hash from users --",
    "--",
    "/*",
    "*/",
    "/* ' */ '; --",
    ";",
    "$1",
    "$2",
    "?1",
    "?",
    ":name",
    "@name",
    "{}",
    "{0}",
    "{{",
    "%s",
    "%(name)s",
    "$$",
    "$x$ ; drop table tags; $x$",
    "\\",
    "\\'",
    "\\'; drop table tags; --",
    "\\x27",
    "\\u0027",
    "U&'\\0027'",
    "E'\\''",
    "\N{FULLWIDTH APOSTROPHE}",
    "\N{MODIFIER LETTER APOSTROPHE}; drop table tags",
    "\N{RIGHT-TO-LEFT OVERRIDE}'",
    "\N{ZERO WIDTH SPACE}",
    "e\N{COMBINING ACUTE ACCENT}",
    "\n'; drop table tags\r\n--",
    "\t",
    "\x01\x1a\x7f",
    "%",
    "_",
    "NULL",
    "null",
    "true",
    "",
    " ",
    "x" * 100_000,
    "'" * 10_000,
]
REFUSED = ["a\0b", "\0", "\ud800", "'\udfff; drop table tags"]
"""Text that no database stores as it is."""


def named(text: str) -> str:
    return ascii(text)


@pytest.fixture
async def seeded(repo: Repo, events) -> Repo:
    await repo.insert_all(Tag, [{"name": "canary", "color": "yellow"}])
    del events[:]
    return repo


async def unharmed(repo: Repo) -> None:
    """Every table is there, and the canary alone in its own."""
    assert await repo.all(from_(Tag).where(Tag.name == "canary").select(Tag.color)) == ["yellow"]
    for model in (User, Post, Token, Sample):
        await repo.exists(model)


async def test_a_value_comes_back_as_it_went(seeded: Repo):
    for text in HOSTILE:
        await comes_back(seeded, text)
        await seeded.delete_all(Sample)
    await unharmed(seeded)


async def comes_back(repo: Repo, text: str) -> None:
    kept = await repo.insert(
        Sample(text=text, document={text: {text: [text]}}, items=[text, {text: 1}], words=[text, None])
    )
    await repo.insert(Sample(text="another"))
    assert await repo.get(Sample, kept.id) == kept
    filters = [
        Sample.text == text,
        (Sample.text != "another") & (Sample.text >= text) & (Sample.text <= text),
        Sample.text.in_([text, text, "nothing"]),
        Sample.text == literal(text),
        fragment("{} = {}", Sample.text, text),
        fn.concat(Sample.text, text) == text + text,
        fn.coalesce(Sample.text, text) == text,
        Sample.text.between(text, text),
    ]
    if len(text) < 50_000:  # a longer pattern is too complex for SQLite, which says so
        filters.append(Sample.text.like(escape_like(text)))
        filters.append(Sample.text.ilike(f"%{escape_like(text)}%") & (Sample.text != "another"))
    for predicate in filters:
        found = await repo.all(from_(Sample).where(predicate).select(Sample.id))
        assert kept.id in found, predicate
    assert await repo.all(from_(Sample).where(Sample.text == text).select(literal(text))) == [text]
    changed = await repo.update(change(kept, Sample.text.set(text + "!"), Sample.document.set({text: None})))
    assert await repo.get(Sample, kept.id) == changed
    assert await repo.update_all(from_(Sample).where(Sample.text == text + "!"), Sample.text.set(text)) == 1
    assert await repo.query("select text from samples where id = {} and text = {}", kept.id, text) == await repo.query(
        "select text from samples where id = {}", kept.id
    )
    assert await repo.delete_all(from_(Sample).where(Sample.text == text, Sample.id == kept.id)) == 1
    assert await repo.all(from_(Sample).select(Sample.text)) == ["another"]


async def test_keys_and_upserts_take_any_text(seeded: Repo):
    for text in HOSTILE:
        # An index of PostgreSQL takes no longer keys.
        await is_a_key(seeded, text[:2_000])
    await unharmed(seeded)


async def is_a_key(repo: Repo, text: str) -> None:
    await repo.insert(Tag(name=text, color=text))
    assert await repo.get(Tag, text) == Tag(name=text, color=text)
    await repo.upsert(Tag(name=text, color="x"), on_conflict=replace(Tag.color), conflict_target=Tag.name)
    await repo.upsert(Tag(name=text, color="y"), on_conflict=do_update(Tag.color.set(text)), conflict_target=Tag.name)
    assert await repo.all(from_(Tag).where(Tag.name == text).select(Tag.color)) == [text]
    await repo.delete(Tag(name=text, color=text))


@pytest.mark.parametrize("text", REFUSED, ids=named)
async def test_text_that_no_database_stores_is_refused_before_it_is_sent(seeded: Repo, events, text: str):
    repo = seeded
    calls: list[Callable[[], Any]] = [
        lambda: repo.insert(Sample(text=text)),
        lambda: repo.insert(Sample(document={text: 1})),
        lambda: repo.insert(Sample(items=[text])),
        lambda: repo.insert(Sample(words=[text])),
        lambda: repo.insert_all(Sample, [{"text": text}]),
        lambda: repo.all(from_(Sample).where(Sample.text == text)),
        lambda: repo.all(from_(Sample).where(Sample.text.in_([text]))),
        lambda: repo.all(from_(Sample).where(Sample.text.like(text))),
        lambda: repo.all(from_(Sample).where(fragment("{} = {}", Sample.text, text))),
        lambda: repo.all(from_(Sample).select(literal(text))),
        lambda: repo.update_all(Sample, Sample.text.set(text)),
        lambda: repo.get(Tag, text),
        lambda: repo.query("select {}", text),
        lambda: repo.query("select {}", literal(text)),
    ]
    for call in calls:
        with pytest.raises(CastError):
            await call()
    assert events == []
    await unharmed(repo)


@pytest.mark.parametrize("make", [alias, lambda model, name: subquery(from_(model), name), cte])
def test_names_in_queries_are_identifiers_or_refused(make: Callable[[Any, str], Any]):
    for text in [*HOSTILE, *REFUSED, "x y", "1"]:
        if not text.isidentifier():
            with pytest.raises(QueryError, match="named like a variable"):
                make(User, text)


@pytest.mark.parametrize("word", ["NULL", "select", "from", "drop", "e\u0301", "ª"])
async def test_words_of_sql_as_names_are_quoted(seeded: Repo, word: str):
    await seeded.insert(User(name="a", email="a"))
    other = alias(User, word)
    assert len(await seeded.all(from_(User).join(other, on=User.id == other.id))) == 1
    rows = subquery(from_(User), word)
    assert len(await seeded.all(from_(rows))) == 1
    named_query = cte(User, word)
    assert len(await seeded.all(from_(named_query).with_cte(named_query, from_(User)))) == 1


async def test_a_prefix_is_a_quoted_name_or_refused(seeded: Repo):
    for text in [*HOSTILE, *REFUSED, "x" * 64]:
        if text:  # else no prefix at all
            await names_no_schema(seeded, text)
    await unharmed(seeded)


async def names_no_schema(repo: Repo, text: str) -> None:
    for call in (
        lambda: repo.all(User, prefix=text),
        lambda: repo.insert(Tag(name="x"), prefix=text),
        lambda: repo.delete_all(Tag, prefix=text),
        lambda: repo.update_all(Tag, Tag.color.set("x"), prefix=text),
        lambda: repo.insert_all(Tag, [{"name": "x", "color": "y"}], prefix=text),
        lambda: repo.query("delete from {}", Tag, prefix=text),
        lambda: repo.page(Tag, prefix=text, secret="s" * 16),
    ):
        with pytest.raises((DatabaseError, QueryError)):
            await call()


@pytest.mark.postgres
async def test_a_schema_with_any_name_is_read(postgres_blog: str):
    async with Repo(postgres_blog) as repo:
        for name in ['we"ird', "a; drop table tags; --", "'", "{}", "$1", "é" * 31, "\\"]:
            quoted = '"' + name.replace('"', '""') + '"'
            await repo._session.script(f"create schema {quoted}; create table {quoted}.tags (name text, color text)")
            try:
                await repo.insert(Tag(name="there", color="red"), prefix=name)
                assert await repo.all(Tag, prefix=name) == [Tag(name="there", color="red")]
                assert (await repo.query("select name from {}", Tag, prefix=name)).rows == [("there",)]
            finally:
                await repo._session.script(f"drop schema {quoted} cascade")


@pytest.mark.parametrize("name", ['we"ird', "a; drop table tags; --", "'", "{}", "$1", "?1", "\\"])
async def test_a_table_and_columns_with_any_name_are_read(seeded: Repo, name: str):
    class Odd(Schema, table=name):
        id: Field[int] = primary_key()
        value: Field[str] = field(source=name)

    quoted = '"' + name.replace('"', '""') + '"'
    await seeded._session.script(f"create table {quoted} (id bigint primary key, {quoted} text)")
    try:
        await seeded.insert(Odd(id=1, value=name))
        assert await seeded.all(from_(Odd).where(Odd.value == name).order_by(Odd.value)) == [Odd(id=1, value=name)]
        assert await seeded.query("select * from {} where {} = {}", Odd, Odd.value, name, into=Odd) == [
            Odd(id=1, value=name)
        ]
        assert repr((await seeded.page(Odd, secret="s" * 16)).rows) == repr([Odd(id=1, value=name)])
    finally:
        await seeded._session.script(f"drop table {quoted}")


async def test_user_orders_filters_and_cursors(seeded: Repo):
    await seeded.insert(User(name="a", email="a"))
    for text in [*HOSTILE, *REFUSED]:
        await asks(seeded, text)
    await unharmed(seeded)


async def asks(repo: Repo, text: str) -> None:
    base = from_(User)
    if text.strip():
        with pytest.raises(InvalidParamsError):
            base.order_by_params(text, sortable={"name": User.name})
    for key in (text, f"name__{text}", f"{text}__eq", f"name__eq__{text}"):
        with pytest.raises(InvalidParamsError):
            base.filter_params({key: "x"}, filterable={"name": User.name})
    for key in ("name", "name__ne", "name__contains", "name__starts_with", "name__in", "name__gt"):
        try:
            query = base.filter_params({key: text}, filterable={"name": User.name})
        except InvalidParamsError:
            assert text in REFUSED or len(text) > 1_000
            continue
        plain = base.filter_params({key: "plain"}, filterable={"name": User.name})
        assert query.node is plain.node
        await repo.all(query)
    with pytest.raises(CastError):
        await repo.page(User, after=text, secret="s" * 16)


# --- the text does not depend on the values


class Structure(Schema, table="structures"):
    id: Field[int] = primary_key()
    text: Field[str]
    number: Field[int]


def statements(value: Any, number: int) -> Iterator[Any]:
    """Yield queries of every clause with these values in every place that takes one."""
    s = Structure
    other = alias(s, "other")
    yield from_(s).where(s.text == value, s.text.like(value), s.text.in_([value]), s.number.between(number, number))
    yield from_(s).where((s.text == value) | ~(s.text > value)).having(fn.max(s.text) > value).group_by(s.id)
    yield from_(s).join(other, on=(s.id == other.id) & (other.text == value)).order_by(fn.coalesce(s.text, value))
    yield from_(s).select(fn.concat(s.text, value), literal(value), fragment("{} || {}", s.text, value))
    yield from_(s).where(s.id.in_(from_(s).where(s.text == value).select(s.id))).limit(number).offset(number)
    rows = subquery(from_(s).where(s.text == value), "rows_of_it")
    yield from_(rows).where(rows.text == value)
    named_query = cte(s, "named_query")
    yield from_(named_query).with_cte(named_query, from_(s).where(s.text == value)).where(named_query.text != value)
    yield from_(s).where(s.text == value).union(from_(s).where(s.text != value))
    yield from_(s).filter_params({"text__contains": value}, filterable={"text": s.text})


def parsed(sql: str, dialect: Dialect) -> exp.Expr:
    """Return the tree of a text that is one statement."""
    trees = sqlglot.parse(sql, read=dialect.sqlglot)
    assert len(trees) == 1
    assert trees[0] is not None
    return trees[0]


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda one: one.name)
def test_the_structure_of_the_sql_does_not_depend_on_the_values(dialect: Dialect):
    plain = list(statements("plain", 3))
    texts = [query.to_sql(dialect)[0] for query in plain]
    for sql in texts:
        # sqlglot reads no `?1`.
        tree = parsed(re.sub(r"\?(\d)", r":p\1", sql), dialect)
        # The only text in it is ours: the sign that escapes in LIKE.
        assert {one.this for one in tree.find_all(exp.Literal) if one.is_string} <= {"\\"}
    for text in HOSTILE:
        if len(text) > 1_000:
            continue
        for query, known, sql in zip(statements(text, 7), plain, texts, strict=True):
            made, params = query.to_sql(dialect)
            assert made == sql
            assert query.node is known.node
            assert params != ()


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda one: one.name)
def test_a_prefix_is_one_identifier_of_one_statement(dialect: Dialect):
    query = from_(Structure)
    for text in HOSTILE:
        if 0 < len(text.encode()) <= 63:
            table = parsed(compile_select(query.node, dialect, text).sql, dialect).find(exp.Table)
            assert table is not None
            assert (table.db, table.name) == (text, "structures")


async def test_numbers_and_words_of_the_builder_take_no_text(repo: Repo):
    wrong: list[Callable[[], Any]] = [
        lambda: from_(User).limit("1; drop table tags"),  # type: ignore[arg-type]
        lambda: from_(User).offset("1"),  # type: ignore[arg-type]
        lambda: from_(User).order_by("name; drop table tags"),  # type: ignore[arg-type]
        lambda: User.name.asc(nulls="last; drop table tags"),  # type: ignore[arg-type]
        lambda: from_(User).where("1 = 1"),  # type: ignore[arg-type]
        lambda: from_(User).group_by("name"),  # type: ignore[arg-type]
        lambda: fn.rows("1; drop table tags", None),  # type: ignore[attr-defined, arg-type]
    ]
    for make in wrong:
        with pytest.raises(EctypeError):
            make()
    with pytest.raises(EctypeError):
        await repo.insert_all(Tag, [{'name") values (1); --': "x"}])
    with pytest.raises(EctypeError):
        repo.transaction(isolation="serializable; drop table tags")  # type: ignore[arg-type]
