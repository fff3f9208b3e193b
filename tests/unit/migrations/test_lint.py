import pytest

from ectype.errors import MigrationError
from ectype.migrations.lint.checking import lint, without
from ectype.migrations.lint.findings import RULES
from ectype.migrations.lint.tokens import tokens_of
from ectype.migrations.lint.types import change
from ectype.sql.dialect import POSTGRES, SQLITE

BEFORE = """
from ectype.migrations import Migration, Raw, references


def change(m):
    with m.create_table("users") as t:
        t.column("email", str, null=False)
        t.column("age", "integer")
        t.column("code", "varchar(20)")
        t.column("price", "numeric(10,2)")
    m.execute("CREATE TABLE teams (id bigint PRIMARY KEY)", "")
    m.execute("CREATE INDEX users_age ON users (age)", "")
"""


@pytest.fixture
def codes(tmp_path):
    """Return the codes that a migration gives after one that made `users` and `teams`, in order."""

    async def found(text, *, dialect=POSTGRES, sizes=None, schema=None):
        (tmp_path / "1_before.py").write_text(BEFORE)
        body = text if "def " in text else f"    m.execute({text!r}, '')"
        head = "from ectype.migrations import Migration, Raw, references\n"
        (tmp_path / "2_it.py").write_text(head + (body if "def " in text else f"def change(m):\n{body}\n"))
        return await lint(tmp_path, dialect=dialect, only={2}, sizes=sizes, schema=schema)

    return found


