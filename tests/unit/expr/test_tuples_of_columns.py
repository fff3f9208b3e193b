"""Rows compared with rows: interned, described and sent by the types of their columns."""

from decimal import Decimal

from ectype import POSTGRES, SQLITE, Field, Schema, field, from_, primary_key, tuple_


class Price(Schema, table="prices"):
    id: Field[int] = primary_key()
    amount: Field[Decimal] = field(scale=2)
    secret: Field[str] = field(redact=True)


def test_equal_rows_are_the_identical_node():
    first = tuple_(Price.amount, Price.id) > (Decimal(1), 3)
    assert first.node is (tuple_(Price.amount, Price.id) > (Decimal(2), 4)).node
    assert first.node is not (tuple_(Price.id, Price.amount) > (3, Decimal(1))).node
    assert first.node.root is Price.amount.node.root


def test_values_are_sent_by_the_type_of_their_own_column():
    query = from_(Price).where(tuple_(Price.amount, Price.id) > (Decimal("1.50"), 3)).select(Price.id)
    text = 'SELECT "p0"."id" FROM "prices" AS "p0" WHERE ("p0"."amount", "p0"."id") > ($1, $2)'
    assert query.to_sql(POSTGRES) == (text, (Decimal("1.50"), 3))
    assert query.to_sql(SQLITE) == (text.replace("$", "?"), (150, 3))


def test_values_beside_a_redacted_column_are_hidden():
    assert "s3cret" not in repr(from_(Price).where(tuple_(Price.secret, Price.id) > ("s3cret", 3)))
