from __future__ import annotations

from ectype import Schema


class App(Schema, abstract=True, redact="everything"):  # refused by pyright
    """A base."""
