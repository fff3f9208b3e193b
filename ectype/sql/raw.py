"""Whole statements in the user's own text: read as far as safety needs it, and given their parameters.

The text is never translated. What is read of it: whether a gap stands inside quotes, whether it is one statement and
not one that begins or ends a transaction, and whether it may change the connection's session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ectype.errors import QueryError
from ectype.expr.fragments import pieces
from ectype.expr.nodes import ColumnRef, Param
from ectype.query.scope import refuse_virtual
from ectype.sql.compilers import quoted_name
from ectype.sql.dialect import Dialect
from ectype.sql.params import Dumper, by_class, hidden
from ectype.sql.statement import Statement

Gap: TypeAlias = Any
"""What stands in a gap: None for a value that its class alone tells, `Param` for one of a type, a column's node, or
what a schema reads."""

_HOLE: Final = "\0"
_TOKENS: Final = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<quoted>[eE]'(?:[^'\\]|\\.|'')*'? | '(?:[^']|'')*'? | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|\Z))
    | (?P<name>"(?:[^"]|"")*"? | `(?:[^`]|``)*`?)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OTHER_GAPS: Final = re.compile(r"%s|%\(\w+\)s|\?|(?<!:):[a-z_]\w*|\$\d+")
"""How other libraries mark the place of a value."""
_COMMENT: Final = re.compile(r"/\*|\*/")

_TRANSACTION: Final = frozenset(["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"])
_DRIVERS: Final = frozenset(["prepare", "deallocate", "discard"])
_HARMLESS: Final = frozenset(
    ["select", "values", "table", "with", "insert", "update", "delete", "replace", "merge", "explain"]
)
_CALLS: Final = frozenset(
    # Words that a parenthesis may follow, types with a length, and functions that leave the session as it is.
    """
    all and any array as between by case cast char check column conflict distinct do else except exists extract filter
    from group having ilike in int intersect interval into is join key lateral like limit materialized not numeric
    decimal offset on or order over overlaps partition returning row select set similar some then time timestamp union
    update using values varchar when where with within
    abs array_agg array_length avg bool_and bool_or ceil char_length coalesce concat concat_ws count cume_dist date
    date_part date_trunc datetime dense_rank first_value floor format generate_series greatest group_concat ifnull iif
    instr json json_agg json_array json_array_length json_build_array json_build_object json_each json_extract
    json_group_array json_group_object json_object json_type jsonb_agg jsonb_array_elements jsonb_build_array
    jsonb_build_object jsonb_set lag last_value lead least left length lower ltrim max md5 min nth_value ntile nullif
    octet_length percent_rank position random rank regexp_replace replace right round row_number rtrim split_part
    strftime string_agg strpos substr substring sum to_char to_date to_json to_jsonb to_timestamp total translate trim
    typeof unnest upper
    """.split()  # noqa: SIM905  # a list of eighty quoted words is read by nobody
)


@dataclass(frozen=True, slots=True, eq=False)
class RawStatement:
    """A statement of the user's.

    Attributes:
        statement: the text for the driver, and how its parameters are dumped.
        resets: whether the text may have changed the connection's session.
    """

    statement: Statement
    resets: bool


def compile_raw(text: str, gaps: tuple[Gap, ...], dialect: Dialect, prefix: str | None) -> RawStatement:
    """Return the statement of a text and of what stands in its gaps.

    Raises:
        QueryError: for gaps and arguments that differ in number, a gap inside quotes, several statements or none, and
            one that begins or ends a transaction.
    """
    parts = pieces(text)
    if len(parts) - 1 != len(gaps):
        raise QueryError(
            f"the text {text!r:.200} has {len(parts) - 1} gaps and got {len(gaps)} arguments",
            hint="write one `{}` for each argument, and `{{` or `}}` for a brace"
            + (f"; `{other[0]}` is no gap" if len(parts) == 1 and (other := _OTHER_GAPS.search(text)) else ""),
        )
    if _HOLE in text:
        raise QueryError(f"SQL text holds no NUL character: {text!r:.200}")
    words = list(_words(text, _HOLE.join(parts)))
    _check_statement(text, words)
    sql, dumps, secret = _filled(parts, gaps, dialect, prefix)
    return RawStatement(
        Statement(
            sql,
            _dumper(dumps, hide=secret),
            redacted=frozenset(range(len(dumps)) if secret else ()),
            operation=_verb(words).upper(),
        ),
        resets=_may_change_session(words),
    )


def _words(text: str, joined: str) -> Iterator[str]:
    """Yield the words, names and signs of a text, in lower case and without spaces, comments and strings."""
    place = 0
    while place < len(joined):
        match = _TOKENS.match(joined, place)
        assert match is not None  # `other` takes any character
        kind, place = match.lastgroup, match.end()
        if kind == "comment":
            place = _end_of_comment(joined, place)
        # `tag` is the last group of a text between dollars.
        inside = joined[match.start() : place]
        if kind in ("comment", "quoted", "tag", "name", "space") and _HOLE in inside:
            raise QueryError(
                f"a gap stands inside quotes or a comment in {text!r:.200}",
                hint="write `{}` without quotes around it: the value is sent apart from the text",
            )
        if kind not in ("space", "comment"):
            yield "''" if kind in ("quoted", "tag") else inside.lower()


def _end_of_comment(joined: str, place: int) -> int:
    depth = 1
    while depth:
        sign = _COMMENT.search(joined, place)
        if sign is None:
            return len(joined)
        depth += 1 if sign[0] == "/*" else -1
        place = sign.end()
    return place


def _check_statement(text: str, words: list[str]) -> None:
    if ";" in words and any(word != ";" for word in words[words.index(";") :]):
        raise QueryError(
            f"the text {text!r:.200} holds several statements, and one is run at a time",
            hint="call `repo.query` once for each, inside `repo.transaction()` when they belong together",
        )
    verb = _verb(words)
    if not verb:
        raise QueryError(f"the text {text!r:.200} holds no statement")
    if verb in _TRANSACTION:
        raise QueryError(
            f"`{verb.upper()}` in SQL text would begin or end a transaction behind the repo's back",
            hint="write `async with repo.transaction() as tx:`; `tx.rollback()` ends it, a nested one is a savepoint",
        )
    if verb in _DRIVERS:
        raise QueryError(
            f"`{verb.upper()}` in SQL text would disturb the statements that the driver keeps prepared",
            hint="leave it out: what runs often is prepared once by itself",
        )
    if verb == "copy" and ("stdin" in words or "stdout" in words):
        raise QueryError("`COPY` from or to the client is a protocol of its own, which `repo.query` does not speak")


def _verb(words: list[str]) -> str:
    return next((word for word in words if word not in ("(", ";")), "")


def _may_change_session(words: list[str]) -> bool:
    verb = _verb(words)
    if verb not in _HARMLESS or (verb in ("select", "with") and _selects_into(words)):
        return True
    return any(_is_unknown_call(words, place) for place, word in enumerate(words) if word == "(")


def _selects_into(words: list[str]) -> bool:
    """Whether `SELECT … INTO` may make a temporary table; the `into` of an INSERT or MERGE is another."""
    return any(word == "into" and words[place - 1] not in ("insert", "merge") for place, word in enumerate(words))


def _is_unknown_call(words: list[str], place: int) -> bool:
    """Whether a parenthesis may follow the name of a function that changes the session, as `set_config(…)`."""
    before, name = ["", "", *words][place : place + 2]
    if not (name[:1] in ('"', "`") or name[:1].isidentifier()):
        return False
    # `INSERT INTO posts (title)` names columns; a function in a schema of one's own may be called `count` too.
    return before != "into" and (name not in _CALLS or before == ".")


def _filled(
    parts: tuple[str, ...], gaps: tuple[Gap, ...], dialect: Dialect, prefix: str | None
) -> tuple[str, list[Dumper], bool]:
    """Return the text with marks and names in its gaps, the dumpers, and whether it mentions a redacted column."""
    text = [parts[0]]
    dumps: list[Dumper] = []
    secret = False
    for gap, part in zip(gaps, parts[1:], strict=True):
        if gap is None:
            dumps.append(by_class(dialect.target))
            text.append(f"{dialect.placeholder}{len(dumps)}")
        elif isinstance(gap, Param):
            assert gap.type is not None  # `literal` gives it one
            codec = gap.type.codec(dialect.target)
            dumps.append(codec.dump)
            text.append(f"CAST({dialect.placeholder}{len(dumps)} AS {codec.column})")
        elif isinstance(gap, ColumnRef):
            secret |= gap.source.hides(gap.name)
            text.append(_column(gap, dialect))
        else:
            text.append(_table(gap, dialect, prefix))
        text.append(part)
    return "".join(text), dumps, secret


def _column(node: ColumnRef, dialect: Dialect) -> str:
    refuse_virtual(node)
    source: Any = node.source
    alias: str | None = getattr(source, "alias", None)
    name = source.column_source(node.name)
    return quoted_name(dialect, name) if alias is None else quoted_name(dialect, alias, name)


def _table(source: Any, dialect: Dialect, prefix: str | None) -> str:
    known = source.prefix or source.info.prefix or prefix
    name = quoted_name(dialect, *([source.table] if known is None else [known, source.table]))
    alias = "" if source.alias is None else f" AS {quoted_name(dialect, source.alias)}"
    return f"{name}{alias}" if source.hint is None else f"{name}{alias} {source.hint}"


def _dumper(dumps: list[Dumper], *, hide: bool) -> Dumper:
    ready = [hidden(dump, "beside a redacted column") for dump in dumps] if hide else dumps

    def dump(values: Any) -> Any:
        return [None if value is None else one(value) for one, value in zip(ready, values, strict=True)]

    return dump
