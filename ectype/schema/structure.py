"""What a table holds beyond its columns, declared beside its schema: indexes, checks, exclusions, foreign keys.

All of it is plain data. Migrations compare it with what the database has, and changesets take the names of
constraints from it; nothing here is sent to a database by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

from ectype.errors import SchemaError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import ColumnRef, Entity, Expression, Named, Outer, Over, Subquery
from ectype.expr.operand import Column, Expr, Order
from ectype.schema.constraint import Kind
from ectype.schema.constraint_names import joined
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.rel import Rel
from ectype.schema.schema import Of
from ectype.schema.table_parts import Check, Exclusion, ForeignKey, Index, check_condition
from ectype.types import annotations as notes

M = TypeVar("M")


@dataclass(frozen=True, slots=True, eq=False)
class Structure(Generic[M]):
    """What a table holds beyond its columns; every name is there.

    Attributes:
        schema: the schema whose table it is.
        indexes: its indexes, unique ones too.
        checks: its conditions.
        exclusions: what no two rows may share.
        foreign_keys: what refers to other tables.
        comment: what is written beside the table.
        renamed_from: the name that the table had before, for the migration that renames it.
    """

    schema: type[M]
    indexes: tuple[Index[M], ...] = ()
    checks: tuple[Check[M], ...] = ()
    exclusions: tuple[Exclusion[M], ...] = ()
    foreign_keys: tuple[ForeignKey[M], ...] = ()
    comment: str | None = None
    renamed_from: str | None = None

    def covered(self) -> Iterator[tuple[Kind, str, frozenset[str], bool]]:
        """Yield of each constraint its kind, its name, the fields it is over, and whether it is over these alone.

        What is over an expression of a field is over that field, but not alone.
        """
        for one in self.indexes:
            if one.unique:
                yield "unique", one.name, *_over([_term(term) for term in one.terms])
        for condition in self.checks:
            yield "check", condition.name, *_over([condition.condition.node])
        for pairs in self.exclusions:
            yield "exclusion", pairs.name, *_over([element.node for element, _ in pairs.elements])
        for key in self.foreign_keys:
            yield "foreign_key", key.name, frozenset(key.fields), True


def _term(term: Expr[Any, Any] | Order[Any]) -> Expression:
    return term.node.operand if isinstance(term, Order) else term.node


def _over(nodes: Sequence[Expression]) -> tuple[frozenset[str], bool]:
    fields = frozenset(column.name for node in nodes for column in walk.columns(node))
    return fields, all(isinstance(node, ColumnRef) for node in nodes)


def structure(
    model: Of[M],
    *,
    indexes: Sequence[Index[M]] = (),
    checks: Sequence[Check[M]] = (),
    exclusions: Sequence[Exclusion[M]] = (),
    foreign_keys: Sequence[ForeignKey[M]] = (),
    comment: str | None = None,
    renamed_from: str | None = None,
) -> Structure[M]:
    """Declare what the table of a schema holds beyond its columns: once, directly after the class.

    Migrations compare it with the database, and `unique_constraint(User.email)` and its kin take their names from it.
    `renamed_from` is the name that the table had before: the diff of migrations renames it then.

    Raises:
        SchemaError: for a schema without a table, what is of another schema or of more than one row, two things of
            one name, or a second structure.

    Example:
        structure(
            User,
            indexes=[unique(User.email), index(User.name, where=User.age > 17)],
            checks=[check("users_are_adult", User.age > 17)],
            comment="people who can sign in",
        )
    """
    info = schema_info(model)
    if cast("Any", model) is not info.schema or info.table is None:
        raise SchemaError(
            f"`structure` is of a schema with a table, got {model!r:.60}",
            hint=f'give it one: `class {info.name}(Schema, table="…")`',
        )
    if info.structure is not None:
        raise SchemaError(
            f"{info.name} has a structure already", hint="say all of it in one call, directly after the class"
        )
    made = Structure(
        schema=cast("type[M]", info.schema),
        indexes=tuple(_named_index(info, one) for one in _listed("indexes", indexes, Index)),
        checks=tuple(_own_check(info, one) for one in _listed("checks", checks, Check)),
        exclusions=tuple(_named_exclusion(info, one) for one in _listed("exclusions", exclusions, Exclusion)),
        foreign_keys=tuple(_named_key(info, one) for one in _listed("foreign_keys", foreign_keys, ForeignKey)),
        comment=comment,
        renamed_from=renamed_from,
    )
    seen: set[str] = set()
    for one in (*made.indexes, *made.checks, *made.exclusions, *made.foreign_keys):
        if one.name in seen:
            raise SchemaError(f"the structure of {info.name} has two of the name `{one.name}`", hint="rename one")
        seen.add(one.name)
    info.structure = made
    return made


# --- what is refused --------------------------------------------------------------------------------------------------

_CALLS: Final = {Index: "index(User.email)", Check: 'check("…", User.age > 17)', Exclusion: 'exclusion((…, "&&"))'}


def _listed(option: str, given: Any, kind: type[Any]) -> tuple[Any, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise SchemaError(f"`{option}` is a list, got {given!r:.60}")
    listed = tuple(cast("Sequence[Any]", given))
    for one in listed:
        if not isinstance(one, kind):
            example = _CALLS.get(kind, "references(Post.author)")
            raise SchemaError(f"`{option}` holds what `{example}` makes, got {one!r:.60}")
    return listed


def _own(info: SchemaInfo, label: str, node: walk.Part) -> None:
    """Raise SchemaError for an expression over anything but the columns of one row of the schema's table."""
    for source in walk.sources(node):
        if source is not info.source:
            raise SchemaError(
                f"`{label}` of {info.name} mentions {source.label}, and may mention {info.name} only",
                hint=f"an index or a constraint sees one row of `{info.table}`",
            )
    for column in walk.columns(node):
        if column.name in info.virtual_names:
            raise SchemaError(f"`{label}` of {info.name} mentions `{column.name}`, which is virtual: it is no column")
    _one_row(info, label, node)


