from __future__ import annotations

from ectype import Schema


class App(Schema, abstract=True, foreign_key_type=str):  # refused by pyright
    """A base."""
