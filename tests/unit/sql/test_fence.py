"""The fence round sqlglot: what it would print otherwise, it prints as we say, or not at all."""

import ast
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

import ectype.sql
from ectype import (
    Field,
    QueryError,
    Schema,
    UnsupportedError,
    do_nothing,
    field,
    fn,
    fragment,
    from_,
    literal,
    primary_key,
    window,
)
from ectype.sql.compiler import compile_select
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect
from ectype.sql.lower import quoted, render
from tests.dialects.world import Post, User
from tests.dialects.writing import insert

BOTH = pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda dialect: dialect.name)
POSTS = from_(Post)


def _sql(query: Any, dialect: Dialect) -> str:
    return query.to_sql(dialect)[0]


@BOTH
def test_operands_are_put_in_parentheses_by_our_own_rule(dialect: Dialect):
    raw = exp.And(this=exp.Or(this=exp.Var(this="a"), expression=exp.Var(this="b")), expression=exp.Var(this="c"))
    assert render(raw, dialect) == "a OR b AND c"
    a, b, c = Post.score > 1, Post.score > 2, Post.score > 3
    assert "((" in _sql(POSTS.where((a | b) & c), dialect)


@BOTH
@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Post.rating, 'ORDER BY "p0"."rating"'),
        (Post.rating.asc(), 'ORDER BY "p0"."rating"'),
        (Post.rating.desc(), 'ORDER BY "p0"."rating" DESC'),
    ],
)
def test_an_order_says_nothing_of_nulls_unless_told(term: Any, text: str, dialect: Dialect):
    assert _sql(POSTS.order_by(term), dialect).endswith(text)
    over = fn.row_number().over(window(order_by=term))
    assert f"OVER ({text})" in _sql(POSTS.select(over), dialect)


@BOTH
def test_a_division_is_not_cast(dialect: Dialect):
    assert "CAST" not in _sql(POSTS.select(Post.score / 2, Post.score / Post.id), dialect)


def test_placeholders_are_numbered_in_the_databases_own_way():
    query = POSTS.where(Post.score > 1, Post.id < 2).select(Post.id)
    assert re.findall(r"[$?@:%]\w+", _sql(query, POSTGRES)) == ["$1", "$2"]
    assert re.findall(r"[$?@:%]\w+", _sql(query, SQLITE)) == ["?1", "?2"]


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "{} <=> {}",
        "{} <% {}",
        "{} <#> {}",
        "{} @@@ {}",
        "{} @? {}",
        "{}->>'$.a[0]' = {}",
        "jsonb_path_query({}, {})",
        "now() > {} AND NOT {} IS NULL",
        "CAST({} AS varchar(3)) ^@ {}::Foo",
        "Foo({}, {}) /* a comment */",
        "{} IN (SELECT {})",
    ],
)
def test_the_text_of_a_fragment_is_never_parsed(text: str, dialect: Dialect):
    mark = dialect.placeholder
    wanted = text.format('"p0"."score"', f"{mark}1")
    assert f"SELECT ({wanted}) FROM" in _sql(POSTS.select(fragment(text, Post.score, 3)), dialect)  # type: ignore[call-overload]


@BOTH
def test_conflict_targets_are_bare_names(dialect: Dialect):
    sql, _ = insert(User, {"name": "x"}, do_nothing(), (User.name,))(dialect)
    assert sql.endswith('ON CONFLICT ("name") DO NOTHING')


def test_what_sqlglot_would_drop_is_refused_by_name():
    tree = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Table(this=exp.to_identifier("posts"))))
    tree.set("locks", [exp.Lock(update=True)])
    with pytest.raises(UnsupportedError, match="SQLite cannot say this: "):
        render(tree, SQLITE)


@BOTH
@pytest.mark.parametrize("name", ["select", "Mixed Case", 'a"b', "users; drop table x --", "ü", "a.b", "", "'", "$1"])
def test_every_name_is_quoted(name: str, dialect: Dialect):
    assert render(quoted(name, dialect), dialect) == '"' + name.replace('"', '""') + '"'


