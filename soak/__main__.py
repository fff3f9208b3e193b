"""Find the soaks of this folder, run one after the other, report, and end with 1 when a figure was not met."""

import argparse
import asyncio
import importlib
import pkgutil
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

import soak

Run: TypeAlias = Callable[[float], Coroutine[Any, Any, Iterable[str]]]


def found() -> dict[str, Run]:
    """Return every soak by the name of its module, in the order of the alphabet."""
    soaks: dict[str, Run] = {}
    for module in sorted(pkgutil.iter_modules(soak.__path__), key=lambda one: one.name):
        if module.name == "__main__":
            continue
        run: object = getattr(importlib.import_module(f"soak.{module.name}"), "run", None)
        if iscoroutinefunction(run):
            soaks[module.name] = run
    return soaks


def passed(name: str, run: Run, seconds: float) -> bool:
    """Run one soak on an event loop of its own, print what it says, and return whether its figures were met."""
    print(f"== {name}", flush=True)
    began = time.monotonic()
    try:
        lines = asyncio.run(run(seconds))
    except AssertionError as exc:
        print(f"   NOT MET: {exc or 'see the line below'}")
        traceback.print_exc()
        return False
    except Exception:  # one soak that breaks must not keep the others from running
        print("   BROKE:")
        traceback.print_exc()
        return False
    for line in lines:
        print(f"   {line}")
    print(f"   met, in {time.monotonic() - began:.0f} s", flush=True)
    return True


def main() -> None:
    """Read the command line and run what it asks for."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each soak works (default: 1)")
    parser.add_argument("--only", help="run only soaks with this in their name")
    chosen = parser.parse_args()
    if not chosen.minutes > 0:
        parser.error("--minutes is a number above 0")
    soaks = found()
    wanted = {name: run for name, run in soaks.items() if chosen.only is None or chosen.only in name}
    if not wanted:
        parser.error(f"no soak has {chosen.only!r} in its name; there are: {', '.join(soaks)}")
    failed = [name for name, run in wanted.items() if not passed(name, run, chosen.minutes * 60)]
    print(f"{len(wanted) - len(failed)} of {len(wanted)} soaks met their figures", flush=True)
    if failed:
        parser.exit(1, f"not met: {', '.join(failed)}\n")


if __name__ == "__main__":
    main()
