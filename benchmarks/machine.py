"""What a run was measured on."""

import platform
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


def machine(databases: list[str]) -> str:
    """Return a line on the system, the interpreter, the databases and the libraries."""
    found: list[str] = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join([system(), *databases, *found])
