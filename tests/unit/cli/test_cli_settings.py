import os
from pathlib import Path

import pytest

from ectype.cli.settings import Project, database_url, find_project, folders_to_write, migrations_folders
from ectype.errors import ConfigError


def test_the_option_wins_over_the_environment_and_that_over_the_file():
    project = Project(Path("/srv"), url="sqlite:///file.db")
    environ = {"DATABASE_URL": "sqlite:///env.db"}
    assert database_url("sqlite:///option.db", project, environ) == "sqlite:///option.db"
    assert database_url(None, project, environ) == "sqlite:///env.db"
    assert database_url(None, project, {"DATABASE_URL": ""}) == "sqlite:///file.db"


def test_without_a_database_the_three_ways_are_shown():
    with pytest.raises(ConfigError, match="no database is named") as caught:
        database_url(None, Project(Path("/srv")), {})
    for way in ("--database", "DATABASE_URL", "[tool.ectype]"):
        assert way in (caught.value.hint or "")


def test_the_nearest_file_upward_is_read(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nurl = "sqlite:///a.db"\nmigrations = "db/steps"\n')
    deep = tmp_path / "src" / "app"
    deep.mkdir(parents=True)
    project = find_project(deep)
    assert project == Project(tmp_path, "sqlite:///a.db", ("db/steps",))
    assert migrations_folders(None, project) == (tmp_path / "db" / "steps",)
    assert migrations_folders([Path("other")], project) == (Path("other"),)
    monkeypatch.chdir(tmp_path)
    assert migrations_folders(None, project) == (Path("db/steps"),)


def test_a_file_that_says_nothing_of_ectype_still_marks_the_project(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\n')
    assert find_project(tmp_path) == Project(tmp_path)
    assert migrations_folders(None, Project(tmp_path)) == (tmp_path / "migrations",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[tool.ectype]\nurll = "x"\n', "has an unknown key `urll`", "did you mean `url`?"),
        ("[tool.ectype]\nurl = 3\n", "`url` of [tool.ectype]", 'url = "…"'),
        ("[tool.ectype]\nmigrations = []\n", "`migrations` of [tool.ectype]", 'migrations = ["migrations"]'),
        ('[tool.ectype]\nmigrations = ["a", 3]\n', "`migrations` of [tool.ectype]", 'migrations = "…"'),
        ("[tool]\nectype = 3\n", "`ectype` in", "write [tool.ectype]"),
        ("tool = 3\n", "`tool` in", "write [tool.ectype]"),
        ("[tool.ectype\n", "cannot be read", None),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path, text, message, hint):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_project(tmp_path)
    assert message in caught.value.message
    assert str(tmp_path / "pyproject.toml") in caught.value.message
    assert caught.value.hint == hint


def test_several_folders_come_from_the_file_the_environment_or_the_options(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nmigrations = ["core/migrations", "shop/migrations"]\n')
    core, shop = tmp_path / "core/migrations", tmp_path / "shop/migrations"
    assert migrations_folders(None, find_project(tmp_path, {})) == (core, shop)
    said = find_project(tmp_path, {"ECTYPE_MIGRATIONS": os.pathsep.join(["a", "b"])})
    assert migrations_folders(None, said) == (tmp_path / "a", tmp_path / "b")
    assert migrations_folders([Path("/x"), Path("/y")], said) == (Path("/x"), Path("/y"))


def test_a_new_migration_goes_into_the_first_folder_or_the_named_one(tmp_path):
    project = Project(tmp_path, migrations=("core", "shop"))
    core, shop = tmp_path / "core", tmp_path / "shop"
    assert folders_to_write(None, project) == (core, shop)
    assert folders_to_write([shop], project) == (shop, core)
    elsewhere = tmp_path / "elsewhere"
    assert folders_to_write([elsewhere], project) == (elsewhere,)
