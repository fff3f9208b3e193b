from __future__ import annotations

from tests.typing.accepted.associations import Move, Player

Player.games.only(Move.text)  # refused
