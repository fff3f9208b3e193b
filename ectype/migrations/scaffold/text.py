"""Lines of Python as a formatter leaves them: at most 120 characters, calls split where they are longer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from ectype.migrations.scaffold.column_types import Imports

WIDTH: Final = 120
INDENT: Final = "    "
CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


def split(line: str, indent: str) -> list[str]:
    """Return a line, or the lines of its last brackets split: all that is in them on one line, else one a line.

    >>> split("x = f(" + "a" * 100 + ", " + "b" * 20 + ")", "")[1][:8]
    '    aaaa'
    """
    if len(indent) + len(line) <= WIDTH:
        return [indent + line]
    opening = _last_group(line)
    if opening is None:
        return [indent + line]
    start, end = opening
    head, inside, tail = line[: start + 1], line[start + 1 : end], line[end:]
    deeper = indent + INDENT
    arguments = _arguments(inside)
    if not arguments:
        return [indent + line]
    if len(deeper) + len(inside) <= WIDTH:
        return [indent + head, deeper + inside, indent + tail]
    inner = [one for argument in arguments for one in split(f"{argument},", deeper)]
    return [indent + head, *inner, indent + tail]


def assigned(name: str, annotation: str, value: str, indent: str) -> list[str]:
    """Return `name: annotation = value`; the annotation is split where its own line would be too long."""
    left = f"{name}: {annotation}"
    begin = value[: value.find("(") + 1] if "(" in value else value
    if not value or len(indent) + len(f"{left} = {begin}") <= WIDTH or not annotation.endswith("]"):
        return split(f"{left} = {value}" if value else left, indent)
    if len(indent) + len(f"{left} = (") <= WIDTH and len(indent) + len(INDENT) + len(value) <= WIDTH:
        return [f"{indent}{left} = (", f"{indent}{INDENT}{value}", f"{indent})"]
    opening = annotation.index("[") + 1
    first = f"{indent}{name}: {annotation[:opening]}"
    inner = f"{indent}{INDENT}{annotation[opening:-1]}"
    return [first, inner, *split(f"] = {value}", indent)]


def constant(name: str, value: str, indent: str) -> list[str]:
    """Return `name = value`, with brackets round a value that then fits."""
    line = f"{indent}{name} = {value}"
    if len(line) <= WIDTH or len(indent) + len(INDENT) + len(value) > WIDTH:
        return [line]
    return [f"{indent}{name} = (", f"{indent}{INDENT}{value}", f"{indent})"]


def _last_group(line: str) -> tuple[int, int] | None:
    """Return where the brackets open and close that the line ends with."""
    stack: list[int] = []
    found: tuple[int, int] | None = None
    for at, letter in _code(line):
        if letter in CLOSING:
            stack.append(at)
        elif letter in CLOSING.values():
            start = stack.pop() if stack else -1
            if start >= 0 and not stack and line[at + 1 :] in ("", ",", ":"):
                found = start, at
    return found


def _arguments(text: str) -> list[str]:
    depth, start = 0, 0
    found: list[str] = []
    for at, letter in _code(text):
        if letter in CLOSING:
            depth += 1
        elif letter in CLOSING.values():
            depth -= 1
        elif letter == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [one for one in [*found, text[start:].strip()] if one]


def _code(text: str) -> Iterable[tuple[int, str]]:
    """Return the signs outside of quotes, with their places."""
    mark, escaped = "", False
    for at, letter in enumerate(text):
        if mark:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == mark:
                mark = ""
        elif letter in "\"'":
            mark = letter
        else:
            yield at, letter


def comment(text: str, indent: str) -> list[str]:
    """Return text as comments."""
    found: list[str] = []
    for line in clean(text):
        found += textwrap.wrap(line, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in found]


def docstring(text: str, indent: str) -> list[str] | None:
    """Return text as a docstring; None where its signs would need escapes, so that it is better a comment."""
    lines = [
        wrapped
        for line in clean(text)
        for wrapped in textwrap.wrap(line, WIDTH - len(indent) - 6, break_long_words=False, break_on_hyphens=False)
    ]
    if not lines or any("\\" in line or '"' in line for line in lines):
        return None
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [f'{indent}"""{lines[0]}', *(indent + line for line in lines[1:]), f'{indent}"""']


def clean(text: str) -> list[str]:
    """Return the lines of a text, without signs that cannot be seen and could end a comment or turn it round."""
    lines = ("".join(one if one.isprintable() else " " for one in line) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def import_lines(imports: Imports, *, indent: str = "") -> list[str]:
    """Return import lines as a sorter leaves them: by module, the names in the order of constants, classes, others."""
    modules: dict[str, set[str]] = {}
    for module, name in imports:
        modules.setdefault(module, set()).add(name)
    lines: list[str] = []
    for module in sorted(modules):
        names = sorted(modules[module], key=_rank)
        line = f"{indent}from {module} import {', '.join(names)}"
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [f"{indent}from {module} import (", *(f"{indent}{INDENT}{name}," for name in names), f"{indent})"]
    return lines


def _rank(name: str) -> tuple[int, str, str]:
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower(), name


def listed(name: str, items: Sequence[str]) -> list[str]:
    """Return a list of texts that a name is given."""
    line = f"{name} = [{', '.join(items)}]"
    return [line] if len(line) <= WIDTH else [f"{name} = [", *(f"{INDENT}{item}," for item in items), "]"]
