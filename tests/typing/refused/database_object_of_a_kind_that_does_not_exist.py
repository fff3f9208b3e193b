from __future__ import annotations

from ectype import database_object

database_object("sequense", "numbers", create="CREATE SEQUENCE numbers", drop="DROP SEQUENCE numbers")  # refused
