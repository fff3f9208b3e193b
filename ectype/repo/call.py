"""What every call of a repo takes beside its subject: one set of options, typed once, carried to the statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, TypedDict

from ectype.errors import ConfigError, did_you_mean
from ectype.expr.operand import Attr
from ectype.repo.log_line import OFF, SILENT, USUAL, Log, level_of
from ectype.schema.field_error import Message
from ectype.telemetry import NO_TAGS, QUERY

Wanted: TypeAlias = Literal[True] | Attr[Any, Any] | Sequence[Attr[Any, Any]] | None
"""The columns that a write of one row reads back: a column, several, True for all; None for those it must."""


class CallOptions(TypedDict, total=False):
    """What every call takes. `repo.with_options(…)` gives a repo whose calls have them without saying so.

    Attributes:
        timeout: seconds for each statement of the call, its wait for a connection included; None for the repo's.
        prefix: where tables that name no prefix of their own are.
        event: the name of the telemetry event of each statement; None for no event.
        tags: what listeners find in `QueryEvent.tags`.
        log: whether the statements are logged, and at which level; True also where the repo logs nothing, False also
            where they are slow.
    """

    timeout: float | None
    prefix: str | None
    event: str | None
    tags: Mapping[str, object]
    log: Log


class RepoOptions(CallOptions, total=False):
    """What `repo.with_options(…)` takes further.

    Attributes:
        query_cache: False to keep no plan of the queries that run on the repo, for those of which each has a shape of
            its own, as an export builds them: they would only take the place of plans that are needed again.
    """

    query_cache: bool


class WriteOptions(CallOptions, total=False):
    """What `update` and `delete` take further: what they do when the row is gone, or was changed since it was read.

    Attributes:
        allow_stale: return the struct as if it had been written.
        stale_error_field: a column, or a key of your own, that gets the error "is stale" instead of StaleEntryError.
        stale_error_message: another text.
    """

    allow_stale: bool
    stale_error_field: Attr[Any, Any] | str
    stale_error_message: Message


@dataclass(frozen=True, slots=True)
class Call:
    """The options of one call, those of `WriteOptions` included; `log` is a level, as a number.

    `returning` is what comes back of the row.
    """

    timeout: float | None = None
    prefix: str | None = None
    event: str | None = QUERY
    tags: Mapping[str, object] = field(default_factory=lambda: NO_TAGS)
    log: int = USUAL
    allow_stale: bool = False
    stale_error_field: Attr[Any, Any] | str | None = None
    stale_error_message: Message | None = None
    returning: Wanted = None

    def below(self, prefix: str | None) -> Call:
        """Return the options of the statements that this call needs besides its own, on tables of a prefix."""
        return replace(
            self, prefix=prefix, allow_stale=False, stale_error_field=None, stale_error_message=None, returning=None
        )

    def related(self) -> Call:
        """Return the options of the rows that are written with the one that the call is about."""
        return replace(self, stale_error_field=None, stale_error_message=None, returning=None)


PLAIN: Final = Call()
_CLAUSES: Final = frozenset({"where", "order_by", "limit", "offset", "select", "preload", "join", "distinct"})
_OF_A_QUERY: Final = "say it in the query: `repo.all(from_(User).where(User.name == name).order_by(User.id).limit(10))`"
CALL_OPTIONS: Final = tuple(CallOptions.__annotations__)
WRITE_OPTIONS: Final = tuple(WriteOptions.__annotations__)


def call_of(usual: Call, options: Mapping[str, Any], names: tuple[str, ...] = CALL_OPTIONS) -> Call:
    """Return the options of a call: those that it was given, of the names it takes, over the usual ones of its repo.

    Raises:
        ConfigError: for an option that does not exist, a deadline that is none, or a level that is none.
    """
    if not options:
        return usual
    for name in options:
        if name not in names:
            hint = _OF_A_QUERY if name in _CLAUSES else did_you_mean(name, names)
            raise ConfigError(f"this call of a repo has no option {name!r}", hint=hint)
    timeout: Any = options.get("timeout")
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ConfigError(
            f"timeout={timeout!r} is no deadline", hint="give seconds, as `timeout=0.5`; None is the repo's own"
        )
    if "log" in options:
        level = level_of(options["log"], usual.log)
        options = {**options, "log": SILENT if level == OFF else level}
    return replace(usual, **options)
