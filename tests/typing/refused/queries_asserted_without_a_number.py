from __future__ import annotations

from ectype import Repo
from ectype.testing import assert_queries


def a_test(repo: Repo) -> None:
    assert_queries(repo)  # refused
