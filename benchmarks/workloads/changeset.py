"""A changeset from outside: six fields cast, then required, length, format and the bounds of two numbers."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from ectype import Field as Column
from ectype import Schema, change, field, primary_key

PATTERN = r"^[^@\s]+@[^@\s]+\Z"
GOOD = {"name": "Ada", "email": "ada@example.org", "age": "36", "score": "1.5", "balance": "12.50", "member": "true"}
BAD = {"name": "A", "email": "ada", "age": "7", "score": "1.5", "balance": "-1", "member": "true"}


class Person(Schema, table="people"):
    id: Column[int] = primary_key()
    name: Column[str]
    email: Column[str]
    age: Column[int | None] = field(default=None)
    score: Column[float | None] = field(default=None)
    balance: Column[Decimal] = field(default=Decimal(0))
    member: Column[bool] = field(default=False)


class PersonModel(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=40)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    age: Annotated[int | None, Field(ge=18)] = None
    score: float | None = None
    balance: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    member: bool = False


def registration(params: dict[str, str]) -> Any:
    """Return the changeset of a person."""
    return (
        change(Person)
        .cast(params, Person.name, Person.email, Person.age, Person.score, Person.balance, Person.member)
        .validate_required(Person.name, Person.email)
        .validate_length(Person.name, min=2, max=40)
        .validate_format(Person.email, PATTERN)
        .validate_number(Person.age, greater_than_or_equal_to=18)
        .validate_number(Person.balance, greater_than_or_equal_to=0)
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
