"""`python -m ectype`: the command line."""

from __future__ import annotations

from ectype.cli import main

if __name__ == "__main__":
    main()
