"""Routes that ask for a struct from outside: refused when they are made, or when the application starts."""

import dataclasses
from typing import Annotated, Any, Generic, TypeVar

import pydantic.dataclasses
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ectype import (
    BelongsTo,
    Changeset,
    EmbeddedSchema,
    Field,
    HasMany,
    Schema,
    SchemaError,
    belongs_to,
    change,
    has_many,
    params_of,
    primary_key,
)
from ectype.web_integration import Params, repo_lifespan
from tests.ids import stable

T = TypeVar("T")


class Post(Schema, table="body_posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    notes: "HasMany[Note]" = has_many()


class Note(Schema, table="body_notes"):
    id: Field[int] = primary_key()
    post_id: Field[int]
    post: BelongsTo[Post] = belongs_to()


class Place(EmbeddedSchema):
    town: Field[str]


@dataclasses.dataclass
class Plain:
    post: Post


@pydantic.dataclasses.dataclass
class Checked:
    post: Post


class Model(BaseModel):
    post: Post


class Optional(BaseModel):
    number: int
    post: Post | None = None


class Outer(BaseModel):
    inner: list[Model]


class Tree(BaseModel):
    below: "list[Tree]" = []
    place: dict[str, Place] = {}


class Box(BaseModel, Generic[T]):
    held: T


class Answer(BaseModel):
    number: int

    @pydantic.computed_field
    def post(self) -> Post:
        return Post(title="x")


def post_changeset(params: Any) -> Changeset[Post]:
    return change(Post).cast(params, Post.title)


def routed(annotation: Any) -> FastAPI:
    app = FastAPI(lifespan=repo_lifespan())

    @app.post("/x")
    def create(given: annotation) -> None: ...

    return app


async def start(app: Any) -> None:
    async with app.router.lifespan_context(app):
        pass


@pytest.mark.parametrize(
    "annotation",
    [Post, Place, list[Post], Post | None, Annotated[Post, Body(embed=True)], dict[str, Post], Plain, list[Plain]],
    ids=repr,
)
def test_a_struct_is_refused_when_the_route_is_made(annotation: Any) -> None:
    with pytest.raises(SchemaError, match="the parameter `given` of a route is a P") as refused:
        routed(annotation)
    assert refused.value.hint is not None
    assert "params_of(" in refused.value.hint


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (Model, "Post"),
        (Optional, "Post"),
        (Outer, "Post"),
        (list[Outer], "Post"),
        (Model | int, "Post"),
        (Annotated[Model, Body(embed=True)], "Post"),
        (Tree, "Place"),
        (Box[Post], "Post"),
        (Box[Model], "Post"),
        (Checked, "Post"),
        (dict[str, Checked], "Post"),
    ],
    ids=repr,
)
async def test_a_model_that_holds_a_struct_is_refused_when_the_application_starts(annotation: Any, name: str) -> None:
    app = routed(annotation)
    with pytest.raises(SchemaError, match=f"the parameter `given` of the route `/x` holds a {name}") as refused:
        await start(app)
    assert refused.value.hint is not None
    assert "params_of(" in refused.value.hint


async def test_routes_of_routers_and_mounted_applications_and_what_they_depend_on_are_found() -> None:
    def needs(given: Model) -> None: ...

    def inside(path: str, router: Any) -> None:
        @router.post(path, dependencies=[Depends(needs)])
        def create() -> None: ...

    included, nested, mounted = APIRouter(), APIRouter(), FastAPI()
    inside("/deep", nested)
    included.include_router(nested, prefix="/more")
    inside("/there", mounted)
    by_router = FastAPI(lifespan=repo_lifespan())
    by_router.include_router(included, prefix="/some")
    by_mount = Starlette(routes=[Mount("/sub", mounted)], lifespan=repo_lifespan())
    for app in (by_router, by_mount):
        with pytest.raises(SchemaError, match="the parameter `given` of the route"):
            await start(app)


@pytest.mark.parametrize(
    "annotation", [int, Box[int], Answer, Annotated[Params, params_of(post_changeset)], dict[str, Any]], ids=stable
)
async def test_what_holds_none_is_taken(annotation: Any) -> None:
    await start(routed(annotation))


async def test_structs_that_go_out_and_routes_of_others_are_no_matter() -> None:
    app = FastAPI(lifespan=repo_lifespan())

    @app.get("/x")
    def show() -> Outer: ...

    await start(app)
    await start(Starlette(routes=[Route("/", lambda _: PlainTextResponse("x"))], lifespan=repo_lifespan()))
    async with repo_lifespan()(object()):
        pass
