"""What git knows of the files of migrations."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ectype.errors import ConfigError

GIT_SECONDS: Final = 60.0


def git(folder: Path, option: str, *arguments: str) -> str:
    """Return what git prints in a folder.

    Args:
        folder: where it runs.
        option: the option of ectype that asks it, for messages.
        arguments: its command and what goes with that.

    Raises:
        ConfigError: git is not installed, or refuses.
    """
    program = shutil.which("git")
    if program is None:
        raise ConfigError(f"`{option}` asks git, which is not installed", hint=f"leave `{option}` out")
    try:
        done = subprocess.run(
            [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        said = str(exc.stderr or exc).strip().splitlines()
        raise ConfigError(
            f"git could not say what changed in {folder}: {said[0] if said else exc}",
            hint=f"name a commit, a branch or a tag that is there: {option} origin/main; in CI fetch its history first",
        ) from exc
    return done.stdout


def refuse_option(option: str, ref: str) -> None:
    """Raise ConfigError when what should name a commit would be an option of git's."""
    if ref.startswith("-"):
        raise ConfigError(f"`{option}` takes a commit, a branch or a tag, got {ref!r}", hint=f"{option} origin/main")


def changed_since(folder: Path, ref: str) -> set[str]:
    """Return the files of a folder, relative to it, that were added or changed since a commit, committed or not.

    Raises:
        ConfigError: git is not installed, or knows no such commit.
    """
    refuse_option("--since", ref)
    asked = (
        ("diff", "--name-only", "--diff-filter=d", "-z", "--relative", f"{ref}...", "--", "."),
        ("diff", "--name-only", "--diff-filter=d", "-z", "--relative", "HEAD", "--", "."),
        ("ls-files", "--others", "--exclude-standard", "-z", "--", "."),
    )
    return {name for arguments in asked for name in git(folder, "--since", *arguments).split("\0") if name}


def not_in(folders: Sequence[Path], ref: str) -> list[Path]:
    """Return the Python files of the folders that a commit does not have.

    Raises:
        ConfigError: git is not installed, or knows no such commit.
    """
    refuse_option("--onto", ref)
    found: list[Path] = []
    for folder in folders:
        if folder.is_dir():
            listed = git(folder, "--onto", "ls-tree", "-r", "--name-only", "-z", ref, ".")
            there = {name for name in listed.split("\0") if name}
            found += [path for path in folder.rglob("*.py") if path.relative_to(folder).as_posix() not in there]
    return found


def is_rebasing(folder: Path) -> bool:
    """Whether git is in the middle of a rebase there, where the lower half of a conflict is of this branch."""
    program = shutil.which("git")
    if program is None or not folder.is_dir():
        return False
    for state in ("rebase-merge", "rebase-apply"):
        done = subprocess.run(
            [program, "rev-parse", "--git-path", state],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
        if done.returncode == 0 and (folder / done.stdout.strip()).exists():
            return True
    return False
