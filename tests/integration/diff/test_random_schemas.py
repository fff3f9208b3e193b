"""Random pairs of schemas: the diff leads from one to the other, finds nothing then, and a rollback leads back."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ectype import Field, check, column, field, index, migrations, primary_key, references, structure, unique
from ectype.adapters.registry import adapter_for
from tests.integration.diff.conftest import Project, fingerprint

TYPES: dict[str, tuple[Any, object]] = {
    "int": (int, 7),
    "str": (str, "it's"),
    "bool": (bool, True),
    "float": (float, 0.5),
    "decimal": (Decimal, Decimal("1.50")),
    "datetime": (datetime, datetime(2026, 11, 21, 7, tzinfo=UTC)),
    "uuid": (UUID, UUID(int=1)),
    "bytes": (bytes, b"\0'"),
}
NUMBERS = ("int", "float", "decimal")
NAMES = ("a", "b", "c", "d")
TABLES = ("birds", "bees", "trees")


@dataclass(frozen=True)
class RandomColumn:
    type: str
    null: bool
    default: bool
    indexed: str | None
    checked: bool
    comment: str | None


columns = st.builds(
    RandomColumn,
    type=st.sampled_from(sorted(TYPES)),
    null=st.booleans(),
    default=st.booleans(),
    indexed=st.sampled_from([None, "index", "unique", "partial", "down"]),
    checked=st.booleans(),
    comment=st.sampled_from([None, None, "what it's for"]),
)
tables = st.dictionaries(st.sampled_from(NAMES), columns, max_size=3)
applications = st.dictionaries(st.sampled_from(TABLES), st.tuples(tables, st.sampled_from([None, *TABLES])), max_size=3)


def declare(application: Any, *, sqlite: bool) -> Any:
    """Declare an application: tables of random columns, each of which may refer to another one.

    SQLite keeps no comments, and compares no decimals.
    """

    def on(base: Any) -> object:
        made: dict[str, Any] = {}
        for table, (described, target) in application.items():
            members: dict[str, Any] = {"id": primary_key()}
            notes: dict[str, Any] = {"id": Field[int]}
            for name, one in described.items():
                kind, default = TYPES[one.type]
                said = {} if sqlite or one.comment is None else {"comment": one.comment}
                db = column(default=default, **said) if one.default else column(**said)
                members[name] = field(db=db, **({"default": None} if one.null else {}))
                notes[name] = Field[kind | None] if one.null else Field[kind]
            if target in application:
                members["other_id"] = field(default=None)
                notes["other_id"] = Field[int | None]
            body = {**members, "__annotations__": notes, "__module__": __name__}
            made[table] = type(base)(table.title(), (base,), body, table=table)
        for table, (described, target) in application.items():
            schema = made[table]
            indexes, checks, keys = [], [], []
            for name, one in described.items():
                of = getattr(schema, name)
                if one.indexed is not None:
                    term = of.desc() if one.indexed == "down" else of
                    where = of.is_not_null() if one.indexed == "partial" else None
                    make = unique if one.indexed == "unique" else index
                    indexes.append(make(term, where=where))
                if one.checked and not (sqlite and one.type == "decimal"):
                    checks.append(check(f"{table}_{name}_ok", of != TYPES[one.type][1]))
            if target in application:
                keys.append(references(schema.other_id, made[target].id, on_delete="set_null"))
            structure(schema, indexes=indexes, checks=checks, foreign_keys=keys)
        return [made]

    return on


async def leads_there_and_back(project: Project, before: Any, after: Any) -> None:
    sqlite = project.adapter.dialect.target == "sqlite"
    before_, after_ = declare(before, sqlite=sqlite), declare(after, sqlite=sqlite)
    if before:
        assert await project.write(before_)
    await project.apply()
    start = fingerprint(await project.state())
    # What has gone is gone: whether it has another name now is a question of its own.
    await project.write(after_, ask=lambda _what, _free: None)
    applied = await project.apply()
    found = await project.diff(after_, ask=lambda _what, _free: None)
    assert (found.difference.steps, found.difference.unmanaged) == ([], [])
    if applied:
        await migrations.rollback(project, project.folder, step=len(applied))
    assert fingerprint(await project.state()) == start


def project_in(folder: str, url: str) -> Project:
    path = Path(folder) / "migrations"
    path.mkdir()
    return Project(url, path, adapter_for(url))


def convertible(before: Any, after: Any) -> bool:
    """Whether PostgreSQL has a cast for each column that changes its type."""
    pairs = [
        (before[table][0][name].type, one.type)
        for table in before.keys() & after.keys()
        for name, one in after[table][0].items()
        if name in before[table][0]
    ]
    return all(one == other or "str" in (one, other) or (one in NUMBERS and other in NUMBERS) for one, other in pairs)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@example({}, {"trees": ({}, "birds"), "birds": ({}, "trees")})
@example({"trees": ({}, "birds"), "birds": ({}, "trees")}, {})
@given(applications, applications)
def test_a_diff_of_random_schemas_leads_there_and_back_on_sqlite(before, after):
    with tempfile.TemporaryDirectory() as folder:
        project = project_in(folder, f"sqlite:///{folder}/test.db")
        asyncio.run(leads_there_and_back(project, before, after))


@pytest.mark.postgres
@example(
    {
        "birds": (
            {"a": RandomColumn("int", null=False, default=False, indexed="index", checked=False, comment=None)},
            None,
        )
    },
    {"birds": ({}, None)},
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(applications, applications)
def test_a_diff_of_random_schemas_leads_there_and_back_on_postgres(postgres_server, before, after):
    assume(convertible(before, after))
    url = postgres_server.create_database()
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(leads_there_and_back(project_in(folder, url), before, after))
    finally:
        postgres_server.drop_database(url)
