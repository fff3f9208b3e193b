from __future__ import annotations

from ectype import from_
from tests.typing.accepted.schemas import Work

from_(Work).where(Work.notes["a"].as_type(int) > "x")  # refused
