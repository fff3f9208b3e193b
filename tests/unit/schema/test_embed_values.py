"""Embeds without a key are values: a list of them has changed when its document has, and never hides a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from ectype import (
    Changeset,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    Schema,
    change,
    embeds_many,
    embeds_one,
    field,
    primary_key,
)
from tests.unit.schema.library import loaded


class Cell(EmbeddedSchema):
    notes: Field[dict[str, Any]] = field(default_factory=dict)
    price: Field[Decimal | None] = field(default=None)

    @staticmethod
    def changeset(cell: Cell, params: Mapping[str, object]) -> Changeset[Cell]:
        made = change(cell).cast(params, Cell.notes, Cell.price).validate_number(Cell.price, less_than=9)
        return made.add_error("base", "no") if "refuse" in params else made


class Sheet(Schema, table="sheets"):
    id: Field[int] = primary_key()
    cells: EmbedsMany[Cell] = embeds_many()
    head: EmbedsOne[Cell | None] = embeds_one()


def sheet() -> Sheet:
    held = {"notes": {"a": 1, "b": True}, "price": Decimal("1.0")}
    return loaded(Sheet(id=1, cells=[loaded(Cell(**held))], head=loaded(Cell(**held))))


VALUES: list[tuple[dict[str, Any], bool]] = [
    ({"notes": {"b": True, "a": 1}, "price": Decimal("1.0")}, False),
    ({"notes": {"a": True, "b": True}, "price": Decimal("1.0")}, True),
    ({"notes": {"a": 1.0, "b": True}, "price": Decimal("1.0")}, True),
    ({"notes": {"a": 1, "b": 1}, "price": Decimal("1.0")}, True),
    ({"notes": {"a": 1, "b": True}, "price": None}, True),
]


@pytest.mark.parametrize(("values", "changed"), VALUES, ids=repr)
def test_a_list_of_values_has_changed_when_its_document_has(values: dict[str, Any], changed: bool):
    begun = change(sheet())
    for made in (
        begun.put_embed(Sheet.cells, [Cell(**values)]),
        begun.put_embed(Sheet.cells, [values]),
        begun.cast({"cells": [values]}).cast_embed(Sheet.cells),
    ):
        assert ("cells" in made.changes) is changed
        assert made.apply_changes().cells == [Cell(**values)]
        assert repr(made.apply_changes().cells) == repr([Cell(**values)]) or not changed
    assert ("head" in begun.put_embed(Sheet.head, Cell(**values)).changes) is changed
    assert ("cells" in begun.put_embed(Sheet.cells, [Cell(**values), Cell(**values)]).changes) is True


def test_values_that_are_refused_are_a_change_although_they_equal_those_that_are_there():
    params = {"cells": [{"notes": {"a": 1, "b": True}, "price": "1.0", "refuse": "yes"}]}
    refused = change(sheet()).cast(params).cast_embed(Sheet.cells)
    assert not refused.valid
    assert refused.traverse_errors() == {"cells": [{"base": ["no"]}]}
    unfit = change(sheet()).cast({"cells": [{"notes": {"a": 1, "b": True}, "price": "99"}]}).cast_embed(Sheet.cells)
    assert unfit.traverse_errors() == {"cells": [{"price": ["must be less than 9"]}]}
