from __future__ import annotations

from ectype import Field, Schema, field, primary_key
from tests.typing.accepted.types import Slug


class Page(Schema, table="pages"):
    id: Field[int] = primary_key()
    number: Field[int] = field(type=Slug)  # refused
