from __future__ import annotations

from ectype import Multi, Repo, Results


def work(repo: Repo, done: Results) -> int:
    return 5


multi = Multi().run("count", work)  # refused
