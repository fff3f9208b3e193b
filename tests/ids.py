"""Names of cases that are the same in every process, so that several can share the suite between them."""

import re


def stable(value: object) -> str:
    """Return the `repr` of a value without the address that Python gave it this time."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
