import pytest

from ectype.migrations.effects import effect
from ectype.migrations.sql_text import bare, split

SPLIT = [
    ("postgres", "SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("postgres", "SELECT ';' ; SELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
    ("postgres", r"SELECT E'\';'; SELECT 2", [r"SELECT E'\';'", "SELECT 2"]),
    ("postgres", "SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]),
    ("postgres", "SELECT 1 -- a; b\n; SELECT 2", ["SELECT 1 -- a; b", "SELECT 2"]),
    ("postgres", "/* a; /* b; */ c; */ SELECT 1; SELECT 2", ["/* a; /* b; */ c; */ SELECT 1", "SELECT 2"]),
    ("postgres", "DO $$ BEGIN a; END $$; SELECT 2", ["DO $$ BEGIN a; END $$", "SELECT 2"]),
    ("postgres", "SELECT $a$ $$; $b$ $a$; SELECT 2", ["SELECT $a$ $$; $b$ $a$", "SELECT 2"]),
    ("postgres", "SELECT a$1; SELECT 2", ["SELECT a$1", "SELECT 2"]),
    (
        "postgres",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
        ["CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "SELECT 3"],
    ),
    ("postgres", "  ;; -- nothing\n ; ", []),
    ("postgres", "SELECT 'open", ["SELECT 'open"]),
    ("postgres", "SELECT $$ open; ", ["SELECT $$ open;"]),
    ("sqlite", "SELECT ';'; SELECT 2", ["SELECT ';'", "SELECT 2"]),
    (
        "sqlite",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END; SELECT 2",
        ["CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END", "SELECT 2"],
    ),
    ("sqlite", "", []),
]


@pytest.mark.parametrize(("target", "sql", "statements"), SPLIT)
def test_a_text_is_cut_where_its_statements_end(target, sql, statements):
    assert list(split(sql, target)) == [one.removesuffix(";") for one in statements]


def test_remarks_and_strings_say_nothing():
    assert bare("  UPDATE a -- UPDATE b\n SET /* x */ c = 'CONCURRENTLY', \"d e\" = $$ ; $$ ") == (
        "UPDATE a SET c = '', \"d e\" = ''"
    )


A, S, U, R = "ACCESS EXCLUSIVE", "SHARE", "SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE"

# statement, whether it can be in a transaction, lock, table, work
POSTGRES = [
    ('CREATE TABLE "users" (id bigint)', True, None, None, "none"),
    ("DROP TABLE IF EXISTS users", True, A, "users", "none"),
    ("TRUNCATE users", True, A, "users", "none"),
    ('CREATE INDEX a ON "my users" (b)', True, S, '"my users"', "scan"),
    ("CREATE UNIQUE INDEX ON users (b)", True, S, "users", "scan"),
    ("create unique index concurrently if not exists a on app.users (b)", False, U, "app.users", "scan"),
    ("CREATE INDEX /* x */ CONCURRENTLY\n a ON users (b)", False, U, "users", "scan"),
    ("DROP INDEX CONCURRENTLY a", False, U, None, "none"),
    ("DROP INDEX a", True, A, None, "none"),
    ("REINDEX INDEX CONCURRENTLY a", False, U, None, "scan"),
    ("VACUUM (ANALYZE) users", False, U, None, "scan"),
    ("VACUUM FULL users", False, A, None, "rewrite"),
    ("CREATE DATABASE a", False, None, None, "none"),
    ('ALTER TABLE "users" ADD COLUMN age bigint', True, A, '"users"', "none"),
    ("ALTER TABLE users ADD COLUMN age bigint", True, A, "users", "none"),
    ("ALTER TABLE users ADD COLUMN age bigint DEFAULT 7 NOT NULL", True, A, "users", "none"),
    ("ALTER TABLE users ADD COLUMN k uuid DEFAULT gen_random_uuid()", True, A, "users", "rewrite"),
    ("ALTER TABLE users ADD COLUMN k float8 DEFAULT random()", True, A, "users", "rewrite"),
    ("ALTER TABLE users ADD COLUMN n bigserial", True, A, "users", "rewrite"),
    ("ALTER TABLE users ADD COLUMN n bigint GENERATED ALWAYS AS (id * 2) STORED", True, A, "users", "rewrite"),
    ("ALTER TABLE users ALTER COLUMN age TYPE text", True, A, "users", "rewrite"),
    ("ALTER TABLE users ALTER age SET NOT NULL", True, A, "users", "scan"),
    ("ALTER TABLE users ALTER age DROP NOT NULL", True, A, "users", "none"),
    ("ALTER TABLE users ALTER age SET DEFAULT 3", True, A, "users", "none"),
    ("ALTER TABLE users DROP COLUMN age", True, A, "users", "none"),
    ("ALTER TABLE users RENAME TO people", True, A, "users", "none"),
    ("ALTER TABLE ONLY users ADD CONSTRAINT c CHECK (a > 1)", True, A, "users", "scan"),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 1) NOT VALID", True, A, "users", "none"),
    ("ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)", True, R, "users", "scan"),
    ("ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b NOT VALID", True, R, "users", "none"),
    ("ALTER TABLE users ADD CONSTRAINT c UNIQUE USING INDEX i", True, A, "users", "none"),
    ("ALTER TABLE users ADD PRIMARY KEY (id)", True, A, "users", "scan"),
    ('ALTER TABLE "users" VALIDATE CONSTRAINT c', True, U, '"users"', "scan"),
    ("UPDATE users SET a = 1", True, "ROW EXCLUSIVE", "users", "scan"),
    ("INSERT INTO users VALUES (1)", True, "ROW EXCLUSIVE", "users", "none"),
    ("COMMENT ON TABLE users IS 'x'", True, U, "users", "none"),
    ("CREATE EXTENSION citext", True, None, None, "none"),
    ("ALTER TYPE mood ADD VALUE 'calm'", True, None, None, "none"),
    ("DO $$ BEGIN DROP TABLE users; END $$", True, None, None, "unknown"),
    ("CALL tidy()", True, None, None, "unknown"),
]


@pytest.mark.parametrize(("sql", "in_transaction", "lock", "table", "work"), POSTGRES, ids=[c[0] for c in POSTGRES])
def test_what_a_statement_does_to_others_on_postgresql(sql, in_transaction, lock, table, work):
    found = effect(sql, "postgres")
    assert (found.in_transaction, found.lock, found.table, found.work) == (in_transaction, lock, table, work)


LITE = "the write lock of the file"
SQLITE = [
    ("CREATE TABLE a (x integer)", True, LITE, None, "none"),
    ("CREATE INDEX `i` ON `a` (x)", True, LITE, "`a`", "scan"),
    ('CREATE INDEX i ON "a" (x)', True, LITE, '"a"', "scan"),
    ("ALTER TABLE a DROP COLUMN x", True, LITE, "a", "rewrite"),
    ("ALTER TABLE a ADD COLUMN y integer", True, LITE, "a", "none"),
    ("ALTER TABLE a RENAME TO b", True, LITE, "a", "none"),
    ("UPDATE a SET x = 1", True, LITE, "a", "scan"),
    ("VACUUM", False, LITE, None, "rewrite"),
    ("PRAGMA foreign_keys = OFF", False, None, None, "none"),
    ("PRAGMA user_version = 3", True, None, None, "none"),
]


@pytest.mark.parametrize(("sql", "in_transaction", "lock", "table", "work"), SQLITE, ids=[c[0] for c in SQLITE])
def test_what_a_statement_does_to_others_on_sqlite(sql, in_transaction, lock, table, work):
    found = effect(sql, "sqlite")
    assert (found.in_transaction, found.lock, found.table, found.work) == (in_transaction, lock, table, work)


@pytest.mark.parametrize(
    ("lock", "reads", "writes"),
    [
        ("ALTER TABLE a ADD COLUMN b int", False, False),
        ("CREATE INDEX i ON a (b)", True, False),
        ("ALTER TABLE a VALIDATE CONSTRAINT c", True, True),
        ("CREATE INDEX CONCURRENTLY i ON a (b)", True, True),
    ],
)
def test_who_may_go_on_meanwhile(lock, reads, writes):
    found = effect(lock, "postgres")
    assert (found.reads, found.writes) == (reads, writes)


def test_an_index_is_looked_for_in_the_schema_of_its_table():
    assert effect("CREATE INDEX CONCURRENTLY i ON app.a (b)", "postgres").index == "app.i"
    assert effect("DROP INDEX CONCURRENTLY app.i", "postgres").index == "app.i"
