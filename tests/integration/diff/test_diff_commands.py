"""`ectype gen migration --from-diff` and `ectype drift`, as they are typed."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app

SCHEMAS = """\
from ectype import Field, Registry, Schema, field, index, primary_key, structure


class Base(Schema, abstract=True, registry=Registry()):
    pass


class User(Base, table="users"):
    id: Field[int] = primary_key()
    {name}: Field[str]


structure(User, indexes=[index(User.{name}, name="users_label")])
"""


@pytest.fixture
def ectype(tmp_path, database_url, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments, answers=None):
        sys.modules.pop("shop_schemas", None)
        outcome = CliRunner().invoke(app, list(arguments), input=answers)
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        return outcome

    yield run
    sys.modules.pop("shop_schemas", None)
    sys.path[:] = [path for path in sys.path if path != str(tmp_path)]


def say(name: str) -> None:
    Path("shop_schemas.py").write_text(SCHEMAS.format(name=name))
    # Two texts of one length, written in one second, look the same to Python's cache.
    for path in Path("__pycache__").glob("shop_schemas*"):
        path.unlink()


def gen(*options: str) -> tuple[str, ...]:
    return ("gen", "migration", *options, "--from-diff", "--schemas", "shop_schemas:Base")


def test_from_the_schemas_to_the_database_and_on(ectype):
    say("name")
    written = ectype(*gen("create_users"))
    assert written.exit_code == 0
    (path,) = Path("migrations").glob("*.py")
    assert written.stdout == f"wrote {path}\n"
    assert ectype("migrate").exit_code == 0
    assert ectype(*gen("again")).stdout == "nothing to write: the database holds what the schemas declare\n"

    say("label")
    stopped = ectype(*gen("rename_it", "--no-input"))
    assert stopped.exit_code == 4
    assert "--rename users.name:label" in stopped.stderr
    # Nobody answers.
    assert ectype(*gen("rename_it"), answers="").exit_code == 4
    # A name that is none is asked for again.
    assert ectype(*gen("rename_it"), answers="lable\nlabel\n").exit_code == 0
    assert 'm.rename_column("users", "name", to="label")' in max(Path("migrations").glob("*.py")).read_text()
    assert ectype("migrate", "--allow", "D03").exit_code == 0
    assert ectype("drift", "--schemas", "shop_schemas:Base").exit_code == 0
    assert ectype("drift", "--against", "files").exit_code == 0


def test_sql_is_printed_and_nothing_is_written(ectype):
    say("name")
    shown = ectype(*gen("create_users", "--sql"))
    assert shown.exit_code == 0
    assert 'CREATE TABLE "users"' in shown.stdout
    assert not list(Path().glob("migrations/*"))


def test_json_says_what_is_written_lost_and_left(ectype, database_url):
    say("name")
    assert ectype(*gen("create_users", "--json")).exit_code == 0
    assert ectype("migrate").exit_code == 0
    say("label")
    outcome = ectype(*gen("other", "--json", "--rename", "users.name:"))
    told = json.loads(outcome.stdout)
    assert told["loses"] == ["the column `users.name` with its values"]
    assert told["unmanaged"] == []
    assert told["files"]
    assert all(Path(path).is_file() for path in told["files"])


def test_drift_ends_with_7_and_says_what_differs(ectype):
    say("name")
    missing = ectype("drift", "--schemas", "shop_schemas:Base")
    assert missing.exit_code == 7
    assert 'CREATE TABLE "users"' in missing.stdout
    ectype(*gen("create_users"))
    ectype("migrate")
    Path("migrations/1_by_hand.py").write_text("def change(m):\n    m.execute('SELECT 1', '')\n")
    ectype("migrate")
    assert ectype("drift", "--against", "files").exit_code == 0


async def test_a_column_made_by_hand_is_drift_from_the_files_and_a_table_is_not(ectype, project):
    say("name")
    ectype_in_thread = lambda *arguments: __import__("asyncio").to_thread(ectype, *arguments)
    await ectype_in_thread(*gen("create_users"))
    await ectype_in_thread("migrate")
    await project.execute("CREATE TABLE notes (id bigint)" if "postgres" in project.url else "CREATE TABLE notes (id)")
    assert (await ectype_in_thread("drift", "--against", "files")).exit_code == 0
    await project.execute("ALTER TABLE users ADD COLUMN extra text")
    told = await ectype_in_thread("drift", "--against", "files", "--json")
    assert told.exit_code == 7
    assert {"kind": "column", "name": "users.extra"}.items() <= json.loads(told.stdout)["unmanaged"][1].items()
    # To the schemas it is nobody's.
    assert (await ectype_in_thread("drift", "--schemas", "shop_schemas:Base")).exit_code == 0
    await project.execute("ALTER TABLE users DROP COLUMN extra", "DROP INDEX users_label")
    lost = await ectype_in_thread("drift", "--against", "files")
    assert lost.exit_code == 7
    assert "users_label" in lost.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gen", "migration", "x", "--from-diff"), "does not know where the schemas are"),
        (("gen", "migration", "x", "--from-diff", "--schemas", "no_such_module"), "cannot be imported"),
        (("gen", "migration", "x", "--from-diff", "--schemas", "shop_schemas:User2"), "has no base of schemas"),
        (("gen", "migration", "x", "--rename", "a.b:c"), "belongs to --from-diff"),
        (("gen", "migration", "x", "--online", "users.age"), "belongs to --from-diff"),
        (("gen", "migration", "x", "--sql"), "belongs to --from-diff"),
        (("gen", "migration", "x", "--no-input"), "belongs to --from-diff"),
    ],
)
def test_what_cannot_be_used_as_given_ends_with_2(ectype, arguments, message):
    say("name")
    outcome = ectype(*arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


def test_the_settings_may_name_the_schemas(ectype):
    say("name")
    Path("pyproject.toml").write_text('[tool.ectype]\nschemas = "shop_schemas:Base"\n')
    assert ectype("gen", "migration", "create_users", "--from-diff").exit_code == 0
    assert len(list(Path("migrations").glob("*.py"))) == 1


VISITS = """\
from ectype import Field, Registry, Schema, column, field, primary_key


