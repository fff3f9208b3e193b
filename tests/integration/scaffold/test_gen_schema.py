"""`ectype gen schema --from-database`: what it writes, what it says, and what it refuses."""

import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app
from tests.databases import run
from tests.integration.scaffold import shops
from tests.integration.scaffold.conftest import executed, is_postgres

ROOT = Path(__file__).parents[3]
POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BASE = """
from ectype import Registry, Schema


class AppSchema(Schema, abstract=True, registry=Registry()):
    \"\"\"The base of all schemas.\"\"\"
"""


def written_class(text, name):
    return re.search(rf"(?ms)^class {name}\(.*?(?=\n\n\n|\Z)", text)[0].rstrip()


BOTH = {
    "Order": """\
class Order(Schema, table="orders"):
    number: Field[int] = field(primary_key=True)
    tenant: Field[int] = field(primary_key=True)
    user_id: Field[int]
    approver_id: Field[int | None] = field(default=None)
    user: BelongsTo[User] = belongs_to()
    approver: BelongsTo[User | None] = belongs_to()
    order_items: HasMany[OrderItem] = has_many(foreign_key=("order_number", "order_tenant"))""",
    "Category": """\
class Category(Schema, table="categories"):
    id: Field[int] = primary_key()
    name: Field[str] = field(default="it's \\\\ new")
    parent_id: Field[int | None] = field(default=None)
    parent: BelongsTo[Category | None] = belongs_to()
    categories_by_parent: HasMany[Category] = has_many(foreign_key="parent_id")
    products: HasMany[Product] = has_many()""",
    "ProductLabel": """\
class ProductLabel(Schema, table="product_labels"):
    product_id: Field[UUID] = field(primary_key=True)
    label_code: Field[str] = field(primary_key=True)
    product: BelongsTo[Product] = belongs_to()
    label: BelongsTo[Label] = belongs_to(foreign_key="label_code")""",
    "FieldRow": """\
class FieldRow(Schema, table="field"):
    id: Field[int] = field(primary_key=True)
    größe: Field[int | None] = field(default=None)""",
    "NaïveStraße": """\
class NaïveStraße(Schema, table="naïve Straße"):
    id: Field[int] = field(primary_key=True)
    odd_id: Field[int] = field(source="odd Id")
    odd: BelongsTo[OddName] = belongs_to()""",
    "Profile": """\
class Profile(Schema, table="profiles"):
    # size (…) is left out: …
    user_id: Field[int] = field(primary_key=True)
    bio: Field[str | None] = field(default=None)
    avatar: Field[bytes | None] = field(default=None)
    user: BelongsTo[User] = belongs_to()""",
}
LEFT_OUT = {
    True: """\
left out:
Table     What                     Why
labels    old_at                   a datetime of ectype has a time zone: make the column timestamptz
log       its key                  it has no primary key: its rows can be read and inserted, no more
profiles  size                     ectype has no type for `size`
users     belongs_to by region_id  `geo.regions` is not written
""",
    False: """\
left out:
Table     What     Why
labels    old_at   nothing says what `ANY` holds
log       its key  it has no primary key: its rows can be read and inserted, no more
profiles  size     nothing says what a column without a type holds
""",
}


def test_one_module_holds_all_schemas_and_what_is_left_out_is_said(gen, shop_url, tmp_path):
    done = gen("--url", shop_url)
    text = (tmp_path / "schemas.py").read_text(encoding="utf-8")
    first, *rest = done.stdout.splitlines(keepends=True)
    counted = "14 schemas and 2 enums" if is_postgres(shop_url) else "13 schemas"
    assert (done.returncode, done.stderr, first) == (0, "", f"wrote schemas.py: {counted}\n")
    assert "".join(rest) == LEFT_OUT[is_postgres(shop_url)]
    for name, expected in BOTH.items():
        assert re.sub(r"size \(.*", "size (…) is left out: …", written_class(text, name)) == expected
    assert "schema_migrations" not in text


