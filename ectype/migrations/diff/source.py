"""Commands as the source of a migration: the calls that a person would write for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ectype.errors import MigrationError
from ectype.migrations.diff.state import Place
from ectype.migrations.diff.steps import Step
from ectype.migrations.diff.values import Written, python_default, quoted
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    Check,
    Column,
    ColumnState,
    Comment,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropConstraint,
    DropIndex,
    DropTable,
    Exclusion,
    Execute,
    ForeignKey,
    Identity,
    Index,
    IndexColumn,
    Key,
    ModifyColumn,
    Node,
    Raw,
    References,
    RemoveColumn,
    RenameColumn,
    RenameConstraint,
    RenameIndex,
    RenameTable,
    SetColumns,
    ValidateConstraint,
    foreign_key_name,
    index_name,
)
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateSchema,
    CreateView,
    DropEnum,
    DropExtension,
    DropSchema,
    DropView,
)
from ectype.types.base import Target

WIDTH: Final = 116


@dataclass(slots=True)
class Writer:
    """Writes commands as calls, and remembers what they import.

    Attributes:
        python: by table and column, the Python type that a schema says.
        migration_names: what is imported from `ectype.migrations`.
        others: what is imported from the standard library, by module.
    """

    target: Target
    python: Mapping[tuple[Place, str], str] = field(default_factory=dict[tuple[Place, str], str])
    migration_names: set[str] = field(default_factory=lambda: {"Migration"})
    others: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def lines(self, node: Node) -> list[str]:
        """Return the call, or the block, for a command."""
        match node:
            case CreateTable():
                return self._create_table(node)
            case AlterTable(name, changes, prefix):
                head = f"with m.alter_table({self._arguments([quoted(name)], prefix=prefix)}) as t:"
                return [head, *(f"    {line}" for one in changes for line in self._change((prefix, name), one))]
            case DropTable(name, _, _, _, prefix):
                return self._call("m.drop_table", [quoted(name)], prefix=prefix)
            case RenameTable(name, to, prefix):
                return self._call("m.rename_table", [quoted(name)], to=quoted(to), prefix=prefix)
            case RenameColumn(table, name, to, prefix):
                return self._call("m.rename_column", [quoted(table), quoted(name)], to=quoted(to), prefix=prefix)
            case Comment(table, text, column, was, prefix):
                told = {} if was is UNCHANGED else {"was": quoted(was)}
                where = {} if column is None else {"column": quoted(column)}
                return self._call("m.comment", [quoted(table), quoted(text)], **where, **told, prefix=prefix)
            case Execute(up, down):
                if not up.strip():
                    return []
                return self._call("m.execute", [quoted(up), *([] if down is None else [quoted(down)])])
            case _:
                return self._part(node)

    def _part(self, node: Node) -> list[str]:
        """Return the call for a command about an index or a constraint."""
        match node:
            case CreateIndex(index, if_not_exists):
                return self._index("m.create_index", index, **({"if_not_exists": "True"} if if_not_exists else {}))
            case DropIndex(name, index, _, concurrently, prefix):
                if index is None:
                    raise MigrationError(f"the index `{name}` is dropped, and nobody knows what it was")
                made = index if index.concurrently == concurrently else replace(index, concurrently=concurrently)
                return self._index("m.drop_index", made)
            case RenameIndex(name, to, prefix):
                return self._call("m.rename_index", [quoted(name)], to=quoted(to), prefix=prefix)
            case CreateConstraint():
                return self._constraint("m.create_constraint", node)
            case DropConstraint(table, name, was, _, prefix):
                if was is None:
                    return self._call("m.drop_constraint", [quoted(table), quoted(name)], prefix=prefix)
                return self._constraint("m.drop_constraint", was)
            case ValidateConstraint(table, name, prefix, undone):
                call = self._call("m.validate_constraint", [quoted(table), quoted(name)], prefix=prefix)
                return [] if undone else call
            case RenameConstraint(table, name, to, prefix):
                return self._call("m.rename_constraint", [quoted(table), quoted(name)], to=quoted(to), prefix=prefix)
            case _:
                return self._object(node)

    # --- tables and columns -------------------------------------------------------------------------------------------

    def _create_table(self, node: CreateTable) -> list[str]:
        table = node.table
        first, *rest = table.columns
        default_key = first.name == "id" and first.identity is True
        options = {} if default_key or any(one.primary_key for one in table.columns) else {"primary_key": "False"}
        head = self._arguments(
            [quoted(table.name)],
            **options,
            comment=None if table.comment is None else quoted(table.comment),
            prefix=table.prefix,
        )
        lines = [f"with m.create_table({head}) as t:"]
        place = table.prefix, table.name
        columns: list[Column] = rest if default_key else list(table.columns)
        stamps = [("inserted_at", "updated_at")]
        body: list[str] = []
        while columns:
            one = columns.pop(0)
            pair = (one, columns[0]) if columns else ()
            if (
                len(pair) == 2
                and (one.name, pair[1].name) in stamps
                and all(self._is_stamp(place, part) for part in pair)
            ):
                columns.pop(0)
                body.append("t.timestamps()")
            else:
                body += self._column("t.column", place, one)
        for check in table.checks:
            body += self._call("t.check", [quoted(check.name), quoted(check.sql)])
        for constraint in table.constraints:
            body += self._in_table(constraint)
        return [*lines, *(f"    {line}" for line in body or ["pass"])]

    def _is_stamp(self, place: Place, one: Column) -> bool:
        return self.python.get((place, one.name)) == "datetime" and one == Column(one.name, one.type, null=False)

    def _in_table(self, one: object) -> list[str]:
        match one:
            case Exclusion(name, sql, deferrable):
                when = {} if deferrable is None else {"deferrable": quoted(deferrable)}
                return self._call("t.exclude", [quoted(name), quoted(sql)], **when)
            case Key(name, columns):
                return self._call("t.unique", [quoted(part) for part in columns], name=quoted(name), **self._key(one))
            case ForeignKey(name, column, to):
                self.migration_names.add("references")
                return self._call("t.foreign_key", [quoted(column), self._references(to, name=name)])
            case _:
                raise MigrationError(f"{one!r} does not stand in a new table")

    @staticmethod
    def _key(one: Key) -> dict[str, str]:
        options = {} if one.nulls_distinct else {"nulls_distinct": "False"}
        return options if one.deferrable is None else {**options, "deferrable": quoted(one.deferrable)}

    def _change(self, place: Place, change: AddColumn | RemoveColumn | ModifyColumn) -> list[str]:
        match change:
            case AddColumn(column):
                return self._column("t.column", place, column)
            case RemoveColumn(name, column):
                if column is None:
                    return self._call("t.remove", [quoted(name)])
                return self._column("t.remove", place, column)
            case ModifyColumn(name, to, was, using, back):
                options = self._state(place, name, to)
                type_ = options.pop("type")
                if was is not None:
                    self.migration_names.add("was")
                    before = self._state(place, name, was)
                    options["from_"] = f"was({self._arguments([before.pop('type')], **before)})"
                for word, text in (("using", using), ("back", back)):
                    if text is not None:
                        options[word] = self._raw(text)
                return self._call("t.modify", [quoted(name), type_], **options)

    def _state(self, place: Place, name: str, state: ColumnState) -> dict[str, str]:
        made = {"type": self._type(place, name, state.type)}
        if state.null is not UNCHANGED:
            made["null"] = str(state.null)
        if state.default is not UNCHANGED:
            made["default"] = self._default(state.default, made["type"])
        if state.collation is not None:
            made["collation"] = quoted(state.collation)
        return made

    def _column(self, call: str, place: Place, one: Column) -> list[str]:
        options: dict[str, str] = {}
        if not one.null and not one.primary_key:
            options["null"] = "False"
        if one.default is not None:
            options["default"] = self._default(one.default, self._type(place, one.name, one.type))
        if one.primary_key:
            options["primary_key"] = "True"
        if one.identity is not False:
            identity = one.identity if isinstance(one.identity, Identity) else Identity()
            options.pop("null", None)
            options["identity"] = quoted("always" if identity.always else "by_default")
            for word, number in (("start", identity.start), ("increment", identity.increment)):
                if number is not None:
                    options[word] = str(number)
        if one.generated is not None:
            options["generated"] = self._raw(one.generated)
            options |= {} if one.stored else {"stored": "False"}
        for word, text in (("collation", one.collation), ("comment", one.comment)):
            if text is not None:
                options[word] = quoted(text)
        type_ = self._type(place, one.name, one.type)
        if one.references is not None:
            self.migration_names.add("references")
            type_ = self._references(one.references, type_=type_, column=one.name, table=place[1])
        return self._call(call, [quoted(one.name), type_], **options)

    def _references(
        self, to: References, *, type_: str = "int", name: str | None = None, column: str = "", table: str = ""
    ) -> str:
        options: dict[str, str] = {}
        if to.column != "id":
            options["column"] = quoted(to.column)
        if type_ != "int":
            options["type"] = type_
        for word, action in (("on_delete", to.on_delete), ("on_update", to.on_update)):
            if isinstance(action, SetColumns):
                self.migration_names.add(action.action)
                options[word] = f"{action.action}({', '.join(map(quoted, action.columns))})"
            elif action != "nothing":
                options[word] = quoted(action)
        given = name or to.name
        if given is not None and given != foreign_key_name(table, column):
            options["name"] = quoted(given)
        if to.others:
            options["with_"] = "{" + ", ".join(f"{quoted(a)}: {quoted(b)}" for a, b in to.others) + "}"
        for word, text in (("match", to.match), ("deferrable", to.deferrable)):
            if text is not None:
                options[word] = quoted(text)
        return f"references({self._arguments([quoted(to.table)], **options, prefix=to.prefix)})"

    def _type(self, place: Place, name: str, given: object) -> str:
        written = Written(self.target, given, self.python.get((place, name)))
        for module, word in written.imports:
            self.others.setdefault(module, set()).add(word)
        return written.text

    def _default(self, value: object, written: str) -> str:
        if isinstance(value, Raw):
            text = python_default(value.sql, written, self.target)
            return self._raw(value) if text is None else text
        return repr(value)

    def _raw(self, value: Raw) -> str:
        self.migration_names.add("Raw")
        return f"Raw({quoted(value.sql)})"

    # --- indexes and constraints --------------------------------------------------------------------------------------

    def _index(self, call: str, one: Index, **more: str) -> list[str]:
        parts = [self._index_part(part) for part in one.columns]
        options: dict[str, str] = {}
        if one.unique:
            options["unique"] = "True"
        if one.name != index_name(one.table, one.columns):
            options["name"] = quoted(one.name)
        for word, text in (
            ("where", one.where),
            ("using", one.using),
            ("options", one.options),
            ("comment", one.comment),
        ):
            if text is not None:
                options[word] = quoted(text)
        if one.include:
            options["include"] = (
                "(" + ", ".join(map(quoted, one.include)) + ("," if len(one.include) == 1 else "") + ")"
            )
        if not one.nulls_distinct:
            options["nulls_distinct"] = "False"
        if one.concurrently:
            options["concurrently"] = "True"
        return self._call(call, [quoted(one.table), *parts], **options, **more, prefix=one.prefix)

    def _index_part(self, part: str | Raw | IndexColumn) -> str:
        if isinstance(part, str):
            return quoted(part)
        if isinstance(part, Raw):
            return self._raw(part)
        self.migration_names.add("indexed")
        arguments = [self._index_part(part.of), *([] if part.direction is None else [quoted(part.direction)])]
        words = (("nulls", part.nulls), ("operator_class", part.operator_class), ("collation", part.collation))
        return (
            f"indexed({self._arguments(arguments, **{word: quoted(text) for word, text in words if text is not None})})"
        )

    def _constraint(self, call: str, node: CreateConstraint) -> list[str]:
        one = node.constraint
        options: dict[str, str] = {}
        match one:
            case Check(_, sql):
                options["check"] = quoted(sql)
            case Exclusion(_, sql, deferrable):
                options["exclude"] = quoted(sql)
                options |= {} if deferrable is None else {"deferrable": quoted(deferrable)}
            case ForeignKey(_, column, to):
                self.migration_names.add("references")
                options["foreign_key"] = quoted(column)
                options["references"] = self._references(to)
            case Key(_, columns, primary):
                options["primary_key" if primary else "unique"] = "[" + ", ".join(map(quoted, columns)) + "]"
                options |= {} if one.using_index is None else {"using_index": quoted(one.using_index)}
                options |= self._key(one)
        if not node.validate:
            options["validate"] = "False"
        if node.comment is not None:
            options["comment"] = quoted(node.comment)
        return self._call(call, [quoted(node.table), quoted(one.name)], **options, prefix=node.prefix)

    # --- all else -----------------------------------------------------------------------------------------------------

    def _object(self, node: Node) -> list[str]:
        match node:
            case CreateEnum(name, values, prefix) | DropEnum(name, values, prefix):
                call = "m.create_enum" if isinstance(node, CreateEnum) else "m.drop_enum"
                labels = "[" + ", ".join(map(quoted, values or ())) + "]"
                return self._call(call, [quoted(name), labels], prefix=prefix)
            case AddEnumValue(name, value, before, after, prefix):
                words = {
                    word: quoted(text) for word, text in (("before", before), ("after", after)) if text is not None
                }
                return self._call("m.add_enum_value", [quoted(name), quoted(value)], **words, prefix=prefix)
            case CreateView(view):
                options = {"materialized": "True"} if view.materialized else {}
                return self._call(
                    "m.create_view", [quoted(view.name), quoted(view.query)], **options, prefix=view.prefix
                )
            case DropView(name, view, materialized, prefix):
                options = {"materialized": "True"} if materialized else {}
                query = [] if view is None else [quoted(view.query)]
                return self._call("m.drop_view", [quoted(name), *query], **options, prefix=prefix)
            case CreateExtension(name, prefix) | DropExtension(name, prefix):
                call = "m.create_extension" if isinstance(node, CreateExtension) else "m.drop_extension"
                return self._call(call, [quoted(name)], prefix=prefix)
            case CreateSchema(name):
                return self._call("m.create_schema", [quoted(name)])
            case DropSchema(name):
                return self._call("m.drop_schema", [quoted(name)])
            case _:
                raise MigrationError(f"the diff has no call for {node!r}")

    def _call(self, call: str, arguments: Sequence[str], *, prefix: str | None = None, **options: str) -> list[str]:
        inner = self._arguments(arguments, prefix=prefix, **options)
        if len(call) + len(inner) + 2 <= WIDTH and "\n" not in inner:
            return [f"{call}({inner})"]
        parts = [*arguments, *(f"{word}={text}" for word, text in self._options(prefix, options).items())]
        return [f"{call}(", *(f"    {line}" for part in parts for line in f"{part},".split("\n")), ")"]

    def _arguments(self, arguments: Sequence[str], *, prefix: str | None = None, **options: str | None) -> str:
        given = {word: text for word, text in options.items() if text is not None}
        return ", ".join([*arguments, *(f"{word}={text}" for word, text in self._options(prefix, given).items())])

    @staticmethod
    def _options(prefix: str | None, options: Mapping[str, str]) -> dict[str, str]:
        return {**options, **({} if prefix is None else {"prefix": quoted(prefix)})}


def turns_round(steps: Sequence[Step]) -> bool:
    """Whether `change` can say all of it: a dropped table, and what has its own way back, need `up` and `down`."""
    return not any(step.down is not None or any(isinstance(node, DropTable) for node in step.up) for step in steps)


def source(title: str, steps: Sequence[Step], target: Target, python: Mapping[tuple[Place, str], str]) -> str:
    """Return a whole migration file."""
    writer = Writer(target, python)

    def body(pairs: Sequence[tuple[str | None, Sequence[Node]]]) -> str:
        lines: list[str] = []
        for note, nodes in pairs:
            written = [line for node in nodes for line in writer.lines(node)]
            lines += [f"# {note}", *written] if note is not None and written else written
        return "\n".join(f"    {line}" for line in lines or ["pass"])

    notes = [(step.note, step.up) for step in steps]
    backwards: list[tuple[str | None, Sequence[Node]]] = [(None, step.undone()) for step in reversed(steps)]
    functions: list[tuple[str, Callable[[], str]]]
    if turns_round(steps):
        functions = [("change", lambda: body(notes))]
    else:
        functions = [("up", lambda: body(notes)), ("down", lambda: body(backwards))]
    texts = [f"def {name}(m: Migration) -> None:\n{make()}" for name, make in functions]
    imports = [
        f"from {module} import {', '.join(sorted(words, key=str.lower))}"
        for module, words in sorted(writer.others.items())
    ]
    ours = f"from ectype.migrations import {', '.join(sorted(writer.migration_names, key=_by_kind))}"
    head = "\n".join([*imports, *([""] if imports else []), ours])
    return f'"""{title}"""\n\n{head}\n\n\n' + "\n\n\n".join(texts) + "\n"


def _by_kind(name: str) -> tuple[bool, str]:
    return name[0].islower(), name
