from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Loan, read

from_(Loan).scope(read)  # refused
