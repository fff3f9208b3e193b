"""The page on writing associations says what is true: its examples run, and its tables have every option."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ectype.schema.association_options import CHOICES

PAGE = (Path(__file__).parents[3] / "docs" / "associations.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_in_order(monkeypatch: pytest.MonkeyPatch):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    # Annotations that are quoted are looked up in the module of their class.
    page = ModuleType("associations_page")
    monkeypatch.setitem(sys.modules, page.__name__, page)
    exec(compile(code, "docs/associations.md", "exec"), page.__dict__)


def test_the_page_names_every_way_to_replace_and_to_delete():
    words = {f'"{choice}"' for kind in CHOICES.values() for choices in kind.values() for choice in choices}
    assert [word for word in sorted(words) if word not in PAGE] == []
