from __future__ import annotations

from ectype import Range
from tests.typing.accepted.schemas import Work

Work.title.contained_by(Range(1, 5))  # refused
