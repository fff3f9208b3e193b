"""URL scheme to adapter. The adapter's module, and with it the driver, is imported when a URL asks for it."""

from collections.abc import Mapping
from importlib import import_module

from ectype.adapters.base import Adapter
from ectype.adapters.settings import with_settings
from ectype.adapters.url import Config, parse

ADAPTERS = {"postgresql": "ectype.adapters.postgres", "sqlite": "ectype.adapters.sqlite"}
"""Scheme to the module that serves it; each has a function `create(config) -> Adapter`."""


def adapter_for(
    url: str | Config,
    *,
    direct_url: str | None = None,
    prepare: str | None = None,
    attach: Mapping[str, str] | None = None,
) -> Adapter:
    """Return the adapter for a database URL; nothing is connected yet. The settings are those of `Repo`.

    Raises:
        ConfigError: the URL, one of its options, or a setting cannot be used.
        UnsupportedError: the driver's library is too old.

    >>> adapter_for("sqlite:///blog.db").dialect.name
    'SQLite'
    """
    config = parse(url) if isinstance(url, str) else url
    config = with_settings(config, direct_url=direct_url, prepare=prepare, attach=attach)
    adapter: Adapter = import_module(ADAPTERS[config.scheme]).create(config)
    return adapter
