"""What a table holds beyond its columns, as it is declared: names, what is refused, and what changesets find."""

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from ectype import (
    BelongsTo,
    Column,
    Field,
    HasMany,
    Registry,
    Schema,
    SchemaError,
    alias,
    belongs_to,
    change,
    check,
    column,
    database_object,
    database_objects,
    exclusion,
    field,
    fn,
    fragment,
    from_,
    has_many,
    index,
    outer,
    primary_key,
    references,
    reflect,
    scalar,
    structure,
    unique,
    with_meta,
)


class App(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Team(App, table="teams"):
    id: Field[int] = primary_key()
    name: Field[str]
    users: HasMany["User"] = has_many()


class User(App, table="users"):
    id: Field[int] = primary_key()
    email: Field[str] = field(source="mail address")
    name: Field[str]
    age: Field[int | None] = field(default=None)
    score: Field[int] = field(default=0)
    note: Field[str | None] = field(virtual=True, default=None)
    team_id: Field[int]
    team: BelongsTo[Team] = belongs_to()
    boss_id: Field[int | None] = field(default=None)
    boss: BelongsTo["User | None"] = belongs_to()


USERS = structure(
    User,
    indexes=[
        unique(User.email),
        unique(User.team_id, User.name, where=User.age > 17, name="one_name_a_team"),
        unique(fn.lower(User.name), name="users_lower_name"),
        index(User.name.desc(), User.score),
        index(User.age, include=[User.score]),
    ],
    checks=[
        check("adult", User.age > 17),
        check("scored", User.score >= 0),
        check("old_enough_to_score", (User.age > 3) | (User.score == 0)),
    ],
    exclusions=[exclusion((User.team_id, "="), (User.score, "&&"))],
    foreign_keys=[references(User.team, on_delete="cascade"), references(User.boss, name="the_boss")],
    comment="people",
)


def test_names_follow_from_table_and_columns_as_those_of_migrations_do():
    assert [one.name for one in USERS.indexes] == [
        "users_mail_address_index",
        "one_name_a_team",
        "users_lower_name",
        "users_name_score_index",
        "users_age_index",
    ]
    assert [one.name for one in USERS.checks] == ["adult", "scored", "old_enough_to_score"]
    assert [one.name for one in USERS.exclusions] == ["users_team_id_score_exclusion"]
    assert [one.name for one in USERS.foreign_keys] == ["users_team_id_fkey", "the_boss"]


def test_it_is_read_by_reflection_and_nothing_can_be_changed():
    found = reflect(User).structure
    assert found is USERS
    assert (found.schema, found.comment) == (User, "people")
    assert reflect(Team).structure is None
    key = found.foreign_keys[0]
    info, fields = key.related
    assert (key.fields, info.name, fields, key.on_delete) == (("team_id",), "Team", ("id",), "cascade")
    for one, name in ((found, "comment"), (found.indexes[0], "name"), (found.checks[0], "name"), (key, "name")):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, "x")


BEGUN = change(User)
FOUND: dict[str, tuple[Callable[[], Any], str]] = {
    "a unique index": (lambda: BEGUN.unique_constraint(User.email), "users_mail_address_index"),
    "a unique index with a name of its own": (
        lambda: BEGUN.unique_constraint(User.name, User.team_id),
        "one_name_a_team",
    ),
    "a unique index over an expression": (lambda: BEGUN.unique_constraint(User.name), "users_lower_name"),
    "columns that no unique index is over": (lambda: BEGUN.unique_constraint(User.age), "users_age_index"),
    "the only check of a column": (lambda: BEGUN.check_constraint(User.age), "adult"),
    "a check that is named": (lambda: BEGUN.check_constraint(User.age, name="other"), "other"),
    "an exclusion": (lambda: BEGUN.exclusion_constraint(User.score), "users_team_id_score_exclusion"),
    "a foreign key": (lambda: BEGUN.foreign_key_constraint(User.boss_id), "the_boss"),
    "an association": (lambda: BEGUN.assoc_constraint(User.boss), "the_boss"),
    "an association of others": (lambda: change(Team).no_assoc_constraint(Team.users), "users_team_id_fkey"),
    "another table of the same columns": (
        lambda: change(with_meta(User(email="", name="", team_id=1), source="guests")).foreign_key_constraint(
            User.boss_id
        ),
        "guests_boss_id_fkey",
    ),
}


