"""`repo.reload`: structs as their rows are now, read anew by key from where they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from ectype.errors import NoPrimaryKeyError, QueryError
from ectype.query.associated import in_keys
from ectype.query.builder import from_
from ectype.query.sources import source
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.reader import no_row
from ectype.repo.select import fetch_rows
from ectype.schema.keys import keys_of
from ectype.schema.meta import Meta, SchemaInfo, meta, struct_info

_Place: TypeAlias = tuple[str | None, str | None]


async def reload(engine: Engine, subject: Any, call: Call) -> Any:
    """Return a struct, or the structs of a list in its order, as their rows are now; None where a row is gone.

    Raises:
        QueryError: for structs of two schemas, or a struct without its key.
        NoPrimaryKeyError: for a schema without one.
    """
    if not isinstance(subject, list):
        return (await _read_anew(engine, [subject], call))[0]
    structs = cast("list[Any]", subject)
    return await _read_anew(engine, structs, call) if structs else []


async def reload_or_raise(engine: Engine, subject: Any, call: Call) -> Any:
    """Do the same. Raises NoResultsError where a row is gone."""
    found = await reload(engine, subject, call)
    pairs: list[tuple[Any, Any]] = (
        list(zip(cast("list[Any]", subject), found, strict=True)) if isinstance(subject, list) else [(subject, found)]
    )
    for struct, row in pairs:
        if row is None:
            info = struct_info(struct)
            raise no_row(f"{info.name} with the key {keys_of(info.primary_key, [struct])[0]!r}")
    return found


async def _read_anew(engine: Engine, structs: Sequence[Any], call: Call) -> list[Any]:
    info = struct_info(structs[0])
    keys = _keys(info, structs)
    places: dict[_Place, dict[Any, Any]] = {}
    where = [_place(meta(struct)) for struct in structs]
    for place, key in zip(where, keys, strict=True):
        places.setdefault(place, {})[key] = None
    for place, wanted in places.items():
        table, prefix = place
        read = from_(table_of(info, table, prefix))
        query = read.where(in_keys(read.node.sources[0], info.primary_key, list(wanted)))
        # A prefix that the call names counts where the schema and the struct name none, as in every read.
        rows = await fetch_rows(engine, query, call.below(call.prefix or prefix), "reload")
        places[place] = dict(zip(keys_of(info.primary_key, rows), rows, strict=True))
    return [places[place].get(key) for place, key in zip(where, keys, strict=True)]


def _keys(info: SchemaInfo, structs: Sequence[Any]) -> list[Any]:
    """Return the key of each struct. Raises where there is none to read by."""
    for struct in structs:
        other = struct_info(struct)
        if other is not info:
            raise QueryError(
                f"`reload` takes structs of one schema, got {info.name} and {other.name}",
                hint="reload each kind by itself",
            )
    if info.embedded:
        raise QueryError(
            f"{info.name} has no table: it is embedded in another schema", hint="reload the struct that holds it"
        )
    if not info.primary_key:
        raise NoPrimaryKeyError(
            f"{info.name} has no primary key, so `reload` cannot tell its row from others",
            hint=f"read it by a condition: `repo.one(from_({info.name}).where(…))`",
        )
    keys = keys_of(info.primary_key, structs)
    if None in keys:
        raise QueryError(
            f"`reload` needs the primary key of {info.name} ({', '.join(info.primary_key)}), and "
            f"{structs[keys.index(None)]!r:.80} has none",
            hint="insert it first, and go on with the struct that `insert` returns",
        )
    return keys


def _place(where: Meta) -> _Place:
    return where.source, where.prefix


def table_of(info: SchemaInfo, table: str | None, prefix: str | None) -> Any:
    """Return the schema, or what reads the table that a struct came from."""
    if table is None or (table == info.table and info.prefix in (None, prefix)):
        return info.schema
    return source(info.schema, table, prefix=prefix)
