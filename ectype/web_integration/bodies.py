"""Routes that could never take what they ask for: a struct as a part of their parameters, found out at the start.

A route of a struct itself is refused when it is made. A model that holds one was made before, and nothing is asked when
a route names it; so an application's routes are looked through when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ectype.schema.json_form import no_body, pydantic

_PARAMETERS: Final = ("body_params", "query_params", "header_params", "cookie_params", "path_params")


def refuse_struct_bodies(app: object) -> None:
    """Raise SchemaError for the first route of FastAPI's with a parameter that holds a struct; other routes pass."""
    for route in _routes(app):
        for parameter in _parameters(getattr(route, "dependant", None)):
            found = pydantic().struct_in(parameter.field_info.annotation)
            if found is not None:
                raise no_body(
                    f"the parameter `{parameter.name}` of the route `{getattr(route, 'path', '?')}` holds a {found}",
                    found,
                )


def _routes(app: object) -> Iterator[object]:
    """Give the routes of an application, of its routers and of the applications that are mounted in it."""
    waiting, seen = [app], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # FastAPI keeps a router that was included as it is, behind an entry of the routes.
        for holder in (one, getattr(one, "original_router", None)):
            inner = getattr(holder, "routes", None)
            waiting += inner if isinstance(inner, Iterable) else []


def _parameters(dependant: Any) -> Iterator[Any]:
    """Give the parameters of a route, and of what it depends on."""
    if dependant is None:
        return
    for kind in _PARAMETERS:
        yield from getattr(dependant, kind, ())
    for inner in getattr(dependant, "dependencies", ()):
        yield from _parameters(inner)
