"""docs/cli.md names what there is, and what it shows is so."""

import re
from pathlib import Path

import typer.main

from ectype.cli.app import app
from ectype.cli.failures import Exit
from ectype.cli.settings import KEYS, find_project, setting_variable
from ectype.migrations.lint.findings import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
SHARED = {"--help", "--json", "--quiet", "--database", "--folder", "--migrations-path", "--repo"}
ELSEWHERE = (
    *("gen", "migrate", "rollback", "status", "drift"),
    *("resolve", "rebase", "baseline", "backfill", "squash", "verify", "tenants"),
)
"""Commands whose options stand on the pages of migrations."""


def test_every_command_and_option_is_on_the_page():
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        assert f"`ectype {name}" in PAGE, name
        options = {option for one in command.params for option in one.opts if option.startswith("--")}
        missing = {option for option in options - SHARED if option not in PAGE}
        assert not missing or name in ELSEWHERE, (name, missing)


def test_every_rule_and_exit_code_is_on_the_page():
    for code, rule in RULES.items():
        assert re.search(rf"(?m)^\| {code} \| .* \| {rule.severity} \|$", PAGE), code
    assert {str(int(code)) for code in Exit} <= set(re.findall(r"\| (\d+) \|", PAGE))


def test_the_settings_of_the_page_are_read(tmp_path):
    (toml,) = re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE)
    (tmp_path / "pyproject.toml").write_text(toml)
    assert find_project(tmp_path, {}).schemas == "blog.schemas"
    assert find_project(tmp_path, {"ECTYPE_REPO": "reports"}).migrations == ("migrations/reports",)


def test_the_environment_goes_before_the_file_for_every_setting(tmp_path):
    (tmp_path / "pyproject.toml").write_text(re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE)[0])
    keys = [key for key in KEYS if key != "url"]
    environ = {setting_variable(key, None): f"own_{key}" for key in keys}
    assert all(f"`{name}`" in PAGE for name in environ)
    project = find_project(tmp_path, environ)
    assert project.migrations == ("own_migrations",)
    others = [key for key in keys if key != "migrations"]
    assert [getattr(project, key) for key in others] == [f"own_{key}" for key in others]
    # A repo with a name has variables of its own, and nothing of the others is meant for it.
    named = find_project(tmp_path, {**environ, "ECTYPE_REPO": "reports", "ECTYPE_REPORTS_SEEDS": "reports.py"})
    assert (named.migrations, named.seeds, named.schemas) == (("migrations/reports",), "reports.py", "blog.schemas")
    # Without a file, and where it says nothing.
    assert find_project(tmp_path.parent, {"ECTYPE_MIGRATIONS": "steps", "ECTYPE_SEEDS": ""}).migrations == ("steps",)


def test_what_lint_prints_is_what_the_page_shows(ectype, project):
    (project / "migrations").mkdir()
    made = 'def change(m):\n    with m.create_table("users") as t:\n        t.column("email", str)\n'
    (project / "migrations" / "1_users.py").write_text(made)
    (project / "migrations" / "2_index.py").write_text('def change(m):\n    m.create_index("users", "email")\n')
    (shown,) = re.findall(r"(?ms)^```console\n\$ ectype lint\n(.*?)^```", PAGE)
    assert ectype("lint").stdout == shown


def test_the_remark_of_the_page_allows_its_command(ectype, project):
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE)
    (project / "migrations").mkdir()
    (project / "migrations" / "1_drop.py").write_text(code)
    assert ectype("lint").stdout == "0 errors, 0 warnings\n"
