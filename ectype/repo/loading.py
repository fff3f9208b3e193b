"""`repo.load`: one struct from values as the driver gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ectype.errors import CastError, QueryError
from ectype.repo.loader import frozen
from ectype.schema.meta import FieldInfo, SchemaInfo, schema_info
from ectype.schema.structs import UNSET
from ectype.types.base import Target


def load_struct(model: Any, row: Any, target: Target) -> Any:
    """Return the struct of a schema from a mapping of columns to values, or a pair of columns and values.

    Raises:
        SchemaError: for what is no schema.
        QueryError: for what is no such row.
        CastError: for a value that its column's type cannot read.
    """
    info = schema_info(model)
    given = _mapped(info, row)
    made: Any = info.twin()
    raws: dict[str, Any] = {}
    for name in info.column_names:
        field = info.fields[name]
        raw = given.get(field.source, UNSET)
        if raw is not UNSET:
            raws[name] = raw
            setattr(made, name, _loaded(info, field, raw, target))
    for name, options in info.defaults:
        if name in info.virtual_names:
            factory = options.default_factory
            setattr(made, name, options.default if factory is None else factory())
    if info.mutable_names:
        made._frozen = tuple(frozen(raws.get(name, UNSET)) for name in info.mutable_names)  # noqa: SLF001  # a struct's slot
    made.__class__ = info.schema
    return made


def _loaded(info: SchemaInfo, field: FieldInfo, raw: Any, target: Target) -> Any:
    if raw is None:
        if field.nullable:
            return [] if field.type.empty else None
        raise CastError(
            f"`{info.name}.{field.name}` is NULL in the row, and the schema says that it never is",
            hint="give the field `| None`, or leave the column out",
        )
    load = field.type.codec(target).load
    try:
        return raw if load is None else load(raw)
    except (ValueError, TypeError) as exc:
        refusal = CastError(f"`{info.name}.{field.name}` cannot be read from a {raw.__class__.__name__}")
        raise refusal from (None if field.name in info.redacted else exc)
    except CastError as exc:
        exc.add_note(f"in the column `{info.name}.{field.name}`")
        raise


def _mapped(info: SchemaInfo, row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return cast("Mapping[str, Any]", row)
    pair: tuple[Any, ...] = cast("tuple[Any, ...]", row) if isinstance(row, tuple) else ()
    if len(pair) == 2 and all(isinstance(one, Sequence) and not isinstance(one, str) for one in pair):
        columns, values = pair
        if len(columns) != len(values):
            raise QueryError(
                f"a row of {info.name} has a value for each column, got {len(columns)} columns and {len(values)} values"
            )
        return dict(zip(columns, values, strict=True))
    raise QueryError(
        f"`load` takes a mapping of columns to values, or a pair of columns and values, got {row!r:.40}",
        hint=f"write `repo.load({info.name}, (result.columns, result.rows[0]))`",
    )
