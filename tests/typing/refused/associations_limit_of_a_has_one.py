from __future__ import annotations

from tests.typing.accepted.associations import Player

Player.badge.limit(1)  # refused
