from __future__ import annotations

from ectype import fn
from tests.typing.accepted.schemas import Work

fn.is_empty(Work.title)  # refused
