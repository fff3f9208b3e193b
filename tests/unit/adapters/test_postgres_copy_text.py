"""COPY's text format: every value of every class reads back as it was."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.adapters.postgres_copy_text import line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        ("\\N", "\\\\N"),
        ("a\tb\nc\rd\\", "a\\tb\\nc\\rd\\\\"),
        (True, "t"),
        (False, "f"),
        (b"\x00\xff", "\\\\x00ff"),
        (Decimal("1.50"), "1.50"),
        (1.5e300, "1.5e+300"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29 00:00:00+00:00"),
        ([], "{}"),
        (["a", None, 'b"c\\', "NULL"], '{"a",NULL,"b\\\\"c\\\\\\\\","NULL"}'),
        ([[1, 2], [3, 4]], '{{"1","2"},{"3","4"}}'),
        ([b"\x01", True], '{"\\\\\\\\x01","t"}'),
    ],
)
def test_a_value_is_told_as_postgresql_reads_it(value, text):
    assert line([value]) == f"{text}\n".encode()
    assert line([1, value, "x"]) == f"1\t{text}\tx\n".encode()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_no_text_breaks_out_of_its_place(values):
    fields = line(values).decode().removesuffix("\n").split("\t")
    assert not any("\n" in field or "\r" in field for field in fields)
    escapes = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
    read: list[str] = []
    for field in fields:
        parts, index = "", 0
        while index < len(field):
            step = 2 if field[index] == "\\" else 1
            part = field[index : index + step]
            parts += escapes.get(part, part)
            index += step
        read.append(parts)
    assert read == values
