"""A changeset from outside: six texts cast to five types, then required, length, format and bounds of two numbers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from ectype import Field as Column
from ectype import Schema, change, field, primary_key

JOINED = "2026-11-29T12:30:00Z"
PATTERN = r"^[^@\s]+@[^@\s]+\Z"
GOOD = {
    "name": "Ada",
    "email": "ada@example.org",
    "age": "36",
    "score": "1.5",
    "joined": JOINED,
    "member": "true",
}
BAD = {"name": "A", "email": "ada", "age": "7", "score": "-1", "joined": JOINED, "member": "true"}


class Person(Schema, table="people"):
    id: Column[int] = primary_key()
    name: Column[str]
    email: Column[str]
    age: Column[int | None] = field(default=None)
    score: Column[float | None] = field(default=None)
    joined: Column[datetime | None] = field(default=None)
    member: Column[bool] = field(default=False)


class PersonModel(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=40)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    age: Annotated[int | None, Field(ge=18)] = None
    score: Annotated[float | None, Field(ge=0)] = None
    joined: datetime | None = None
    member: bool = False


def registration(params: dict[str, str]) -> Any:
    """Return the changeset of a person."""
    return (
        change(Person)
        .cast(params, Person.name, Person.email, Person.age, Person.score, Person.joined, Person.member)
        .validate_required(Person.name, Person.email)
        .validate_length(Person.name, min=2, max=40)
        .validate_format(Person.email, PATTERN)
        .validate_number(Person.age, greater_than_or_equal_to=18)
        .validate_number(Person.score, greater_than_or_equal_to=0)
    )


def _refused(params: dict[str, str]) -> list[str]:
    try:
        PersonModel.model_validate(params)
    except ValidationError as exc:
        return [str(one["loc"][0]) for one in exc.errors()]
    raise AssertionError("the params are wrong")


def tables() -> list[Table]:
    """Params that are right, and params with four mistakes."""
    return [
        Table(
            "changeset valid",
            "–",
            [
                Competitor("ectype", lambda _: registration(GOOD).changes, sync=True),
                Competitor("pydantic", lambda _: PersonModel.model_validate(GOOD), sync=True),
            ],
            dict,
            budgets=[Budget(most=8)],
        ),
        Table(
            "changeset invalid",
            "–",
            [
                Competitor("ectype", lambda _: [name for name, _ in registration(BAD).errors], sync=True),
                Competitor("pydantic", lambda _: _refused(BAD), sync=True),
            ],
            sorted,
        ),
    ]
