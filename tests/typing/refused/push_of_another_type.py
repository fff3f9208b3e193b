from __future__ import annotations
from tests.typing.accepted.schemas import Work

Work.tags.push(3)  # refused
