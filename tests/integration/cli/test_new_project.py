import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_readme_of_a_new_project_is_true_line_by_line(process, project):
    made = process("new", "my-demo")
    assert (made.returncode, made.stderr) == (0, "")
    root = project / "my-demo"
    lines = re.findall(r"(?m)^\$ (.*)$", (root / "README.md").read_text())
    assert lines[0].startswith("pip install")  # what is installed already, and would ask the network
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    printed = {}
    for line in lines[1:]:
        done = subprocess.run(
            line, shell=True, cwd=root, env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        printed[line] = done.stdout
    assert printed["python -m my_demo"] == "- Read the README\n- Write a migration\n"
    assert printed['python -m my_demo "Buy bread"'].endswith("- Buy bread\n")
    assert "2 passed" in printed["python -m pytest"]
    assert printed["ectype lint"] == "0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [("email", "there is a module `email`"), ("Blog", "cannot be the name"), ("a b", "cannot be the name"),
     ("ectype", "there is a module"), ("../up", "cannot be the name"), ("class", "cannot be the name")],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(ectype, project, name, why):
    done = ectype("new", name)
    assert done.returncode == 2
    assert why in done.stderr
    assert list(project.iterdir()) == []


def test_what_is_there_is_not_written_over(ectype, project):
    (project / "demo").mkdir()
    assert ectype("new", "demo").returncode == 2
    assert list((project / "demo").iterdir()) == []
