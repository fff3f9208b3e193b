from __future__ import annotations

from ectype import database_object

database_object("policy", "own", create="CREATE POLICY …", drop="DROP POLICY …")  # refused
