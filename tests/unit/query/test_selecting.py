"""What a select refuses when it is built, and how it prints."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NotRequired, TypedDict

import pytest
from pydantic import BaseModel
from pydantic import Field as ModelField

from ectype import Query, QueryError, SchemaError, alias, cte, fn, from_, maybe, only, subquery
from ectype.query.ast import steps
from ectype.schema.structs import UNSET
from tests.dialects.world import Branch, Comment, Line, Post, User

POSTS = from_(Post)
COMMENTED = POSTS.left_join(Post.comments)
N = fn.count(Comment.id).as_("n")


@dataclasses.dataclass
class Card:
    title: str
    count: int = 1
    made: int = dataclasses.field(init=False, default=0)


class Pair(NamedTuple):
    title: str
    count: int = 3


class Row(TypedDict):
    title: str
    count: NotRequired[int]


class Model(BaseModel):
    title: str
    count: int = 4
    shown: int = ModelField(default=1, alias="Shown")


class Keyed:
    def __init__(self, title: str, *, count: int, **more: object) -> None: ...


def closed(title: str, *, count: int = 0) -> str:
    return f"{title}{count}"


@pytest.mark.parametrize(
    ("build", "message", "hint"),
    [
        # names
        (lambda: Post.id.as_(3), "`as_` takes a name, a text without NUL characters, got 3", 'fn.count().as_("n")'),
        (lambda: Post.id.as_(""), "`as_` takes a name", "as_"),
        (lambda: fn.count().as_("a\0b"), "`as_` takes a name", "as_"),
        (lambda: maybe(Comment.body).as_(None), "`as_` takes a name", "as_"),
        (
            lambda: POSTS.select(Post.id.as_("n"), Post.title.as_("N")),
            "the name `N` stands for `Post.id` and for `Post.title`",
            "give each a name of its own",
        ),
        (lambda: POSTS.select(Post.id.as_("n"), Post.id.as_("n")), "two outputs are named `n`", "….as_('n_2')"),
        (
            lambda: POSTS.order_by(Post.id.as_("n")).select(Post.title.as_("n")),
            "the name `n` stands for `Post.id` and for `Post.title`",
            "use one expression again",
        ),
        (
            lambda: POSTS.select(Post.title.as_("n")).group_by(Post.id.as_("n")),
            "the name `n` stands for `Post.title` and for `Post.id`",
            "use one expression again",
        ),
        (
            lambda: POSTS.select_merge(Post.excerpt.set(Post.title.as_("n"))).having(Post.id.as_("n") > 3),
            "the name `n` stands for `Post.title` and for `Post.id`",
            "use one expression again",
        ),
        (lambda: N.over(fn.window()), "`over` comes before the name `n`", "….over(…).as_('n')"),
        (lambda: N.filter(Comment.likes > 3), "`filter` comes before the name `n`", "….filter(…).as_('n')"),
        (lambda: POSTS.order_by(N), "`order_by` mentions Comment, which is not in this query", "join it first"),
        # parts
        (only, "`only` needs at least one column", "only(Post.id, Post.title)"),
        (lambda: only(Post), "`only` takes columns, got", "only(Post.id)"),
        (lambda: only(alias(Post, "p")), "`only` takes columns, got", "only(Post.id)"),
        (lambda: only("id"), "`only` takes columns, got 'id'", "only(Post.id, Post.title)"),
        (lambda: only(None), "`only` takes columns, got None", "only(Post.id, Post.title)"),
        (lambda: only(Post.id + 1), "`only` takes columns, got Post.id + 1", "select_merge"),
        (lambda: only(Post.id.as_("n")), "`only` takes columns, got Post.id.as_('n')", "select_merge"),
        (lambda: only(Post.author), "`only` takes columns, got Post.author", "foreign key"),
        (
            lambda: only(Post.id, User.name),
            "`only` makes a struct of one schema, got `Post.id` and `User.name`",
            "select(only(Post.id), only(User.name))",
        ),
        (
            lambda: only(Post.id, alias(Post, "other").title),
            "`only` makes a struct of one schema, got `Post.id` and `other.title`",
            "select(only(Post.id), only(other.title))",
        ),
        (lambda: only(Post.excerpt), "`Post.excerpt` is virtual", "query.select_merge(Post.excerpt.set(…))"),
        (lambda: POSTS.select(only(User.name)), "`select` mentions User, which is not in this query", "join it"),
        (lambda: POSTS.where(only(Post.draft)), "`where` takes expressions, got only(Post.draft)", "compare"),
        (lambda: POSTS.order_by(only(Post.id)), "cannot order by only(Post.id)", "order_by(Post.title"),
        (
            lambda: POSTS.select(only(Post.id)).preload(Post.author),
            "`Post.author` is found by `Post.author_id`, which this query does not select",
            "only(Post.author_id, …)",
        ),
        (
            lambda: POSTS.preload(Post.comments).select(only(Post.title)),
            "`Post.comments` is found by `Post.id`, which this query does not select",
            "only(Post.id, …)",
        ),
        (only(Post.id).__pick__, "`__pick__` exists for type checkers only", None),
        (only(Post.id).__exact__, "`__exact__` exists for type checkers only", None),
        (Post.id.__column_of__, "`__column_of__` exists for type checkers only", None),
        # merges
        (POSTS.select_merge, "nothing is merged", "select_merge(Post.total.set(fn.count()))"),
        (lambda: POSTS.select_merge(Post.excerpt), "`select_merge` takes assignments, got Post.excerpt", ".set("),
        (lambda: POSTS.select_merge(None), "`select_merge` takes assignments, got None", ".set("),
        (lambda: POSTS.select_merge(Post.author), "`Post.author` is an association", ".preload(Post.author)"),
        (
            lambda: POSTS.join(Post.author).select_merge(User.name.set("x")),
            "`select_merge` fills members of Post, and `User.name` is another's",
            "select(Post, User.name)",
        ),
        (
            lambda: POSTS.select_merge(Post.excerpt.set(User.name)),
            "`select_merge` mentions User, which is not in this query",
            "join it first",
        ),
        (
            lambda: POSTS.select(Post.id).select_merge(Post.excerpt.set("x")),
            "`select_merge` fills members of one struct, and this query selects something else",
            "query.select(Post).select_merge(…)",
        ),
        (
            lambda: POSTS.project(Line(title="x", count=1)).select_merge(Line.count.set(2)),
            "`select_merge` fills members of one struct",
            "query.select(Post, fn.count())",
        ),
        (
            lambda: POSTS.select_merge(Post.excerpt.set("x")).select(Post),
            "this query has a select_merge, which fills members of the struct it selects already",
            "select once",
        ),
        (
            lambda: POSTS.select_merge(Post.title.set(Post.excerpt)),
            "`Post.excerpt` is virtual: it is not stored, so a query cannot read it",
            "query.select_merge(Post.excerpt.set(…))",
        ),
        # selects
        (lambda: POSTS.select(Post.excerpt), "`Post.excerpt` is virtual", "select_merge(Post.excerpt.set(…))"),
        (lambda: POSTS.select(User.name), "`select` mentions User, which is not", ".join(Post.…)"),
        (lambda: POSTS.select([Post.id]), "a select takes expressions and schemas, got [Post.id]", "side by side"),
        (lambda: POSTS.select((Post.id,), Post.title), "a select takes expressions", "select(Post.id, Post.title)"),
        (lambda: POSTS.select(Post.id, {"a": Post.id}), "a select takes expressions", "stands alone"),
        (lambda: POSTS.select(Post.author), "a select takes expressions and schemas, got Post.author", ".preload("),
        (lambda: POSTS.select(Post.score.set(1)), "a select takes expressions", "select_merge"),
        (lambda: POSTS.select(fn.row_number()), "a select takes expressions", "fn.row_number().over("),
        (lambda: POSTS.select(from_(Comment)), "a select takes expressions", "scalar(query)"),
        (lambda: POSTS.select(None), "a select takes expressions and schemas, got None", "literal("),
        (lambda: POSTS.select(int), "a select takes expressions and schemas, got <class 'int'>", "literal("),
        (
            lambda: POSTS.select(*[Post.id] * 11),
            "a select gives tuples of at most 10, got 11 expressions",
            "query.project(Line(title=Post.title, …))",
        ),
        (lambda: POSTS.select(Post.id).select(Post.title), "this query has a select already", "select once"),
        (lambda: POSTS.select({}), "a select needs at least one expression", "query.select({'id': Post.id})"),
        (lambda: POSTS.select({1: Post.id}), "the keys of a selected dict are texts, got 1", "{'id': Post.id}"),
        (lambda: POSTS.select({"a": "b"}), "a select takes expressions and schemas, got 'b'", "literal("),
        (lambda: POSTS.select({"a": User.name}), "`select` mentions User", "join it first"),
        # classes of one's own
        (lambda: POSTS.select_into(Card, titel=Post.title), "Card takes no `titel`", "did you mean `title`?"),
        (lambda: POSTS.select_into(Card, title=Post.title, made=Post.id), "Card takes no `made`", "known names"),
        (lambda: POSTS.select_into(Card, count=Post.id), "Card needs `title`", "select_into(Card, count=…, title=…)"),
        (lambda: POSTS.select_into(Card), "Card has 2 fields (title, count), and 0 expressions", "title=…, count=…"),
        (lambda: POSTS.select_into(Card, *[Post.id] * 3), "Card has 2 fields (title, count), and 3", "count=…"),
        (lambda: POSTS.select_into(Pair, count=Post.id), "Pair needs `title`", "title=…"),
        (lambda: POSTS.select_into(Row, titel=Post.title), "Row takes no `titel`", "did you mean `title`?"),
        (lambda: POSTS.select_into(Row, count=Post.id), "Row needs `title`", "title=…"),
        (lambda: POSTS.select_into(Row, Post.title), "Row is a TypedDict", "select_into(Row, title=…, count=…)"),
        (lambda: POSTS.select_into(Model, titel=Post.title), "Model takes no `titel`", "did you mean `title`?"),
        (lambda: POSTS.select_into(Keyed, title=Post.title), "Keyed needs `count`", "count=…"),
        (lambda: POSTS.select_into(closed, title=Post.title, n=Post.id), "closed takes no `n`", "known names are"),
        (
            lambda: POSTS.select_into(Card, Post.title, count=Post.id),
            "`select_into` takes its expressions by position or by keyword, not both",
            "select_into(Card, count=…",
        ),
        (lambda: POSTS.select_into(Card, title="x"), "a select takes expressions", "literal("),
        (lambda: POSTS.select_into(Card, title=User.name), "`select` mentions User", "join it first"),
        (lambda: POSTS.select_into("Card", title=Post.title), "`select_into` takes a class or a function", None),
        # combinations
        (
            lambda: POSTS.select(only(Post.id, Post.title)).union(POSTS.select(only(Post.id, Post.slug))),
            "`union` combines structs with the same members, and only one side has `title`",
            "select the same members",
        ),
        (
            lambda: POSTS.except_(POSTS.select_merge(Post.excerpt.set("x"))),
            "`except` combines structs with the same members, and only one side has `excerpt`",
            "select the same members",
        ),
        # subqueries
        (lambda: subquery(POSTS.select({"a": Post.id}), "p"), "a subquery needs a name and a type", "query.project("),
        (lambda: subquery(POSTS.select_into(Card, Post.title), "p"), "a subquery needs a name", "query.project("),
        (lambda: subquery(POSTS.join(Post.author).select(Post, User), "p"), "a subquery needs", "query.project("),
        (
            lambda: from_(cte(Branch, "t")).with_cte(cte(Branch, "t"), from_(cte(Branch, "s")).select(only(Branch.id))),
            "`select` mentions Branch",
            "join it",
        ),
        (
            lambda: from_(cte(User, "t")).with_cte(cte(User, "t"), from_(User).select(only(User.id))),
            "the CTE `t` has the columns of User, and its query selects no `name`",
            "select the whole struct",
        ),
        (lambda: POSTS.project(Line(title=Post.title)), "`project` got no expression for `count`", "Line(count=…)"),
    ],
)
def test_a_select_that_means_nothing_is_refused(build: Callable[[], object], message: str, hint: str | None):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("into", [{"title": Post.title, "count": Post.id}, {"count": Post.id, "title": Post.title}])
@pytest.mark.parametrize("target", [Card, Pair, Row, Model, Keyed, closed, dict, partial(closed)])
def test_a_class_takes_its_members_by_name_in_any_order(target: Any, into: dict[str, Any]):
    query = POSTS.select_into(target, **into)
    assert steps(query.node)[-1].arg[2] == tuple(into)


def test_a_schema_is_projected_into_by_keyword_too():
    with pytest.raises(SchemaError, match=r"use `project\(Line\(…\)\)`"):
        POSTS.select_into(Line, title=Post.title, count=Post.id)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (POSTS.select(Post.id.as_("n")), "from_(Post).select(Post.id.as_('n'))"),
        (POSTS.select((Post.score + 1).as_("n")), "from_(Post).select((Post.score + 1).as_('n'))"),
        (POSTS.select(only(Post.title, Post.id)), "from_(Post).select(only(Post.id, Post.title))"),
        (
            COMMENTED.select(only(Post.id), maybe(only(Comment.body))),
            "from_(Post).left_join(Comment, on=Comment.post_id == Post.id)"
            ".select(only(Post.id), maybe(only(Comment.body)))",
        ),
        (POSTS.select({"a b": Post.id}), "from_(Post).select({'a b': Post.id})"),
        (POSTS.select_into(Card, title=Post.title), "from_(Post).select_into(Card, title=Post.title)"),
        (
            POSTS.select_merge(Post.excerpt.set("x"), Post.score.set(Post.id)),
            "from_(Post).select_merge(Post.excerpt.set(literal('x'))).select_merge(Post.score.set(Post.id))",
        ),
    ],
)
def test_a_select_prints_as_its_code(query: Query[Any, Any, Any], text: str):
    assert repr(query) == text


def test_a_part_prints_as_its_code():
    assert repr(only(Post.title, Post.id)) == "only(Post.id, Post.title)"
    assert repr(only(alias(Post, "p").id)) == "only(p.id)"


def test_values_beside_a_redacted_column_stay_hidden_behind_a_name():
    code = fn.coalesce(User.password, "hush").as_("code")
    assert "hush" not in repr(from_(User).select(code).order_by(code))
    assert "hush" not in repr(from_(User).select_merge(User.name.set(fn.coalesce(User.password, "hush"))))


def test_equal_selects_are_one_shape():
    assert POSTS.select(only(Post.id, Post.title)).node is POSTS.select(only(Post.title, Post.id, Post.id)).node
    assert POSTS.select((Post.score + 1).as_("n")).node is POSTS.select((Post.score + 2).as_("n")).node
    assert POSTS.select(Post.id.as_("n")).node is not POSTS.select(Post.id.as_("m")).node
    assert Post.id.as_("n").as_("m").node is Post.id.as_("m").node
    merged = POSTS.select_merge(Post.excerpt.set("a"))
    assert merged.node is POSTS.select_merge(Post.excerpt.set("b")).node
    assert POSTS.select({"a": Post.id}).node is POSTS.select({"a": Post.id}).node
    assert POSTS.select({"a": Post.id}).node is not POSTS.select({"b": Post.id}).node


def test_preloads_of_parts_that_have_the_key_stay():
    query = POSTS.select(only(Post.id, Post.author_id)).preload(Post.author, Post.comments)
    assert len(query.preloads) == 2
    assert POSTS.preload(Post.author).select_merge(Post.excerpt.set("x")).preloads


def test_the_mark_of_an_unset_member_is_one_object():
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert copy.deepcopy(UNSET) is copy.copy(UNSET) is UNSET


def test_a_member_that_does_not_exist_is_answered_with_the_closest_one():
    code = "from tests.dialects.world import Post\nPost.titel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "type object 'Post' has no attribute 'titel'. Did you mean: 'title'?" in done.stderr
    with pytest.raises(AttributeError, match="did you mean `title`"):
        _ = alias(Post, "p").titel
    with pytest.raises(AttributeError, match="did you mean `title`"):
        _ = subquery(POSTS, "p").titel
