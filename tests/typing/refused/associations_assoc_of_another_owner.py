from __future__ import annotations

from ectype import assoc
from tests.typing.accepted.associations import Club, Player

assoc(Club(name="x"), Player.games)  # refused
