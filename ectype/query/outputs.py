"""What is selected, expanded into single outputs, and how rows are made of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.nodes import Call, ColumnRef, Entity, Expression, Named
from ectype.query.ast import Clause, EntityRow, Merge, Output, RowShape, TupleRow, ValueRow, source_names, whole_names
from ectype.query.inference import type_of
from ectype.schema.meta import SchemaInfo
from ectype.types.base import Type


@dataclass(frozen=True, slots=True)
class Selected:
    """What the steps of a query say about its select.

    Attributes:
        source: what the query reads first: its struct is a row unless `select` says otherwise.
        select: the maker, the items and the names of the select step, or None.
        offset: where the parameters of the select begin.
        merges: the members that are filled over the struct, with their values.
        outer: the sources that may be missing from a row.
        also: what a preload needs beside each row: joined structs, or keys of the table between.
        width: how many values a node takes.
        origin: the table and the prefix of a source, where they are not those of its schema.
        may_add: whether an output that nobody asked for may be added, to tell a missing row from one of NULLs.
        all_members: whether structs are read with the members that say `load_in_query=False`: inside other queries,
            which may mention them, and of rows that are written.
    """

    source: Any
    select: tuple[Any, tuple[Any, ...], tuple[str, ...]] | None
    offset: int
    merges: Sequence[tuple[str, Clause]]
    outer: Collection[Any]
    also: Sequence[Entity | ColumnRef]
    width: Callable[[walk.Part], int]
    origin: Callable[[Any], tuple[str | None, str | None]]
    may_add: Callable[[Expression], bool]
    all_members: bool


def expand(selected: Selected) -> tuple[tuple[Output, ...], RowShape]:
    """Return the outputs of a query, and what a row is made of."""
    return _Expansion(selected).finished()


class _Expansion:
    """The outputs found so far; those that tell a missing row come last."""

    def __init__(self, selected: Selected) -> None:
        self.selected = selected
        self.outputs: list[Output] = []

    def finished(self) -> tuple[tuple[Output, ...], RowShape]:
        make = self._whole()
        others = [self._beside(item) for item in self.selected.also]
        row = make()
        if others:
            row = TupleRow((row, *(other() for other in others)))
        return tuple(self.outputs), row

    def _beside(self, item: Entity | ColumnRef) -> Callable[[], EntityRow | ValueRow]:
        if isinstance(item, Entity):
            return self._entity(item, merged=False)
        return self._item(item, 0, None, f"k{len(self.outputs)}")

    def _whole(self) -> Callable[[], RowShape]:
        """Add the outputs of what was selected, and return what makes its row when all outputs are there."""
        if self.selected.select is None:
            return self._entity(self.selected.source.entity.node)
        maker, items, names = self.selected.select
        makes: list[Callable[[], EntityRow | ValueRow]] = []
        offset = self.selected.offset
        for position, item in enumerate(items):
            if isinstance(item, Entity):
                makes.append(self._entity(item))
            else:
                makes.append(self._item(item, offset, maker, names[position] if names else f"c{position}"))
            offset += self.selected.width(item)
        if maker is None and len(makes) == 1:
            return makes[0]
        return lambda: TupleRow(tuple(make() for make in makes), maker, names)

    def _item(self, node: Expression, offset: int, maker: Any, name: str) -> Callable[[], ValueRow]:
        known = maker.fields[name].type if isinstance(maker, SchemaInfo) else None
        row = ValueRow(self._add(node, offset, name, known))
        return lambda: row

    def _add(self, node: Expression, offset: int, name: str, known: Type[Any] | None = None) -> int:
        """Add an output; `known` is the type of what only the database knows."""
        inner = walk.unnamed(node)
        alias = node.name if isinstance(node, Named) else None
        nullable = _nullable(inner, self.selected.outer)
        self.outputs.append(Output(Clause(inner, offset), type_of(inner) or known, nullable, name, alias))
        return len(self.outputs) - 1

    def _entity(self, item: Entity, *, merged: bool = True) -> Callable[[], EntityRow]:
        """Add the outputs of a struct, and return what makes its row when all outputs are there.

        Members are filled over those that are selected, not over those that stand beside them.
        """
        source: Any = item.source
        info: SchemaInfo = source.info
        merges, settled = self._lasting() if merged else ([], set[str]())
        known = item.names or (source_names if self.selected.all_members else whole_names)(source)
        names = tuple(name for name in known if name not in settled)
        start = len(self.outputs)
        for name in names:
            self._add(source.columns[name].node, 0, name)
        indexes = [self._add(one.node, one.offset, name, info.fields[name].type) for name, one in merges]
        optional = item.optional or source in self.selected.outer

        def make() -> EntityRow:
            keys = self._keys(source, names) if optional else ()
            made = tuple(self._merge(name, at, one.node) for (name, one), at in zip(merges, indexes, strict=True))
            table, prefix = self.selected.origin(source)
            return EntityRow(info, names, start, optional, table, prefix, keys, item.names is None, made)

        return make

    def _lasting(self) -> tuple[list[tuple[str, Clause]], set[str]]:
        """Return the merges that a later one does not replace for sure, and the members that have a sure value."""
        lasting: list[tuple[str, Clause]] = []
        settled: set[str] = set()
        for name, clause in reversed(self.selected.merges):
            if name not in settled:
                lasting.append((name, clause))
                if not self._missable(clause.node):
                    settled.add(name)
        return lasting[::-1], settled

    def _missable(self, node: Expression) -> list[Any]:
        """Return the outer sources that an expression mentions; an aggregate is over all rows, missing ones too."""
        if walk.is_aggregate(node):
            return []
        return list(dict.fromkeys(one for one in walk.sources(node) if one in self.selected.outer))

    def _merge(self, name: str, index: int, node: Expression) -> Merge:
        sources = self._missable(node)
        keys = tuple(filter(None, (self._keys(source, ()) for source in sources)))
        return Merge(name, index, keys, conditional=bool(sources))

    def _keys(self, source: Any, shown: tuple[str, ...]) -> tuple[int, ...]:
        """Return the outputs that are all NULL where a source has no row: its key, else what it never has as NULL.

        Where neither may be added, it is what is shown of it.
        """
        info: SchemaInfo = source.info
        known = source_names(source)
        keys = info.primary_key if set(info.primary_key) <= set(known) else ()
        required = tuple(name for name in known if not info.fields[name].nullable)
        for names in (keys, tuple(name for name in required if name in shown), required[:1]):
            found = [self._index(source.columns[name].node) for name in names]
            if found and None not in found:
                return tuple(cast("list[int]", found))
        return tuple(cast("int", self._index(source.columns[name].node)) for name in shown)

    def _index(self, node: ColumnRef) -> int | None:
        for index, output in enumerate(self.outputs):
            if output.clause.node is node:
                return index
        return self._hidden(node) if self.selected.may_add(node) else None

    def _hidden(self, node: ColumnRef) -> int:
        return self._add(node, 0, f"k{len(self.outputs)}")


def with_keys(
    outputs: tuple[Output, ...], row: RowShape, keys: Sequence[Clause], outer: Collection[Any]
) -> tuple[tuple[Output, ...], TupleRow, tuple[Output, ...]]:
    """Put the values that a page is ordered by beside each row; what is selected already is selected once.

    Returns:
        All outputs, what a row is made of now, and the outputs of the keys.
    """
    made = list(outputs)
    places: list[int] = []
    for position, key in enumerate(keys):
        place = next((at for at, one in enumerate(outputs) if _is_column(one.clause.node, key.node)), None)
        if place is None:
            place = len(made)
            made.append(Output(key, type_of(key.node), _nullable(key.node, outer), f"key{position}", None))
        places.append(place)
    return tuple(made), TupleRow((row, *map(ValueRow, places))), tuple([made[place] for place in places])


def _is_column(one: Expression, other: Expression) -> bool:
    # Other expressions may have values of their own, which can differ.
    return one is other and isinstance(one, ColumnRef)


def check_places(
    operator: str, one: tuple[tuple[Output, ...], RowShape], other: tuple[tuple[Output, ...], RowShape]
) -> None:
    """Raise QueryError for a combination of structs that have one member at two places among their outputs."""
    (first, row), (second, other_row) = one, other
    if not (_is_struct(row) and _is_struct(other_row)) or len(first) != len(second):
        return
    for mine, theirs in zip(first, second, strict=True):
        if mine.name != theirs.name:
            raise QueryError(
                f"`{operator}` combines columns by their places, where one side has `{mine.name}` and the other "
                f"`{theirs.name}`",
                hint="fill the same members in the same order by `select_merge` on both sides",
            )


def _is_struct(row: RowShape) -> bool:
    return isinstance(row, EntityRow) or (isinstance(row, TupleRow) and isinstance(row.maker, SchemaInfo))


def _nullable(node: Expression, outer: Collection[Any]) -> bool:
    if isinstance(node, ColumnRef):
        source: Any = node.source
        return source in outer or bool(source.info.fields[node.name].nullable)
    return not (isinstance(node, Call) and node.name == "count")
