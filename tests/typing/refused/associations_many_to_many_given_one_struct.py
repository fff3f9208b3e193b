from __future__ import annotations

from tests.typing.accepted.associations import Club, Player

Player(name="x", clubs=Club(name="c"))  # refused
