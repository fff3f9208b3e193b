"""Text: comparisons that mean the same on every database, and search for words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr.constants import escape_like
from ectype.expr.nodes import Call, ColumnRef
from ectype.query.inference import plain, type_of
from ectype.sql.fence import Lowers, atom, compound, refuse
from ectype.types.scalars import BINARY, BOOLEAN, STRING

_WORD = re.compile(r"\w+")


def _checked(lowering: Lowers, node: Call) -> str:
    """Return what is looked into. Raises QueryError for what is no text."""
    known = plain(type_of(node.args[0]))
    if known is not None and (known in (BINARY, BOOLEAN) or known.codec("postgres").column not in ("text", "citext")):
        raise QueryError(f"`fn.{node.name.split()[0]}` needs text, and this is of type {known.name}")
    return lowering.text(node.args[0])


def _escaped(before: str, after: str) -> Callable[[Any], str]:
    dump = STRING.codec("postgres").dump
    return lambda value: f"{before}{escape_like(dump(value))}{after}"


def _starts_with(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    text = _checked(lowering, node)
    if lowering.dialect.ilike:
        return compound(f"{text} LIKE {lowering.place(_escaped('', '%'))}")
    mark = lowering.place(STRING.codec("sqlite").dump)
    return compound(f"substr({text}, 1, length({mark})) = {mark}")


def _ends_with(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    text = _checked(lowering, node)
    if lowering.dialect.ilike:
        return compound(f"{text} LIKE {lowering.place(_escaped('%', ''))}")
    mark = lowering.place(STRING.codec("sqlite").dump)
    return compound(f"substr({text}, length({text}) - length({mark}) + 1, length({mark})) = {mark}")


def _contains(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    text = _checked(lowering, node)
    if lowering.dialect.ilike:
        return compound(f"{text} LIKE {lowering.place(_escaped('%', '%'))}")
    return compound(f"instr({text}, {lowering.place(STRING.codec('sqlite').dump)}) > 0")


def _regexp(lowering: Lowers, node: Call, word: str) -> exp.Expr:
    if not lowering.dialect.regular_expressions:
        raise refuse("has no regular expressions", node, lowering.dialect,
                     "match with `like`, `fn.starts_with` or `fn.contains_text`, or in Python")  # fmt: skip
    text = _checked(lowering, node)
    return compound(f"{text} {'~*' if word == 'i' else '~'} {lowering.place(STRING.codec('postgres').dump)}")


def _collate(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    return compound(f"{_checked(lowering, node)} COLLATE {lowering.dialect.code_point_collation}")


def _words(value: Any) -> str:
    """Return the words of a text as FTS5 takes them: each in quotes, all of them wanted."""
    return " ".join(f'"{word}"' for word in _WORD.findall(STRING.codec("sqlite").dump(value))) or '""'


def _search(lowering: Lowers, node: Call, word: str) -> exp.Expr:
    if not lowering.dialect.search_tables:
        document, query = _document(lowering, node, word)
        return compound(f"{document} @@ {query}")
    _check_searched(lowering, node, word)
    return compound(f"{lowering.text(node.args[0])} MATCH {lowering.place(_words)}")


def _search_rank(lowering: Lowers, node: Call, word: str) -> exp.Expr:
    if not lowering.dialect.search_tables:
        document, query = _document(lowering, node, word)
        return atom(f"CAST(ts_rank({document}, {query}) AS float8)")
    _check_searched(lowering, node, word)
    table = lowering.text(node.args[0]).rpartition(".")[0]
    # The rank is that of the MATCH in the same query; nothing is found by no words.
    return atom(f'CASE WHEN {lowering.place(_words)} <> \'""\' THEN -{table}."rank" ELSE 0.0 END')


def _document(lowering: Lowers, node: Call, word: str) -> tuple[str, str]:
    text = _checked(lowering, node)
    mark = lowering.place(lambda value: " ".join(_WORD.findall(STRING.codec("postgres").dump(value))))
    return f"to_tsvector('{word}', {text})", f"plainto_tsquery('{word}', {mark})"


def _check_searched(lowering: Lowers, node: Call, word: str) -> None:
    _checked(lowering, node)
    if word != "simple":
        raise refuse("searches by the tokenizer of the table", node, lowering.dialect,
                     "leave `language=` out, and make the FTS5 table with `tokenize='porter'`")  # fmt: skip
    if not isinstance(node.args[0], ColumnRef):
        raise refuse("searches columns of FTS5 tables only", node, lowering.dialect, "search a column")


CALLS: dict[str, Callable[[Lowers, Call, str], exp.Expr]] = {
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "contains_text": _contains,
    "regexp": _regexp,
    "collate": _collate,
    "search": _search,
    "search_rank": _search_rank,
}
