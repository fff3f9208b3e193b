"""The sessions of docs/cli.md, on a terminal and in a pipe: what is shown there is what a person sees."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.terminal import on_a_terminal, screen

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
SCHEMAS = """\
from ectype import Field, Schema, primary_key


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
"""
SETTINGS = '[tool.ectype]\nurl = "sqlite:///blog.db"\nschemas = "blog.schemas"\n'


def session(number):
    """The commands of a console block, each with what is shown after it."""
    (part,) = re.findall(r"(?ms)^## What it looks like\n(.*?)^## ", PAGE)
    block = re.findall(r"(?ms)^```console\n(.*?)^```", part)[number]
    parts = re.split(r"(?m)^\$ (.*)\n", block)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def masked(text):
    text = re.sub(r"\d{14}", "VERSION", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", text)
    text = re.sub(r"[0-9a-f]{4}…[0-9a-f]{2}", "HASH", text)
    text = re.sub(r"SQLite \d+\.\d+", "SQLite", text)
    # How wide the last column is depends on how long it took.
    text = re.sub(r"\d+ ms *", "N ms", text)
    text = re.sub(r"Took +┃", "Took ┃", text)
    return re.sub(r"[━─]+([┓┩┘])", r"━\1", text).strip()


@pytest.fixture
def blog(tmp_path):
    (tmp_path / "blog").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "blog" / "schemas.py").write_text(SCHEMAS)
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    return tmp_path


def edited(blog, command):
    """Do what the page does with `sed`, and say whether the command is that."""
    match = re.fullmatch(r"sed -i s/(\w+)/(\w+)/ (\S+)", command)
    if match is not None:
        path = blog / match[3]
        path.write_text(path.read_text().replace(f"{match[1]}:", f"{match[2]}:"))
    return match is not None


def test_a_person_at_a_terminal_sees_what_the_page_shows(blog):
    for command, shown in session(0):
        if edited(blog, command):
            continue
        answers = re.findall(r"(?m): ([\w.]+)$", shown)
        code, got = on_a_terminal(command.split()[1:], blog, {"DATABASE_URL": ""}, answers=answers)
        assert (code, masked(screen(got))) == (0, masked(shown)), command


def test_a_program_at_a_pipe_gets_what_the_page_shows(blog):
    kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "FORCE_COLOR")}
    for command, shown in session(1):
        if edited(blog, command):
            continue
        ran = subprocess.run(
            [sys.executable, "-u", "-m", *command.split()],
            cwd=blog,
            env={**kept, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert masked(ran.stdout) == masked(shown), command
        assert ran.returncode == (0 if not shown.startswith("error") else 2 if "drop" in command else 4)
