from __future__ import annotations

from ectype import Field, HasMany, Schema, has_many
from tests.typing.accepted.associations import Game


class Owner(Schema, table="owners"):
    id: Field[int]
    games: HasMany[Game] = has_many(source=Game)  # refused
