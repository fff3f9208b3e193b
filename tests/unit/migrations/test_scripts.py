from datetime import UTC, datetime

import pytest

from ectype.errors import MigrationError
from ectype.migrations.generate import new_migration
from ectype.migrations.scripts import Script, checksum, find, load

NOW = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)


def write(folder, *names, text="def change(m): ...\n"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_scripts_of_a_folder_come_by_number_not_by_text(tmp_path):
    write(tmp_path, "10_b.py", "9_a.py", "old/2_c.py", "_notes.py", "__init__.py", ".hidden/1_x.py", "README.md")
    assert [(script.version, script.name) for script in find(tmp_path)] == [(2, "c"), (9, "a"), (10, "b")]


@pytest.mark.parametrize(
    "name", ["users.py", "1-users.py", "1_Users.py", "1_.py", "1_é.py", "9999999999999999999_a.py"]
)
def test_a_file_that_is_named_otherwise_is_refused_with_the_pattern(tmp_path, name):
    write(tmp_path, name)
    with pytest.raises(MigrationError) as caught:
        find(tmp_path)
    assert caught.value.message == f"{tmp_path / name} is not named as a migration"
    assert "20261121070000_create_users.py" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [("1_a.py", "01_b.py", "version 1"), ("1_a.py", "2_a.py", "name a")],
)
def test_twins_are_refused_with_both_paths(tmp_path, first, second, what):
    write(tmp_path, first, second)
    with pytest.raises(MigrationError) as caught:
        find(tmp_path)
    assert f"two migrations have the {what}" in caught.value.message
    assert str(tmp_path / first) in caught.value.message
    assert str(tmp_path / second) in caught.value.message


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MigrationError, match=r"there is no folder of migrations at .*nowhere"):
        find(tmp_path / "nowhere")


def test_the_checksum_does_not_see_line_ends(tmp_path):
    (tmp_path / "a").write_bytes(b"x\ny\n")
    (tmp_path / "b").write_bytes(b"x\r\ny\r\n")
    (tmp_path / "c").write_bytes(b"x\nz\n")
    assert checksum(tmp_path / "a") == checksum(tmp_path / "b") != checksum(tmp_path / "c")


BROKEN = [
    ("import nothing_of_that_name\n", 1, "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ("x = 1\ndef change(m:\n", 2, "SyntaxError"),
    ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("text", "line", "message"), BROKEN, ids=[case[2] for case in BROKEN])
def test_a_file_that_cannot_be_run_is_named_with_its_line(tmp_path, text, line, message):
    write(tmp_path, "1_a.py", text=text)
    with pytest.raises(MigrationError) as caught:
        load(Script(1, "a", tmp_path / "1_a.py"))
    assert caught.value.message.startswith(f"{tmp_path / '1_a.py'}:{line}: the migration cannot be read: {message}")


def test_a_file_may_use_dataclasses_and_later_annotations(tmp_path):
    text = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\n"
    write(tmp_path, "1_a.py", text=text)
    assert load(Script(1, "a", tmp_path / "1_a.py")).A().x == 1
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize("name", ["create_users", "CreateUsers", "create-users", "create users"])
def test_a_new_migration_can_be_run_as_it_is(tmp_path, name):
    path = new_migration(tmp_path / "db" / "migrations", name, now=NOW)
    assert path == tmp_path / "db" / "migrations" / "20261121070000_create_users.py"
    [script] = find(path.parent)
    module = load(script)
    assert module.__doc__ == "create users"
    assert callable(module.change)


def test_two_new_migrations_of_one_second_have_two_versions(tmp_path):
    first, second = (new_migration(tmp_path, name, now=NOW) for name in ("a", "b"))
    assert (first.name, second.name) == ("20261121070000_a.py", "20261121070001_b.py")


def test_a_new_migration_takes_no_name_that_is_there(tmp_path):
    path = new_migration(tmp_path, "a", now=NOW)
    with pytest.raises(MigrationError) as caught:
        new_migration(tmp_path, "A", now=NOW)
    assert caught.value.message == f"there is a migration named a already: {path}"


@pytest.mark.parametrize("name", ["", "1st", "a/b", "ä", "../x", "a;b"])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path, name):
    with pytest.raises(MigrationError, match="cannot be the name of a migration"):
        new_migration(tmp_path, name, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MigrationError, match=r"the folder .*file/migrations cannot be made: Not a directory"):
        new_migration(tmp_path / "file" / "migrations", "a", now=NOW)
