"""What to write instead of a query that is run once for each row: the `preload` that reads all of them at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ectype.errors import EctypeError
from ectype.schema.associations import Association
from ectype.schema.meta import SchemaInfo
from ectype.schema.schema import Schema
from ectype.schema.targets import related_table

_TOKENS: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|\w+|[^\s\w]""")
_COMPARED: Final = re.compile(
    r'"(?P<alias>\w+)"\."(?P<column>\w+)"\s*(?:=|IN)\s*(?:ANY\()?(?:\$\d|\?\d|\(SELECT value)'
)
_SHOWN: Final = 4


def advice(sql: str) -> str:
    """Return the hint for a read that was repeated: which associations it follows, as far as schemas tell."""
    lines = sorted({f"    from_({one.owner.name}).preload({one.label})" for one in _followed(sql)})
    if not lines:
        return "read all of it at once: collect the keys, and ask for them with `where(Post.id.in_(keys))`"
    more = "" if len(lines) <= _SHOWN else f"\n    … or {len(lines) - _SHOWN} more"
    return "load the association with the rows that it belongs to:\n\n" + "\n".join(lines[:_SHOWN]) + more


def _followed(sql: str) -> Iterator[Association]:
    found = _table(sql)
    if found is None:
        return
    table, alias = found
    compared = {match["column"] for match in _COMPARED.finditer(sql) if match["alias"] == alias}
    for info in _schemas():
        for one in info.associations.values():
            if _leads_to(one, table, compared):
                yield one


def _table(sql: str) -> tuple[str, str] | None:
    """Return the table that a query reads from, and its alias: the FROM that stands in no parentheses."""
    depth = 0
    words = [match[0] for match in _TOKENS.finditer(sql)]
    for place, word in enumerate(words):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "FROM":
            rest = words[place + 1 :]
            # A prefix may stand before the table.
            name = rest[2] if rest[1:2] == ["."] else rest[0]
            after = rest[rest.index(name) + 1 :]
            return (name.strip('"'), after[1].strip('"')) if after[:1] == ["AS"] else None
    return None


def _leads_to(one: Association, table: str, compared: set[str]) -> bool:
    try:
        if one.follows or one.kind == "many_to_many" or related_table(one) != table:
            return False
        return {one.related.field(name).source for name in one.related_keys} <= compared
    except (EctypeError, NameError):
        # Another schema of the process that cannot be resolved is not what the test is about.
        return False


def _schemas() -> list[SchemaInfo]:
    found: dict[int, SchemaInfo] = {}
    left: list[type[Any]] = [Schema]
    while left:
        for one in left.pop().__subclasses__():
            left.append(one)
            info: SchemaInfo | None = getattr(one, "__schema__", None)
            if info is not None and info.table is not None:
                found[id(info)] = info
    return list(found.values())
