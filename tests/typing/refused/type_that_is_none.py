from __future__ import annotations

from ectype import Field, Schema, field, primary_key


class Page(Schema, table="pages"):
    id: Field[int] = primary_key()
    name: Field[str] = field(type=str)  # refused
