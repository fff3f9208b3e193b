from __future__ import annotations

from ectype import Repo

REPO = Repo("postgresql://db/blog", max_lifetime="1800")  # refused
