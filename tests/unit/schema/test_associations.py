"""Associations: which keys are compared, and paths through them."""

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    QueryError,
    Registry,
    Schema,
    SchemaError,
    belongs_to,
    field,
    from_,
    has_many,
    primary_key,
    subquery,
)
from ectype.schema.associations import Association
from tests.dialects.world import Comment, Post, User


class League(Schema, abstract=True, registry=Registry()):
    pass


class Team(League, table="teams"):
    code: Field[str] = field(primary_key=True)
    id: Field[int]
    players: HasMany["Player"] = has_many()
    captains: HasMany["Player"] = has_many(foreign_key="captain_of")
    rivals: HasMany["Match"] = has_many()
    fans: HasMany["Fan"] = has_many()
    numbered: HasMany["Fan"] = has_many(foreign_key="number", references="id")
    lost: HasMany["Fan"] = has_many(foreign_key="nmuber")


class Player(League, table="players"):
    id: Field[int] = primary_key()
    plays_for: Field[str]
    captain_of: Field[str | None]
    team: BelongsTo[Team] = belongs_to(foreign_key="plays_for")


class Match(League, table="matches"):
    id: Field[int] = primary_key()
    home_id: Field[str]
    guest_id: Field[str]
    home: BelongsTo[Team] = belongs_to()
    guest: BelongsTo[Team] = belongs_to()


class Fan(League, table="fans"):
    id: Field[int] = primary_key()
    number: Field[int]
    grid_id: Field[int]
    grid: BelongsTo["Grid"] = belongs_to()
    row: BelongsTo["Grid"] = belongs_to(foreign_key="number", references="y")


class Depot(League, table="depots"):
    id: Field[int] = primary_key()
    code: Field[str]
    vans: HasMany["Van"] = has_many()


class Van(League, table="vans"):
    id: Field[int] = primary_key()
    depot_id: Field[str]
    depot: BelongsTo[Depot] = belongs_to(references="code")


class Grid(League, table="grid"):
    x: Field[int] = field(primary_key=True)
    y: Field[int] = field(primary_key=True)


class HTTPLog(League, table="logs"):
    id: Field[int] = primary_key()
    lines: HasMany["LogLine"] = has_many()


class LogLine(League, table="lines"):
    id: Field[int] = primary_key()
    http_log_id: Field[int]


def _one(model: type[Schema], name: str) -> Association:
    return model.__schema__.associations[name]


def test_keys_follow_from_the_names():
    assert (_one(Post, "author").owner_keys, _one(Post, "author").related_keys) == (("author_id",), ("id",))
    assert (_one(Post, "comments").owner_keys, _one(Post, "comments").related_keys) == (("id",), ("post_id",))
    assert _one(Post, "comments").cardinality == "many"
    assert _one(Post, "author").cardinality == "one"
    assert _one(HTTPLog, "lines").related_keys == ("http_log_id",)
    assert repr(_one(Post, "author")) == "<association Post.author>"


def test_a_key_follows_from_the_only_association_that_points_back():
    assert _one(Team, "players").related_keys == ("plays_for",)


def test_what_a_key_holds_follows_from_the_association_that_points_back():
    assert (_one(Depot, "vans").owner_keys, _one(Depot, "vans").related_keys) == (("code",), ("depot_id",))


def test_keys_may_be_named():
    assert _one(Team, "captains").related_keys == ("captain_of",)
    assert (_one(Team, "numbered").owner_keys, _one(Team, "numbered").related_keys) == (("id",), ("number",))
    assert (_one(Fan, "row").owner_keys, _one(Fan, "row").related_keys) == (("number",), ("y",))


def test_a_key_that_is_not_known_is_asked_for():
    with pytest.raises(SchemaError) as caught:
        _ = _one(Team, "rivals").related_keys
    assert str(caught.value) == (
        "the foreign key of `Team.rivals` on Match is not known: several point back: guest_id, home_id\n\n"
        'hint: name it: `rivals: HasMany[Match] = has_many(foreign_key="…")`'
    )
    with pytest.raises(SchemaError, match=r"the foreign key of `Team.fans` on Fan is not known: it has no `team_id`"):
        _ = _one(Team, "fans").related_keys


def test_a_composite_key_needs_a_name():
    with pytest.raises(SchemaError) as caught:
        _ = _one(Fan, "grid").related_keys
    assert str(caught.value) == (
        "`Fan.grid` needs one key of Grid, which has 2 primary key columns\n\n"
        'hint: name the column: `references="…"`, or all of the key: `foreign_key=(…, …), references=("x", "y")`'
    )


def test_a_named_key_that_does_not_exist_is_corrected():
    with pytest.raises(QueryError, match="field `nmuber` does not exist in Fan\n\nhint: did you mean `number`"):
        from_(Team).join(Team.lost)
    named = subquery(from_(Fan), "named")
    with pytest.raises(QueryError, match="`nmuber` does not exist in `named`\n\nhint: did you mean `number`"):
        from_(Team).join(Team.lost, as_=named)


def test_a_path_follows_associations():
    path = User.posts / Post.comments
    assert repr(path) == "User.posts / Post.comments"
    assert [hop.association.name for hop in path.hops] == ["posts", "comments"]
    assert repr(path.where(Comment.likes > 3)) == "User.posts / Post.comments"


def test_a_path_is_never_changed():
    path = User.posts
    narrowed = path.where(Post.score > 3).order_by(Post.id.desc(), Post.title).limit(5)
    assert path.hops[0].custom.limit is None
    custom = narrowed.hops[0].custom
    assert (len(custom.wheres), len(custom.order_bys), custom.limit) == (1, 2, 5)
    assert narrowed is not path


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: User.posts / Comment.post, "User.posts leads to Post, and Comment.post starts at Comment"),
        (lambda: User.posts / "comments", "a path goes on with an association, got 'comments'"),
        (lambda: User.posts.where(True), "`where` takes expressions, got True"),
        (lambda: User.posts.order_by("id"), "cannot order by 'id'"),
        (lambda: User.posts.limit(-1), "a limit is a number of rows, 0 or more, got -1"),
        (lambda: User.posts.limit(True), "a limit is a number of rows, 0 or more, got True"),
    ],
)
def test_a_path_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_sources_print_by_their_name():
    assert repr(User.__source__) == "<source User>"  # type: ignore[attr-defined]
    assert repr(subquery(from_(User), "best").__source__) == "<source best>"  # type: ignore[attr-defined]
