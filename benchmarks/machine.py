"""What a run was measured on."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "asyncpg",
    "aiosqlite",
    "psycopg",
    "sqlalchemy",
    "sqlmodel",
    "tortoise-orm",
    "piccolo",
    "django",
    "peewee",
    "oxyde",
    "sqlspec",
    "sqlglot",
    "pydantic",
    "pyarrow",
    "polars",
    "pandas",
    "adbc-driver-postgresql",
)


def system() -> str:
    """Return what the machine and the interpreter are."""
    return f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"


def versions(packages: Iterable[str]) -> list[str]:
    """Return the name of each library with its version."""
    found: list[str] = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return found


def machine(databases: list[str]) -> str:
    """Return a line on the system, the interpreter, the databases and the libraries."""
    return ", ".join([system(), *databases, *versions(PACKAGES)])
