from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from ectype import Owner


def a_test(owner: Owner, work: Coroutine[Any, Any, None]) -> None:
    owner.allow(work)  # refused
