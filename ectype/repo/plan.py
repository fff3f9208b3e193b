"""A plan as plain data: what a database will do for a statement, node by node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

_MILLISECONDS: Final = 1_000.0
_KNOWN: Final = frozenset(
    [
        "Node Type", "Relation Name", "Index Name", "Startup Cost", "Total Cost", "Plan Rows", "Plan Width",
        "Actual Rows", "Actual Total Time", "Actual Loops", "Plans",
    ]
)  # fmt: skip
_READ: Final = re.compile(r"(SCAN|SEARCH) (\S+)(?: .*?\bINDEX (\S+))?")
_ALIASED: Final = re.compile(r'"([^"]+)" AS "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Plan:
    """One node of a plan, and those that feed it. What a database does not tell is None.

    Attributes:
        node: what it does, as `Seq Scan` or `SCAN`.
        relation: the table that it reads.
        index: the index that it uses.
        startup_cost: the cost until its first row, in the planner's own unit.
        total_cost: the cost of all its rows.
        rows: how many rows the planner expects.
        width: how long a row is expected to be, in bytes.
        actual_rows: how many rows there were, in each loop; with `analyze=True`, as the next two.
        actual_time: how many seconds each loop took, the nodes below it included.
        loops: how often it ran.
        details: everything else, under the database's own names.
        children: the nodes below it.
    """

    node: str
    relation: str | None = None
    index: str | None = None
    startup_cost: float | None = None
    total_cost: float | None = None
    rows: float | None = None
    width: int | None = None
    actual_rows: float | None = None
    actual_time: float | None = None
    loops: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    children: tuple[Plan, ...] = ()

    def walk(self) -> Iterator[Plan]:
        """Yield the node and all below it, as they are printed.

        >>> [one.node for one in Plan("Limit", children=(Plan("Sort"),)).walk()]
        ['Limit', 'Sort']
        """
        yield self
        for child in self.children:
            yield from child.walk()


def plan_of_json(document: Mapping[str, Any]) -> Plan:
    """Return the plan of PostgreSQL's JSON; what is said of the whole statement is in the details of its root."""
    root = dict(cast("Mapping[str, Any]", document["Plan"]))
    root.update({name: value for name, value in document.items() if name != "Plan"})
    return _node(root)


def _node(found: Mapping[str, Any]) -> Plan:
    time = found.get("Actual Total Time")
    return Plan(
        node=found["Node Type"],
        relation=found.get("Relation Name"),
        index=found.get("Index Name"),
        startup_cost=found.get("Startup Cost"),
        total_cost=found.get("Total Cost"),
        rows=found.get("Plan Rows"),
        width=found.get("Plan Width"),
        actual_rows=found.get("Actual Rows"),
        actual_time=None if time is None else time / _MILLISECONDS,
        loops=found.get("Actual Loops"),
        details={name: value for name, value in found.items() if name not in _KNOWN},
        children=tuple(_node(one) for one in found.get("Plans", ())),
    )


def plan_of_steps(steps: Sequence[Mapping[str, Any]], sql: str) -> Plan:
    """Return the plan of SQLite's steps, whose root is `QUERY PLAN`; aliases of `sql` are told as their tables."""
    tables = {alias: table for table, alias in _ALIASED.findall(sql)}

    def below(parent: int) -> tuple[Plan, ...]:
        return tuple(_step(one, tables, below(one["id"])) for one in steps if one["parent"] == parent)

    return Plan("QUERY PLAN", children=below(0))


def _step(step: Mapping[str, Any], tables: Mapping[str, str], children: tuple[Plan, ...]) -> Plan:
    detail: str = step["detail"]
    read = _READ.match(detail)
    if read is None:
        return Plan(detail, details={"detail": detail}, children=children)
    node, name, index = read.groups()
    return Plan(node, tables.get(name, name), index, details={"detail": detail}, children=children)


def drawn(plan: Plan) -> str:
    """Return SQLite's plan as its shell prints it.

    >>> print(drawn(Plan("QUERY PLAN", children=(Plan("SCAN", details={"detail": "SCAN posts"}),))))
    QUERY PLAN
    `--SCAN posts
    """
    return "\n".join(["QUERY PLAN", *_lines(plan.children, "")])


def _lines(plans: tuple[Plan, ...], before: str) -> Iterator[str]:
    for plan in plans:
        last = plan is plans[-1]
        yield f"{before}{'`' if last else '|'}--{plan.details['detail']}"
        yield from _lines(plan.children, f"{before}{'   ' if last else '|  '}")
