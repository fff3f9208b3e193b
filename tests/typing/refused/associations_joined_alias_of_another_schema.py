from __future__ import annotations

from ectype import alias
from tests.typing.accepted.associations import Club, Player

Player.games.joined(alias(Club, "c"))  # refused
