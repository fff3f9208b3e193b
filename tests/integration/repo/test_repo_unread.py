"""Fields that are read only where they are asked for: `field(load_in_query=False)`."""

import copy
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import (
    Changeset,
    Inserted,
    Query,
    Repo,
    alias,
    change,
    cte,
    do_nothing,
    from_,
    is_loaded,
    only,
    replace_all,
    subquery,
)
from tests.integration.repo.vault import Folder, Paper, opened


@pytest.fixture
async def vault(database_url: str) -> AsyncIterator[Repo]:
    async with opened(database_url) as repo:
        folder = await repo.insert(Folder(name="f"))
        await repo.insert(Paper(title="a", body="long", notes={"n": 1}, folder_id=folder.id))
        await repo.insert(Paper(title="b", body="longer", notes=None))
        yield repo


def members(paper: Any) -> list[str]:
    """Return the members that have a value."""
    return [name for name in ("id", "title", "body", "notes", "shown", "folder_id") if hasattr(paper, name)]


WHOLE = ["id", "title", "body", "notes", "shown", "folder_id"]
READ = ["id", "title", "shown", "folder_id"]
PAPERS = from_(Paper).order_by(Paper.id)
SUB = subquery(from_(Paper).where(Paper.body == "long"), "chosen")
NAMED = subquery(from_(Paper).select(only(Paper.id, Paper.body)), "named")
OTHER = alias(Paper, "other")
CTE = cte(Paper, "kept")

WITHOUT: dict[str, Query[Any, Any, Any]] = {
    "a query of structs": PAPERS,
    "a struct that is selected": from_(Folder).join(Folder.papers).select(Paper),
    "an alias": from_(OTHER),
    "a subquery": from_(SUB),
    "a CTE": from_(CTE).with_cte(CTE, from_(Paper)),
    "a combination": from_(Paper).union_all(from_(Paper)),
    "a joined query": from_(Folder).join(from_(Paper).limit(5), on=Paper.folder_id == Folder.id).select(Paper),
}


@pytest.mark.parametrize("query", WITHOUT.values(), ids=WITHOUT)
async def test_whole_structs_come_without_it(vault: Repo, query: Query[Any, Any, Any]):
    found = await vault.all(query)
    assert found
    assert {tuple(members(paper)) for paper in found} == {tuple(READ)}


WITH: dict[str, tuple[Query[Any, Any, Any], list[Any]]] = {
    "selected by name": (PAPERS.select(Paper.body), ["long", "longer"]),
    "through a subquery": (from_(SUB).select(SUB.body), ["long"]),
    "through a CTE": (from_(CTE).with_cte(CTE, from_(Paper)).order_by(CTE.id).select(CTE.body), ["long", "longer"]),
    "through a joined query": (
        from_(Folder).join(from_(Paper).limit(5), on=Paper.folder_id == Folder.id).select(Paper.body),
        ["long"],
    ),
    "in a condition": (from_(Paper).where(Paper.body == "long").select(Paper.title), ["a"]),
}


@pytest.mark.parametrize(("query", "rows"), WITH.values(), ids=WITH)
async def test_it_is_read_where_it_is_asked_for(vault: Repo, query: Query[Any, Any, Any], rows: list[Any]):
    assert await vault.all(query) == rows


STRUCTS: dict[str, tuple[Query[Any, Any, Any], list[str]]] = {
    "only": (from_(Paper).select(only(Paper.id, Paper.body)), ["id", "body"]),
    "a member that is filled": (from_(Paper).select_merge(Paper.body.set(Paper.body)), [*READ, "body"]),
    "a subquery that names it": (from_(NAMED), ["id", "body"]),
}


@pytest.mark.parametrize(("query", "names"), STRUCTS.values(), ids=STRUCTS)
async def test_a_struct_has_it_where_the_query_names_it(vault: Repo, query: Query[Any, Any, Any], names: list[str]):
    found = await vault.all(query)
    assert [set(members(paper)) - {"shown"} for paper in found] == [set(names) - {"shown"}] * 2
    assert [paper.body for paper in found] == ["long", "longer"]


async def test_reading_it_says_how_to_load_it(vault: Repo):
    paper = await vault.get_or_raise(Paper, 1)
    with pytest.raises(AttributeError) as caught:
        _ = paper.body
    assert str(caught.value) == (
        "`Paper.body` was not read: a query of whole structs leaves it out (`load_in_query=False`)\n\n"
        "hint: ask for it, with the struct or alone:\n\n"
        "    query.select_merge(Paper.body.set(Paper.body))\n"
        "    await repo.one(from_(Paper).where(Paper.id == …).select(Paper.body))"
    )
    assert "body=<unset>" in repr(paper)
    for other in (copy.deepcopy(paper), pickle.loads(pickle.dumps(paper))):
        assert other == paper
        assert members(other) == READ
    with pytest.raises(AttributeError, match=r"`Paper.body` has no value: this struct was built here"):
        _ = Paper(title="x").body
    with pytest.raises(AttributeError, match="a struct never changes"):
        paper.body = "x"  # type: ignore[misc, assignment]


