from __future__ import annotations

from tests.typing.accepted.associations import Game, Player


def games(keys: list[int]) -> list[Game]:
    return [Game(id=key, score=1) for key in keys]


Player.games.load_with(games)  # refused
