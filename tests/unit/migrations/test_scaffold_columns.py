"""What a column becomes: its annotation, the options of its field, or the reason why there is none."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.migrations.catalog import StoredColumn
from ectype.migrations.scaffold.column_types import NoType, Typed, typed
from ectype.migrations.scaffold.defaults import default_option, quoted

POSTGRES = {
    "smallint": "int",
    "bigint": "int",
    "real": "float",
    "double precision": "float",
    "boolean": "bool",
    "character varying(20)": "str",
    "character(3)": "str",
    "text": "str",
    "citext": "str type=CIText",
    "public.citext": "str type=CIText",
    "bytea": "bytes",
    "uuid": "UUID",
    "numeric": "Decimal",
    "numeric(12,2)": "Decimal scale=2",
    "numeric(12,0)": "Decimal scale=0",
    "numeric(30,20)": "Decimal",
    "numeric(3,-2)": "Decimal",
    "date": "date",
    "time(3) without time zone": "time",
    "timestamp with time zone": "datetime",
    "timestamp(0) with time zone": "datetime",
    "interval": "timedelta",
    "interval(3)": "timedelta",
    "interval year to month": "Interval",
    "jsonb": "dict[str, Any] | list[Any]",
    "json": "dict[str, Any] | list[Any]",
    "inet": "IPv4Address | IPv6Address",
    "cidr": "IPv4Network | IPv6Network",
    "macaddr": "str type=MacAddress",
    "int8range": "Range[int]",
    "numrange": "Range[Decimal]",
    "daterange": "Range[date]",
    "tstzrange": "Range[datetime]",
    "vector(3)": "list[float] type=Vector(3)",
    "text[]": "list[str]",
    "numeric(12,2)[]": "list[Decimal]",
    "macaddr[]": "list[Annotated[str, MacAddress]]",
    "timestamp with time zone[]": "list[datetime]",
    "timestamp without time zone": None,
    "timestamp without time zone[]": None,
    "time with time zone": None,
    "jsonb[]": None,
    "vector": None,
    "vector(99999)": None,
    "money": None,
    "int4range": None,
    "tsrange": None,
    "tsvector": None,
    "xml": None,
    "hstore": None,
    'app."my type"': None,
    "bit(3)": None,
}
SQLITE = {
    "INTEGER": "int",
    "BIGINT UNSIGNED": "int",
    "TINYINT(1)": "int",
    "BOOLEAN": "bool",
    "REAL": "float",
    "DOUBLE PRECISION": "float",
    "DECIMAL(10,2)": "Decimal",
    "numeric": "Decimal",
    "VARCHAR(20)": "str",
    "NATIVE CHARACTER(70)": "str",
    "CLOB": "str",
    "BLOB": "bytes",
    "VARBINARY(16)": "bytes",
    "UUID": "UUID",
    "date": "date",
    "DATETIME": "datetime",
    "TIMESTAMP": "datetime",
    "TIME": "time",
    "JSON": "dict[str, Any] | list[Any]",
    "ANY": None,
    "": None,
    "GEOMETRY": None,
}
CASES = [("postgres", *case) for case in POSTGRES.items()] + [("sqlite", *case) for case in SQLITE.items()]


@pytest.mark.parametrize(("target", "text", "expected"), CASES)
def test_a_type_of_a_database_is_an_annotation_or_a_reason(target, text, expected):
    found = typed(StoredColumn("a", text, text, dimensions=int(text.endswith("[]"))), target)
    if expected is None:
        assert isinstance(found, NoType)
        assert found.reason
    else:
        assert isinstance(found, Typed)
        assert " ".join([found.annotation, *found.options]) == expected


def test_an_array_of_arrays_has_no_type():
    assert isinstance(typed(StoredColumn("a", "text[]", "text[]", dimensions=2), "postgres"), NoType)


@pytest.mark.parametrize(
    ("default", "annotation"),
    [("'{}'::jsonb", "dict[str, Any]"), ("'[]'::jsonb", "list[Any]"), (None, "dict[str, Any] | list[Any]")],
)
def test_a_document_is_what_its_default_looks_like(default, annotation):
    found = typed(StoredColumn("a", "jsonb", "jsonb", default=default), "postgres")
    assert isinstance(found, Typed)
    assert found.annotation == annotation


DEFAULTS = [
    ("0", "int", "default=0"),
    ("'-1'::integer", "int", "default=-1"),
    ("('0'::numeric)::integer", "int", "default=0"),
    ("(1)", "int", "default=1"),
    ("1 + 1", "int", None),
    ("nextval('a_seq'::regclass)", "int", None),
    ("99999999999999999999", "int", None),
    ("'1.5'::double precision", "float", "default=1.5"),
    ("'NaN'::double precision", "float", None),
    ("0.00", "decimal", 'default=Decimal("0.00")'),
    ("true", "bool", "default=True"),
    ("FALSE", "bool", "default=False"),
    ("1", "bool", "default=True"),
    ("'it''s'::text", "str", 'default="it\'s"'),
    ("'say \"a\"'::character varying(9)", "str", "default='say \"a\"'"),
    ("E'a\\\\b'::text", "str", 'default="a\\\\b"'),
    ("''::text", "str", 'default=""'),
    ("'a'::text || 'b'::text", "str", None),
    ("upper('a'::text)", "str", None),
    ("CURRENT_USER", "str", None),
    ("'member'::role", "enum", "default=Role.MEMBER"),
    ("'member'::\"odd Role\"", "enum", "default=Role.MEMBER"),
    ("'other'::role", "enum", None),
    ("'{}'::jsonb", "json", "default_factory=dict"),
    ("'[]'::jsonb", "json", "default_factory=list"),
    ("'{\"a\": 1}'::jsonb", "json", None),
    ("'{}'::text[]", "list", "default_factory=list"),
    ("ARRAY[]::text[]", "list", "default_factory=list"),
    ("'{a}'::text[]", "list", None),
    ("now()", "datetime", None),
    ("'2026-01-01'::date", "other", None),
]


@pytest.mark.parametrize(("text", "kind", "expected"), DEFAULTS)
def test_a_plain_default_is_the_field_s_too_and_another_is_the_database_s(text, kind, expected):
    found = default_option(text, kind, {"member": "Role.MEMBER"})
    assert (None if found is None else found[0]) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_written_as_a_literal_that_python_reads_back(text):
    written = quoted(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()
