from __future__ import annotations

from tests.typing.accepted.associations import Player


def color(player: Player) -> str:
    return player.badge.color  # refused
