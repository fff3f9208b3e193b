"""Where the related rows of an association stand: in the table of their schema, or in the one that `source=` names."""

from __future__ import annotations

from typing import Any

from ectype.schema.aliases import table_alias
from ectype.schema.associations import Association
from ectype.schema.sources import TableSource


def related_model(association: Association) -> Any:
    """Return what queries read the related rows by: their schema, or that over the association's own table.

    It is the same as `source(Schema, "table")`, so that conditions on the joined rows may be written over that.
    """
    last = association.steps[-1] if association.follows else association
    if last.options.source is None:
        return last.related.schema
    return table_alias(last.related, None, last.options.source, None, None)


def related_source(association: Association) -> TableSource:
    """Return the source of the related rows."""
    found: TableSource = related_model(association).__source__
    return found


def related_table(association: Association) -> str | None:
    """Return the name of the table of the related rows; None for a shape that no association gives one."""
    return related_source(association).table
