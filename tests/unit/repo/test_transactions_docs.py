"""The page on transactions is true: its blocks run in order, as one program, and it names what there is."""

import re
from pathlib import Path

from ectype import Multi, Repo

PAGE = Path(__file__).parents[3] / "docs" / "transactions.md"
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_examples_run():
    blocks = BLOCKS.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 8
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {"__name__": "page"})


def test_every_step_of_a_multi_and_every_call_about_transactions_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    steps = {name for name in dir(Multi) if not name.startswith("_")} - {"steps", "transacted"}
    assert {name for name in steps if f"`{name}" not in text} == set()
    calls = {"transaction", "transact", "after_commit", "after_rollback", "checkout", "checked_out", "in_transaction"}
    assert calls <= set(dir(Repo))
    assert {name for name in calls if name not in text} == set()
