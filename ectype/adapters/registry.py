"""URL scheme to adapter. The adapter's module, and with it the driver, is imported when a URL asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module

from ectype.adapters.base import Adapter
from ectype.adapters.settings import with_settings
from ectype.adapters.url import Config, Password, parse
from ectype.errors import ConfigError

ADAPTERS = {"postgresql": "ectype.adapters.postgres", "sqlite": "ectype.adapters.sqlite"}
"""Scheme to the module that serves it; each has a function `create(config) -> Adapter`."""


def adapter_for(
    url: str | Config,
    *,
    password: Password | None = None,
    direct_url: str | None = None,
    prepare: str | None = None,
    attach: Mapping[str, str] | None = None,
    migration_source: str | None = None,
    migration_lock: str | None = None,
    read_only: bool = False,
) -> Adapter:
    """Return the adapter for a database URL; nothing is connected yet. The settings are those of `Repo`.

    Args:
        url: the URL, or what `parse` made of it.
        password: is asked for the password at each new connection, instead of the URL.
        direct_url: see there, as are the others.
        prepare: see there.
        attach: see there.
        migration_source: see there.
        migration_lock: see there.
        read_only: whether its connections refuse to write.

    Raises:
        ConfigError: the URL, one of its options, or a setting cannot be used; or there are two passwords.
        UnsupportedError: the driver's library is too old.

    >>> adapter_for("sqlite:///blog.db").dialect.name
    'SQLite'
    """
    config = parse(url) if isinstance(url, str) else url
    config = with_settings(
        config,
        direct_url=direct_url,
        prepare=prepare,
        attach=attach,
        migration_source=migration_source,
        migration_lock=migration_lock,
    )
    if password is not None:
        config = _with_password(config, password)
    if read_only:
        config = replace(config, read_only=True)
    adapter: Adapter = import_module(ADAPTERS[config.scheme]).create(config)
    return adapter


def _with_password(config: Config, password: Password) -> Config:
    if config.scheme == "sqlite":
        raise ConfigError(f"{config.masked} has no password to ask for", hint="leave `password=` out")
    # What a program without a checker gives may be a text.
    if not callable(password):
        raise ConfigError("`password=` is no function", hint="a password that never changes stands in the URL")
    if config.password is not None:
        raise ConfigError(
            f"{config.masked} has a password already, and `password=` would give another",
            hint="take it out of the URL (and PGPASSWORD out of the environment), or leave `password=` out",
        )
    return replace(config, password=password)
