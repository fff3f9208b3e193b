from __future__ import annotations

from ectype import assoc
from tests.typing.accepted.associations import Player

assoc(Player, Player.games)  # refused