class Base(Schema, abstract=True, registry=Registry()):
    pass


class User(Base, table="users"):
    id: Field[int] = primary_key()
    visits: Field[int] = field(db=column(type="{kind}"))
"""


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_type_changes_in_steps_from_the_first_command_to_the_last(ectype):
    Path("shop_schemas.py").write_text(VISITS.format(kind="integer"))
    assert ectype(*gen("create_users")).exit_code == 0
    assert ectype("migrate").exit_code == 0
    Path("shop_schemas.py").write_text(VISITS.format(kind="bigint"))
    in_place = ectype(*gen("in_place", "--sql")).stdout
    assert 'ALTER COLUMN "visits" TYPE bigint' in in_place
    shown = ectype(*gen("widen", "--online", "users.visits", "--sql"))
    assert shown.exit_code == 0
    assert [line for line in shown.stdout.splitlines() if line.startswith("-- ") and " " not in line[3:]] == [
        "-- widen",
        "-- widen_check",
        "-- widen_finish",
        "-- widen_cleanup",
        "-- backfills/users_visits_bigint",
    ]
    assert 'UPDATE "users" SET "visits_new" = "visits"::bigint WHERE' in shown.stdout
    written = json.loads(ectype(*gen("widen", "--online", "users.visits", "--json")).stdout)
    assert [Path(path).stem.partition("_")[2] for path in written["files"]] == [
        "widen",
        "widen_check",
        "widen_finish",
        "widen_cleanup",
        "visits_bigint",
    ]
    assert Path(written["files"][-1]) == Path("migrations/backfills/users_visits_bigint.py")
    assert ectype("lint").exit_code == 0
    assert ectype("migrate", "--step", "1").exit_code == 0
    assert ectype("backfill", "users_visits_bigint").exit_code == 0
    assert ectype("migrate").exit_code == 0
    assert ectype("verify").exit_code == 0
    assert ectype("drift", "--schemas", "shop_schemas:Base").exit_code == 0
    assert ectype("drift", "--against", "files").exit_code == 0


def test_a_column_that_cannot_change_in_steps_ends_with_the_reason(ectype):
    say("name")
    assert ectype(*gen("create_users")).exit_code == 0
    assert ectype("migrate").exit_code == 0
    refused = ectype(*gen("x", "--online", "users.name"))
    assert (refused.exit_code, refused.stderr.partition("\n")[0][:26]) == (2, "error: --online users.name")
    assert not list(Path("migrations").glob("*_x*.py"))