@pytest.mark.parametrize(("declare", "name"), FOUND.values(), ids=FOUND)
def test_a_changeset_finds_the_name_that_was_declared(declare: Callable[[], Any], name: str):
    assert [one.name for one in declare().constraints] == [name]


class Pair(App, table="pairs"):
    a: Field[int]
    b: Field[int]


structure(Pair, checks=[check("one", Pair.a > 0), check("two", Pair.a < 9), check("both", Pair.a < Pair.b)])


class Both(App, table="both"):
    name: Field[str]


structure(Both, indexes=[unique(fn.lower(Both.name), name="lower"), unique(Both.name)])


def test_an_index_over_a_column_goes_before_one_over_an_expression_of_it():
    assert change(Both).unique_constraint(Both.name).constraints[0].name == "both_name_index"


def test_a_changeset_asks_which_of_several_it_means():
    with pytest.raises(SchemaError) as caught:
        change(Pair).check_constraint(Pair.a)
    assert str(caught.value) == (
        "`structure` of Pair declares several constraints of `Pair.a`: one, two\n\n"
        'hint: say which: `check_constraint(…, name="one")`'
    )
    assert change(Pair).check_constraint(Pair.b).constraints[0].name == "both"
    with pytest.raises(SchemaError, match="`structure` of Team declares no check of this field"):
        change(Team).check_constraint(Team.name)


class Bare(App, table="bare"):
    id: Field[int] = primary_key()
    name: Field[str]
    note: Field[str | None] = field(virtual=True, default=None)
    team_id: Field[int]
    team: BelongsTo[Team] = belongs_to()


class Shape(App):
    name: Field[str]


