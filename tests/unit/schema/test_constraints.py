"""Constraints: how they are named, which violation they answer to, and what is said of one that none answers to."""

import re
from typing import Any

import pytest

from ectype.errors import SchemaError
from ectype.schema.changeset import Changeset, change
from ectype.schema.constraints import match_violation, unmatched
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.meta import intern_meta
from ectype.schema.schema import Schema
from ectype.schema.structs import placed
from ectype.sql.ddl import foreign_key_name, index_name


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    email: Field[str]
    name: Field[str] = field(source="full_name")
    team_id: Field[int | None] = field(default=None)
    boss_id: Field[int | None] = field(source="boss", default=None)
    age: Field[int | None] = field(default=None)


class Shape(Schema):
    title: Field[str]


begun = change(User)


@pytest.mark.parametrize(
    ("declared", "name", "key", "columns"),
    [
        (begun.unique_constraint(User.email), "users_email_index", "email", ("email",)),
        (
            begun.unique_constraint(User.name, User.team_id),
            "users_full_name_team_id_index",
            "name",
            ("name", "team_id"),
        ),
        (begun.foreign_key_constraint(User.team_id), "users_team_id_fkey", "team_id", ("team_id",)),
        (begun.foreign_key_constraint(User.boss_id), "users_boss_fkey", "boss_id", ("boss_id",)),
        (begun.exclusion_constraint(User.age), "users_age_exclusion", "age", ("age",)),
        (begun.check_constraint(User.age, name="adult"), "adult", "age", ("age",)),
        (begun.unique_constraint(User.email, name="mail", error_key=User.name), "mail", "name", ("email",)),
        (begun.unique_constraint(User.email, name="mail", error_key="base"), "mail", "base", ("email",)),
    ],
)
def test_a_constraint_is_named_after_table_and_columns_unless_told(
    declared: Changeset[User], name: str, key: str, columns: tuple[str, ...]
):
    (constraint,) = declared.constraints
    assert (constraint.name, constraint.field, constraint.columns) == (name, key, columns)
    assert declared.valid


@pytest.mark.parametrize("table", ["users", "Odd Table_", "a.b", "x__"])
@pytest.mark.parametrize("column", ["email", "odd column", "tail_"])
def test_default_names_are_those_that_migrations_give(table: str, column: str):
    class Odd(Schema, table=table):
        first: Field[int] = field(source=column)
        second: Field[int]

    changeset = change(Odd).unique_constraint(Odd.first, Odd.second).foreign_key_constraint(Odd.first)
    assert [one.name for one in changeset.constraints] == [
        index_name(table, [column, "second"]),
        foreign_key_name(table, column),
    ]


def test_default_names_follow_the_source_of_the_struct():
    user = placed(User(email="x", name="y"), intern_meta("built", "members"))
    assert change(user).unique_constraint(User.email).constraints[0].name == "members_email_index"


@pytest.mark.parametrize(
    ("declare", "message", "hint"),
    [
        (begun.unique_constraint, "`unique_constraint` needs a column", "unique_constraint(User.<field>)"),
        (
            lambda: begun.check_constraint(User.age),
            "needs a name: `structure` of User declares no check of this field",
            'check_constraint(…, name="…")',
        ),
        (lambda: change(Shape).unique_constraint(Shape.title), "needs a name: Shape has no table", 'name="…"'),
        (lambda: begun.unique_constraint(User.email, name=""), "the `name` of a constraint is a text", None),
        (lambda: begun.unique_constraint(User.email, name=3), "the `name` of a constraint is a text, got 3", None),  # type: ignore[arg-type]
        (lambda: begun.unique_constraint(User.email, match="fuzzy"), "does not know match='fuzzy'", "compiled pattern"),  # type: ignore[arg-type]
        (
            lambda: begun.unique_constraint(User.email, name="x", match=re.compile("y")),
            "takes a `name` or a pattern to match, not both",
            "drop `name=`",
        ),
    ],
)
def test_a_constraint_that_means_nothing_is_refused_with_the_fix(declare: Any, message: str, hint: str | None):
    with pytest.raises(SchemaError) as refused:
        declare()
    assert message in refused.value.message
    assert hint is None or hint in (refused.value.hint or "")


ANSWERS = [
    (begun.unique_constraint(User.email), "unique", "email", "has already been taken", "unique", "users_email_index"),
    (
        begun.foreign_key_constraint(User.team_id),
        "foreign_key",
        "team_id",
        "does not exist",
        "foreign",
        "users_team_id_fkey",
    ),
    (begun.check_constraint(User.age, name="adult"), "check", "age", "is invalid", "check", "adult"),
    (
        begun.exclusion_constraint(User.age),
        "exclusion",
        "age",
        "violates an exclusion constraint",
        "exclusion",
        "users_age_exclusion",
    ),
]


@pytest.mark.parametrize(("declared", "kind", "key", "text", "word", "name"), ANSWERS)
def test_a_violation_becomes_the_error_of_the_constraint_with_its_kind_and_name(
    declared: Changeset[User], kind: str, key: str, text: str, word: str, name: str
):
    refused = match_violation(declared.with_action("insert"), kind, name)
    assert refused is not None
    assert refused.errors == ((key, Error(text, constraint=word, constraint_name=name)),)
    assert (refused.valid, refused.action) == (False, "insert")
    assert declared.valid
    assert declared.constraints[0].message == text
    assert match_violation(declared, kind, f"{name}2") is None
    for other in {"unique", "foreign_key", "check", "exclusion", "not_null"} - {kind}:
        assert match_violation(declared, other, name) is None


