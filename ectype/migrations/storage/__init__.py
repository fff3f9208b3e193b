"""The database itself: whether it is there, making it, removing it, and its structure as text.

await storage.create("postgresql://localhost/blog")
await storage.dump("postgresql://localhost/blog", "structure.sql")
"""

from ectype.migrations.storage.databases import Outcome, create, database_name, drop, status
from ectype.migrations.storage.structure import dump, load

__all__ = ["Outcome", "create", "database_name", "drop", "dump", "load", "status"]
