"""`reflect`: what a schema says, as plain data."""

import sys
from dataclasses import FrozenInstanceError
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Registry,
    Schema,
    SchemaError,
    Timestamps,
    belongs_to,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
    reflect,
)


class App(Schema, abstract=True, registry=Registry(), prefix="app"):
    """Apart from the schemas of other tests."""


class User(App, Timestamps, table="users"):
    id: Field[int] = primary_key()
    name: Field[str] = field(source="full_name")
    key: Field[UUID] = field(autogenerate=uuid4)
    born: Field[int | None] = field(default=None, writable="insert", on_writable_violation="raise")
    password: Field[str | None] = field(virtual=True, default=None, redact=True)
    total: Field[int] = field(read_after_writes=True, writable="never", load_in_query=False)
    posts: HasMany["Post"] = has_many()
    first: HasOne["Post | None"] = has_one(references="id")
    teams: ManyToMany["User"] = many_to_many(through="friends", join_keys=("one_id", "other_id"))


class Post(App, table="posts"):
    code: Field[str] = field(primary_key=True)
    user_id: Field[int | None] = field(default=None)
    user: BelongsTo[User | None] = belongs_to()
    friends: HasMany[User] = has_many(through=lambda: Post.user / User.teams)


class Line(App):
    total: Field[int]
    # What reflection is read by is no member: these names are free.
    fields: Field[str]
    table: Field[str]


def test_a_schema_is_named_with_its_table_key_and_members_in_order():
    found = reflect(User)
    assert (found.schema, found.table, found.prefix, found.primary_key) == (User, "users", "app", ("id",))
    assert [one.name for one in found.fields] == [
        "id", "name", "key", "born", "password", "total", "inserted_at", "updated_at",
    ]  # fmt: skip
    assert [one.column for one in found.columns] == [
        "id", "full_name", "key", "born", "total", "inserted_at", "updated_at",
    ]  # fmt: skip
    assert [one.name for one in found.associations] == ["posts", "first", "teams"]
    assert (reflect(Line).table, reflect(Line).primary_key) == (None, ())
    assert [one.name for one in reflect(Line).fields] == ["total", "fields", "table"]


FACTS: dict[str, dict[str, Any]] = {
    "id": {"primary_key": True, "filled": "database", "nullable": False, "writable": "always", "virtual": False},
    "name": {"column": "full_name", "filled": None, "redacted": False, "read_after_writes": False},
    "key": {"filled": "program"},
    "born": {"nullable": True, "filled": "default", "writable": "insert", "on_writable_violation": "raise"},
    "password": {"column": None, "virtual": True, "redacted": True},
    "total": {"filled": "database", "writable": "never", "read_after_writes": True, "load_in_query": False},
    "inserted_at": {"filled": "clock", "filled_at_update": False, "on_writable_violation": "nothing"},
    "updated_at": {"filled": "clock", "filled_at_update": True},
}


@pytest.mark.parametrize(("name", "facts"), FACTS.items(), ids=FACTS)
def test_a_field_says_what_its_declaration_says(name: str, facts: dict[str, Any]):
    found = reflect(User).field(name)
    assert {fact: getattr(found, fact) for fact in facts} == facts


def test_the_type_of_a_field_casts_as_changesets_do():
    assert reflect(User).field(User.key).type.cast("x").__class__.__name__ == "Err"
    assert reflect(User).field(User.id).type.name == "integer"


def test_an_association_says_which_keys_are_compared_and_over_which_tables():
    users, posts = reflect(User), reflect(Post)
    found = users.association(User.posts)
    assert (found.kind, found.cardinality, found.related, found.owner_keys, found.related_keys) == (
        "has_many", "many", Post, ("id",), ("user_id",),
    )  # fmt: skip
    found = users.association("teams")
    assert (found.join_table, found.join_keys, found.related) == ("friends", (("one_id",), ("other_id",)), User)
    found = posts.association(Post.user)
    assert (found.kind, found.optional, found.owner_keys, found.related_keys) == (
        "belongs_to",
        True,
        ("user_id",),
        ("id",),
    )
    assert (found.join_table, found.join_keys, found.through) == (None, None, ())
    found = posts.association("friends")
    assert (found.through, found.owner_keys, found.related) == (("user", "teams"), (), User)


def test_what_does_not_exist_is_refused_with_the_closest_name():
    with pytest.raises(SchemaError, match="field `nam` does not exist in User\n\nhint: did you mean `name`"):
        reflect(User).field("nam")
    with pytest.raises(SchemaError, match="association `post` does not exist in User\n\nhint: did you mean `posts`"):
        reflect(User).association("post")
    with pytest.raises(SchemaError, match=r"`Post.code` is no column of User"):
        reflect(User).field(Post.code)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="a schema class was expected"):
        reflect(User(name="x"))  # type: ignore[type-var]


def test_nothing_can_be_changed_and_equal_schemas_are_told_apart():
    found = reflect(User)
    assert found == reflect(User) != reflect(Post)
    for one, name in ((found, "table"), (found.fields[0], "column"), (found.associations[0], "kind")):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, "x")


# --- mixins and names that several modules have -----------------------------------------------------------------------


class Bare:
    label: Field[str]


class Filled:
    label: Field[str] = field(default="x")
    number: Field[int] = field(writable="never")


def test_a_mixin_holds_only_what_is_filled_for_the_caller():
    with pytest.raises(SchemaError) as caught:

        class Box(App, Bare, table="boxes"):
            id: Field[int] = primary_key()

    assert str(caught.value) == (
        "`label` of `class Box` comes from the mixin Bare, and nothing fills it\n\n"
        "hint: give it there a value, `label: Field[str] = field(default=…)`, or declare it in Box"
    )

    class Said(App, Bare, table="said"):
        id: Field[int] = primary_key()
        label: Field[str]

    class Crate(App, Filled, table="crates"):
        id: Field[int] = primary_key()

    assert [one.name for one in reflect(Said).fields] == ["id", "label"]
    assert [one.name for one in reflect(Crate).fields] == ["id", "label", "number"]


def _module(name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(body, module.__dict__)
    return module


APPLICATION = """
from ectype import *
class Base(Schema, abstract=True, registry=Registry()): pass
class Tree(Base, table="{0}_trees"):
    id: Field[int] = primary_key()
    leaves: HasMany["Leaf"] = has_many()
"""
PART = """
class Leaf(Base, table="{0}_leaves"):
    id: Field[int] = primary_key()
    tree_id: Field[int]
"""


def test_two_applications_in_one_process_may_have_schemas_of_one_name(monkeypatch: pytest.MonkeyPatch):
    for name in ("one", "two"):
        app = _module(f"{name}_trees", APPLICATION.format(name), monkeypatch)
        part = ModuleType(f"{name}_leaves")
        monkeypatch.setitem(sys.modules, f"{name}_leaves", part)
        exec("from ectype import *", part.__dict__)
        part.__dict__["Base"] = app.Base
        exec(PART.format(name), part.__dict__)
        assert reflect(reflect(app.Tree).association("leaves").related).table == f"{name}_leaves"