OTHER = alias(Bare, "other")
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a shape": (lambda: structure(Shape), "`structure` is of a schema with a table, got"),
    "an alias": (lambda: structure(OTHER), "`structure` is of a schema with a table, got"),
    "a second one": (lambda: structure(User), "User has a structure already"),
    "a column of another schema": (
        lambda: structure(Bare, indexes=[unique(User.email)]),
        "`unique` of Bare mentions User, and may mention Bare only",
    ),
    "an alias of the schema": (
        lambda: structure(Bare, checks=[check("x", OTHER.name != "")]),
        '`check("x")` of Bare mentions other, and may mention Bare only',
    ),
    "a condition of another schema": (
        lambda: structure(Bare, indexes=[index(Bare.name, where=User.age > 3)]),
        "`where of index` of Bare mentions User, and may mention Bare only",
    ),
    "an included column of another schema": (
        lambda: structure(Bare, indexes=[index(Bare.name, include=[User.age])]),
        "`include of index` of Bare mentions User",
    ),
    "an exclusion of another schema": (
        lambda: structure(Bare, exclusions=[exclusion((User.age, "="))]),
        "`exclusion` of Bare mentions User",
    ),
    "a foreign key of another schema": (
        lambda: structure(Bare, foreign_keys=[references(User.team)]),
        "`references` of Bare takes a `belongs_to` of its own, got User.team",
    ),
    "foreign columns of another schema": (
        lambda: structure(Bare, foreign_keys=[references(User.team_id, Team.id)]),
        "`references` of Bare mentions User",
    ),
    "a virtual field": (
        lambda: structure(Bare, checks=[check("x", Bare.note != "")]),
        '`check("x")` of Bare mentions `note`, which is virtual: it is no column',
    ),
    "an aggregate": (
        lambda: structure(Bare, checks=[check("x", fn.count(Bare.id) > 3)]),
        '`check("x")` of Bare is over one row, and `fn.count(Bare.id) > …` is not',
    ),
    "a query": (
        lambda: structure(Bare, checks=[check("x", Bare.id > scalar(from_(Team).select(fn.max(Team.id))))]),
        '`check("x")` of Bare is over one row',
    ),
    "an outer column": (
        lambda: structure(Bare, checks=[check("x", outer(Bare.id) > 3)]),
        '`check("x")` of Bare is over one row',
    ),
    "two of one name": (
        lambda: structure(Bare, indexes=[index(Bare.name)], checks=[check("bare_name_index", Bare.name != "")]),
        "the structure of Bare has two of the name `bare_name_index`",
    ),
    "an expression without a name": (
        lambda: structure(Bare, indexes=[unique(fn.lower(Bare.name))]),
        "`unique` of Bare is over `fn.lower(Bare.name)`, from which no name follows\n\n"
        'hint: give it one: `unique(…, name="bare_…")`',
    ),
    "an exclusion of an expression without a name": (
        lambda: structure(Bare, exclusions=[exclusion((fragment("int4range({}, 9)", Bare.id), "&&"))]),
        "from which no name follows",
    ),
    "NULL for what is never None": (
        lambda: structure(Bare, foreign_keys=[references(Bare.team, on_delete="set_null")]),
        "`on_delete` of `references` of Bare sets `team_id` to NULL, which is never None",
    ),
    "a check among indexes": (
        lambda: structure(Bare, indexes=[check("x", Bare.id > 3)]),  # type: ignore[list-item]
        "`indexes` holds what `index(User.email)` makes, got Check(",
    ),
    "a column for a list": (lambda: structure(Bare, indexes=Bare.name), "`indexes` is a list, got"),  # type: ignore[arg-type]
    "an index of nothing": (index, "`index` needs a column"),
    "an index of text": (lambda: unique("email"), "`unique` takes columns and expressions, got 'email'"),  # type: ignore[arg-type]
    "a method that does not exist": (
        lambda: index(Bare.name, using="tree"),  # type: ignore[arg-type]
        "`using` of `index` is one of btree, hash, gin, gist, spgist, brin, got 'tree'",
    ),
    "a check without a name": (lambda: check("", Bare.id > 3), "a check has a name of its own, got ''"),
    "a check of a bool": (lambda: check("x", True), '`check("x")` needs a condition, got True'),  # type: ignore[arg-type]
    "a condition that is a bool": (
        lambda: structure(Bare, indexes=[index(Bare.name, where=True)]),  # type: ignore[arg-type]
        "`where of index` needs a condition, got True",
    ),
    "an exclusion of nothing": (exclusion, "`exclusion` needs a pair"),
    "an exclusion of a column": (
        lambda: exclusion(Bare.id),  # type: ignore[arg-type]
        "`exclusion` takes pairs of an expression and an operator, got Bare.id",
    ),
    "a foreign key of an association that has none": (
        lambda: references(Team.users),
        "`references` takes a `belongs_to` alone, got Team.users",
    ),
    "a foreign key to more columns": (
        lambda: references(Bare.team_id, (Team.id, Team.name)),
        "`references` ties 1 columns to 2",
    ),
    "a foreign key to nothing": (lambda: references(Bare.team_id), "`references` ties 1 columns to 0"),  # type: ignore[call-overload]
    "a foreign key to text": (lambda: references(Bare.team_id, "id"), "`references` takes columns, or a `belongs_to`"),  # type: ignore[call-overload]
    "an action that does not exist": (
        lambda: references(Bare.team, on_delete="delete"),  # type: ignore[call-overload]
        "`on_delete` is one of nothing, restrict, cascade, set_null, set_default, got 'delete'",
    ),
    "a time that does not exist": (
        lambda: references(Bare.team, deferrable="later"),  # type: ignore[call-overload]
        "`deferrable` is one of immediate, deferred, got 'later'",
    ),
    "an empty type": (lambda: column(type=" "), "the type of a column is a text that is not empty, got ' '"),
    "a default that is generated": (
        lambda: column(default=1, generated=fragment("1")),
        "a generated column has no default: the database computes it",
    ),
    "what is generated from text": (
        lambda: column(generated="a + b"),  # type: ignore[arg-type]
        "a column is generated from an expression, got 'a + b'",
    ),
    "a column that is not stored": (lambda: column(stored=False), "`stored=False` is for generated columns"),
    "a default over columns": (
        lambda: column(default=Bare.id + 1),
        "the default of a column mentions Bare, and no row is there yet",
    ),
    "a generated column that is written": (
        lambda: field(db=column(generated=fragment("1")), writable="insert"),
        'a generated column is computed by the database, so it is not `writable="insert"`',
    ),
    "a field with text for its column": (
        lambda: field(db="numeric"),  # type: ignore[call-overload]
        "`db` of a field is what `column(…)` makes, got 'numeric'",
    ),
    "a virtual field with a column": (lambda: field(db=column(), virtual=True), "a virtual field is never stored"),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_what_a_table_cannot_hold_is_refused_when_it_is_declared(make: Callable[[], Any], message: str):
    with pytest.raises(SchemaError, match=re.escape(message)):
        make()
    assert Bare.__schema__.structure is None


