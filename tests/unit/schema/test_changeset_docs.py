"""The page on changesets says what is true: its examples run, and its table has every method."""

import re
from pathlib import Path

from ectype.schema.changeset import Changeset

PAGE = (Path(__file__).parents[3] / "docs" / "changesets.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_in_order():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/changesets.md", "exec"), {"__name__": "page"})


def test_the_page_names_every_public_method():
    methods = [name for name in dir(Changeset) if not name.startswith("_") and callable(getattr(Changeset, name))]
    assert [name for name in methods if f"{name}(" not in PAGE] == []
