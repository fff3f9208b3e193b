"""Arrays as text: what `unnest` would flatten travels as a literal, and PostgreSQL reads it back as it was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype import Field, Schema, primary_key
from ectype.schema.meta import schema_info
from ectype.sql.bulk import array_literal, compile_unnest
from ectype.sql.compilers import compile_unnest as compile_lazily
from ectype.sql.dialect import POSTGRES
from ectype.sql.shapes import InsertShape
from ectype.types.columns import ColumnValues
from tests.databases import PostgresServer
from tests.dialects.expecting import Postgres
from tests.dialects.world import Role, create_table


class Lists(Schema, table="lists"):
    id: Field[int] = primary_key()
    integers: Field[list[int | None]]
    texts: Field[list[str | None]]
    floats: Field[list[float]]
    decimals: Field[list[Decimal]]
    flags: Field[list[bool]]
    keys: Field[list[UUID]]
    digests: Field[list[bytes]]
    days: Field[list[date]]
    times: Field[list[time]]
    moments: Field[list[datetime]]
    spans: Field[list[timedelta]]
    roles: Field[list[Role]]


NAMES = Lists.__schema__.column_names[1:]
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
ROW = st.fixed_dictionaries(
    {
        "integers": st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=3),
        "texts": st.lists(
            st.none() | TEXT | st.sampled_from(["NULL", "null", "", '"', "\\", "{}", ",", " "]), max_size=4
        ),
        "floats": st.lists(st.floats(allow_nan=False), max_size=3),
        "decimals": st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=3), max_size=3),
        "flags": st.lists(st.booleans(), max_size=3),
        "keys": st.lists(st.uuids(), max_size=2),
        "digests": st.lists(st.binary(max_size=4), max_size=3),
        "days": st.lists(st.dates(date(1, 1, 2), date(9999, 12, 30)), max_size=2),
        "times": st.lists(st.times(), max_size=2),
        "moments": st.lists(MOMENTS, max_size=2),
        "spans": st.lists(st.timedeltas(timedelta(-9999), timedelta(9999)), max_size=2),
        "roles": st.lists(st.sampled_from(Role), max_size=2),
    }
)


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Postgres]:
    url = postgres_server.create_database()
    database = Postgres(url)
    database.do(database.connection.script(create_table(Lists, POSTGRES)))
    yield database
    database.close()
    postgres_server.drop_database(url)


@pytest.mark.postgres
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=3))
def test_lists_come_back_from_a_bulk_insert_as_they_were(rows: list[dict[str, Any]], database: Postgres):
    info = schema_info(Lists)
    statement = compile_unnest(InsertShape(info, NAMES, NAMES), POSTGRES)
    params = statement.dump([ColumnValues.of([row[name] for row in rows]) for name in NAMES])
    back = database.do(database.connection.fetch(statement.sql, params, list))
    loads = [column.load or (lambda value: value) for column in statement.columns]
    assert [{name: load(value) for name, load, value in zip(NAMES, loads, row, strict=True)} for row in back] == rows


def test_a_list_is_written_in_the_grammar_of_array_literals():
    assert array_literal([1, None, "NULL", 'a"b', "c\\d", b"\x00\xff", ""]) == (
        '{"1",NULL,"NULL","a\\"b","c\\\\d","\\\\x00ff",""}'
    )
    assert array_literal([]) == "{}"


def test_an_absent_list_is_null():
    statement = compile_lazily(InsertShape(schema_info(Lists), ("texts", "digests")), POSTGRES)
    columns = ColumnValues.of([None, ["a"]]), ColumnValues.of([[b"x"], None])
    assert statement.dump(columns) == ([None, '{"a"}'], ['{"\\\\x78"}', None])
