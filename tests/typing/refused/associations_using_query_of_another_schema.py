from __future__ import annotations

from ectype import from_
from tests.typing.accepted.associations import Move, Player

Player.games.using(from_(Move))  # refused
