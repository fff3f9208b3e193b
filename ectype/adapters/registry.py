"""URL scheme to adapter. The adapter's module, and with it the driver, is imported when a URL asks for it."""

from dataclasses import replace
from importlib import import_module

from ectype.adapters.base import Adapter
from ectype.adapters.url import Config, parse

ADAPTERS = {"postgresql": "ectype.adapters.postgres", "sqlite": "ectype.adapters.sqlite"}
"""Scheme to the module that serves it; each has a function `create(config) -> Adapter`."""


def adapter_for(url: str | Config, *, read_only: bool = False) -> Adapter:
    """Return the adapter for a database URL; nothing is connected yet. `read_only` connections refuse to write.

    Raises:
        ConfigError: the URL, or one of its options, cannot be used.
        UnsupportedError: the driver's library is too old.

    >>> adapter_for("sqlite:///blog.db").dialect.name
    'SQLite'
    """
    config = parse(url) if isinstance(url, str) else url
    if read_only:
        config = replace(config, read_only=True)
    adapter: Adapter = import_module(ADAPTERS[config.scheme]).create(config)
    return adapter