@POSTGRES
def test_what_only_postgresql_has(gen, shop_url, tmp_path):
    gen("--url", shop_url)
    text = (tmp_path / "schemas.py").read_text(encoding="utf-8")
    assert written_class(text, "User").split("    manager: ")[0] == (
        'class User(Schema, Timestamps, table="users"):\n'
        '    """People who can sign in."""\n\n'
        "    id: Field[int] = primary_key()\n"
        "    email: Field[str]\n"
        '    role: Field[Role] = field(type=pg_enum(Role, name="role"), default=Role.MEMBER)\n'
        '    past_roles: Field[list[Annotated[Role, pg_enum(Role, name="role")]]] = field(default_factory=list)\n'
        '    # The one who signs for them.\n    # Empty for "the boss".\n'
        "    manager_id: Field[int | None] = field(default=None)\n"
        "    region_id: Field[int | None] = field(default=None)\n"
        '    area: Field[Kind | None] = field(type=pg_enum(Kind, name="kind", schema="geo"), default=None)\n'
    )
    assert "places_2026" not in text
    assert 'class Place(Schema, table="places"):' in text
    assert "loud" not in text


@ON_SQLITE
def test_what_only_sqlite_has(gen, shop_url, tmp_path):
    gen("--url", shop_url)
    text = (tmp_path / "schemas.py").read_text(encoding="utf-8")
    assert "    email: Field[str] = field(type=CIText)\n" in written_class(text, "User")
    product = written_class(text, "Product")
    for line in (
        "loud: Field[str | None] = field(default=None, read_after_writes=True)",
        "made: Field[datetime | None] = field(default=None, read_after_writes=True)",
        'price: Field[Decimal] = field(default=Decimal("0"))',
        "sold: Field[bool] = field(default=False)",
        "id: Field[UUID] = field(primary_key=True)",
    ):
        assert f"    {line}\n" in product
    assert "found" not in text.split("class ", 1)[1]


