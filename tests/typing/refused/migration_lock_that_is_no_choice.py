from __future__ import annotations

from ectype import Repo

REPO = Repo("postgresql://db/blog", migration_lock="table")  # refused
