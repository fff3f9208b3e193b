"""Selects: names for outputs, parts of structs, members that a query fills, and rows of classes of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict, TypeVar, assert_type

from ectype import (
    Agg,
    Assignment,
    BelongsTo,
    Expr,
    Field,
    HasMany,
    Maybe,
    Operand,
    Order,
    Query,
    Registry,
    Schema,
    alias,
    belongs_to,
    exists,
    field,
    fn,
    from_,
    has_many,
    literal,
    maybe,
    only,
    outer,
    primary_key,
    scalar,
    subquery,
)

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")


class Harbour(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other programs."""


class Ship(Harbour, table="ships"):
    id: Field[int] = primary_key()
    name: Field[str]
    tons: Field[int | None] = field(default=None)
    fee: Field[Decimal] = field(scale=2)
    visits: Field[int] = field(virtual=True, default=0)
    last_cargo: Field[str | None] = field(virtual=True, default=None)
    large: Field[bool] = field(virtual=True, default=False)
    pilot_id: Field[int | None] = field(default=None)
    pilot: BelongsTo[Pilot | None] = belongs_to()
    calls: HasMany[Call] = has_many()


class Pilot(Harbour, table="pilots"):
    id: Field[int] = primary_key()
    name: Field[str]


class Call(Harbour, table="calls"):
    id: Field[int] = primary_key()
    cargo: Field[str]
    crates: Field[int]
    ship_id: Field[int]
    ship: BelongsTo[Ship] = belongs_to()


class Load(Harbour):
    name: Field[str]
    crates: Field[int] = field(default=0)
    note: Field[str | None] = field(virtual=True, default=None)


@dataclass(frozen=True)
class Card:
    name: str
    crates: int | None = None


class Pair(NamedTuple):
    name: str
    tons: int | None


class Row(TypedDict):
    name: str
    crates: int


def rows(_query: Query[A, Z, R]) -> list[R]:
    """What `repo.all` gives for a query."""
    return []


ships = from_(Ship)
called = ships.left_join(Ship.calls)
piloted = ships.join(Ship.pilot)

# --- names for outputs

n = fn.count(Call.id).as_("n")
assert_type(n, Agg[Call, int])
assert_type(Ship.name.as_("title"), Operand[Ship, str])
assert_type(maybe(Call.cargo).as_("cargo"), Expr[Maybe[Call], str | None])
assert_type(n.desc(nulls="last"), Order[Call])
assert_type(n > 3, Operand[Call, bool])
named = called.group_by(Ship.id).select(Ship.name, n).having(n > 3).order_by(n.desc(), Ship.name)
assert_type(rows(named), list[tuple[str, int]])
big = (Ship.id + 1).as_("big")
assert_type(rows(ships.group_by(big).order_by(big).select(big, fn.count())), list[tuple[int, int]])
assert_type(rows(called.select(maybe(Call.cargo).as_("cargo"))), list[str | None])

# --- parts of structs

assert_type(rows(ships.select(only(Ship.id, Ship.name))), list[Ship])
assert_type(rows(piloted.select(only(Ship.id), only(Pilot.name))), list[tuple[Ship, Pilot]])
assert_type(rows(called.select(only(Ship.name), maybe(only(Call.cargo)))), list[tuple[Ship, Call | None]])
assert_type(maybe(only(Call.cargo, Call.crates)), Expr[Maybe[Call], Call | None])
assert_type(rows(piloted.select(only(Pilot.name), Ship.name)), list[tuple[Pilot, str]])
other = alias(Ship, "other")
assert_type(rows(ships.join(other, on=other.id == Ship.id).select(only(other.id))), list[Ship])
assert_type(rows(ships.select(only(Ship.id, Ship.pilot_id)).preload(Ship.pilot)), list[Ship])

# --- members that a query fills

assert_type(Ship.visits.set(fn.count(Call.id)), Assignment[Ship | Call, Ship])
counted = called.group_by(Ship.id).select_merge(Ship.visits.set(fn.count(Call.id)), Ship.large.set(Ship.id > 3))
assert_type(counted, Query[Ship | Call | Maybe[Call], Ship | Maybe[Call], Ship])
assert_type(rows(counted), list[Ship])
assert_type(rows(called.select_merge(Ship.last_cargo.set(maybe(Call.cargo)))), list[Ship])
assert_type(rows(called.select_merge(Ship.visits.set(Call.crates), Ship.name.set("x"))), list[Ship])
assert_type(rows(ships.select(only(Ship.id)).select_merge(Ship.last_cargo.set(None))), list[Ship])
assert_type(rows(piloted.select(Pilot).select_merge(Pilot.name.set(fn.upper(Ship.name)))), list[Pilot])
ships.select_merge(Ship.large.set(exists(from_(Call).where(Call.ship_id == outer(Ship.id)))))
ships.select_merge(Ship.last_cargo.set(scalar(from_(Call).select(fn.max(Call.cargo)))))
filled = subquery(counted, "filled")
assert_type(rows(from_(filled).where(filled.visits > 3).select(filled.name, filled.visits)), list[tuple[str, int]])
assert_type(rows(from_(filled)), list[Ship])

# --- rows of classes of one's own

assert_type(rows(ships.select_into(Card, Ship.name)), list[Card])
assert_type(rows(called.select_into(Card, Ship.name, maybe(Call.crates))), list[Card])
assert_type(rows(called.select_into(Card, name=Ship.name, crates=fn.sum(Call.crates))), list[Card])
assert_type(rows(ships.select_into(Pair, Ship.name, Ship.tons)), list[Pair])
assert_type(rows(called.select_into(Row, name=Ship.name, crates=fn.count(Call.id))), list[Row])

# --- dicts

assert_type(rows(ships.select({"id": Ship.id, "name": Ship.name})), list[dict[str, Any]])
assert_type(rows(called.select({"ship": Ship, "call": maybe(Call), "n": fn.count(Call.id)})), list[dict[str, Any]])
assert_type(rows(ships.select({"new": literal(True), "part": only(Ship.id)})), list[dict[str, Any]])

# --- projections with defaults

assert_type(rows(ships.project(Load(name=Ship.name))), list[Load])
loads = subquery(called.group_by(Ship.id).project(Load(name=Ship.name, crates=fn.count(Call.id), note="x")), "loads")
assert_type(rows(from_(loads).select(loads.name, loads.note)), list[tuple[str, str | None]])

# --- aggregates over an outer side

assert_type(rows(called.select(fn.count(Call.id), fn.max(Call.crates))), list[tuple[int, int | None]])
assert_type(rows(called.select(maybe(fn.count(Call.id) * 2))), list[int | None])
assert_type(rows(called.select(Ship.name, maybe(Call.cargo)).distinct()), list[tuple[str, str | None]])
