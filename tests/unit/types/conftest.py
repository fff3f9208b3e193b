from collections.abc import Callable
from time import perf_counter

import pytest

SECONDS = 0.05


@pytest.fixture(scope="session")
def at_once() -> Callable[[Callable[[], object]], None]:
    """Assert that a call takes no time to speak of: the best of five, since the machine has other work."""

    def check(call: Callable[[], object]) -> None:
        best = SECONDS
        for _ in range(5):
            start = perf_counter()
            call()
            best = min(best, perf_counter() - start)
            if best < SECONDS:
                return
        pytest.fail(f"took more than {SECONDS} s, five times")

    return check
