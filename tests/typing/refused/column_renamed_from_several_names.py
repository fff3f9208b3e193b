from __future__ import annotations

from ectype import column

column(renamed_from=["name", "title"])  # refused
