"""`python -m ectype`: the command line."""

from ectype.cli import main

if __name__ == "__main__":
    main()
