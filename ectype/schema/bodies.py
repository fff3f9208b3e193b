"""Whether a web framework is making a route, of which a type is a parameter and not the response."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Final

_FRAMEWORK: Final = "fastapi."


def route_parameter() -> str | None:
    """Return the parameter of a route that FastAPI is making from the type that it asks about; None for all else.

    pydantic asks a type the same for a request and for a response, and only who makes it ask tells the two apart:
    FastAPI's field of a route, whose mode is `validation` for what comes in. A test makes routes, and fails when that
    is no longer so.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # see above
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_FRAMEWORK):
            field: Any = frame.f_locals.get("self")
            if getattr(field, "mode", None) == "validation" and hasattr(field, "field_info"):
                return str(getattr(field, "name", "?"))
        frame = frame.f_back
    return None
