"""The whole way of a request: params are judged, stored, read by key, and said as JSON."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from benchmarks.harness import Competitor, Table
from benchmarks.peers.sqlalchemy import SaAuthor
from benchmarks.schemas import Author
from benchmarks.workloads.changeset import PATTERN
from benchmarks.worlds import World
from ectype import Changeset, change

PARAMS = {"name": "Ada Lovelace", "email": "ada@example.org", "admin": "true"}
ANSWER = TypeAdapter(Author)


class AuthorIn(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=100)]
    email: Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]


class AuthorOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str


def registration(params: Mapping[str, object]) -> Changeset[Author]:
    """Return the changeset of an author."""
    return (
        change(Author)
        .cast(params, Author.name, Author.email)
        .validate_required(Author.name, Author.email)
        .validate_length(Author.name, min=2, max=100)
        .validate_length(Author.email, max=200)
        .validate_format(Author.email, PATTERN)
    )


def table(world: World) -> Table:
    """Each row in a transaction of its own."""

    async def ours(_i: int) -> Any:
        stored = await world.repo.insert(registration(PARAMS))
        read = await world.repo.get_or_raise(Author, stored.id)
        return ANSWER.dump_python(read, mode="json")

    async def theirs(_i: int) -> Any:
        sessions = world.peer("SQLAlchemy ORM").sessions
        taken = AuthorIn.model_validate(PARAMS)
        async with sessions() as session:
            stored = SaAuthor(**taken.model_dump())
            session.add(stored)
            await session.commit()
        async with sessions() as session:
            read = await session.get(SaAuthor, stored.id)
        return AuthorOut.model_validate(read).model_dump(mode="json")

    def said(answer: Any) -> object:
        return {name: value for name, value in answer.items() if name != "id"}

    others = Competitor("SQLAlchemy ORM + pydantic", theirs, objects=True)
    return Table("trip", world.database, [Competitor("ectype", ours), others], said)