async def test_what_a_write_returns_has_it(vault: Repo):
    made = await vault.insert(Paper(title="c", body="x", notes={"a": [1]}))
    assert (made.body, made.notes) == ("x", {"a": [1]})
    assert [members(one) for one in await vault.insert_all(Paper, [{"title": "d"}], returning=Paper)] == [WHOLE]
    written = await vault.update_all(from_(Paper).where(Paper.title == "d"), Paper.body.set("y"), returning=Paper)
    assert [(members(one), one.body) for one in written] == [(WHOLE, "y")]
    gone = await vault.delete_all(from_(Paper).where(Paper.title == "d"), returning=Paper)
    assert [one.body for one in gone] == ["y"]
    outcome = await vault.upsert(
        Paper(id=made.id, title="e", body="z", notes=None), on_conflict=replace_all(), conflict_target=Paper.id
    )
    assert outcome.struct is not None
    assert (members(outcome.struct), outcome.struct.body) == (WHOLE, "z")
    outcome = await vault.upsert(Paper(title="f", body="q", notes=None), on_conflict=do_nothing())
    assert isinstance(outcome, Inserted)
    assert outcome.struct.body == "q"


async def test_an_update_leaves_what_was_not_read_alone_and_writes_what_is_given(vault: Repo):
    paper = await vault.get_or_raise(Paper, 1)
    paper = await vault.update(change(paper, Paper.title.set("t")))
    assert members(paper) == READ
    rows = from_(Paper).where(Paper.id == 1).select(Paper.title, Paper.body, Paper.notes)
    assert await vault.one(rows) == ("t", "long", {"n": 1})
    paper = await vault.update(change(paper, Paper.body.set("new"), Paper.notes.set({"m": 2})))
    assert (paper.body, paper.notes) == ("new", {"m": 2})
    assert await vault.one(rows) == ("t", "new", {"m": 2})


CLEARED = {
    "put_change": lambda paper: change(paper, Paper.body.set(None), Paper.notes.set(None)),
    "cast": lambda paper: change(paper).cast({"body": "", "notes": None}, Paper.body, Paper.notes),
}


@pytest.mark.parametrize("clear", CLEARED.values(), ids=CLEARED)
async def test_none_over_what_was_not_read_is_a_change(vault: Repo, clear: Any):
    changeset: Changeset[Paper] = clear(await vault.get_or_raise(Paper, 1))
    assert changeset.changes == {"body": None, "notes": None}
    await vault.update(changeset)
    assert await vault.one(from_(Paper).where(Paper.id == 1).select(Paper.body, Paper.notes)) == (None, None)


async def test_what_was_not_read_is_not_missing(vault: Repo):
    paper = await vault.get_or_raise(Paper, 1)
    assert change(paper, Paper.title.set("t")).validate_required(Paper.body).valid
    assert not change(paper).field_missing(Paper.body)
    assert not change(paper).cast({"body": ""}, Paper.body).validate_required(Paper.body).valid
    assert change(Paper).field_missing(Paper.body)


async def test_preloaded_structs_come_without_it_however_they_are_read(vault: Repo):
    for query in (
        from_(Folder).preload(Folder.papers),
        from_(Folder).preload(Folder.papers.limit(3)),
        from_(Folder).join(Folder.papers).preload(Folder.papers.joined()),
    ):
        (folder,) = await vault.all(query)
        assert is_loaded(folder, Folder.papers)
        assert [members(paper) for paper in folder.papers] == [READ]
    (folder,) = await vault.all(from_(Folder).preload(Folder.papers.only(Paper.body)))
    assert [paper.body for paper in folder.papers] == ["long"]


async def test_rows_of_own_text_may_leave_it_out(vault: Repo):
    found = await vault.query("SELECT id, title, folder_id FROM papers ORDER BY id", into=Paper)
    assert [members(paper) for paper in found] == [READ] * 2
    found = await vault.query("SELECT * FROM papers WHERE id = {}", 1, into=Paper)
    assert [members(paper) for paper in found] == [WHOLE]
    loaded = vault.load(Paper, {"id": 1, "title": "a", "folder_id": None})
    assert members(loaded) == READ


async def test_rows_are_counted_and_paged_as_ever(vault: Repo):
    assert await vault.exists(from_(Paper).where(Paper.body == "longer"))
    page = await vault.page(PAPERS, size=1, secret="s" * 32)
    assert [members(paper) for paper in page.rows] == [READ]
