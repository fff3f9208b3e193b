"""The command line: `ectype gen migration`, `migrate`, `rollback`, `status`."""

from ectype.cli.app import main

__all__ = ["main"]
