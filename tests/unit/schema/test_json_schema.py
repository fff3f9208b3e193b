"""What a struct is in JSON, and what is said of it: by pydantic, by FastAPI, and by `json_schema`."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest
from annotated_types import Gt, MaxLen
from fastapi import Body, Depends, FastAPI, Query
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    Page,
    Range,
    Schema,
    SchemaError,
    Timestamps,
    belongs_to,
    field,
    has_many,
    has_one,
    json_schema,
    primary_key,
)
from ectype.schema.structs import set_state


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Address(BaseModel):
    street: str
    since: date | None = None


class User(Schema, Timestamps, table="json_users"):
    """People who sign in."""

    id: Field[int] = primary_key()
    name: Field[Annotated[str, MaxLen(20)]]
    role: Field[Role] = field(default=Role.MEMBER)
    former: Field[list[Role]] = field(default_factory=list)
    balance: Field[Annotated[Decimal, Gt(0)] | None] = field(default=None)
    age: Field[Annotated[int, Gt(17)] | None] = field(default=None)
    address: Field[Address | None] = field(default=None)
    away: Field[Range[date] | None] = field(default=None)
    key: Field[bytes | None] = field(default=None)
    span: Field[timedelta | None] = field(default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    password_hash: Field[str] = field(redact=True, default="hash")
    nickname: Field[str | None] = field(virtual=True, default="nick")
    posts: "HasMany[Post]" = has_many(foreign_key="author_id")
    card: "HasOne[Card | None]" = has_one()


class Post(Schema, table="json_posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to()


class Card(Schema, table="json_cards"):
    id: Field[int] = primary_key()
    user_id: Field[int]


class Line(Schema):
    title: Field[str]
    author: Field[str]


NOW = datetime(2026, 11, 1, 9, 2, 3, tzinfo=UTC)


def ada(**more: Any) -> User:
    values: dict[str, Any] = {"id": 1, "name": "Ada", "inserted_at": NOW, "updated_at": NOW, **more}
    return User(**values)


def said(value: object, annotation: Any = None) -> Any:
    """What a web framework sends, having checked that it is what was promised."""
    adapter = TypeAdapter(annotation or type(value))
    found = json.loads(adapter.dump_json(value))
    promised = adapter.json_schema(mode="serialization")
    Draft202012Validator.check_schema(promised)
    Draft202012Validator(promised).validate(found)
    assert adapter.dump_python(value, mode="json") == found
    return found


def test_a_struct_is_its_columns_each_as_its_type_says_it() -> None:
    full = ada(
        role=Role.ADMIN,
        former=[Role.MEMBER],
        balance=Decimal("1.50"),
        age=36,
        address=Address(street="Main", since=date(2026, 1, 1)),
        away=Range(date(2026, 1, 1), date(2026, 2, 1)),
        key=b"\xff",
        span=timedelta(days=1, seconds=3),
    )
    assert said(full) == {
        "id": 1,
        "name": "Ada",
        "role": "admin",
        "former": ["member"],
        "balance": "1.50",
        "age": 36,
        "address": {"street": "Main", "since": "2026-01-01"},
        "away": {"lower": "2026-01-01", "upper": "2026-02-01", "bounds": "[)"},
        "key": "/w==",
        "span": "P1DT3S",
        "inserted_at": "2026-11-01T09:02:03Z",
        "updated_at": "2026-11-01T09:02:03Z",
    }


def test_what_is_redacted_virtual_or_not_loaded_never_leaves() -> None:
    struct = ada(password="s3cret", password_hash="s3cret", nickname="s3cret")
    assert "s3cret" not in TypeAdapter(User).dump_json(struct).decode()
    assert "s3cret" not in str(TypeAdapter(User).dump_python(struct))
    told = json.dumps(json_schema(User))
    assert [name for name in ("password", "password_hash", "nickname") if f'"{name}"' in told] == []
    assert not {"posts", "card"} & set(said(struct))


def test_what_was_loaded_is_sent_too_however_deep() -> None:
    struct = ada(posts=[Post(id=1, title="First", author_id=1, author=ada(card=None))], card=Card(id=7, user_id=1))
    found = said(struct)
    assert found["card"] == {"id": 7, "user_id": 1}
    assert found["posts"][0]["author"]["card"] is None
    assert "posts" not in found["posts"][0]["author"]


def test_structs_that_hold_each_other_come_to_an_end_and_lose_no_row() -> None:
    struct = ada()
    post = Post(id=1, title="First", author_id=1, author=struct)
    set_state(struct, {"posts": [post, post]})
    found = said(struct)
    assert [one["author"]["name"] for one in found["posts"]] == ["Ada", "Ada"]
    assert "posts" not in found["posts"][0]["author"]
    again = said(post)
    assert again["author"]["posts"] == [{"id": 1, "title": "First", "author_id": 1}] * 2


def test_what_is_included_and_excluded_reaches_the_members_and_what_they_lead_to() -> None:
    struct = ada(posts=[Post(id=1, title="First", author_id=1), Post(id=2, title="Second", author_id=1)])
    adapter = TypeAdapter(User)
    assert adapter.dump_python(struct, include={"name"}, mode="json") == {"name": "Ada"}
    nested = {"id", "posts"}, {"posts": {"__all__": {"author_id"}, 0: {"id"}}}
    assert adapter.dump_python(struct, include=nested[0], exclude=nested[1]) == {
        "id": 1,
        "posts": [{"title": "First"}, {"id": 2, "title": "Second"}],
    }
    assert "age" not in adapter.dump_python(struct, exclude_none=True)


def test_a_member_that_is_unset_is_left_out() -> None:
    assert json.loads(TypeAdapter(Post).dump_json(Post(title="New", author_id=1))) == {"title": "New", "author_id": 1}


@pytest.mark.parametrize(
    ("annotation", "value", "found"),
    [
        (list[Line], [Line(title="a", author="b")], [{"title": "a", "author": "b"}]),
        (Line | None, None, None),
        (dict[str, Line], {"x": Line(title="a", author="b")}, {"x": {"title": "a", "author": "b"}}),
        (
            Page[Line],
            Page([Line(title="a", author="b")], "next", None),
            {"rows": [{"title": "a", "author": "b"}], "next": "next", "previous": None},
        ),
        (Line | Card, Card(id=1, user_id=2), {"id": 1, "user_id": 2}),
        (tuple[Line, int], (Line(title="a", author="b"), 1), [{"title": "a", "author": "b"}, 1]),
    ],
)
def test_containers_of_structs(annotation: Any, value: object, found: object) -> None:
    assert said(value, annotation) == found


def test_a_model_holds_structs_serialises_them_and_makes_none() -> None:
    class Envelope(BaseModel):
        line: Line
        count: int

    line = Line(title="a", author="b")
    envelope = Envelope(line=line, count=1)
    assert envelope.line is line
    assert envelope.model_dump() == {"line": {"title": "a", "author": "b"}, "count": 1}
    assert said(envelope) == {"line": {"title": "a", "author": "b"}, "count": 1}
    for attempt in (
        lambda: Envelope.model_validate({"line": {"title": "a", "author": "b"}, "count": 1}),
        lambda: Envelope.model_validate_json('{"line": {"title": "a", "author": "b"}, "count": 1}'),
        lambda: Envelope(line=Card(id=1, user_id=1), count=1),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(ValidationError, match="a struct of Line is expected; values from outside are params"):
            attempt()


def test_the_schema_tells_types_nullability_constraints_and_what_is_related() -> None:
    found = json_schema(User)
    Draft202012Validator.check_schema(found)
    user = found["$defs"]["User"]
    assert found["$ref"] == "#/$defs/User"
    assert user["description"] == "People who sign in."
    members = user["properties"]
    assert members["name"] == {"type": "string", "maxLength": 20, "title": "Name"}
    assert members["role"] == {"$ref": "#/$defs/Role"}
    assert members["former"]["items"] == {"$ref": "#/$defs/Role"}
    assert found["$defs"]["Role"]["enum"] == ["member", "admin"]
    assert members["age"]["anyOf"] == [{"type": "integer", "exclusiveMinimum": 17}, {"type": "null"}]
    assert members["balance"]["anyOf"] == [{"type": "string", "format": "decimal"}, {"type": "null"}]
    assert members["address"]["anyOf"] == [{"$ref": "#/$defs/Address"}, {"type": "null"}]
    assert members["inserted_at"]["format"] == "date-time"
    assert members["posts"]["items"] == {"$ref": "#/$defs/Post"}
    assert members["card"]["anyOf"] == [{"$ref": "#/$defs/Card"}, {"type": "null"}]
    assert found["$defs"]["Post"]["properties"]["author"] == {"$ref": "#/$defs/User"}
    assert found["$defs"]["Post"]["required"] == ["id", "title", "author_id"]
    assert json_schema(Line) == {
        "title": "Line",
        "type": "object",
        "properties": {"title": {"type": "string", "title": "Title"}, "author": {"type": "string", "title": "Author"}},
        "required": ["title", "author"],
    }


def test_what_is_no_schema_of_structs_is_refused() -> None:
    with pytest.raises(SchemaError, match="a schema class was expected"):
        json_schema(int)
    with pytest.raises(SchemaError, match="`Schema` is no schema that has structs"):
        TypeAdapter(Schema)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (Post, ...),
        (list[Post], ...),
        (Post | None, None),
        (dict[str, Post], ...),
        (Annotated[Post, Body(embed=True)], ...),
        (Annotated[Post, Query()], ...),
    ],
)
def test_a_schema_as_the_parameter_of_a_route_is_refused_when_the_route_is_made(annotation: Any, default: Any) -> None:
    def create(post: Any) -> None: ...

    create.__annotations__ = {"post": annotation}
    create.__defaults__ = None if default is ... else (default,)
    with pytest.raises(SchemaError, match="the parameter `post` of a route is a Post") as caught:
        FastAPI().post("/posts")(create)
    assert "params: Annotated[Params, params_of(" in str(caught.value)


def test_a_struct_that_the_application_gives_itself_is_no_parameter_of_a_route() -> None:
    app = FastAPI()

    def current() -> User:
        return ada()

    @app.get("/me")
    def show(user: Annotated[User, Depends(current)]) -> User:
        return user

    assert "requestBody" not in app.openapi()["paths"]["/me"]["get"]


def test_documentation_with_one_schema_for_both_ways_still_knows_structs() -> None:
    app = FastAPI(separate_input_output_schemas=False)

    @app.get("/posts")
    def posts() -> list[Post]:
        return []

    assert app.openapi()["components"]["schemas"]["Post"]["required"] == ["id", "title", "author_id"]


def test_a_schema_as_the_response_of_a_route_is_its_documentation() -> None:
    app = FastAPI()

    @app.get("/posts")
    def posts() -> list[Post]:
        return []

    @app.get("/page")
    def page() -> Page[Post]:
        return Page([], None, None)

    document = app.openapi()
    found = document["paths"]["/posts"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert found["items"] == {"$ref": "#/components/schemas/Post"}
    assert set(document["components"]["schemas"]) >= {"Post", "User", "Card", "Role", "Address", "Page_Post_"}


def test_pydantic_is_imported_only_when_it_is_needed() -> None:
    code = (
        "import sys; from ectype import Schema, Field, Repo, from_, change, changeset_schema, json_schema, params_of\n"
        "class A(Schema, table='a'):\n    n: Field[int]\n"
        "change(A).cast({'n': 1}, A.n)\n"
        "sys.exit('pydantic' in sys.modules or 'pydantic_core' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
