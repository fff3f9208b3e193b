"""What the rows of `select_into` are made of: the members of a class, by position or by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, is_typeddict

from ectype.errors import QueryError, SchemaError, did_you_mean


@dataclass(frozen=True, slots=True)
class _Members:
    """What a class or a function takes.

    Attributes:
        names: by keyword, in order.
        required: those without a default.
        open: whether it takes any other keyword.
    """

    names: tuple[str, ...]
    required: frozenset[str]
    open: bool


def members_of(
    target: Any, items: tuple[Any, ...], given: Mapping[str, Any]
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return the expressions of a row and the names under which `target` takes them; () for a call by position.

    Raises:
        SchemaError: for a schema, which `project` is for.
        QueryError: for what cannot be called, expressions by position and by keyword, and members that the target
            does not have or cannot do without.
    """
    if hasattr(target, "__schema__"):
        raise SchemaError(
            f"`select_into` is for classes that are no schema: use `project({target.__schema__.name}(…))`"
        )
    if not callable(target):
        raise QueryError(f"`select_into` takes a class or a function, got {target!r:.80}")
    if not given:
        return items, _by_position(target, len(items))
    if items:
        raise QueryError(
            "`select_into` takes its expressions by position or by keyword, not both",
            hint=f"write `select_into({_name(target)}, {', '.join(f'{name}=…' for name in given)}, …=…)`",
        )
    _check(target, _members(target), tuple(given))
    return tuple(given.values()), tuple(given)


def _by_position(target: Any, count: int) -> tuple[str, ...]:
    """Return the first fields of a class that says which it has; a function is called by position."""
    if is_typeddict(target):
        known = _members(target)
        raise QueryError(
            f"{_name(target)} is a TypedDict, whose members have names",
            hint=f"write `select_into({_name(target)}, {', '.join(f'{name}=…' for name in known.names)})`",
        )
    model_fields = getattr(target, "model_fields", None)
    names = tuple(model_fields) if model_fields is not None else _dataclass_fields(target)
    names = names or tuple(getattr(target, "_fields", ()))
    if not names:
        return ()
    required = _members(target).required
    if count > len(names) or not required <= set(names[:count]):
        raise QueryError(
            f"{_name(target)} has {len(names)} fields ({', '.join(names)}), and {count} expressions were selected",
            hint=f"name them: `select_into({_name(target)}, {', '.join(f'{name}=…' for name in names)})`",
        )
    return names[:count]


def _dataclass_fields(target: Any) -> tuple[str, ...]:
    fields: Mapping[str, Any] = getattr(target, "__dataclass_fields__", {})
    return tuple(name for name, one in fields.items() if one.init and one._field_type.name != "_FIELD_CLASSVAR")  # noqa: SLF001  # as `dataclasses.fields` tells them


def _members(target: Any) -> _Members:
    if is_typeddict(target):
        return _Members(tuple(target.__annotations__), target.__required_keys__, open=False)
    try:
        parameters = signature(target).parameters.values()
    except (TypeError, ValueError):
        # What is written in C often does not say.
        return _Members((), frozenset(), open=True)
    named = [one for one in parameters if one.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    return _Members(
        tuple(one.name for one in named),
        frozenset(one.name for one in named if one.default is Parameter.empty),
        open=any(one.kind is Parameter.VAR_KEYWORD for one in parameters),
    )


def _check(target: Any, known: _Members, given: tuple[str, ...]) -> None:
    for name in given:
        if name not in known.names and not known.open:
            raise QueryError(f"{_name(target)} takes no `{name}`", hint=did_you_mean(name, known.names))
    missing = [name for name in known.names if name in known.required and name not in given]
    if missing:
        raise QueryError(
            f"{_name(target)} needs `{missing[0]}`, which was not selected",
            hint=f"write `select_into({_name(target)}, {', '.join(f'{name}=…' for name in (*given, *missing))})`",
        )


def _name(target: Any) -> str:
    return getattr(target, "__name__", None) or repr(target)
