"""Params, forms, tokens and statuses as an application writes them: accepted by pyright strict and mypy --strict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, assert_type

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ectype import (
    Changeset,
    EmbeddedSchema,
    EmbedsMany,
    Field,
    HasMany,
    InvalidChangesetError,
    Repo,
    Schema,
    change,
    embeds_many,
    has_many,
    migrations,
    primary_key,
)
from ectype.web_integration import (
    PROBLEMS,
    Form,
    FormField,
    ParamLimits,
    PendingMigrations,
    Problem,
    TokenError,
    Tokens,
    decode_params,
    nest_params,
    read_params,
    repo_errors,
    repo_lifespan,
    to_form,
)


class Link(EmbeddedSchema):
    url: Field[str]


class Author(Schema, table="authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    links: EmbedsMany[Link] = embeds_many()
    posts: HasMany[Post] = has_many()


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]


def authored(params: Mapping[str, object]) -> Changeset[Author]:
    return change(Author).cast(params, Author.name).validate_required(Author.name)


def titled(post: Post, params: Mapping[str, object]) -> Changeset[Post]:
    return change(post).cast(params, Post.title)


form = to_form(authored({"name": ""}), action="validate")
assert_type(form, Form)
assert_type(form[Author.name], FormField)
assert_type(form["name"].errors, list[str])
assert_type(form["name"].validations, dict[str, bool | int | float | str])
assert_type(form.inputs_for(Author.posts, with_=titled), tuple[Form, ...])
assert_type(form.inputs_for(Author.links), tuple[Form, ...])
assert_type(form.inputs_for("posts"), tuple[Form, ...])
to_form(change({}, types={"term": str}), as_="search")

assert_type(decode_params("user[name]=ada", limits=ParamLimits(depth=4)), dict[str, Any])
assert_type(nest_params([("user[name]", "ada")]), dict[str, Any])

tokens = Tokens(("0123456789abcdef0123456789abcdef",), salt="user socket")
assert_type(tokens.sign({"id": 1}), str)
tokens.verify(tokens.sign(1), max_age=timedelta(days=1))
tokens.verify(tokens.sign(1), max_age=None)
try:
    tokens.verify("x", max_age=60)
except TokenError as exc:
    assert_type(exc.reason, Literal["missing", "invalid", "expired"])

repo = Repo("sqlite:///:memory:")


async def create(request: Request) -> Response:
    params = await read_params(request, limits=ParamLimits(size=10_000))
    try:
        await repo.insert(authored(params.get("author") or {}))
    except InvalidChangesetError as exc:
        return HTMLResponse(to_form(exc.changeset)["name"].text(), 422)
    return HTMLResponse("done", 201)


app = Starlette(
    routes=[Route("/authors", create, methods=["POST"])],
    exception_handlers=repo_errors({**PROBLEMS, KeyError: Problem(404)}),
    lifespan=repo_lifespan(repo),
    middleware=[
        Middleware(
            PendingMigrations,
            status=lambda: migrations.status(repo),
            migrate=lambda: migrations.migrate(repo),
            enabled=False,
        )
    ],
)
