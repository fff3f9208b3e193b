from __future__ import annotations

from ectype import assoc
from tests.typing.accepted.associations import Club, Player


def games(clubs: list[Club]) -> None:
    assoc(clubs, Player.games)  # refused
