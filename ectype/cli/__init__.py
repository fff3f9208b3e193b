"""The command line: `ectype new`, `migrate`, `lint` and the others, see docs/cli.md."""

from ectype.cli.app import main

__all__ = ["main"]
