from __future__ import annotations

from ectype import from_
from tests.typing.accepted.associations import Club, Game

from_(Game).join(Club.players)  # refused
