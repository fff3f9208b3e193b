"""What a statement does to those who use the database meanwhile: its lock, what it reads through, what it rewrites.

The rules for PostgreSQL follow https://www.postgresql.org/docs/current/explicit-locking.html and the notes on
ALTER TABLE, those for SQLite https://www.sqlite.org/lang_altertable.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ectype.migrations.sql_text import bare
from ectype.types.base import Target

Work: TypeAlias = Literal["none", "scan", "rewrite", "unknown"]
"""What is done to the rows that are there: nothing, all are read, all are written anew, or nobody knows."""

ACCESS_EXCLUSIVE: Final = "ACCESS EXCLUSIVE"
SHARE_ROW_EXCLUSIVE: Final = "SHARE ROW EXCLUSIVE"
SHARE_UPDATE_EXCLUSIVE: Final = "SHARE UPDATE EXCLUSIVE"
SHARE: Final = "SHARE"
ROW_EXCLUSIVE: Final = "ROW EXCLUSIVE"
WRITE_LOCK: Final = "the write lock of the file"

ONE_NAME: Final = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|[\w$]+)'
NAME: Final = rf"{ONE_NAME}(?:\.{ONE_NAME})?"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one statement does to others.

    Attributes:
        in_transaction: whether it can run in a transaction.
        lock: the strongest lock that it takes on a table that exists; None for none.
        table: the table that it is about, as the text names it; None where there is none, or it is new.
        reads: whether others can read the table meanwhile.
        writes: whether others can write to the table meanwhile.
        work: what is done to the rows that are there.
        index: the index that is made or dropped outside a transaction, as the text names it.
        repeatable: whether it can simply be run again when nobody knows whether it ended.
    """

    in_transaction: bool = True
    lock: str | None = None
    table: str | None = None
    reads: bool = True
    writes: bool = True
    work: Work = "none"
    index: str | None = None
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    lock: str | None = None
    work: Work = "none"
    in_transaction: bool = True
    repeatable: bool = False


def _rule(
    pattern: str,
    lock: str | None = None,
    work: Work = "none",
    *,
    in_transaction: bool = True,
    repeatable: bool = False,
) -> _Rule:
    text = pattern.replace("TABLE_", rf"(?P<table>{NAME})").replace("INDEX_", rf"(?P<index>{NAME})")
    return _Rule(re.compile(text.replace(" ", r"\s+"), re.IGNORECASE), lock, work, in_transaction, repeatable)


_ONLY: Final = "(?:IF EXISTS )?(?:ONLY )?"
_ALTER: Final = f"ALTER (?:FOREIGN )?TABLE {_ONLY}TABLE_"

