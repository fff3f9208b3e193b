"""Rows compared with rows: one node, interned, described and lowered by the types of its columns."""

from decimal import Decimal

from ectype import POSTGRES, SQLITE, Field, Schema, field, from_, primary_key
from ectype.expr import nodes
from ectype.expr.operand import Operand


class Price(Schema, table="prices"):
    id: Field[int] = primary_key()
    amount: Field[Decimal] = field(scale=2)
    secret: Field[str] = field(redact=True)


AMOUNT, ID, SECRET = Price.amount.reference, Price.id.reference, Price.secret.reference


def compared(*left: nodes.ColumnRef) -> nodes.RowComparison:
    return nodes.row_comparison(">", left, (nodes.PARAM,) * len(left))


def test_equal_rows_are_the_identical_node():
    assert compared(AMOUNT, ID) is compared(AMOUNT, ID)
    assert compared(AMOUNT, ID) is not compared(ID, AMOUNT)
    assert compared(AMOUNT, ID).root is AMOUNT.root


def test_values_are_sent_by_the_type_of_their_own_column():
    query = from_(Price).where(Operand(compared(AMOUNT, ID), (Decimal("1.50"), 3))).select(Price.id)
    text = 'SELECT "p0"."id" FROM "prices" AS "p0" WHERE ("p0"."amount", "p0"."id") > ($1, $2)'
    assert query.to_sql(POSTGRES) == (text, (Decimal("1.50"), 3))
    assert query.to_sql(SQLITE) == (text.replace("$", "?"), (150, 3))
    assert repr(query) == "from_(Price).where((Price.amount, Price.id) > (Decimal('1.50'), 3)).select(Price.id)"


def test_values_beside_a_redacted_column_are_hidden():
    query = from_(Price).where(Operand(compared(SECRET, ID), ("s3cret", 3)))
    assert "s3cret" not in repr(query)
