"""Whether a write of SQLite does each of its steps once, whatever the tables hold: one row, and no more for it.

SQLite compiles a statement into a program (https://www.sqlite.org/opcode.html), which EXPLAIN shows. One that never
jumps back ends after as many steps as it has lines: an INSERT of a row, an UPDATE of the row with a key. One that goes
over rows, fires a trigger, cascades, or looks for rows that refer to it jumps back, or calls another program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from sqlite3 import Connection, Error
from typing import NamedTuple

from ectype.adapters.sqlite_jobs import bindings

_JUMPS = re.compile(
    "DecrJumpZero|Eq|FkIfZero|Found|Ge|Goto|Gt|IdxGE|IdxGT|IdxLE|IdxLT|If|IfNot|IfPos|Init|IsNull|Last|Le|Lt|"
    "MustBeInt|Ne|NoConflict|NotExists|NotFound|NotNull|Rewind|SeekGE|SeekGT|SeekLE|SeekLT|SeekRowid"
)
"""What may go on at the address of its second operand."""
_STEPS = re.compile(
    "Add|AddImm|Affinity|And|BitAnd|BitNot|BitOr|Blob|Cast|Close|CollSeq|Column|Concat|Copy|CursorHint|"
    "DeferredSeek|Delete|Divide|Explain|FinishSeek|FkCheck|FkCounter|Function|Halt|HaltIfNull|IdxDelete|"
    "IdxInsert|IdxRowid|Insert|Int64|IntCopy|Integer|MakeRecord|MemMax|Multiply|NewRowid|Noop|Not|Null|"
    "NullRow|OpenEphemeral|OpenRead|OpenWrite|Or|Real|RealAffinity|ReleaseReg|Remainder|ResetCount|ResultRow|"
    "Rowid|SCopy|Sequence|SoftNull|String|String8|Subtract|Trace|Transaction|TypeCheck|Variable"
)
"""What goes on with the next step. What is in neither may do anything."""
_numbers = count()
_MAIN = 0
"""The file of a cursor that is none of the attached ones."""


class _Step(NamedTuple):
    address: int
    name: str
    p1: int
    p2: int
    p3: int


def bounded(raw: Connection, sql: str, params: Sequence[object]) -> bool:
    """Return whether a statement ends after so many steps as its program has, but for a loop over a row of its own.

    The statement itself has just been run on the connection, which so has read how the tables are by now.
    """
    # EXPLAIN does not look whether that has changed; a text that was never prepared is compiled as it is now.
    explained = f"EXPLAIN {sql} -- {next(_numbers)}"
    try:
        program = [_Step(*row[:5]) for row in raw.execute(explained, bindings(sql, params)).fetchall()]
        few = _few(raw, program)
    except Error:
        # The statement itself has been run, and nobody shall hear that this was interrupted.
        return False
    return all(_goes_on(step, program, few) for step in program)


def _goes_on(step: _Step, program: list[_Step], few: frozenset[int]) -> bool:
    if _STEPS.fullmatch(step.name):
        return True
    if step.name == "Next":
        return step.p1 in few or _skipped(step, program)
    # The last step leads to the first ones, once: they begin the transaction.
    return _JUMPS.fullmatch(step.name) is not None and (
        step.p2 > step.address or (step.name == "Goto" and step is program[-1])
    )


def _few(raw: Connection, program: list[_Step]) -> frozenset[int]:
    """Return the cursors over few rows: those of RETURNING, and the table with one for each AUTOINCREMENT."""
    roots = {root for (root,) in raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_sequence'")}
    return frozenset(
        step.p1
        for step in program
        if step.name == "OpenEphemeral"
        or (step.name in ("OpenRead", "OpenWrite") and step.p2 in roots and step.p3 == _MAIN)
    )


def _skipped(loop: _Step, program: list[_Step]) -> bool:
    """Whether a loop is jumped over while no foreign key is broken: it looks for rows that a new parent mends."""
    return any(step.name == "FkIfZero" and step.address < loop.p2 and step.p2 > loop.address for step in program)
