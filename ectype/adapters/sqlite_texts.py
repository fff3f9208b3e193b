"""What a statement of SQLite's does, as far as its first words tell."""

from __future__ import annotations

import re

BEGIN_IMMEDIATE = "BEGIN IMMEDIATE"
BEGIN_DEFERRED = "BEGIN DEFERRED"
BEGINS = (BEGIN_IMMEDIATE, BEGIN_DEFERRED)

_WRITING = r"(?:insert|update|delete|replace|create|drop|alter|reindex|vacuum)\b"
READS = re.compile(r"\s*select\b", re.IGNORECASE)
WRITES = re.compile(rf"\s*{_WRITING}", re.IGNORECASE)
"""What begins with WITH goes unqueued where it writes: SQLite's own lock holds for it all the same."""
WRITES_SOMEWHERE = re.compile(rf"\b{_WRITING}", re.IGNORECASE)
DEFINES = re.compile(r"\s*(?:create|drop|alter)\b", re.IGNORECASE)
"""What may give a table a trigger or a key, and so change what other statements do."""
