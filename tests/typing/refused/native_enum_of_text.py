from __future__ import annotations

from ectype import pg_enum

pg_enum(str, name="role")  # refused
