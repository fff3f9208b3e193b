from __future__ import annotations

from ectype import assoc
from tests.typing.accepted.associations import Move, Player

assoc(Player(name="x"), Player.games).where(Move.text == "x")  # refused
