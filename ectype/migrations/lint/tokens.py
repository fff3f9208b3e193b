"""SQL text to tokens and statements, as PostgreSQL and SQLite both read it: enough to see what a statement does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["word", "name", "text", "number", "sign"]

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<remark>/\*)
  | (?P<text>[eE]'(?:[^'\\]|''|\\.)*'?|(?:[uU]&|[bBnNxX])?'(?:[^']|'')*'?)
  | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
  | (?P<name>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>\d[\w.]*|\.\d\w*)
  | (?P<sign>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        value: a word in upper case, a name or a text without its quotes, a sign as it is.
        at: where it begins in the text.
    """

    kind: Kind
    value: str
    at: int

    @property
    def name(self) -> str:
        """The identifier that it is, as the database keeps it."""
        return self.value.lower() if self.kind == "word" else self.value


def statements(sql: str) -> Iterator[tuple[Token, ...]]:
    r"""Yield the tokens of each statement, without its semicolon; remarks and empty statements are left out.

    >>> [[token.value for token in one] for one in statements("DROP TABLE a; -- gone\\nSELECT ';'")]
    [['DROP', 'TABLE', 'A'], ['SELECT', ';']]
    """
    found: list[Token] = []
    # The body of a trigger (SQLite), or of a function (`BEGIN ATOMIC`), holds semicolons of its own.
    depth = 0
    for token in _tokens(sql):
        if token.kind == "word":
            depth = _depth(depth, token.value, found)
        if token.kind == "sign" and token.value == ";" and not depth:
            if found:
                yield tuple(found)
            found = []
        else:
            found.append(token)
    if found:
        yield tuple(found)


def _depth(depth: int, word: str, before: Sequence[Token]) -> int:
    if depth:
        return depth + (word == "CASE") - (word == "END")
    makes = before and before[0].value == "CREATE"
    return int(bool(makes) and word == "BEGIN" and _has_body(before))


def _has_body(tokens: Sequence[Token]) -> bool:
    return any(token.kind == "word" and token.value in ("TRIGGER", "FUNCTION", "PROCEDURE") for token in tokens[:6])


def _tokens(sql: str) -> Iterator[Token]:
    at = 0
    while match := TOKEN.match(sql, at):
        kind, text, begin = str(match.lastgroup), match[0], at
        at = match.end()
        match kind:
            case "space":
                continue
            case "remark":
                at = _end_of_remark(sql, begin)
            case "dollar":
                end = sql.find(text, at)
                yield Token("text", sql[at : end if end >= 0 else len(sql)], begin)
                at = len(sql) if end < 0 else end + len(text)
            case "name":
                yield Token("name", text[1:].removesuffix(text[0]).replace(text[0] * 2, text[0]), begin)
            case "text":
                yield Token("text", text[text.index("'") + 1 :].removesuffix("'").replace("''", "'"), begin)
            case "word":
                yield Token("word", text.upper(), begin)
            case "number":
                yield Token("number", text, begin)
            case _:
                yield Token("sign", text, begin)


def _end_of_remark(sql: str, begin: int) -> int:
    """Return where a remark ends; PostgreSQL lets one stand in another."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, begin):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)


class Cursor:
    """Reads tokens from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.position = 0

    @property
    def rest(self) -> Sequence[Token]:
        """The tokens that were not read."""
        return self.tokens[self.position :]

    @property
    def at_end(self) -> bool:
        """Whether all were read."""
        return self.position >= len(self.tokens)

    def sees(self, *words: str) -> bool:
        """Whether these words, or signs, come next."""
        ahead = self.tokens[self.position : self.position + len(words)]
        return len(ahead) == len(words) and all(
            token.kind in ("word", "sign") and token.value == word for token, word in zip(ahead, words, strict=True)
        )

    def takes(self, *words: str) -> bool:
        """Read these words when they come next, and say whether they did."""
        if not self.sees(*words):
            return False
        self.position += len(words)
        return True

    def takes_any(self, *choices: str) -> str | None:
        """Read one of the choices, each of one or more words, and return it."""
        return next((choice for choice in choices if self.takes(*choice.split())), None)

    def next(self) -> Token | None:
        """Read one token."""
        if self.at_end:
            return None
        token = self.tokens[self.position]
        self.position += 1
        return token

    def name(self) -> str:
        """Read a name that may have a schema before it; `public.` and `main.` are left out. Empty where none is."""
        parts: list[str] = []
        while not self.at_end and self.tokens[self.position].kind in ("word", "name"):
            parts.append(self.tokens[self.position].name)
            self.position += 1
            if not self.takes("."):
                break
        if len(parts) > 1 and parts[0] in ("public", "main"):
            parts = parts[1:]
        return ".".join(parts)

    def names(self) -> tuple[str, ...]:
        """Read names with commas between them."""
        found = [self.name()]
        while self.takes(","):
            found.append(self.name())
        return tuple(name for name in found if name)

    def brackets(self) -> Sequence[Token]:
        """Read what stands between round brackets; nothing where none open."""
        if not self.takes("("):
            return ()
        begin, depth = self.position, 1
        while depth and not self.at_end:
            depth += self.sees("(") - self.sees(")")
            self.position += 1
        return self.tokens[begin : self.position - 1 if depth == 0 else self.position]

    def until(self, *words: str) -> Sequence[Token]:
        """Read up to one of the words, outside of brackets."""
        begin = self.position
        while not self.at_end and not any(self.sees(word) for word in words):
            if self.sees("("):
                self.brackets()
            else:
                self.position += 1
        return self.tokens[begin : self.position]


def parts(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Return what stands between the commas, those in brackets aside."""
    found: list[Sequence[Token]] = []
    depth = begin = 0
    for number, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        depth += (token.value in "([") - (token.value in ")]")
        if token.value == "," and depth == 0:
            found.append(tokens[begin:number])
            begin = number + 1
    return [*found, tokens[begin:]]


def text_of(tokens: Sequence[Token]) -> str:
    r"""Return tokens as text to compare: words in lower case, one space between all.

    >>> text_of(next(statements("Price  IS\\tNOT NULL")))
    'price is not null'
    """
    return " ".join(token.name if token.kind != "text" else f"'{token.value}'" for token in tokens)
