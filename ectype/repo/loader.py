"""Rows to structs and tuples: one function a shape, written as text so that a row costs no call of ours.

A loader unpacks a row into local names, converts those that need it in place, fills a mutable twin of the struct and
gives it the struct's class. What the fast expressions refuse (a timestamp `infinity`, years before Christ) sends the
whole batch once through the careful functions, so it never poisons the other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat, starmap
from operator import itemgetter
from typing import Any, NoReturn, TypeAlias, is_typeddict

from ectype.errors import CastError
from ectype.query.ast import EntityRow, LinkedRow, Merge, RowShape, TupleRow, ValueRow
from ectype.repo.collector import uncollected
from ectype.schema.meta import SchemaInfo, intern_meta
from ectype.schema.structs import UNSET
from ectype.sql.statement import Column

Loader: TypeAlias = Callable[[list[Any]], list[Any]]
INDENT = "        "
MADE = "{} = {}()"
WHOLE = itemgetter(slice(None))
"""A driver's row of its own kind is unpacked by an iterator; a slice of it is a tuple, which is not."""
MANY_ROWS = 100
"""From how many rows on the garbage collector waits and structs are made by `starmap`, which calls their class without
a step of the interpreter: that takes 10 ns off each struct, and adds 300 to the first row (`benchmarks`, load)."""


def build(columns: tuple[Column, ...], row: RowShape | None, prefix: str | None = None) -> Loader:
    """Return the function from driver rows to a list of what a row is.

    Args:
        columns: the result's columns.
        row: how a row is made of them; None for a tuple of all.
        prefix: where tables were read that have no prefix of their own; their structs remember it.

    Raises (when it is called):
        CastError: for a value that is none of its column's type, with a note that names the column.
    """
    if row is None:
        row = TupleRow(tuple(ValueRow(index) for index in range(len(columns))))
    shape = row
    fast = _Source(columns, prefix, careful=False).function(shape)
    many: Loader | None = None

    def load(rows: list[Any]) -> list[Any]:
        nonlocal many
        try:
            if len(rows) < MANY_ROWS:
                return fast(rows)
            if many is None:
                many = _Source(columns, prefix, careful=False).function(shape, many=True)
            return uncollected(many, rows)
        except (CastError, ValueError, TypeError, KeyError):
            # What the fast expressions refuse is asked once more, by the functions that know every form and say why.
            return _load_carefully(columns, shape, prefix, rows)

    return load


def frozen(raw: Any) -> Any:
    """Return what change detection compares with later: a driver's text as it came, its list as a tuple."""
    return tuple(raw) if raw.__class__ is list else raw


def _load_carefully(columns: tuple[Column, ...], shape: RowShape, prefix: str | None, rows: list[Any]) -> list[Any]:
    try:
        return _Source(columns, prefix, careful=True).function(shape)(rows)
    except CastError as exc:
        culprit = _culprit(columns, rows)
        if culprit is not None:
            exc.add_note(f"in the column `{culprit}`")
        raise


def _culprit(columns: tuple[Column, ...], rows: list[Any]) -> str | None:
    """Return the name of the first column that holds what could not be loaded."""
    for row in rows:
        for column, value in zip(columns, row, strict=False):
            if value is None:
                if not column.nullable:
                    return column.name
                continue
            try:
                _careful(column)(value)
            except CastError:
                return column.name
    return None


def _careful(column: Column) -> Callable[[Any], Any]:
    """Return the function that loads every form of a column's values, or says why it cannot."""
    fast, slow = column.load or _as_it_is, column.slow_load
    if slow is None:
        return fast
    last = slow

    def load(value: Any) -> Any:
        try:
            return fast(value)
        except (ValueError, TypeError):
            return last(value)

    return load


def _as_it_is(value: Any) -> Any:
    return value


def _null(column: str) -> NoReturn:
    raise CastError(
        f"`{column}` is NULL in the database, and the schema says that it never is",
        hint="give the column NOT NULL, or the field `| None`",
    )


