import io
import json

import pytest
import typer
from rich.console import Console

from ectype.cli.failures import Exit, exit_code, reported
from ectype.cli.output import Output
from ectype.errors import (
    ConfigError,
    ConnectError,
    DatabaseError,
    IrreversibleError,
    MigrationError,
)
from ectype.migrations import JournalMismatchError, MigrationFailedError, MigrationLockError


@pytest.fixture
def printed():
    """Make an output over strings, on a terminal or not."""

    def make(*, terminal=False, **options):
        out, err = (
            Console(file=io.StringIO(), force_terminal=terminal, width=60, highlight=False, soft_wrap=True)
            for _ in range(2)
        )
        return Output(out=out, err=err, **options), out.file, err.file

    return make


ROWS = [("1", "a[b]", "up"), ("20", "c", "pending")]


def test_a_table_is_plain_columns_in_a_pipe(printed):
    output, out, _ = printed()
    output.table(("Version", "Name", "State"), ROWS, ["", "yellow"])
    assert out.getvalue() == "Version  Name  State\n1        a[b]  up\n20       c     pending\n"


def test_a_table_has_lines_on_a_terminal(printed, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    output, out, _ = printed(terminal=True)
    output.table(("Version", "Name", "State"), ROWS, ["", "yellow"])
    assert "┃" in out.getvalue()
    assert "a[b]" in out.getvalue()
    assert "\x1b[33m" in out.getvalue()


def test_a_terminal_with_no_color_gets_plain_columns(printed, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    output, out, _ = printed(terminal=True)
    output.table(("Version", "Name", "State"), ROWS, ["", "yellow"])
    output.line("done", mark="✔")
    assert out.getvalue() == "Version  Name  State\n1        a[b]  up\n20       c     pending\ndone\n"


def test_quiet_prints_errors_only(printed):
    output, out, err = printed(quiet=True)
    output.line("done")
    output.progress("waiting")
    output.table(("A",), [("b",)], [""])
    output.document({"a": 1})
    output.error("broken", "mend it")
    assert (out.getvalue(), err.getvalue()) == ("", "error: broken\n\nhint: mend it\n")


FAILED = {"version": 1, "path": None}
CODES = [
    (ConnectError("x"), 10),
    (MigrationLockError("x"), 5),
    (JournalMismatchError("x"), 6),
    (MigrationFailedError("x", **FAILED, unchanged=False), 9),
    (MigrationFailedError("x", **FAILED), 8),
    (IrreversibleError("x"), 8),
    (MigrationError("x"), 2),
    (ConfigError("x"), 2),
    (DatabaseError("x"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[f"{type(error).__name__}-{code}" for error, code in CODES])
def test_each_error_has_its_exit_code(error, code):
    assert exit_code(error) == code


def test_an_error_is_one_json_object_when_that_was_asked_for(printed):
    output, out, err = printed(as_json=True)
    with pytest.raises(typer.Exit) as caught, reported(output):
        raise ConnectError("no server [there]", hint="start it")
    assert caught.value.exit_code == Exit.CANNOT_CONNECT
    assert err.getvalue() == ""
    assert json.loads(out.getvalue()) == {
        "event": "failed",
        "error": {"type": "ConnectError", "message": "no server [there]", "hint": "start it"},
        "exit_code": 10,
    }


def test_what_is_no_error_of_ours_is_not_hidden(printed):
    output, _, _ = printed()
    with pytest.raises(ZeroDivisionError), reported(output):
        1 / 0
