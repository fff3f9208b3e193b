from __future__ import annotations

from ectype import Schema


class App(Schema, abstract=True, timezone="UTC"):  # refused by pyright
    """A base."""