SQL = [
    ("DROP TABLE users", "D01"),
    ('drop table if exists "users" cascade', "D01"),
    ("DROP TABLE users, public.teams", "D01 D01"),
    ("TRUNCATE users CASCADE", "D01"),
    ("DROP SCHEMA audit CASCADE", "D01"),
    ("DROP DATABASE shop", "D01"),
    ("ALTER TABLE users DROP COLUMN age", "D02"),
    ("ALTER TABLE ONLY users DROP age CASCADE, DROP COLUMN IF EXISTS email", "D02 D02"),
    ("ALTER TABLE users RENAME TO people", "D03"),
    ("ALTER TABLE users RENAME COLUMN age TO years", "D03"),
    ("ALTER TABLE users RENAME age TO years", "D03"),
    ("ALTER TABLE users RENAME CONSTRAINT a TO b", ""),
    ("ALTER TABLE users ALTER age TYPE smallint", "D04 L04"),
    ("ALTER TABLE users ALTER COLUMN email SET DATA TYPE varchar(50)", "D04 L04"),
    ("ALTER TABLE users ALTER code TYPE character varying (10)", "D04 L04"),
    ("ALTER TABLE users ALTER code TYPE varchar(40)", ""),
    ("ALTER TABLE users ALTER code TYPE text", ""),
    ("ALTER TABLE users ALTER age TYPE int8", "L04"),
    ("ALTER TABLE users ALTER price TYPE numeric(12, 2)", ""),
    ("ALTER TABLE users ALTER price TYPE numeric(12, 4)", "L04"),
    ("ALTER TABLE users ALTER price TYPE numeric(10, 4)", "D04 L04"),
    ("ALTER TABLE users ALTER unheard TYPE text", "L04"),
    ("ALTER TABLE users ALTER code TYPE text USING lower(code)", "L04"),
    ("CREATE INDEX ON users (age)", "L01"),
    ("CREATE UNIQUE INDEX i ON ONLY public.users USING btree (lower(email))", "L01"),
    ("CREATE INDEX CONCURRENTLY i ON users (age)", ""),
    ("SELECT 1; CREATE INDEX CONCURRENTLY i ON users (age)", "T01"),
    ("DROP INDEX users_age", "L01"),
    ("DROP INDEX CONCURRENTLY users_age; SELECT 1", "T01"),
    ("REINDEX TABLE users", "L01"),
    ("REINDEX (VERBOSE) INDEX CONCURRENTLY users_age; SELECT 1", "T01"),
    ("ALTER TABLE users DETACH PARTITION old", "L01"),
    ("ALTER TABLE users DETACH PARTITION old CONCURRENTLY; SELECT 1", "T01"),
    ("CREATE TABLE n (a int8); CREATE INDEX ON n (a)", ""),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)", "L02"),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID", ""),
    ("ALTER TABLE users ADD CHECK (age > 0) NOT VALID", ""),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c", "L02"),
    ("ALTER TABLE users VALIDATE CONSTRAINT c", ""),
    (
        "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c;"
        " DROP INDEX CONCURRENTLY users_age",
        "T01",
    ),
    ("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (age) REFERENCES teams (id)", "L02"),
    ("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (age) REFERENCES teams NOT VALID", ""),
    ("ALTER TABLE users ADD CONSTRAINT u UNIQUE (email)", "L02"),
    ("ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (email)", "L02"),
    ("ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX u", ""),
    ("ALTER TABLE users ADD CONSTRAINT p PRIMARY KEY (email)", "L02"),
    ("ALTER TABLE users ADD CONSTRAINT x EXCLUDE USING gist (email WITH =)", "L02"),
    ("ALTER TABLE users ADD COLUMN u text UNIQUE", "L02"),
    ("ALTER TABLE users ADD COLUMN t bigint REFERENCES teams (id)", ""),
    ("ALTER TABLE users ADD COLUMN t bigint DEFAULT 1 REFERENCES teams (id)", "L02"),
    ("ALTER TABLE users ADD COLUMN t bigint DEFAULT 1 CHECK (t > 0)", "L02"),
    ("ALTER DOMAIN mail ADD CONSTRAINT c CHECK (value > '')", "L02"),
    ("ALTER DOMAIN mail ADD CONSTRAINT c CHECK (value > '') NOT VALID", ""),
    ("ALTER TABLE users ADD COLUMN t timestamptz DEFAULT now() NOT NULL", ""),
    ("ALTER TABLE users ADD COLUMN t text DEFAULT 'x''y'::varchar(9)", ""),
    ("ALTER TABLE users ADD COLUMN t uuid DEFAULT gen_random_uuid()", "L03"),
    ("ALTER TABLE users ADD COLUMN t timestamptz DEFAULT clock_timestamp()", "L03"),
    ("ALTER TABLE users ADD COLUMN t bigint DEFAULT own_function(1)", "L03"),
    ("ALTER TABLE users ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY", "L03"),
    ("ALTER TABLE users ADD COLUMN n text GENERATED ALWAYS AS (lower(email)) STORED", "L03"),
    ("ALTER TABLE users ADD COLUMN n bigserial", "L03 P04"),
    ("VACUUM FULL users; SELECT 1", "T01 L04"),
    ("CLUSTER users USING users_age", "L04"),
    ("ALTER TABLE users SET TABLESPACE fast", "L04"),
    ("ALTER TABLE users SET UNLOGGED", "L04"),
    ("REFRESH MATERIALIZED VIEW totals", "L04"),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY totals", ""),
    ("ALTER TABLE users ALTER age SET NOT NULL", "L05"),
    (
        "ALTER TABLE users ADD CONSTRAINT n CHECK (age IS NOT NULL) NOT VALID;"
        " ALTER TABLE users ALTER age SET NOT NULL",
        "L05",
    ),
    ("ALTER TABLE users ADD CONSTRAINT n NOT NULL age", "L05"),
    ("SET lock_timeout = 0", "L06"),
    ("SET LOCAL lock_timeout TO '5min'", "L06"),
    ("SELECT set_config('lock_timeout', '0', true)", "L06"),
    ("SET lock_timeout = '1s'; SET lock_timeout = 500", ""),
    ("LOCK TABLE users IN ACCESS EXCLUSIVE MODE", "L06"),
    ("BEGIN; COMMIT", "T01 T01"),
    ("ROLLBACK TO SAVEPOINT a", ""),
    ("VACUUM users", ""),
    ("VACUUM users; VACUUM teams", "T01 T01"),
    ("ALTER SYSTEM SET work_mem = '1MB'; SELECT 1", "T01"),
    ("ALTER TYPE mood ADD VALUE 'glad'; INSERT INTO teams SELECT 1 WHERE 'glad' = 'glad'", "T02"),
    ("ALTER TYPE mood ADD VALUE 'glad'", ""),
    ("ALTER TYPE mood ADD VALUE 'glad'; SELECT 'glad'::mood; VACUUM teams", "T01"),
    ("CREATE TYPE mood AS ENUM ('sad'); ALTER TYPE mood ADD VALUE 'glad'; SELECT 'glad'::mood", ""),
    ("ALTER TABLE users ADD COLUMN x bigint; UPDATE users SET x = 1", "T03"),
    ("UPDATE users SET age = 1", ""),
    ("ALTER TABLE users ADD COLUMN x bigint; VACUUM teams; UPDATE users SET x = 1", "T01"),
    ("CREATE TABLE n (a int8); INSERT INTO n VALUES (1)", ""),
    ("ALTER TABLE teams ADD x int8; WITH a AS (SELECT 1) DELETE FROM users", "T03"),
    ("ALTER TABLE teams ADD x int8; COPY users TO '/dev/null'", ""),
    ("ALTER TABLE users ADD COLUMN x bigint NOT NULL", "C01"),
    ("ALTER TABLE users ADD COLUMN x bigint NOT NULL DEFAULT 0", ""),
    ("ALTER TABLE users ADD COLUMN x bigint CHECK (x IS NOT NULL OR age > 0)", "L02"),
    ("ALTER TABLE users ALTER age DROP NOT NULL", "C01"),
    ("ALTER TABLE users ALTER COLUMN age DROP DEFAULT", "C01"),
    ("DROP VIEW a, b", "C01 C01"),
    ("DROP FUNCTION f(int)", "C01"),
    ("DROP TYPE mood", "C01"),
    ("DROP TRIGGER t ON users", "C01"),
    ("ALTER TABLE users SET SCHEMA archive", "C01"),
    ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", "C01"),
    ("ALTER VIEW v RENAME TO w", "C01"),
    ("ALTER INDEX users_age RENAME TO users_age_2", ""),
    ("CREATE TABLE n (id serial PRIMARY KEY, a int, b smallint, c varchar(9), d char, e timestamp(3))",
     "P01 P04 P01 P01 P02 P02 P03"),
    ("CREATE TABLE n (id bigint PRIMARY KEY, c varchar, e timestamptz, f numeric(10, 2))", ""),
    ("CREATE TEMPORARY TABLE n (id serial)", ""),
    ("-- DROP TABLE users\n/* DROP /* nested */ TABLE users */ SELECT 'DROP TABLE users; DROP TABLE users'", ""),
    ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DROP TABLE users; $$", ""),
    ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END; DROP TABLE users", "D01"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), SQL, ids=[sql[:60] for sql, _ in SQL])
