from __future__ import annotations

from ectype import constant
from tests.typing.accepted.schemas import Work

constant(Work.title)  # refused