def test_a_generated_column_is_never_written():
    class Line(App, table="lines"):
        price: Field[int]
        total: Field[int | None] = field(db=column(generated=lambda: Line.price * 2), default=None)

    found = reflect(Line).field("total")
    assert found.writable == "never"
    assert found.db is not None
    assert found.db.computed("Line.total") is not None
    assert isinstance(Line.total, Column)


# --- database objects -------------------------------------------------------------------------------------------------


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Number(IntEnum):
    ONE = 1


class Objects(Schema, abstract=True, registry=Registry()):
    """An application of its own."""


VIEW = {"create": "CREATE VIEW adults AS SELECT 1", "drop": "DROP VIEW adults"}


def test_database_objects_are_kept_by_application_in_order():
    made = [
        database_object("extension", "citext", base=Objects),
        database_object("enum", "role", values=Role, prefix="app", base=Objects),
        database_object("view", "adults", **VIEW, base=Objects),
        database_object("trigger", "touch", on=User, create="CREATE TRIGGER …", drop="DROP TRIGGER …", base=Objects),
        database_object("trigger", "touch", on=Team, create="CREATE TRIGGER …", drop="DROP TRIGGER …", base=Objects),
    ]
    assert database_objects(Objects) == tuple(made)
    assert made[1].values == ("member", "admin")
    assert [one.database for one in made] == ["postgres", "postgres", None, None, None]
    assert [one.table for one in made] == [None, None, None, "users", "teams"]
    # A module that is loaded again says the same again.
    assert database_object("view", "adults", **VIEW, base=Objects) == made[2]
    assert len(database_objects(Objects)) == 5
    assert not set(made) & set(database_objects())
    with pytest.raises(SchemaError, match="the view `adults` is declared twice, and differently"):
        database_object("view", "adults", create="CREATE VIEW x", drop="DROP VIEW x", base=Objects)


NO_OBJECT: dict[str, tuple[Callable[[], Any], str]] = {
    "a kind that does not exist": (
        lambda: database_object("viev", "x"),  # type: ignore[call-overload]
        "there is no database object 'viev'\n\nhint: did you mean `view`?",
    ),
    "no name": (lambda: database_object("extension", ""), "the name of a database object is a text, got ''"),
    "an empty prefix": (
        lambda: database_object("extension", "x", prefix=" "),
        "the prefix of a database object is a text, got ' '",
    ),
    "a view without text": (
        lambda: database_object("view", "x", create="", drop="DROP"),
        '`database_object("view", "x")` needs `create`, the statement for it, got \'\'',
    ),
    "an extension with text": (
        lambda: database_object("extension", "x", create="CREATE"),  # type: ignore[call-overload]
        '`database_object("extension", "x")` is made by its name alone, got create=\'CREATE\'',
    ),
    "an enum without values": (
        lambda: database_object("enum", "x", values=[]),
        '`database_object("enum", "x")` has texts for values, got []',
    ),
    "an enum of numbers": (lambda: database_object("enum", "x", values=Number), "has texts for values, got [1]"),
    "an enum of one text": (lambda: database_object("enum", "x", values="abc"), "has texts for values, got 'abc'"),
    "an enum with a value twice": (
        lambda: database_object("enum", "x", values=["a", "a"]),
        "has a value twice: 'a', 'a'",
    ),
    "a view with values": (
        lambda: database_object("view", "x", values=["a"], create="C", drop="D"),  # type: ignore[call-overload]
        "has no values, got ['a']",
    ),
    "a view of a table": (
        lambda: database_object("view", "x", on=User, create="C", drop="D"),  # type: ignore[call-overload]
        "is of no table, got on=",
    ),
    "a policy of no table": (
        lambda: database_object("policy", "x", on=Shape, create="C", drop="D"),
        '`database_object("policy", "x")` is of a schema with a table, got on=',
    ),
    "a database that does not exist": (
        lambda: database_object("view", "x", create="C", drop="D", database="mysql"),  # type: ignore[call-overload]
        "is for one of postgres, sqlite, got 'mysql'",
    ),
    "a base that is none": (
        lambda: database_object("extension", "x", base=int),  # type: ignore[call-overload]
        "`base` is a base of schemas, got <class 'int'>",
    ),
}


@pytest.mark.parametrize(("make", "message"), NO_OBJECT.values(), ids=NO_OBJECT)
def test_a_database_object_that_means_nothing_is_refused(make: Callable[[], Any], message: str):
    with pytest.raises(SchemaError, match=re.escape(message)):
        make()