@pytest.mark.parametrize(
    ("options", "name", "matches"),
    [
        ({"name": "email"}, "email", True),
        ({"name": "email"}, "users_email", False),
        ({"name": "email", "match": "suffix"}, "users_p1_email", True),
        ({"name": "email", "match": "suffix"}, "users_email_p1", False),
        ({"name": "users", "match": "prefix"}, "users_p1_email", True),
        ({"name": "users", "match": "prefix"}, "my_users", False),
        ({"match": re.compile(r"_p\d+_")}, "users_p1_email", True),
        ({"match": re.compile(r"_p\d+_")}, "users_px_email", False),
    ],
)
def test_a_name_is_matched_whole_or_by_its_beginning_end_or_pattern(options: Any, name: str, matches: bool):
    declared = begun.unique_constraint(User.email, message="is gone", **options)
    refused = match_violation(declared, "unique", name)
    assert (refused is not None) is matches
    if refused is not None:
        assert refused.errors == (("email", Error("is gone", constraint="unique", constraint_name=name)),)


def test_the_first_declared_constraint_wins():
    declared = begun.unique_constraint(User.email, message="first").unique_constraint(User.email, message="second")
    refused = match_violation(declared, "unique", "users_email_index")
    assert refused is not None
    assert refused.traverse_errors() == {"email": ["first"]}


def test_metadata_of_a_message_is_kept():
    declared = begun.unique_constraint(User.email, message=Error("is taken", code=7))
    refused = match_violation(declared, "unique", "users_email_index")
    assert refused is not None
    assert refused.errors[0][1].meta == {"constraint": "unique", "code": 7, "constraint_name": "users_email_index"}


NAMELESS = [
    (begun.foreign_key_constraint(User.team_id), "foreign_key", (), "team_id"),
    (begun.foreign_key_constraint(User.team_id).unique_constraint(User.email), "foreign_key", (), "team_id"),
    (begun.foreign_key_constraint(User.team_id).foreign_key_constraint(User.boss_id), "foreign_key", (), None),
    (
        begun.foreign_key_constraint(User.team_id).foreign_key_constraint(User.boss_id),
        "foreign_key",
        ("boss_id",),
        "boss_id",
    ),
    (begun.foreign_key_constraint(User.team_id), "foreign_key", ("boss_id",), None),
    (begun.unique_constraint(User.email, name="mine"), "unique", ("email",), "email"),
    (begun.unique_constraint(User.name, User.team_id), "unique", ("team_id", "name"), "name"),
    (begun.unique_constraint(User.email), "unique", ("email", "team_id"), None),
    (begun.unique_constraint(User.email, name="users_team_id_email_index"), "unique", ("team_id", "email"), "email"),
    (begun.unique_constraint(User.email, name="users_", match="prefix"), "unique", ("team_id", "email"), "email"),
    (begun.unique_constraint(User.email), "unique", ("gone",), None),
    (begun.unique_constraint(User.email), "foreign_key", (), None),
    (begun, "unique", ("email",), None),
]


@pytest.mark.parametrize(("declared", "kind", "columns", "key"), NAMELESS)
def test_a_violation_without_a_name_is_found_by_its_fields_or_as_the_only_one(
    declared: Changeset[User], kind: str, columns: tuple[str, ...], key: str | None
):
    refused = match_violation(declared, kind, None, columns)
    assert (None if refused is None else refused.errors[0][0]) == key
    if refused is not None:
        assert refused.errors[0][1].meta["constraint_name"] in [one.name for one in declared.constraints]


UNMATCHED = [
    ("unique", "users_email_index", ("email",), ".unique_constraint(User.email)"),
    ("unique", "users_email_index", (), ".unique_constraint(User.email)"),
    ("unique", "users_mail", ("email",), '.unique_constraint(User.email, name="users_mail")'),
    ("unique", "users_mail", (), '.unique_constraint(User.<field>, name="users_mail")'),
    ("unique", "users_mail", ("lower(email)",), '.unique_constraint(User.<field>, name="users_mail")'),
    ("unique", None, ("email", "team_id"), ".unique_constraint(User.email, User.team_id)"),
    ("unique", None, (), ".unique_constraint(User.<field>)"),
    ("foreign_key", "users_boss_fkey", (), ".foreign_key_constraint(User.boss_id)"),
    ("foreign_key", "posts_user_id_fkey", ("id",), '.foreign_key_constraint(User.id, name="posts_user_id_fkey")'),
    ("check", "adult", (), '.check_constraint(User.<field>, name="adult")'),
    ("exclusion", "users_age_exclusion", (), ".exclusion_constraint(User.age)"),
    ("not_null", None, ("name",), ".validate_required(User.name)"),
]


@pytest.mark.parametrize(("kind", "name", "columns", "line"), UNMATCHED)
def test_a_violation_that_nothing_declares_is_told_with_the_line_to_add(
    kind: str, name: str | None, columns: tuple[str, ...], line: str
):
    message, hint = unmatched(begun, kind, name, columns)
    assert message.startswith(f"the {kind.replace('_', ' ')} constraint")
    assert message.endswith("which declares none")
    assert (name or "") in message
    assert hint == f"to make it an error of the changeset, add\n\n    {line}"


def test_a_violation_that_nothing_matches_lists_what_is_declared():
    declared = (
        begun.unique_constraint(User.email)
        .check_constraint(User.age, name="adu", match="prefix")
        .unique_constraint(User.name, match=re.compile("na.e"))
    )
    message, _ = unmatched(declared, "unique", "users_mail", ("email",))
    assert message == (
        "the unique constraint `users_mail` over email is not declared in the changeset of User, which declares: "
        "unique `users_email_index`, for `email`; check `adu` (prefix), for `age`; unique `na.e` (pattern), for `name`"
    )
