"""The text that asks a database how it would run a statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ectype.errors import QueryError, UnsupportedError, did_you_mean
from ectype.sql.dialect import Dialect

FLAGS: Final = ("analyze", "verbose", "costs", "settings", "buffers", "timing", "summary", "wal")
"""What is switched on or off, https://www.postgresql.org/docs/current/sql-explain.html."""
RUNNING: Final = ("timing", "wal")
"""What tells of a statement that has run."""
FORMATS: Final = ("text", "json", "yaml", "plan")
PLANS: Final = ("custom", "generic")


def explain_text(sql: str, dialect: Dialect, form: str, options: Mapping[str, Any]) -> str:
    """Return the statement that explains `sql`.

    Args:
        sql: a statement.
        dialect: the database.
        form: `text`, `json`, `yaml` or `plan`, for which JSON is read.
        options: of those in `FLAGS` and `plan`; None leaves one to the database.

    Raises:
        QueryError: for a format that does not exist, or options that contradict each other.
        UnsupportedError: for what this database does not tell.

    What a generic plan is made of is said by `sql` itself, an EXECUTE.
    """
    if form not in FORMATS:
        raise QueryError(f"format={form!r} is no format of a plan", hint=did_you_mean(form, FORMATS) or str(FORMATS))
    kind = options.get("plan")
    if kind is not None and kind not in PLANS:
        raise QueryError(f"plan={kind!r} is no kind of plan", hint='write `plan="custom"` or `plan="generic"`')
    given = [name for name in (*FLAGS, "plan") if options.get(name) is not None]
    if not dialect.explain_options:
        if given or form == "yaml":
            what = 'format="yaml"' if not given else ", ".join(f"{name}={options[name]!r}" for name in given)
            raise UnsupportedError(
                f"{dialect.name} explains a statement without running it, and does not know {what}",
                hint="leave it out; what a statement took is in its event, `ectype.repo.query`",
            )
        return f"EXPLAIN QUERY PLAN {sql}"
    _check(options)
    words = [f"{name.upper()} {'TRUE' if options[name] else 'FALSE'}" for name in given if name != "plan"]
    words.append(f"FORMAT {'JSON' if form == 'plan' else form.upper()}")
    return f"EXPLAIN ({', '.join(words)}) {sql}"


def _check(options: Mapping[str, Any]) -> None:
    analyze = bool(options.get("analyze"))
    for name in RUNNING:
        if options.get(name) and not analyze:
            raise QueryError(
                f"{name}=True tells of a statement that has run", hint=f"write `analyze=True, {name}=True`"
            )
    if options.get("plan") == "generic" and analyze:
        raise QueryError(
            'plan="generic" is made for no values, and `analyze=True` runs the statement with some',
            hint="leave one of them out",
        )
