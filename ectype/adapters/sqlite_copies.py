"""Copies of a SQLite database, each a file of its own in a temporary folder: what a test of the sandbox works on."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from ectype.adapters.base import Adapter
from ectype.adapters.url import Config


class _Copied(Protocol):
    async def backup(self, path: str, timeout: float | None = None) -> None: ...
    async def close(self, timeout: float = 5.0) -> None: ...


class Copies:
    """Makes copies of one database: the template, which stays as it is."""

    database = "SQLite"

    def __init__(
        self, config: Config, connect: Callable[[float], Awaitable[_Copied]], adapter: Callable[[Config], Adapter]
    ) -> None:
        self._config = config
        self._connect = connect
        self._adapter = adapter

    async def copy(self, timeout: float) -> tuple[Adapter, Callable[[], None]]:
        """Return the adapter of a copy of the database as it is now, and what deletes the copy."""
        folder = Path(tempfile.mkdtemp(prefix="ectype-sandbox-"))

        def delete() -> None:
            # An open handle of a thread that was given up may hold a file.
            shutil.rmtree(folder, ignore_errors=True)

        file = folder / (Path(self._config.path).name or "copy.db")
        try:
            template = await self._connect(timeout)
            try:
                await template.backup(str(file), timeout)
            finally:
                await template.close()
        except BaseException:
            delete()
            raise
        # Nobody needs the copy after a crash.
        options = MappingProxyType({**self._config.options, "synchronous": "off"})
        return self._adapter(replace(self._config, path=str(file), options=options)), delete