class _Source:
    """The text of one loader, and the names it uses."""

    def __init__(self, columns: tuple[Column, ...], prefix: str | None, *, careful: bool) -> None:
        self.columns = columns
        self.prefix = prefix
        self.names: dict[str, Any] = {"null": _null, "frozen": frozen}
        self.body: list[str] = []
        self.values = [self._value(index, column, careful=careful) for index, column in enumerate(columns)]
        self.structs = 0
        self.always: dict[str, str] = {}
        """The twins of the structs that each row has, by their names in the text."""

    def function(self, row: RowShape, *, many: bool = False) -> Loader:
        """Return the loader; one for `many` rows, at least one, has the structs of each made beside the loop."""
        result = self._row(row)
        each = f"({''.join(f'v{index}, ' for index in range(len(self.columns)))})" if self.columns else "_"
        if isinstance(row, ValueRow) and len(self.columns) == 1:
            checked = f"{result} if v0 is not None else null(n0)" if self.body else result
            # To read its place takes 14 ns, to unpack a row of asyncpg 25, and one of SQLite, a tuple, 8.
            return self._made([f"    return [{checked} for row in rows for v0 in (row[0],)]"])
        read, begin, end = "rows", ["    out = []", "    add = out.append"], [f"{INDENT}add({result})"]
        if many:
            self.names.update(whole=WHOLE, repeat=repeat, starmap=starmap)
            read = "rows if rows[0].__class__ is tuple else map(whole, rows)"
        if many and self.always:
            made = {name: f"starmap({twin}, repeat((), len(rows)))" for name, twin in self.always.items()}
            if result in made:
                begin, end = [f"    out = list({made[result]})"], []
                made[result] = "out"
            beside = set(map(MADE.format, made, self.always.values()))
            self.body = [line for line in self.body if line not in beside]
            each, read = f"{', '.join(made)}, {each}", f"zip({', '.join(made.values())}, {read})"
        loop = [f"    for {each} in {read}:", *(f"{INDENT}{line}" for line in self.body)]
        return self._made([*begin, *loop, *end, "    return out"])

    def _made(self, lines: list[str]) -> Loader:
        # The text holds numbered names and the members of schemas, which are identifiers.
        exec("\n".join(["def load(rows):", *lines]), self.names)
        load: Loader = self.names["load"]
        return load

    def _value(self, index: int, column: Column, *, careful: bool) -> str:
        """Return the expression of one column's value. A conversion refuses NULL by itself where it is refused."""
        value = f"v{index}"
        made = self._converted(index, column, careful=careful)
        if column.nullable:
            return value if made == value else f"({made} if {value} is not None else {[] if column.empty else None})"
        if made == value or careful:
            self.names[f"n{index}"] = column.name
            self.body.append(f"if {value} is None: null(n{index})")
        return made

    def _converted(self, index: int, column: Column, *, careful: bool) -> str:
        value = f"v{index}"
        if column.load is None:
            return value
        if careful or column.inline is None:
            self.names[f"l{index}"] = _careful(column) if careful else column.load
            return f"l{index}({value})"
        given = {name: f"{name}{index}" for name in column.names}
        self.names.update({given[name]: known for name, known in column.names.items()})
        return column.inline.format(v=value, **given)

    def _row(self, row: RowShape) -> str:
        if isinstance(row, EntityRow):
            return self._entity(row)
        if isinstance(row, ValueRow):
            return self.values[row.index]
        if isinstance(row, LinkedRow):
            return self._linked(row)
        items = [self._row(item) for item in row.items]
        if row.maker is None:
            return f"({', '.join(items)},)" if items else "()"
        if isinstance(row.maker, SchemaInfo):
            made, lines = self._struct(row.maker, zip(row.names, items, strict=True))
            self.body += lines
            return made
        self.names["maker"] = row.maker
        if row.names and (row.maker is dict or is_typeddict(row.maker)):
            return f"{{{', '.join(f'{name!r}: {item}' for name, item in zip(row.names, items, strict=True))}}}"
        if row.names:
            return f"maker({', '.join(f'{name}={item}' for name, item in zip(row.names, items, strict=True))})"
        return f"maker({', '.join(items)})"

    def _linked(self, row: LinkedRow) -> str:
        """Make the structs from the last to the first, so that each finds what it holds."""
        made: dict[int, str] = {}
        for position in reversed(range(len(row.items))):
            own = [link for link in row.links if link.parent == position]
            held = [(f"_assoc_{link.name}", made[link.child]) for link in own]
            partial = frozenset(link.name for link in own if link.partial)
            if partial:
                known = f"P{position}"
                self.names[known] = partial
                held.append(("_partial", known))
            made[position] = self._entity(row.items[position], held)
        return made[0]

    def _entity(self, row: EntityRow, held: Sequence[tuple[str, str]] = ()) -> str:
        """Make a struct of columns, and give it what it holds by its slots."""
        info = row.info
        items = dict(zip(row.names, self.values[row.start : row.start + len(row.names)], strict=True))
        if row.whole:
            items |= {name: value for name, value in self._virtual(info) if name not in items}
        indexes = {name: f"v{row.start + position}" for position, name in enumerate(row.names)}
        late = [found for merge in row.merges if (found := self._merge(merge, items, indexes))]
        made, lines = self._struct(info, items.items())
        lines[-1:-1] = [f"if not ({stays}): {made}.{name} = {value}" for name, stays, value in late]
        lines[-1:-1] = [f"{made}.{slot} = {value}" for slot, value in held]
        if info.mutable_names:
            raw = ", ".join(
                f"frozen({indexes[name]})" if name in indexes else self._unset() for name in info.mutable_names
            )
            lines.insert(-1, f"{made}._frozen = ({raw},)")
        table, prefix = row.table or info.table, row.prefix or info.prefix or self.prefix
        if (table, prefix) != (info.table, info.prefix):
            self.names[f"M{made}"] = intern_meta("loaded", table, prefix)
            lines.insert(-1, f"{made}._meta = M{made}")
        missing = self._missing(row)
        if missing:
            del self.always[made]
            lines = [f"if {missing}:", f"    {made} = None", "else:", *(f"    {line}" for line in lines)]
        self.body += lines
        return made

    def _missing(self, row: EntityRow) -> str:
        """Return the condition under which an outer join gave no struct; empty where there always is one."""
        if not row.optional:
            return ""
        keys = row.keys or [row.start + row.names.index(key) for key in row.info.primary_key or row.names]
        # Where it must have a key, as in an inner join, one without has been refused already.
        if not all(self.columns[key].nullable for key in keys):
            return ""
        return " and ".join(f"v{index} is None" for index in keys)

    def _unset(self) -> str:
        self.names["UNSET"] = UNSET
        return "UNSET"

    def _merge(self, merge: Merge, items: dict[str, str], indexes: dict[str, str]) -> tuple[str, str, str] | None:
        """Let an output give a member, unless it is NULL because an outer join found no row.

        Returns the member, when it stays as it was, and its value, where it would be unset otherwise.
        """
        name, value, made = merge.name, f"v{merge.index}", self.values[merge.index]
        if not merge.conditional:
            items[name], indexes[name] = made, value
            return None
        gone = " or ".join(f"({' and '.join(f'v{index} is None' for index in keys)})" for keys in merge.keys)
        stays = f"{value} is None and ({gone})" if gone else f"{value} is None"
        indexes[name] = f"({indexes.get(name) or self._unset()} if {stays} else {value})"
        if name not in items:
            return name, stays, made
        items[name] = f"({items[name]} if {stays} else {made})"
        return None

    def _virtual(self, info: SchemaInfo) -> list[tuple[str, str]]:
        """Return the defaults of virtual fields: a loaded struct equals the one that was stored."""
        found: list[tuple[str, str]] = []
        for position, (name, options) in enumerate(info.defaults):
            if name in info.virtual_names:
                known = f"d{self.structs}_{position}"
                factory = options.default_factory
                self.names[known] = options.default if factory is None else factory
                found.append((name, known if factory is None else f"{known}()"))
        return found

    def _struct(self, info: SchemaInfo, members: Any) -> tuple[str, list[str]]:
        """Return the name of a struct in the text, and the lines that make it; the last gives it its class."""
        number = self.structs
        self.structs += 1
        made = f"o{number}"
        twin = self.always[made] = f"T{number}"
        self.names[twin] = info.twin
        self.names[f"C{number}"] = info.schema
        lines = [MADE.format(made, twin), *(f"{made}.{name} = {item}" for name, item in members)]
        lines.append(f"{made}.__class__ = C{number}")
        return made, lines
