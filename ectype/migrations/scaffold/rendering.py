"""From a plan to the text of modules: one for all schemas, or one for each table in a package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ectype.migrations.scaffold import naming
from ectype.migrations.scaffold.column_types import Imports
from ectype.migrations.scaffold.defaults import quoted
from ectype.migrations.scaffold.plan import ClassPlan, EnumPlan, Member, Plan
from ectype.migrations.scaffold.text import INDENT, assigned, comment, constant, docstring, import_lines, listed, split

TITLE: Final = '"""The schemas of a database, as `ectype gen schema --from-database` found them."""'
LATER: Final = "from __future__ import annotations"
ENUMS: Final = "enums"


def module(plan: Plan, base: str | None) -> str:
    """Return the text of one module with all enums and schemas."""
    blocks = [_enum(one) for one in plan.enums] + [_schema(one, base) for one in plan.classes]
    imports = [*_enum_imports(plan.enums), *(pair for one in plan.classes for pair in _imports(one, base))]
    return _file(TITLE, imports, base, blocks)


def package(plan: Plan, base: str | None) -> dict[str, str]:
    """Return the texts of a package, by the name of their file: one for each table, one for all enums."""
    files = naming.members((one.table for one in plan.classes), {ENUMS})
    homes = {one.name: files[one.table] for one in plan.classes} | {one.name: ENUMS for one in plan.enums}
    made = {f"{files[one.table]}.py": _split_module(one, base, homes) for one in plan.classes}
    if plan.enums:
        made[f"{ENUMS}.py"] = _file(
            TITLE.replace("schemas", "enum types"), _enum_imports(plan.enums), None, [_enum(one) for one in plan.enums]
        )
    names = sorted(homes)
    lines = import_lines(tuple((f".{homes[name]}", name) for name in names))
    front = [TITLE, "", *lines, "", *listed("__all__", [quoted(name) for name in names])]
    made["__init__.py"] = "\n".join([*front, ""])
    return dict(sorted(made.items()))


def _split_module(one: ClassPlan, base: str | None, homes: dict[str, str]) -> str:
    enums = {member.enum for member in one.fields if member.enum is not None}
    related = {link.schema for link in one.links if link.schema is not None} - {one.name}
    imports = _imports(one, base)
    checked: list[str] = []
    if related:
        # Schemas mention each other, so their modules cannot import each other; ectype finds them by their name.
        imports.append(("typing", "TYPE_CHECKING"))
        lines = import_lines(tuple((f".{homes[name]}", name) for name in related), indent=INDENT)
        checked = ["if TYPE_CHECKING:", *lines]
    title = TITLE.replace("The schemas of a database", f"The schema of the table `{_plain(one.table)}`")
    title = title.replace("found them", "found it")
    return _file(title, imports, base, [_schema(one, base)], [(f".{ENUMS}", name) for name in sorted(enums)], checked)


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() and one not in '"\\`' else "?" for one in text)


def _file(
    title: str,
    imports: Iterable[tuple[str, str]],
    base: str | None,
    blocks: Sequence[Sequence[str]],
    local: Sequence[tuple[str, str]] = (),
    checked: Sequence[str] = (),
) -> str:
    pairs = tuple(dict.fromkeys(imports))
    own = base.partition(":")[0] if base else None
    sections = [
        import_lines(tuple(pair for pair in pairs if pair[0] not in ("ectype", own))),
        import_lines(tuple(pair for pair in pairs if pair[0] == "ectype" and own != "ectype")),
        import_lines(tuple(pair for pair in pairs if pair[0] == own)),
        import_lines(tuple(local)),
        checked,
    ]
    lines = [title, "", LATER]
    for section in sections:
        if section:
            lines += ["", *section]
    for block in blocks:
        lines += ["", "", *block]
    return "\n".join([*lines, ""])


def _enum_imports(enums: Sequence[EnumPlan]) -> Imports:
    return (("enum", "StrEnum"),) if enums else ()


def _imports(one: ClassPlan, base: str | None) -> list[tuple[str, str]]:
    found = [pair for member in (*one.fields, *one.links) for pair in member.imports]
    module_name, _, name = (base or "ectype:Schema").partition(":")
    found.append((module_name, name))
    if one.timestamps:
        found.append(("ectype", "Timestamps"))
    return found


def _enum(one: EnumPlan) -> list[str]:
    lines = [f"class {one.name}(StrEnum):", *_described(one.comment)]
    for name, label in one.members:
        lines += constant(name, quoted(label), INDENT)
    return lines


def _schema(one: ClassPlan, base: str | None) -> list[str]:
    bases = [base.partition(":")[2] if base else "Schema", *(["Timestamps"] if one.timestamps else [])]
    bases.append(f"table={quoted(one.table)}")
    if one.prefix is not None:
        bases.append(f"prefix={quoted(one.prefix)}")
    body = _described(one.comment)
    for note in one.notes:
        body += comment(note, INDENT)
    for member in (*one.fields, *one.links):
        body += _member(member)
    if not one.fields and not one.links and not one.comment:
        body += [f'{INDENT}"""A row of `{_plain(one.table)}`."""']
    return [*split(f"class {one.name}({', '.join(bases)}):", ""), *body]


def _described(text: str | None) -> list[str]:
    if text is None or not text.strip():
        return []
    said = docstring(text, INDENT)
    return comment(text, INDENT) if said is None else [*said, ""]


def _member(member: Member) -> list[str]:
    lines = [line for text in member.comments for line in comment(text, INDENT)]
    value = f"{member.call}({', '.join(member.options)})" if member.call else ""
    return [*lines, *assigned(member.name, member.annotation, value, INDENT)]
