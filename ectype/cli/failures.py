"""How a command ends when it fails: our own errors without a traceback, and an exit code that says which."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import typer

from ectype.cli.output import Output
from ectype.errors import ConfigError, ConnectError, EctypeError, IrreversibleError, MigrationError, UnsupportedError
from ectype.migrations import BackfillFailedError, JournalMismatchError, MigrationFailedError, MigrationLockError
from ectype.migrations.errors import RenameQuestionError


class Exit(IntEnum):
    """The exit codes of `ectype`."""

    UNEXPECTED = 1
    USAGE = 2
    PENDING = 3
    LINT = 4
    QUESTION = 4  # either way somebody has to decide before anything is done
    LOCKED = 5
    MISMATCH = 6
    DRIFT = 7
    ROLLED_BACK = 8
    HALF_WAY = 9
    CANNOT_CONNECT = 10
    INTERRUPTED = 130


def exit_code(error: EctypeError) -> Exit:
    """Return the exit code for an error."""
    match error:
        case ConnectError():
            return Exit.CANNOT_CONNECT
        case MigrationLockError():
            return Exit.LOCKED
        case RenameQuestionError():
            return Exit.QUESTION
        case JournalMismatchError():
            return Exit.MISMATCH
        case MigrationFailedError(unchanged=False):
            return Exit.HALF_WAY
        case MigrationFailedError() | BackfillFailedError() | IrreversibleError():
            return Exit.ROLLED_BACK
        case MigrationError() | ConfigError() | UnsupportedError():
            return Exit.USAGE
        case _:
            return Exit.UNEXPECTED


@contextmanager
def reported(output: Output) -> Generator[None]:
    """Print an error of ectype that the block raises, and end with its exit code. Other exceptions are bugs."""
    try:
        yield
    except EctypeError as exc:
        code = exit_code(exc)
        message = "\n".join([exc.message, *getattr(exc, "__notes__", [])])
        if output.as_json:
            what = {"type": type(exc).__name__, "message": message, "hint": exc.hint}
            output.event("failed", {"error": what, "exit_code": int(code)})
        else:
            output.error(message, exc.hint)
        raise typer.Exit(code) from exc
    except KeyboardInterrupt as exc:
        message = "interrupted; what was not committed is rolled back, `ectype status` shows the rest"
        if output.as_json:
            what = {"type": "KeyboardInterrupt", "message": message, "hint": None}
            output.event("failed", {"error": what, "exit_code": int(Exit.INTERRUPTED)})
        else:
            output.error(message, None)
        raise typer.Exit(Exit.INTERRUPTED) from exc
