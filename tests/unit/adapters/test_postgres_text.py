"""The text that goes to PostgreSQL around a statement, and the tag that comes back."""

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.postgres_connection import affected, begin_text


@pytest.mark.parametrize(
    ("tag", "count"),
    [
        ("INSERT 0 3", 3),
        ("UPDATE 12", 12),
        ("DELETE 0", 0),
        ("MERGE 2", 2),
        ("COPY 7", 7),
        ("SELECT 5", 0),
        ("FETCH 5", 0),
        ("CREATE TABLE", 0),
        ("BEGIN", 0),
        ("", 0),
    ],
)
def test_a_command_tag_counts_what_was_written(tag, count):
    assert affected(tag) == count


@pytest.mark.parametrize(
    ("how", "text"),
    [
        (Begin(), "BEGIN"),
        (Begin(isolation="read committed"), "BEGIN ISOLATION LEVEL READ COMMITTED"),
        (Begin(read_only=True), "BEGIN READ ONLY"),
        (
            Begin(isolation="serializable", read_only=True, deferrable=True),
            "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
        ),
    ],
)
def test_a_transaction_begins_with_one_statement(how, text):
    assert begin_text(how) == text
