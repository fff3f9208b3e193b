from __future__ import annotations

from ectype import from_
from tests.typing.accepted.associations import Player

from_(Player).preload(Player.clubs / Player.games)  # refused