def test_the_same_database_gives_the_same_text(gen, shop_url, tmp_path):
    for split in ([], ["--split"]):
        texts = []
        for _ in range(2):
            assert gen("--url", shop_url, "--force", *split).returncode == 0
            texts.append({path.name: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.py")})
        assert texts[0] == texts[1]
        assert [path.name for path in tmp_path.rglob(".*")] == []


def test_reading_changes_nothing_of_a_file_that_another_program_made(gen, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    made = sqlite3.connect(folder / "shop.db")
    made.executescript(shops.SQLITE)
    made.close()
    before = (folder / "shop.db").read_bytes()
    assert gen("--url", "sqlite:///theirs/shop.db").returncode == 0
    assert [path.name for path in folder.iterdir()] == ["shop.db"]
    assert (folder / "shop.db").read_bytes() == before


def test_a_package_has_a_module_for_each_table(gen, load, shop_url, tmp_path, monkeypatch):
    (tmp_path / "shopbase.py").write_text(BASE)
    monkeypatch.syspath_prepend(tmp_path)
    done = gen("--url", shop_url, "--split", "--output", "models", "--base", "shopbase:AppSchema")
    assert (done.returncode, done.stderr) == (0, "")
    package = load(tmp_path / "models")
    expected = {"users.py", "odd_names.py", "naïve_straße.py", "field.py", "__init__.py"}
    expected |= {"enums.py"} if is_postgres(shop_url) else set()
    assert expected <= {path.name for path in (tmp_path / "models").iterdir()}
    user = package.User.__schema__
    assert user.association("friends").related is user
    assert user.association("orders_by_user").related is package.Order.__schema__
    del sys.modules["shopbase"]


def test_tables_are_chosen_and_named(gen, shop_url, tmp_path):
    done = gen(
        "--url", shop_url, "--tables", "users,profiles,orders", "--exclude", "profiles", "--name", "users=Person"
    )
    text = (tmp_path / "schemas.py").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^class (\w+)\(Schema", text) == ["Order", "Person"]
    assert "    user: BelongsTo[Person] = belongs_to()\n" in text
    assert '    orders_by_user: HasMany[Order] = has_many(foreign_key="user_id")\n' in text
    assert done.returncode == 0


@POSTGRES
def test_a_prefix_names_the_schema_to_read(gen, shop_url, tmp_path):
    assert gen("--url", shop_url, "--prefix", "geo").returncode == 0
    text = (tmp_path / "schemas.py").read_text(encoding="utf-8")
    assert written_class(text, "Region").startswith('class Region(Schema, table="regions", prefix="geo"):\n')
    refused = gen("--url", shop_url, "--prefix", "goe")
    assert (refused.returncode, "did you mean `geo`?" in refused.stderr) == (2, True)


def test_json_says_the_same_in_one_object_and_quiet_says_nothing(gen, shop_url):
    told = json.loads(gen("--url", shop_url, "--json", "--tables", "log,users").stdout)
    assert told["files"] == ["schemas.py"]
    assert told["schemas"] == {"log": "Log", "users": "User"}
    assert {
        "table": "log",
        "what": "its key",
        "why": "it has no primary key: its rows can be read and inserted, no more",
    } in told["left_out"]
    assert gen("--url", shop_url, "--quiet", "--force").stdout == ""


def test_the_url_may_come_from_the_settings(gen, shop_url, tmp_path):
    (tmp_path / "pyproject.toml").write_text(f'[tool.ectype]\nurl = "{shop_url}"\n')
    assert gen().returncode == 0


# --- what is refused


REFUSED = [
    (["--tables", "user"], "`--tables` names `user`, and there is no such table", "did you mean `users`?"),
    (["--exclude", "ordres"], "`--exclude` names `ordres`", "did you mean `orders`?"),
    (["--name", "usres=Person"], "`--name` names `usres`", "did you mean `users`?"),
    (["--name", "users"], "`--name` takes a table and its class, got 'users'", "--name people=Person"),
    (["--name", "users=class"], "`class` cannot be the class of `users`", "--name people=Person"),
    (["--name", "users=Field"], "`Field` cannot be the class of `users`", "--name people=Person"),
    (["--name", "users=A", "--name", "orders=A"], "`A` cannot be the class of `orders`", "--name people=Person"),
    (["--base", "app.db.AppSchema"], "`--base` takes a module and a class in it", "--base app.db:AppSchema"),
    (["--tables", "users", "--exclude", "users"], "every table is excluded", "--exclude"),
    (["--prefix", "nowhere"], "`nowhere`", "known names are:"),
    (["--output", "folder"], "folder is a folder", "--split"),
    (["--output", "file.py", "--split"], "file.py is a file", "--output"),
    (["--output", "file.py/x.py"], "cannot be written", "--output"),
    (["--output", "file.py"], "file.py exists, nothing was written", "--force"),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), REFUSED, ids=[f"{' '.join(case[0])}" for case in REFUSED])
@ON_SQLITE
def test_what_cannot_be_used_is_refused_with_the_fix(gen, shop_url, tmp_path, arguments, message, hint):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.py").write_text("mine")
    refused = gen("--url", shop_url, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert hint in refused.stderr.split("hint:")[1]
    assert (tmp_path / "file.py").read_text() == "mine"
    assert not (tmp_path / "schemas.py").exists()


def test_an_empty_database_is_refused(gen, database_url):
    run(executed(database_url, "SELECT 1"))
    refused = gen("--url", database_url)
    assert refused.returncode == 2
    assert "there are no tables in the schema `" in refused.stderr


def test_a_database_with_migrations_only_is_empty(gen, database_url):
    run(executed(database_url, "CREATE TABLE schema_migrations (version bigint)"))
    assert "there are no tables" in gen("--url", database_url).stderr


def test_a_database_that_cannot_be_reached_ends_with_10_and_shows_no_password(gen, tmp_path):
    refused = gen("--url", "postgresql://ada:secret@127.0.0.1:1/shop")
    assert (refused.returncode, refused.stdout) == (10, "")
    assert "postgresql://ada:***@127.0.0.1:1/shop" in refused.stderr
    missing = gen("--url", f"sqlite:///{tmp_path}/none.db")
    assert (missing.returncode, "there is no file" in missing.stderr) == (10, True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_source_it_says_which_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["gen", "schema"])
    assert (refused.exit_code, "--from-database" in refused.stderr) == (2, True)


def test_a_package_is_not_written_over_unless_forced(gen, shop_url, tmp_path):
    assert gen("--url", shop_url, "--split").returncode == 0
    (tmp_path / "schemas" / "users.py").write_text("mine")
    refused = gen("--url", shop_url, "--split")
    assert (refused.returncode, "exists, nothing was written" in refused.stderr) == (2, True)
    assert (tmp_path / "schemas" / "users.py").read_text() == "mine"
    assert gen("--url", shop_url, "--split", "--force").returncode == 0
    assert "class User" in (tmp_path / "schemas" / "users.py").read_text(encoding="utf-8")


# --- what the checkers and the formatter say


USE = """
from typing import assert_type

from ectype import Rel, from_
from {module} import Order, OrderItem, Product, Profile, User

assert_type(User.profile, Rel[User, Profile | None])
assert_type(User.friends, Rel[User, list[User]])
assert_type(Order.order_items, Rel[Order, list[OrderItem]])
assert_type(User(email="a@example.org").manager_id, int | None)
query = from_(OrderItem).join(OrderItem.product).where(Product.sold).preload(OrderItem.order / Order.user)
"""
PYRIGHT = {"include": ["."], "strict": ["."], "pythonVersion": "3.11", "extraPaths": [str(ROOT)]}


def checked(name, *arguments, cwd):
    pytest.importorskip(name, reason=f"{name} is not installed")
    settings = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "MYPYPATH": f"{cwd}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=115, check=False, cwd=cwd, env=settings)


@pytest.fixture
def project(gen, shop_url, tmp_path):
    """A project with all that can be written: a module, a package, and a program that uses both."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    (tmp_path / "app" / "db.py").write_text(BASE.lstrip())
    assert gen("--url", shop_url).returncode == 0
    assert gen("--url", shop_url, "--split", "--output", "models", "--base", "app.db:AppSchema").returncode == 0
    for module in ("schemas", "models"):
        (tmp_path / f"use_{module}.py").write_text(USE.format(module=module).lstrip())
    return tmp_path


def test_pyright_in_strict_mode_has_nothing_to_say(project):
    (project / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    done = checked("pyright", "-p", ".", "--pythonpath", sys.executable, "--outputjson", cwd=project)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        pytest.skip(f"pyright did not start: {(done.stdout + done.stderr).strip()[-300:]}")
    assert report["summary"]["filesAnalyzed"] >= 17
    assert [(one["file"], one["message"]) for one in report["generalDiagnostics"]] == []


def test_mypy_in_strict_mode_has_nothing_to_say(project):
    cache = f"--cache-dir={project / '.mypy'}"
    options = ("--config-file=", "--strict", "--python-version=3.11", "--explicit-package-bases", cache)
    done = checked("mypy", *options, "app", "models", "schemas.py", "use_schemas.py", "use_models.py", cwd=project)
    assert (done.stdout.splitlines()[-1][:8], done.returncode) == ("Success:", 0), done.stdout


def test_the_formatter_would_change_nothing_and_finds_no_import_that_is_not_used(project):
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    files = ("app", "models", "schemas.py")
    formatted = checked("ruff", "format", "--isolated", "--line-length=120", "--diff", *files, cwd=project)
    assert formatted.returncode == 0, formatted.stdout
    rules = ("--isolated", "--line-length=120", "--select=E,F,I,W,UP,RUF022", "--target-version=py311")
    found = checked("ruff", "check", *rules, *files, cwd=project)
    assert found.returncode == 0, found.stdout
