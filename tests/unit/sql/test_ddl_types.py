import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from math import ulp
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import MigrationError
from ectype.sql.ddl import Column, CreateTable, Raw, Table
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.ddl_types import column_type, default_text
from ectype.sql.dialect import POSTGRES, SQLITE
from ectype.types.resolve import field_type
from tests.ids import stable


class Role(StrEnum):
    ADMIN = "it's"


class Level(Enum):
    LOW = 1


TYPES = [
    (int, "bigint", "INTEGER"),
    (str, "text", "TEXT"),
    (bool, "boolean", "INTEGER"),
    (float, "float8", "REAL"),
    (Decimal, "numeric", "TEXT"),
    (bytes, "bytea", "BLOB"),
    (UUID, "uuid", "TEXT"),
    (date, "date", "TEXT"),
    (time, "time", "TEXT"),
    (datetime, "timestamptz", "TEXT"),
    (timedelta, "interval", "INTEGER"),
    (dict[str, Any], "jsonb", "TEXT"),
    (Role, "text", "TEXT"),
    (int | None, "bigint", "INTEGER"),
]


@pytest.mark.parametrize(("python", "postgres", "sqlite"), TYPES, ids=[str(case[0]) for case in TYPES])
def test_a_python_type_becomes_the_type_that_stores_it(python, postgres, sqlite):
    assert column_type("t", Column("x", python), POSTGRES) == postgres
    assert column_type("t", Column("x", python), SQLITE) == sqlite


DEFAULTS = [
    (int, -5, "-5", "-5"),
    (bool, True, "TRUE", "1"),
    (bool, False, "FALSE", "0"),
    (float, 0.1, "0.1", "0.1"),
    (str, "it's", "'it''s'", "'it''s'"),
    (str, "a\\b'", "E'a\\\\b'''", "'a\\b'''"),
    (str, "", "''", "''"),
    (bytes, b"ab", "E'\\\\x6162'", "X'6162'"),
    (Decimal, Decimal("1.50"), "1.50", "'1.50'"),
    (Decimal, Decimal("1E+3"), "1000", "'1000'"),
    (UUID, UUID(int=1), "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000001'"),
    (date, date(2026, 11, 21), "'2026-11-21'", "'2026-11-21'"),
    (datetime, datetime(2026, 11, 21, 7, tzinfo=UTC), "'2026-11-21 07:00:00+00:00'", "'2026-11-21 07:00:00.000000'"),
    (timedelta, timedelta(days=-1, microseconds=5), "'-1 days 0.000005 seconds'", "-86399999995"),
    (dict[str, Any], {"a": "it's"}, "'{\"a\":\"it''s\"}'", "'{\"a\":\"it''s\"}'"),
    (Role, Role.ADMIN, "'it''s'", "'it''s'"),
    (str, Raw("current_user"), "(current_user)", "(current_user)"),
    ("integer", 3, "3", "3"),
    ("integer", True, "TRUE", "1"),
    ("integer", Level.LOW, "1", "1"),
    ("text", [1, {"b": None}], "'[1,{\"b\":null}]'", "'[1,{\"b\":null}]'"),
    ("text", time(7, 30), "'07:30:00'", "'07:30:00'"),
]


@pytest.mark.parametrize(("kind", "value", "postgres", "sqlite"), DEFAULTS, ids=[stable(case[1]) for case in DEFAULTS])
def test_a_default_is_written_as_a_literal(kind, value, postgres, sqlite):
    assert default_text("t", Column("x", kind, default=value), POSTGRES) == postgres
    assert default_text("t", Column("x", kind, default=value), SQLITE) == sqlite


def test_lists_become_arrays_where_the_database_has_them():
    column = Column("x", list[int], default=[1, 2])
    assert column_type("t", column, POSTGRES) == "bigint[]"
    assert default_text("t", column, POSTGRES) == "ARRAY[1, 2]::bigint[]"
    assert default_text("t", Column("x", "text[]", default=[]), POSTGRES) == "ARRAY[]::text[]"
    assert default_text("t", column, SQLITE) == "'[1,2]'"


REFUSED = [
    (int, "7", POSTGRES),
    (int, True, POSTGRES),
    (str, "a\0b", SQLITE),
    (datetime, datetime(2026, 11, 21), POSTGRES),
    (float, float("nan"), SQLITE),
    (UUID, uuid4, POSTGRES),
    ("text", uuid4, POSTGRES),
    ("text", "a\0b", POSTGRES),
    ("real", float("inf"), SQLITE),
    ("numeric", Decimal("NaN"), POSTGRES),
    ("jsonb", {"a": object()}, POSTGRES),
    ("jsonb", [float("nan")], POSTGRES),
]


@pytest.mark.parametrize(("kind", "value", "dialect"), REFUSED, ids=[stable(case[1]) for case in REFUSED])
def test_a_default_that_does_not_fit_is_refused_with_its_column(kind, value, dialect):
    with pytest.raises(MigrationError, match=r"the default of `x` of `t` does not fit its type") as caught:
        default_text("t", Column("x", kind, default=value), dialect)
    assert caught.value.hint


def test_postgres_takes_a_float_that_is_no_number():
    assert default_text("t", Column("x", "float8", default=float("inf")), POSTGRES) == "'inf'"


VALUES = st.one_of(
    st.tuples(st.just(int), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(str), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    st.tuples(st.just(bytes), st.binary()),
    st.tuples(st.just(bool), st.booleans()),
    st.tuples(st.just(float), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just(timedelta), st.timedeltas(timedelta(days=-9999), timedelta(days=9999))),
    st.tuples(st.just(datetime), st.datetimes(timezones=st.just(UTC))),
    st.tuples(st.just(dict[str, Any]), st.dictionaries(st.from_regex(r"[a-z'\\]*", fullmatch=True), st.integers())),
)


@given(case=VALUES)
def test_sqlite_gives_back_the_default_that_was_written(case):
    kind, value = case
    codec = field_type(kind, scale=None)[0].codec("sqlite")
    table = Table("t", (Column("id", int, primary_key=True), Column("x", kind, default=value)))
    with sqlite3.connect(":memory:") as connection:
        for sql in compile_ddl(CreateTable(table), SQLITE):
            connection.execute(sql)
        connection.execute("INSERT INTO t (id) VALUES (1)")
        [(stored,)] = connection.execute("SELECT x FROM t")
    connection.close()
    read = (codec.load or (lambda one: one))(stored)
    # SQLite reads a number from its text to the last bit but one, where it has many digits or a large exponent.
    assert abs(read - value) <= ulp(value) if kind is float else read == value


def test_sqlite_reads_a_default_of_a_float_one_bit_off_at_most():
    value = 1.2137630768188186e-293
    text = default_text("t", Column("x", float, default=value), SQLITE)
    with closing(sqlite3.connect(":memory:")) as connection:
        [(read,)] = connection.execute(f"SELECT {text}").fetchall()
    assert text == "1.2137630768188186e-293"
    assert abs(read - value) <= ulp(value)
