from __future__ import annotations

from tests.typing.accepted.associations import Club, games_of

Club.players.load_with(games_of)  # refused
