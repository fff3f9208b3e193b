"""Rows to structs and tuples: one function a shape, written as text so that a row costs no call of ours.

A loader unpacks a row into local names, converts those that need it in place, fills a mutable twin of the struct and
gives it the struct's class. A text timestamp that the fast parser refuses (`infinity`, years before Christ) sends the
whole batch once through the slow loader, so it never poisons the other rows.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from ectype.errors import CastError
from ectype.query.ast import EntityRow, RowShape, TupleRow, ValueRow
from ectype.schema.meta import SchemaInfo
from ectype.sql.statement import Column

Loader: TypeAlias = Callable[[list[Any]], list[Any]]
INDENT = "        "


def build(columns: tuple[Column, ...], row: RowShape) -> Loader:
    """Return the function from driver rows to a list of what a row is.

    Raises (when it is called):
        CastError: for a value that is none of its column's type, with a note that names the column.
    """
    fast = _Source(columns, careful=False).function(row)

    def load(rows: list[Any]) -> list[Any]:
        try:
            return fast(rows)
        except (ValueError, TypeError, KeyError):
            # What the fast expressions refuse is asked once more, by the functions that know every form and say why.
            return _carefully(columns, row, rows)
        except CastError as exc:
            _blame(exc, columns, rows)
            raise

    return load


def _carefully(columns: tuple[Column, ...], row: RowShape, rows: list[Any]) -> list[Any]:
    try:
        return _Source(columns, careful=True).function(row)(rows)
    except CastError as exc:
        _blame(exc, columns, rows)
        raise


def _blame(exc: CastError, columns: tuple[Column, ...], rows: list[Any]) -> None:
    """Say which column held what could not be loaded; only the first is looked for."""
    for row in rows:
        for column, value in zip(columns, row, strict=False):
            if column.load is None or (value is None and column.nullable):
                continue
            try:
                (column.slow_load or column.load)(value)
            except CastError:
                exc.add_note(
                    f"in the column `{column.name}`"
                    + (": it may be NULL in the database, and the schema says it never is" if value is None else "")
                )
                return


def tuples(columns: tuple[Column, ...]) -> Loader:
    """Return the function from driver rows to tuples of loaded values."""
    return build(columns, TupleRow(tuple(ValueRow(index) for index in range(len(columns)))))


class _Source:
    """The text of one loader, and the names it uses."""

    def __init__(self, columns: tuple[Column, ...], *, careful: bool) -> None:
        self.columns = columns
        self.names: dict[str, Any] = {"new": object.__new__}
        self.values = [self._value(index, column, careful=careful) for index, column in enumerate(columns)]
        self.body: list[str] = []
        self.entities = 0

    def _value(self, index: int, column: Column, *, careful: bool) -> str:
        load, value = column.load, f"v{index}"
        if load is None:
            return value
        if careful and column.slow_load is not None:
            load = _either(load, column.slow_load)
        if column.inline is not None and not careful:
            given = {name: f"{name}{index}" for name in column.names}
            self.names.update({given[name]: known for name, known in column.names.items()})
            made = column.inline.format(v=value, **given)
        else:
            self.names[f"l{index}"] = load
            made = f"l{index}({value})"
        return f"({made} if {value} is not None else None)" if column.nullable else made

    def function(self, row: RowShape) -> Loader:
        """Return the loader."""
        result = self._row(row)
        head = "".join(f"v{index}, " for index in range(len(self.columns)))
        lines = [
            "def load(rows):",
            "    out = []",
            "    add = out.append",
            f"    for {head}in rows:" if head else "    for _ in rows:",
            *(f"{INDENT}{line}" for line in self.body),
            f"{INDENT}add({result})",
            "    return out",
        ]
        exec("\n".join(lines), self.names)
        load: Loader = self.names["load"]
        return load

    def _row(self, row: RowShape) -> str:
        if isinstance(row, EntityRow):
            return self._entity(row)
        if isinstance(row, ValueRow):
            return self.values[row.index]
        items = [self._row(item) for item in row.items]
        if row.maker is None:
            return f"({', '.join(items)},)" if items else "()"
        if isinstance(row.maker, SchemaInfo):
            return self._struct(row.maker, row.names, items)
        self.names["maker"] = row.maker
        if row.names:
            return f"maker({', '.join(f'{name}={item}' for name, item in zip(row.names, items, strict=True))})"
        return f"maker({', '.join(items)})"

    def _entity(self, row: EntityRow) -> str:
        items = self.values[row.start : row.start + len(row.names)]
        if not row.optional:
            return self._struct(row.info, row.names, items, row.start)
        keys = row.info.primary_key or row.names
        test = " and ".join(f"v{row.start + row.names.index(key)} is None" for key in keys)
        made = self._struct(row.info, row.names, items, row.start, indent="    ")
        position = next(i for i, line in enumerate(self.body) if line.strip().startswith(f"{made} = new("))
        self.body[position:position] = [f"if {test}:", f"    {made} = None", "else:"]
        return made

    def _struct(
        self, info: SchemaInfo, names: tuple[str, ...], items: list[str], start: int | None = None, indent: str = ""
    ) -> str:
        number = self.entities
        self.entities += 1
        made = f"o{number}"
        self.names[f"T{number}"] = info.twin
        self.names[f"C{number}"] = info.schema
        lines = [f"{made} = new(T{number})"]
        lines.extend(f"{made}.{name} = {item}" for name, item in zip(names, items, strict=True))
        if start is not None and info.mutable_names:
            raw = ", ".join(f"keep(v{start + names.index(name)})" for name in info.mutable_names)
            self.names["keep"] = _keep
            lines.append(f"{made}._frozen = ({raw},)")
        lines.append(f"{made}.__class__ = C{number}")
        self.body.extend(indent + line for line in lines)
        return made


def _keep(raw: Any) -> Any:
    """Return what change detection compares with later: text as it came, a list frozen."""
    return tuple(raw) if raw.__class__ is list else raw


def _either(fast: Callable[[Any], Any], slow: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def load(value: Any) -> Any:
        try:
            return fast(value)
        except (ValueError, TypeError):
            return slow(value)

    return load
