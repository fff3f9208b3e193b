"""Whatever children are there and whatever params come, the rows are what a plain model of the rules says."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import Invalid, Repo, change, from_
from tests.integration.repo.shop import Item, Maker, tables

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
CODES = st.sampled_from([None, "a", "b", "c", "d"])
NAMES = st.sampled_from(["x", "y", ""])
Row = tuple[str, str | None]
"""A name and a code."""


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Row], list[dict[str, Any]]]:
    """Draw the children that are there, with different codes, and params that name them, or not."""
    there = draw(st.lists(CODES, max_size=4, unique=True))
    entries = draw(
        st.lists(
            st.fixed_dictionaries(
                {"which": st.one_of(st.none(), st.integers(0, 4))}, optional={"name": NAMES, "code": CODES}
            ),
            max_size=5,
        )
    )
    return [(f"old {index}", code) for index, code in enumerate(there)], entries


def modelled(there: list[Row], entries: list[dict[str, Any]]) -> tuple[list[Row], list[tuple[str | int, ...]]]:
    """Return the rows in the order of the entries, and the paths of the errors: when there are any, nothing changes."""
    wrong: list[tuple[str | int, ...]] = []
    seen: set[int] = set()
    plans: list[tuple[int, int | None, Row]] = []
    for place, entry in enumerate(entries):
        # What is none of theirs is one and the same key in the params.
        which = None if entry["which"] is None else min(entry["which"], len(there))
        mine = which if which is not None and which < len(there) and which not in seen else None
        name, code = there[mine] if mine is not None else (None, None)
        if entry.get("name") is not None and (entry["name"] or mine is None):
            name = entry["name"]
        if "code" in entry:
            code = entry["code"]
        if not name or entry.get("name") == "":
            wrong.append(("items", place, "name"))
        if which is not None:
            if which in seen:
                wrong.append(("items", place, "id"))
            seen.add(which)
        plans.append((place, mine, (name or "", code)))
    if wrong:
        return there, wrong
    kept = {mine for _, mine, _ in plans if mine is not None}
    codes = {index: code for index, (_, code) in enumerate(there) if index in kept}
    rows: dict[int, Row] = {}
    inserts = [plan for plan in plans if plan[1] is None]
    for place, mine, row in [*(plan for plan in plans if plan[1] is not None), *inserts]:
        key = mine if mine is not None else 100 + place
        if row[1] is not None and any(code == row[1] and other != key for other, code in codes.items()):
            return there, [("items", place, "code")]
        codes[key] = row[1]
        rows[place] = row
    return [rows[place] for place in sorted(rows)], []


class Both:
    """A repo on each database, driven from a test that is not async."""

    def __init__(self, urls: list[str]) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.repos = self.runner.run(self._opened(urls))

    async def _opened(self, urls: list[str]) -> list[Repo]:
        found: list[Repo] = []
        for url in urls:
            repo = await self.stack.enter_async_context(Repo(url))
            await self.stack.enter_async_context(tables(repo))
            found.append(repo)
        return found

    def outcomes(self, there: list[Row], entries: list[dict[str, Any]]) -> list[Any]:
        return [self.runner.run(_outcome(repo, there, entries)) for repo in self.repos]

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()


async def _outcome(repo: Repo, there: list[Row], entries: list[dict[str, Any]]) -> Any:
    await repo.delete_all(Item)
    maker = await repo.insert(Maker(name="m", items=[Item(name=name, code=code) for name, code in there]))
    maker = await repo.preload(maker, Maker.items.order_by(Item.id), force=True)
    ids = [one.id for one in maker.items]
    params = [
        {
            **{key: value for key, value in entry.items() if key != "which"},
            **({} if entry["which"] is None else {"id": [*ids, 10**9, 10**9, 10**9, 10**9, 10**9][entry["which"]]}),
        }
        for entry in entries
    ]

    def item_changeset(item: Item, params: Any) -> Any:
        made = change(item).cast(params, Item.name, Item.code).validate_required(Item.name)
        return made.unique_constraint(Item.code)

    outcome = await repo.try_update(change(maker).cast({"items": params}).cast_assoc(Maker.items, with_=item_changeset))
    rows = await repo.all(from_(Item).where(Item.maker_id == maker.id).order_by(Item.id))
    stored = {one.id: (one.name, one.code) for one in rows}
    if isinstance(outcome, Invalid):
        assert list(stored.values()) == there
        return there, [path for path, _ in outcome.changeset.located_errors()]
    # The struct that comes back is what is stored, in the order of the params.
    assert {one.id: (one.name, one.code) for one in outcome.value.items} == stored
    kept = [entry.get("id") for entry in params if entry.get("id") in ids]
    assert [one.id for one in outcome.value.items if one.id in ids and one.id in kept] == kept
    return [(one.name, one.code) for one in outcome.value.items], []


@pytest.fixture(scope="module")
def both(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    file: Path = tmp_path_factory.mktemp("nested") / "nested.db"
    opened = Both([postgres_url, f"sqlite:///{file}"])
    yield opened
    opened.close()


@pytest.mark.postgres
@given(case=cases())
@SETTINGS
def test_children_are_what_the_model_says_on_both_databases(both: Both, case: tuple[list[Row], list[dict[str, Any]]]):
    there, entries = case
    expected = modelled(there, entries)
    # Entries that say what is stored are no change, and then the list keeps the order it was loaded in.
    for rows, errors in both.outcomes(there, entries):
        assert (sorted(rows, key=str), errors) == (sorted(expected[0], key=str), expected[1])
