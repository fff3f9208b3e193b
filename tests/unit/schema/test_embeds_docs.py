"""The page about embeds: its code runs as it stands, in one module."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "embeds.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_run() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/embeds.md", "exec"), {"__name__": "page"})
