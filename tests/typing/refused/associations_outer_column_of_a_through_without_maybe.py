from __future__ import annotations

from ectype import from_
from tests.typing.accepted.associations import Move, Player

from_(Player).left_join(Player.moves).select(Move.text)  # refused
