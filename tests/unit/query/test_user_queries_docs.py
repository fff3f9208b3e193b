"""The page on users' queries says what is true: its examples run."""

import re
from pathlib import Path

from ectype.query.filtering import OPERATORS

PAGE = (Path(__file__).parents[3] / "docs" / "user-queries.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_in_order():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/user-queries.md", "exec"), {"__name__": "page"})


def test_the_page_names_every_operator():
    assert [name for name in OPERATORS if f"`{name}`" not in PAGE] == []
