"""From the values of a query to the parameters of a driver."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from ectype.sql.params import Dumper, hidden
from ectype.types.base import Plain, plain_of


def dump_with(
    dumpers: dict[int, Dumper], redacted: Collection[int] = (), count: int | None = None
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return the function that dumps a query's values, made for their number so that a call costs no loop.

    Args:
        dumpers: of each value that is sent, by its index.
        redacted: the indexes of those that are not shown when they are refused.
        count: how many values the query has, where not all are sent.
    """
    names = [f"v{index}" for index in range(len(dumpers) if count is None else count)]
    calls = ", ".join(_sent(f"v{index}", f"d{index}", plain_of(dumpers[index])) for index in sorted(dumpers))
    scope: dict[str, Any] = {f"d{index}": dump for index, dump in dumpers.items()}
    for dump in dumpers.values():
        scope.update({} if (plain := plain_of(dump)) is None else plain[1])
    scope.update({f"d{index}": hidden(dumpers[index], "beside a redacted column") for index in redacted})
    if not dumpers:
        return lambda _values: ()
    # The text is ours and holds no data: numbered names, and the conditions of our types.
    exec(f"def dump(values):\n    ({', '.join(names)},) = values\n    return ({calls},)\n", scope)
    return cast("Callable[[Sequence[Any]], Sequence[Any]]", scope["dump"])


def _sent(value: str, dump: str, plain: Plain | None) -> str:
    """Return the expression of what is sent: the value itself where its type says so, which saves two calls."""
    called = f"{dump}({value})"
    return called if plain is None else f"({value} if {plain[0].format(v=value)} else {called})"
