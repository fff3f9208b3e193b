"""How names stand in DDL: in quotes, within what the database keeps of them, and with the schema they are in."""

from __future__ import annotations

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.dialect import Dialect


def quote(name: str, dialect: Dialect, *, what: str) -> str:
    """Return the identifier in quotes, or raise MigrationError where the database would refuse or shorten it.

    PostgreSQL cuts identifiers at 63 bytes and goes on, so that two long names become one.
    """
    if not name or "\0" in name:
        raise MigrationError(f"{name!r} cannot be the name of a {what}", hint="a name has at least one character")
    size = len(name.encode())
    if size > dialect.max_identifier:
        raise MigrationError(
            f"the {what} name `{name}` has {size} bytes; {dialect.name} takes {dialect.max_identifier} at most",
            hint=f"give the {what} a shorter name, with `name=` where the name was made from others",
        )
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str, prefix: str | None, dialect: Dialect, *, what: str) -> str:
    """Return the name with the database schema that it is in. Raises UnsupportedError where there are no schemas."""
    quoted = quote(name, dialect, what=what)
    if prefix is None:
        return quoted
    if not dialect.schemas:
        raise UnsupportedError(
            f"the {what} `{name}` is in the schema `{prefix}`, and {dialect.name} has no schemas",
            hint=f"leave `prefix=` out, or put the prefix into the name: `{prefix}_{name}`",
        )
    return f"{quote(prefix, dialect, what='schema')}.{quoted}"


def table_name(name: str, prefix: str | None, dialect: Dialect) -> str:
    """Return a table's name in quotes. Raises MigrationError where it holds a dot."""
    if "." in name:
        schema, _, rest = name.partition(".")
        raise MigrationError(
            f"the table name `{name}` holds a dot, which would become part of the name itself",
            hint=f'name the schema by itself: "{rest}", prefix="{schema}"',
        )
    return qualified(name, prefix, dialect, what="table")


def columns_text(names: tuple[str, ...], dialect: Dialect) -> str:
    """Return columns in quotes, with commas between them."""
    return ", ".join(quote(name, dialect, what="column") for name in names)


def lacks(what: str, dialect: Dialect, hint: str) -> UnsupportedError:
    """Return the error that says what the database has not, and what to use in its place."""
    return UnsupportedError(f"{what}: {dialect.name} has no such thing", hint=hint)
