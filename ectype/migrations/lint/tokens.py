"""Statements to tokens: enough to see what a statement does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ectype.migrations.sql_text import pieces

Kind: TypeAlias = Literal["word", "name", "text", "number", "sign"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        value: a word in upper case, a name or a text without its quotes, a sign as it is.
    """

    kind: Kind
    value: str

    @property
    def name(self) -> str:
        """The identifier that it is, as the database keeps it."""
        return self.value.lower() if self.kind == "word" else self.value


def tokens_of(sql: str) -> tuple[Token, ...]:
    r"""Return the tokens of a statement, without what stands between them.

    >>> [token.value for token in tokens_of("DROP TABLE a -- gone")]
    ['DROP', 'TABLE', 'A']
    """
    return tuple(_tokens(sql))


def _tokens(sql: str) -> Iterator[Token]:
    for piece in pieces(sql):
        text = piece.text
        match piece.kind:
            case "space" | "remark":
                continue
            case "dollar":
                quote = text[: text.index("$", 1) + 1]
                yield Token("text", text[len(quote) :].removesuffix(quote))
            case "name":
                yield Token("name", text[1:].removesuffix(text[0]).replace(text[0] * 2, text[0]))
            case "text":
                yield Token("text", text[text.index("'") + 1 :].removesuffix("'").replace("''", "'"))
            case "word":
                yield Token("word", text.upper())
            case "number" | "sign":
                yield Token(piece.kind, text)


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
        """Read a name that may have a schema before it. Empty where none is."""
        parts: list[str] = []
        while not self.at_end and self.tokens[self.position].kind in ("word", "name"):
            parts.append(self.tokens[self.position].name)
            self.position += 1
            if not self.takes("."):
                break
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

    >>> text_of(tokens_of("Price  IS\tNOT NULL"))
    'price is not null'
    """
    return " ".join(token.name if token.kind != "text" else f"'{token.value}'" for token in tokens)