async def test_each_statement_gives_the_rules_that_it_breaks(codes, sql, expected):
    assert [finding.code for finding in await codes(sql)] == expected.split()


COMMANDS = [
    ("def change(m):\n    m.create_index('users', 'age')", [("L01", 3)]),
    ("def change(m):\n    m.create_index('users', 'age', concurrently=True)", []),
    ("def change(m):\n    m.create_index('users', 'age', unique=True, nulls_distinct=False)", [("L01", 3)]),
    ("def change(m):\n    m.drop_table('teams')\n    m.create_index('users', 'age', concurrently=True)",
     [("D01", 3), ("T01", 4)]),
    ("def change(m):\n    with m.alter_table('users') as t:\n        t.remove('age', int)\n", [("D02", 3)]),
    ("def up(m):\n    with m.alter_table('users') as t:\n        t.modify('age', int, null=False)",
     [("L04", 3), ("L05", 3)]),
    ("def change(m):\n    for name in ('a', 'b'):\n        m.rename_column('users', name, to=name * 2)",
     [("D03", 4), ("D03", 4)]),
    ("def helper(m):\n    m.drop_table('users')\n\n\ndef up(m):\n    pass\n    helper(m)", [("D01", 3)]),
    ("async def up(m):\n    m.drop_table('users')\n    await m.flush()\n    m.drop_table('teams')",
     [("D01", 3), ("N01", 4)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COMMANDS)
async def test_a_command_is_found_at_its_line(codes, text, expected):
    assert [(finding.code, finding.line) for finding in await codes(text)] == expected


SQLITE_CASES = [
    ("DROP TABLE users", "D01"),
    ("CREATE INDEX i ON users (age)", ""),
    ("ALTER TABLE users ADD COLUMN x TEXT NOT NULL", "C01"),
    (
        "CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM users; DROP TABLE users;"
        " ALTER TABLE n RENAME TO users",
        "D01 S01",
    ),
    ("PRAGMA foreign_keys = OFF", "S01"),
    ("PRAGMA foreign_keys", ""),
    ("VACUUM; SELECT 1", "T01"),
    ("VACUUM", ""),
    ("CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM users; END; DROP TABLE teams", "D01"),
    ("def change(m):\n    with m.alter_table('users') as t:\n        t.remove('age', int)", "D02"),
    ("def up(m):\n    with m.alter_table('users') as t:\n        t.modify('email', str, null=False)", ""),
]


@pytest.mark.parametrize(("text", "expected"), SQLITE_CASES)
async def test_on_sqlite_only_what_matters_there_is_said(codes, text, expected):
    assert [finding.code for finding in await codes(text, dialect=SQLITE)] == expected.split()


async def test_a_check_that_was_validated_lets_not_null_pass(tmp_path):
    (tmp_path / "1_a.py").write_text(BEFORE)
    for number, sql in enumerate(
        [
            "ALTER TABLE users ADD CONSTRAINT n CHECK (age IS NOT NULL) NOT VALID",
            "ALTER TABLE users VALIDATE CONSTRAINT n",
            "ALTER TABLE users ALTER age SET NOT NULL",
        ],
        start=2,
    ):
        (tmp_path / f"{number}_m{number}.py").write_text(f"def change(m):\n    m.execute({sql!r}, '')\n")
    assert [one for one in await lint(tmp_path) if one.version > 1] == []


async def test_sizes_say_how_long_it_takes_and_excuse_what_is_empty(codes):
    sql = "CREATE INDEX ON users (age); DROP TABLE teams; ALTER TABLE gone DROP COLUMN a"
    found = await codes(sql, sizes={"users": 4_100_000, "teams": 0})
    assert [(one.code, one.rows) for one in found] == [("L01", 4_100_000), ("D01", 0)]
    assert [one.code for one in await codes(sql, sizes={"users": 0})] == []


REMARKS = [
    ("def up(m):\n    # lint: ok D01 nothing reads it\n    m.drop_table('users')", []),
    ("def up(m):\n    m.drop_table('users')  # lint: ok D01 nothing reads it", []),
    ("def up(m):\n    # lint: ok D01, L01 nothing reads it\n    # lint: ok C01 nor that\n"
     "    m.execute('DROP TABLE users; DROP VIEW v; DROP INDEX i')", []),
    ("def up(m):\n    with m.alter_table('users') as t:\n        # lint: ok D02 unused\n        t.remove('age')", []),
    ("def up(m):\n    # lint: ok L01 wrong code\n    m.drop_table('users')", [("D01", 4)]),
    ("def up(m):\n    # lint: ok D01 too far above\n\n    m.drop_table('users')", [("D01", 5)]),
    ("def up(m):\n    m.drop_table('users')  # lint: ok D01", [("D01", 3), ("N02", 3)]),
    ("def up(m):\n    m.drop_table('users')  # lint: ok because", [("D01", 3), ("N02", 3)]),
    ("def up(m):\n    m.drop_table('users')  # lint: ok D99 a reason", [("D01", 3), ("N02", 3)]),
    ("def up(m):\n    m.drop_table('users')\n    m.drop_table('teams')  # lint: ok D01 unused", [("D01", 3)]),
    ("def up(m):\n    m.execute('-- # lint: ok D01 in a text\\nDROP TABLE users')", [("D01", 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REMARKS)
async def test_a_remark_with_a_reason_allows_the_command_beside_it_and_nothing_else(codes, text, expected):
    assert [(finding.code, finding.line) for finding in await codes(text)] == expected


async def test_a_migration_that_cannot_be_read_says_where(codes):
    with pytest.raises(MigrationError, match=r"2_it\.py:3: .*ZeroDivisionError"):
        await codes("def change(m):\n    1 / 0")


INDEX = "m.create_index('users', 'age', concurrently=True)"
BESIDE = [
    (f"def change(m):\n    {INDEX}", []),
    (f"def change(m):\n    m.execute('SELECT 1', '')\n    {INDEX}", [("T01", "warning")]),
    (f"transaction = False\ndef change(m):\n    m.execute('SELECT 1', '')\n    {INDEX}", [("T01", "warning")]),
    (f"async def up(m):\n    {INDEX}\n    await m.flush()", [("T01", "error"), ("N01", "note")]),
    (f"def after_begin(m):\n    m.execute('SELECT 1', '')\n\ndef change(m):\n    {INDEX}", [("T01", "error")]),
    ("transaction = False\ndef up(m):\n    m.execute('ALTER TABLE users ADD x int8; UPDATE users SET x = 1')", []),
    ("def up(m):\n    m.execute('COMMIT')", [("T01", "error")]),
]


@pytest.mark.parametrize(("text", "expected"), BESIDE)
async def test_what_the_runner_takes_step_by_step_is_a_warning_and_what_it_refuses_an_error(codes, text, expected):
    assert [(one.code, one.severity) for one in await codes(text)] == expected


async def test_the_names_of_the_default_schema_and_no_others_are_said_without_it(codes):
    text = "ALTER TABLE public.users ADD CONSTRAINT f FOREIGN KEY (age) REFERENCES shop.teams (id)"
    (one,) = await codes(text)
    assert (one.table, "shop.teams" in one.recipe) == ("users", True)
    (one,) = await codes(text, schema="shop")
    assert (one.table, 'references("teams"' in one.recipe) == ("public.users", True)
    assert await codes(text, schema="shop", sizes={"users": 9, "public.users": 0}) == []


async def test_what_is_allowed_for_a_run_becomes_a_warning(codes):
    found = without(await codes("DROP TABLE users; DROP VIEW v"), ["D01"])
    assert [(one.code, one.severity) for one in found] == [("D01", "warning"), ("C01", "error")]


def test_every_rule_has_a_case():
    cases = [expected for _, expected in (*SQL, *SQLITE_CASES)]
    seen = {code for codes in cases for code in codes.split()}
    seen |= {code for _, expected in (*COMMANDS, *REMARKS) for code, _ in expected}
    assert seen | {"P05"} == set(RULES)


async def test_a_name_that_postgres_cuts_is_seen(codes):
    assert [one.code for one in await codes(f"CREATE TABLE {'n' * 64} (a bigint)")] == ["P05"]
    assert [one.code for one in await codes(f"CREATE TABLE {'n' * 63} (a bigint)")] == []


TYPES = [
    ("varchar(20)", "varchar", "free"), ("varchar(20)", "varchar(10)", "narrower"), ("text", "varchar", "free"),
    ("integer", "bigint", "rewrite"), ("bigint", "integer", "narrower"), ("bigint", "text", "rewrite"),
    ("numeric", "numeric(10,2)", "narrower"), ("numeric(10,2)", "numeric", "free"),
    ("real", "double precision", "rewrite"),
    ("timestamp", "timestamp with time zone", "rewrite"), ("timestamp", "date", "narrower"), ("cidr", "inet", "free"),
    ("char(3)", "char(5)", "rewrite"), ("numeric(5,2)", "integer", "narrower"), ("text", "jsonb", "narrower"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TYPES)
def test_a_change_of_type_is_free_a_rewrite_or_a_loss(old, new, expected):
    assert change(old, new) == expected


@pytest.mark.parametrize("text", [*"'\"(\0é", "$$", "/*", "$a$ x", "E'\\", "; ;; --", "CREATE", "ALTER TABLE"])
async def test_no_text_is_too_broken_to_be_looked_at(codes, text):
    tokens_of(text)
    await codes(text)
