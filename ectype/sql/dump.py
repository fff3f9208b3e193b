"""From the values of a query to the parameters of a driver."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from ectype.sql.params import Dumper, hidden


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
    calls = ", ".join(f"d{index}(v{index})" for index in sorted(dumpers))
    scope: dict[str, Any] = {f"d{index}": dump for index, dump in dumpers.items()}
    scope.update({f"d{index}": hidden(dumpers[index], "beside a redacted column") for index in redacted})
    if not dumpers:
        return lambda _values: ()
    # The text is ours and holds no data: numbered names only.
    exec(f"def dump(values):\n    ({', '.join(names)},) = values\n    return ({calls},)\n", scope)
    return cast("Callable[[Sequence[Any]], Sequence[Any]]", scope["dump"])