def _one_row(info: SchemaInfo, label: str, node: walk.Part) -> None:
    if walk.is_aggregate(node) or isinstance(node, Over | Subquery | Outer | Named | Entity):
        raise SchemaError(
            f"`{label}` of {info.name} is over one row, and `{sketch(node)}` is not",
            hint="compare columns and values of the row itself",
        )
    for part in walk.parts(node):
        _one_row(info, label, part)


def _sources(info: SchemaInfo, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(info.declarations[name].options.source or name for name in fields)


def _name(info: SchemaInfo, kind: str, label: str, given: str, nodes: Sequence[walk.Part]) -> str:
    """Return the name that was given, or the one that follows from the columns."""
    if given:
        return given
    columns = [node for node in nodes if isinstance(node, ColumnRef)]
    if len(columns) != len(nodes):
        other = next(node for node in nodes if not isinstance(node, ColumnRef))
        raise SchemaError(
            f"`{label}` of {info.name} is over `{sketch(other)}`, from which no name follows",
            hint=f'give it one: `{label}(…, name="{info.table}_…")`',
        )
    return joined(kind, info.table or "", _sources(info, [one.name for one in columns]))


def _named_index(info: SchemaInfo, one: Index[Any]) -> Index[Any]:
    label = "unique" if one.unique else "index"
    nodes = [_term(term) for term in one.terms]
    for node in nodes:
        _own(info, label, node)
    if one.where is not None:
        check_condition(f"where of {label}", one.where)
        _own(info, f"where of {label}", one.where.node)
    for extra in one.include:
        if not isinstance(extra, Column):
            raise SchemaError(f"`include` of `{label}` of {info.name} takes columns, got {extra!r:.60}")
        _own(info, f"include of {label}", extra.node)
    return replace(one, name=_name(info, "unique", label, one.name, nodes))


def _own_check(info: SchemaInfo, one: Check[Any]) -> Check[Any]:
    _own(info, f'check("{one.name}")', one.condition.node)
    return one


def _named_exclusion(info: SchemaInfo, one: Exclusion[Any]) -> Exclusion[Any]:
    nodes = [element.node for element, _ in one.elements]
    for node in nodes:
        _own(info, "exclusion", node)
    if one.where is not None:
        check_condition("where of exclusion", one.where)
        _own(info, "where of exclusion", one.where.node)
    return replace(one, name=_name(info, "exclusion", "exclusion", one.name, nodes))


def _named_key(info: SchemaInfo, one: ForeignKey[Any]) -> ForeignKey[Any]:
    if isinstance(one.key, Rel):
        if one.key.hops[0].association.owner is not info:
            raise SchemaError(f"`references` of {info.name} takes a `belongs_to` of its own, got {one.key!r}")
    else:
        for column in one.key:
            _own(info, "references", column.node)
    fields = one.fields
    for option, action in (("on_delete", one.on_delete), ("on_update", one.on_update)):
        never = [name for name in fields if notes.is_optional_text(info.declarations[name].argument) is False]
        if action == "set_null" and never:
            raise SchemaError(
                f"`{option}` of `references` of {info.name} sets `{never[0]}` to NULL, which is never None",
                hint=f'write `{never[0]}: Field[… | None]`, or take {option}="cascade" or "restrict"',
            )
    return replace(one, name=one.name or joined("foreign_key", info.table or "", _sources(info, fields)))