def test_hostile_names_stay_names():
    class Odd(Schema, table='odd"; DROP TABLE users; --'):
        id: Field[int] = primary_key()
        order: Field[str] = field(source='group" = 1; --')

    assert _sql(from_(Odd).where(Odd.order == "x"), POSTGRES) == (
        'SELECT "o0"."id", "o0"."group"" = 1; --" FROM "odd""; DROP TABLE users; --" AS "o0" '
        'WHERE "o0"."group"" = 1; --" = $1'
    )


def test_a_name_that_the_database_would_cut_off_is_refused():
    long = "n" * 64
    with pytest.raises(QueryError, match="PostgreSQL names have at most 63 bytes, got 'nnn"):
        quoted(long, POSTGRES)
    assert render(quoted(long, SQLITE), SQLITE) == f'"{long}"'
    with pytest.raises(QueryError, match="PostgreSQL names have at most 63 bytes"):
        quoted("ü" * 32, POSTGRES)
    with pytest.raises(QueryError, match="a name holds a NUL character"):
        quoted("a\0b", SQLITE)
    with pytest.raises(QueryError, match="a name holds a lone surrogate"):
        quoted("a\ud800", SQLITE)


values = st.one_of(st.integers(10**9, 2**62), st.text("xyz'\"\\;%{}$?\n", min_size=12), st.floats(1e6, 1e7))


@given(value=values)
def test_a_value_is_never_in_the_text(value: Any):
    compared = Post.score if isinstance(value, int) else Post.rating if isinstance(value, float) else Post.title
    query = POSTS.where(compared == value, compared.in_([value])).select(literal(value), fn.coalesce(compared, value))
    for dialect in (POSTGRES, SQLITE):
        sql, params = query.to_sql(dialect)
        assert str(value) not in sql
        assert len(params) == 4


@BOTH
def test_an_empty_list_is_a_list(dialect: Dialect):
    sql, params = POSTS.where(Post.id.in_([])).to_sql(dialect)
    assert "()" not in sql
    assert params in (([],), ("[]",))


@BOTH
def test_functions_and_null_tests_keep_their_spelling(dialect: Dialect):
    query = POSTS.where(Post.title.is_not_null()).select(fn.lower(Post.title), fn.length(Post.title), fn.abs(Post.id))
    sql = _sql(query, dialect)
    assert 'lower("p0"."title"), length("p0"."title"), abs("p0"."id")' in sql
    assert sql.endswith('"title" IS NOT NULL')


def test_types_keep_their_names():
    query = POSTS.select(*(literal(value) for value in (1, 1.5, "x", b"x", True)))
    assert re.findall(r"AS (\w+)\)", _sql(query, POSTGRES)) == ["bigint", "float8", "text", "bytea", "boolean"]
    assert re.findall(r"AS (\w+)\)", _sql(query, SQLITE)) == ["INTEGER", "REAL", "TEXT", "BLOB", "INTEGER"]


@BOTH
def test_a_shape_gives_the_same_text_each_time(dialect: Dialect):
    query = POSTS.join(Post.author).where(User.name == "x", Post.score.in_([1])).order_by(Post.id.desc()).limit(3)
    other = SQLITE if dialect is POSTGRES else POSTGRES
    first = compile_select(query.node, dialect).sql
    compile_select(query.node, other)
    assert compile_select(query.node, dialect).sql == first


@BOTH
def test_placeholders_are_set_apart(dialect: Dialect):
    sql = _sql(from_(User).select(fn.substring(User.name, 1, 2), fragment("f({},{})", 3, 4)), dialect)
    mark = dialect.placeholder
    assert f'substr("u0"."name", {mark}1, {mark}2)' in sql
    assert f"f({mark}3,{mark}4)" in sql  # as the user wrote it: never parsed


def test_sqlglot_is_pinned_and_never_subclassed():
    assert int(version("sqlglot").split(".")[0]) == 30
    for path in Path(ectype.sql.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            assert not [base for base in bases if base.startswith(("exp.", "sqlglot"))], path
