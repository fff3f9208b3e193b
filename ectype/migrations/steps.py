"""Which migrations to run, in which order: from what is applied and what there is, with no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.dsl import Direction
from ectype.migrations.errors import JournalMismatchError
from ectype.migrations.scripts import Script


@dataclass(frozen=True, slots=True)
class Goal:
    """How far to go: `step` migrations, up or down `to` a version and including it, or not, or `everything`."""

    direction: Direction
    step: int | None = None
    to: int | None = None
    to_exclusive: int | None = None
    everything: bool = False

    def takes(self, version: int) -> bool:
        """Whether a version lies on the way."""
        if self.direction == "up":
            return (self.to is None or version <= self.to) and (
                self.to_exclusive is None or version < self.to_exclusive
            )
        return (self.to is None or version >= self.to) and (self.to_exclusive is None or version > self.to_exclusive)

    def __post_init__(self) -> None:
        given = [
            word
            for word, is_given in (
                ("step", self.step is not None),
                ("to", self.to is not None),
                ("to_exclusive", self.to_exclusive is not None),
                ("all", self.everything),
            )
            if is_given
        ]
        if len(given) > 1:
            raise MigrationError(
                f"`{'` and `'.join(given)}` were both given", hint="give one of `step`, `to`, `to_exclusive` and `all`"
            )
        if self.step is not None and self.step < 1:
            raise MigrationError(f"`step` must be 1 or more, got {self.step}", hint="leave it out, or give a number")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration to run in one direction."""

    direction: Direction
    script: Script


def plan(applied: Mapping[int, str], scripts: Sequence[Script], goal: Goal) -> tuple[Step, ...]:
    """Return the steps that reach the goal: going up by rising version, going down by falling version.

    Going up without a limit means everything; going down without one means one step. A pending migration that is
    older than an applied one is run too, as Ecto does.

    Args:
        applied: the name of each applied version.
        scripts: what the folder holds, by rising version.
        goal: how far to go.

    Raises:
        MigrationError: the version to go to is unknown.
        JournalMismatchError: a version to roll back has no file any more.
    """
    _refuse_unknown(applied, scripts, goal)
    if goal.direction == "up":
        pending = [script for script in scripts if script.version not in applied]
        chosen = [script for script in pending if goal.takes(script.version)]
        return tuple(Step("up", script) for script in chosen[: goal.step])
    versions = sorted((one for one in applied if goal.takes(one)), reverse=True)
    is_open = goal.step is None and goal.to is None and goal.to_exclusive is None and not goal.everything
    limit = 1 if is_open else goal.step
    by_version = {script.version: script for script in scripts}
    return tuple(Step("down", _script(one, applied, by_version)) for one in versions[:limit])


def _refuse_unknown(applied: Mapping[int, str], scripts: Sequence[Script], goal: Goal) -> None:
    known = {script.version for script in scripts} | applied.keys()
    for to in (goal.to, goal.to_exclusive):
        if to is not None and to not in known:
            raise MigrationError(
                f"there is no migration {to} to go to",
                hint=did_you_mean(str(to), [str(version) for version in sorted(known)]),
            )


def _script(version: int, applied: Mapping[int, str], scripts: Mapping[int, Script]) -> Script:
    if version not in scripts:
        raise JournalMismatchError(
            f"{version} {applied[version]} is applied, but its file is gone, so it cannot be rolled back",
            hint=f"bring {version}_{applied[version]}.py back from version control",
        )
    return scripts[version]