# The first rule that fits says it. What stands first is what cannot run in a transaction.
POSTGRES: Final = (
    _rule(
        "CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?INDEX_ ON (?:ONLY )?TABLE_",
        SHARE_UPDATE_EXCLUSIVE,
        "scan",
        in_transaction=False,
    ),
    _rule("DROP INDEX CONCURRENTLY (?:IF EXISTS )?INDEX_", SHARE_UPDATE_EXCLUSIVE, in_transaction=False),
    _rule("REINDEX.* CONCURRENTLY ", SHARE_UPDATE_EXCLUSIVE, "scan", in_transaction=False, repeatable=True),
    _rule(f"{_ALTER} DETACH PARTITION .*CONCURRENTLY", SHARE_UPDATE_EXCLUSIVE, in_transaction=False),
    _rule("VACUUM\\b.*\\bFULL\\b", ACCESS_EXCLUSIVE, "rewrite", in_transaction=False, repeatable=True),
    _rule("VACUUM\\b", SHARE_UPDATE_EXCLUSIVE, "scan", in_transaction=False, repeatable=True),
    _rule("CHECKPOINT\\b", repeatable=True),
    _rule("(?:CREATE|DROP) (?:DATABASE|TABLESPACE|SUBSCRIPTION)\\b", in_transaction=False),
    _rule("ALTER SYSTEM\\b", in_transaction=False, repeatable=True),
    _rule("REINDEX (?:\\([^)]*\\) )?(?:SCHEMA|DATABASE|SYSTEM)\\b", SHARE, "scan", in_transaction=False),
    _rule("CLUSTER$", ACCESS_EXCLUSIVE, "rewrite", in_transaction=False, repeatable=True),
    _rule("CLUSTER (?:VERBOSE )?TABLE_", ACCESS_EXCLUSIVE, "rewrite"),
    _rule("CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(?:INDEX_ )?ON (?:ONLY )?TABLE_", SHARE, "scan"),
    _rule("DROP INDEX ", ACCESS_EXCLUSIVE),
    _rule("ALTER INDEX ", SHARE_UPDATE_EXCLUSIVE),
    _rule("REINDEX (?:\\([^)]*\\) )?TABLE TABLE_", SHARE, "scan"),
    _rule("REINDEX ", SHARE, "scan"),
    _rule(f"{_ALTER} VALIDATE CONSTRAINT ", SHARE_UPDATE_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} ATTACH PARTITION ", SHARE_UPDATE_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} .*\\bTYPE\\b", ACCESS_EXCLUSIVE, "rewrite"),
    _rule(f"{_ALTER} SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\\b", ACCESS_EXCLUSIVE, "rewrite"),
    _rule(f"{_ALTER} .*\\bADD\\b.*\\bGENERATED ALWAYS AS \\(.*\\) STORED", ACCESS_EXCLUSIVE, "rewrite"),
    _rule(f"{_ALTER} .*\\bADD\\b.*\\bGENERATED\\b.*\\bAS IDENTITY", ACCESS_EXCLUSIVE, "rewrite"),
    _rule(f"{_ALTER} .*\\bADD\\b.*\\b(?:BIG|SMALL)?SERIAL\\b", ACCESS_EXCLUSIVE, "rewrite"),
    # A default that differs from row to row is written into each; one that does not stands in the catalogue.
    _rule(
        f"{_ALTER} .*\\bADD\\b.*\\bDEFAULT\\b.*(?:random|uuid\\w*|clock_timestamp|nextval|timeofday)\\w*\\s?\\(",
        ACCESS_EXCLUSIVE,
        "rewrite",
    ),
    _rule(f"{_ALTER} ADD (?:CONSTRAINT {NAME} )?(?:UNIQUE|PRIMARY KEY) USING INDEX ", ACCESS_EXCLUSIVE),
    _rule(f"{_ALTER} ADD CONSTRAINT {NAME} FOREIGN KEY .*NOT VALID", SHARE_ROW_EXCLUSIVE),
    _rule(f"{_ALTER} ADD (?:CONSTRAINT {NAME} )?FOREIGN KEY ", SHARE_ROW_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} ADD .*NOT VALID$", ACCESS_EXCLUSIVE),
    _rule(f"{_ALTER} ADD (?:CONSTRAINT {NAME} )?(?:CHECK|UNIQUE|PRIMARY KEY|EXCLUDE)\\b", ACCESS_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} .*\\bSET NOT NULL\\b", ACCESS_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} .*\\bADD\\b.*\\b(?:CHECK|UNIQUE|PRIMARY KEY)\\b", ACCESS_EXCLUSIVE, "scan"),
    _rule(f"{_ALTER} (?:ALTER (?:COLUMN )?{NAME} SET STATISTICS|SET \\()", SHARE_UPDATE_EXCLUSIVE),
    _rule(f"{_ALTER} (?:ENABLE|DISABLE) (?:TRIGGER|RULE)\\b", SHARE_ROW_EXCLUSIVE),
    _rule(f"{_ALTER} ", ACCESS_EXCLUSIVE),
    _rule("DROP TABLE (?:IF EXISTS )?TABLE_", ACCESS_EXCLUSIVE),
    _rule("TRUNCATE (?:TABLE )?(?:ONLY )?TABLE_", ACCESS_EXCLUSIVE),
    _rule("CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER .*? ON TABLE_", SHARE_ROW_EXCLUSIVE),
    _rule("DROP TRIGGER .*? ON TABLE_", ACCESS_EXCLUSIVE),
    _rule("(?:CREATE|ALTER|DROP) POLICY .*? ON TABLE_", ACCESS_EXCLUSIVE),
    _rule("COMMENT ON TABLE TABLE_", SHARE_UPDATE_EXCLUSIVE),
    _rule("ANALYZE (?:TABLE_)?", SHARE_UPDATE_EXCLUSIVE, "scan"),
    _rule("REFRESH MATERIALIZED VIEW CONCURRENTLY TABLE_", "EXCLUSIVE", "scan"),
    _rule("REFRESH MATERIALIZED VIEW TABLE_", ACCESS_EXCLUSIVE, "rewrite"),
    _rule("UPDATE (?:ONLY )?TABLE_", ROW_EXCLUSIVE, "scan"),
    _rule("DELETE FROM (?:ONLY )?TABLE_", ROW_EXCLUSIVE, "scan"),
    _rule("(?:INSERT INTO|MERGE INTO|COPY) TABLE_", ROW_EXCLUSIVE),
    _rule("LOCK (?:TABLE )?TABLE_", ACCESS_EXCLUSIVE),
    _rule("CREATE (?:TEMP(?:ORARY)? |UNLOGGED )?TABLE\\b"),
    _rule("(?:CREATE|ALTER|DROP|COMMENT|GRANT|REVOKE|SET|SELECT|VALUES|WITH)\\b", work="none"),
)

