"""ectype: Ecto's way of working with a database, in async Python."""

__version__ = "0.1.0"
