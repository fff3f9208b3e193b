"""Commands under a pseudo-terminal, and what a person sees of them."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SECONDS = 90
CONTROL = re.compile(r"\x1b\[(\??[0-9;]*)([a-zA-Z])|(\r)|(\n)|([^\x1b\r\n]+)|(\x1b.)")


def on_a_terminal(
    arguments: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    *,
    answers: Sequence[str] = (),
    columns: int = 100,
) -> tuple[int, str]:
    """Run the command, type an answer at each of its questions, and return its code and what the terminal got."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    kept |= {"COLUMNS": str(columns), "TERM": "xterm-256color", **environ}
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "ectype", *arguments], cwd=cwd, env=kept, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    left, got, end = list(answers), b"", time.monotonic() + SECONDS
    try:
        # Linux raises when the other end is closed.
        with suppress(OSError):
            while select.select([ours], [], [], max(0.0, end - time.monotonic()))[0]:
                chunk = os.read(ours, 65536)
                if not chunk:
                    break
                got += chunk
                if left and got.endswith(b": "):
                    os.write(ours, f"{left.pop(0)}\n".encode())
        code = run.wait(timeout=max(1.0, end - time.monotonic()))
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
        os.close(ours)
    return code, got.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """Return the text without colours and movements."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def screen(text: str) -> str:
    """Return what stands on the terminal at the end: bars that were taken away are gone."""
    lines, row, column = [""], 0, 0
    for match in CONTROL.finditer(text):
        numbers, letter, back, down, words, _ = match.groups()
        if letter == "A":
            row = max(0, row - int(numbers or 1))
        elif letter == "K":
            lines[row] = "" if numbers == "2" else lines[row][:column]
        elif back:
            column = 0
        elif down:
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif words:
            lines[row] = lines[row][:column].ljust(column) + words + lines[row][column + len(words) :]
            column += len(words)
    return "\n".join(line.rstrip() for line in lines)