SQLITE: Final = (
    _rule("VACUUM\\b", WRITE_LOCK, "rewrite", in_transaction=False, repeatable=True),
    _rule("PRAGMA (?:\\w+\\.)?(?:foreign_keys|journal_mode|synchronous)\\b", in_transaction=False, repeatable=True),
    _rule("(?:ATTACH|DETACH)\\b", in_transaction=False),
    _rule("CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?INDEX_ ON TABLE_", WRITE_LOCK, "scan"),
    _rule("ALTER TABLE TABLE_ DROP\\b", WRITE_LOCK, "rewrite"),
    _rule("ALTER TABLE TABLE_ ADD\\b.*\\b(?:CHECK|NOT NULL|GENERATED)\\b", WRITE_LOCK, "scan"),
    _rule("ALTER TABLE TABLE_", WRITE_LOCK),
    _rule("DROP TABLE (?:IF EXISTS )?TABLE_", WRITE_LOCK, "scan"),
    _rule("UPDATE TABLE_", WRITE_LOCK, "scan"),
    _rule("DELETE FROM TABLE_", WRITE_LOCK, "scan"),
    _rule("(?:INSERT INTO|REPLACE INTO) TABLE_", WRITE_LOCK),
    _rule("REINDEX\\b", WRITE_LOCK, "scan"),
    _rule("(?:CREATE|ALTER|DROP)\\b", WRITE_LOCK),
    _rule("(?:SELECT|VALUES|WITH|PRAGMA)\\b"),
)

RULES: Final[dict[Target, tuple[_Rule, ...]]] = {"postgres": POSTGRES, "sqlite": SQLITE}

_BLOCKS_READS: Final = frozenset({ACCESS_EXCLUSIVE})
_BLOCKS_WRITES: Final = frozenset({ACCESS_EXCLUSIVE, "EXCLUSIVE", SHARE_ROW_EXCLUSIVE, SHARE, WRITE_LOCK})


def effect(sql: str, target: Target) -> Effect:
    """Return what one statement does to others; what is not known counts as the worst.

    >>> effect("CREATE INDEX CONCURRENTLY a ON users (email)", "postgres").in_transaction
    False
    >>> effect("ALTER TABLE users ADD COLUMN age bigint", "postgres").lock
    'ACCESS EXCLUSIVE'
    """
    text = bare(sql)
    for rule in RULES[target]:
        match = rule.pattern.match(text)
        if match is not None:
            groups = match.groupdict()
            table, index = groups.get("table"), groups.get("index")
            if index is not None and table is not None and "." in table and "." not in index:
                # An index stands in the schema of its table.
                index = f"{table.rpartition('.')[0]}.{index}"
            return Effect(
                rule.in_transaction,
                rule.lock,
                table,
                rule.lock not in _BLOCKS_READS,
                rule.lock not in _BLOCKS_WRITES,
                rule.work,
                None if rule.in_transaction else index,
                rule.repeatable,
            )
    return Effect(lock=None, work="unknown")
