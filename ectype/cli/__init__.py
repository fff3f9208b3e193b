"""The command line: `ectype gen migration`, `gen schema`, `migrate`, `rollback`, `status`."""

from ectype.cli.app import main

__all__ = ["main"]
