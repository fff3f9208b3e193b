"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at.

    Attributes:
        what: what it is.
        state: whether it is as it should be.
        found: how it is.
        fix: what to do, empty where there is nothing to do.
    """

    what: str
    state: Literal["ok", "warning", "error"]
    found: str
    fix: str = ""
