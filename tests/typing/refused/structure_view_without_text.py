from __future__ import annotations

from ectype import database_object

database_object("view", "free_rooms")  # refused
