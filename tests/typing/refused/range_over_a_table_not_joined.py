from __future__ import annotations

from ectype import from_
from tests.typing.accepted.schemas import Work
from tests.typing.accepted.types import Page
from datetime import date

from_(Work).where(Page.open.contains(date(2026, 1, 1)))  # refused
