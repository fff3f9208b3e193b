from __future__ import annotations

from ectype import from_
from tests.typing.accepted.associations import Game, Player

from_(Player).join(Player.moves).where(Game.score > 3)  # refused
