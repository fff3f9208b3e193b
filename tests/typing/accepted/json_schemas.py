"""Structs and params as JSON Schema, and in the annotations of a web framework's routes."""

from collections.abc import Mapping
from typing import Annotated, Any, assert_type

from ectype import Changeset, Field, Page, Schema, change, changeset_schema, field, json_schema, params_of, primary_key
from ectype.web_integration import Params


class User(Schema, table="json_typed_users"):
    id: Field[int] = primary_key()
    name: Field[str]
    age: Field[int | None] = field(default=None)


def registration(params: Mapping[str, object]) -> Changeset[User]:
    return change(User).cast(params, User.name, User.age).validate_required(User.name)


def edited(user: User, params: Mapping[str, object]) -> Changeset[User]:
    return change(user).cast(params, User.name)


assert_type(json_schema(User), dict[str, Any])
assert_type(changeset_schema(registration), dict[str, Any])
assert_type(changeset_schema(registration({})), dict[str, Any])
changeset_schema(lambda params: edited(User(name="Ada"), params))
changeset_schema(change({}, types={"term": str}).cast({}, "term"))


async def create(params: Annotated[Params, params_of(registration)]) -> User:
    assert_type(params, Mapping[str, Any])
    return registration(params).apply_changes()


async def index() -> Page[User]:
    return Page([], None, None)


assert_type(registration({}).permitted, tuple[str, ...])
