"""The README is true: its program runs, and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_program_of_the_readme_runs_and_prints_what_its_comments_say(tmp_path: Path):
    program = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None
    file = tmp_path / "program.py"
    file.write_text(program.group(1), encoding="utf-8")
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "{'email': ['has already been taken']}",
        "Notes, part 4 by Ada",
        "Notes, part 3 by Ada",
        "[('Ada', 5, 4)]",
    ]


def test_the_links_of_the_readme_lead_to_files_that_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
