"""What an embedded schema does not have, since no row is its own: a table, generated keys, rows that point to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ectype.errors import SchemaError
from ectype.schema.meta import Declaration


def refuse_table(name: str, options: Mapping[str, Any]) -> None:
    """Raise SchemaError for a class statement that gives an embedded schema a table or a prefix."""
    for option in ("table", "prefix"):
        if options.get(option) is not None:
            raise SchemaError(
                f"`class {name}` is embedded, so it has no {option}: its structs stand inside a column of another",
                hint=f"drop `{option}=`, or derive it from Schema",
            )


def check_embedded(name: str, fields: Mapping[str, Declaration], links: Mapping[str, Any]) -> None:
    """Raise SchemaError for members that only a row can have."""
    for member, (raw, options) in links.items():
        if options.kind != "belongs_to":
            raise SchemaError(
                f"`{name}.{member}: {raw.text}` needs rows that point to {name}, and it is embedded: no row is its own",
                hint=f"hold a key of what it belongs to, `BelongsTo[…] = belongs_to()`, or give {name} a table",
            )
    for member, one in fields.items():
        if one.options.generated and one.options.autogenerate is None:
            raise SchemaError(
                f"`{name}.{member}` is a key that a database fills, and {name} is embedded: no database sees it",
                hint=f"write `{member}: Field[UUID] = primary_key(autogenerate=uuid7)`; a key that the caller gives is "
                "`field(primary_key=True)`",
            )
        if one.options.read_after_writes:
            raise SchemaError(
                f"`{name}.{member}` is read back after writes, and {name} is embedded: nothing changes it there",
                hint="drop `read_after_writes=True`",
            )
