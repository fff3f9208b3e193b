from __future__ import annotations

from ectype import Repo

REPO = Repo("postgresql://db/blog", queue_targets=0.1)  # refused
