"""Bytes on their way into a table: a file, an iterator or an async one, read a piece at a time, and its first line."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from ectype.errors import CastError, ConfigError

PIECE_BYTES = 65_536
LONGEST_HEADER = 100_000
"""In bytes: a first line that never ends is no header."""
_BOM = b"\xef\xbb\xbf"


@runtime_checkable
class ByteSource(Protocol):
    """A file that is open for reading bytes, or what reads like one; `read` may be async."""

    def read(self, size: int, /) -> bytes | Awaitable[bytes]:
        """Return so many bytes at most, none at the end."""
        ...


Source: TypeAlias = bytes | bytearray | memoryview | ByteSource | Iterable[bytes] | AsyncIterable[bytes]


class Pieces:
    """The bytes of a source, in pieces as they come; a byte order mark at their beginning is left out."""

    def __init__(self, source: object) -> None:
        """Raise ConfigError for what cannot be read as bytes."""
        self._source = _pieces(source)
        self._ahead = b""
        self._begun = False

    async def line(self) -> tuple[str, int]:
        """Take the first line of CSV, without its end, and return it with how many lines of text it is.

        An end of line inside double quotes is none. The text is empty where the source is.

        Raises:
            CastError: it is no UTF-8, or longer than `LONGEST_HEADER`.
        """
        while True:
            end = _line_end(self._ahead)
            if end is not None:
                break
            if len(self._ahead) > LONGEST_HEADER:
                raise CastError(
                    f"the first line is longer than {LONGEST_HEADER:,} bytes, so it is no header",
                    hint="leave `header=True` out and say `columns=`",
                )
            more = await self._next()
            if more is None:
                end = len(self._ahead), len(self._ahead)
                break
            self._ahead += more
        taken, self._ahead = self._ahead[: end[0]], self._ahead[end[1] :]
        try:
            return taken.decode(), 1 + taken.count(b"\n")
        except UnicodeDecodeError as exc:
            raise CastError(f"the header is no UTF-8: {exc.reason}", hint="give the bytes as UTF-8") from None

    async def read(self) -> AsyncGenerator[bytes]:
        """Return what is left."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            yield ahead
        while (piece := await self._next()) is not None:
            if piece:
                yield piece

    async def _next(self) -> bytes | None:
        piece = await anext(self._source, None)
        if piece is None:
            return None
        if not isinstance(piece, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise CastError(
                f"a piece of the source is a {piece.__class__.__name__}, and COPY takes bytes",
                hint='open the file with "rb", or encode each piece',
            )
        piece = bytes(piece)
        if self._begun:
            return piece
        # The mark may come in pieces.
        while len(piece) < len(_BOM) and _BOM.startswith(piece):
            more = await anext(self._source, None)
            if more is None:
                break
            piece += more
        self._begun = True
        return piece.removeprefix(_BOM)


def _pieces(source: object) -> AsyncIterator[bytes]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _each([bytes(cast("bytes", source))])
    if isinstance(source, io.TextIOBase):
        raise ConfigError("`copy_in` reads bytes, and the file is open for text", hint='open it with "rb"')
    if isinstance(source, ByteSource):
        return _file(source.read)
    if isinstance(source, AsyncIterable):
        return aiter(cast("AsyncIterable[bytes]", source))
    if isinstance(source, Iterable) and not isinstance(source, str):
        return _each(cast("Iterable[bytes]", source))
    raise ConfigError(
        f"`copy_in` cannot read bytes from {source!r:.80}",
        hint='give it a file open with "rb", bytes, or an iterator of them, async or not',
    )


async def _each(pieces: Iterable[bytes]) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


async def _file(read: Callable[[int], Any]) -> AsyncGenerator[bytes]:
    while True:
        # A file of the system's may wait for its disk; one whose `read` is async returns at once with what to await.
        found = await asyncio.to_thread(read, PIECE_BYTES)
        piece: bytes = await found if isawaitable(found) else found
        if not piece:
            return
        yield piece


def _line_end(text: bytes) -> tuple[int, int] | None:
    """Return where the first line ends, and where the next one begins; None where more is to be read."""
    quoted = False
    for at, byte in enumerate(text):
        if byte == 0x22:
            quoted = not quoted
        elif quoted:
            continue
        elif byte == 0x0A:
            return at, at + 1
        elif byte == 0x0D:
            if at + 1 == len(text):
                return None
            return at, at + (2 if text[at + 1] == 0x0A else 1)
    return None


def names_in(line: str, delimiter: str) -> list[str]:
    """Return the names of a header. Raises CastError for a line that is no CSV."""
    try:
        [names] = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True)
    except (csv.Error, ValueError) as exc:
        raise CastError(f"the header is no line of CSV: {exc}", hint="or leave `header=True` out") from None
    return names
