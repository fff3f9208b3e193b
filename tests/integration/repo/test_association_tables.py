"""Associations whose rows stand in a table of their own, so that one schema serves several; on both databases."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ectype import (
    Changeset,
    ConstraintError,
    Field,
    HasMany,
    HasOne,
    Invalid,
    QueryError,
    Registry,
    Repo,
    Schema,
    SchemaError,
    alias,
    assoc,
    build_assoc,
    change,
    field,
    fn,
    from_,
    has_many,
    has_one,
    meta,
    migrations,
    primary_key,
    reflect,
    source,
    with_meta,
)
from ectype.cli.diagram import diagram
from ectype.migrations import Migration
from ectype.telemetry import QueryEvent


class Wall(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Photo(Wall, table="photos"):
    id: Field[int] = primary_key()
    name: Field[str]
    remarks: "HasMany[Remark]" = has_many(
        source="photo_remarks",
        foreign_key="of_id",
        on_replace="delete",
        on_delete="delete_all",
        where=lambda: Remark.hidden == False,  # noqa: E712  # a condition of SQL
        preload_order=lambda: [Remark.body.desc()],
        defaults={"hidden": False},
    )
    pinned: "HasOne[Remark | None]" = has_one(
        source="photo_remarks", foreign_key="of_id", where=lambda: Remark.body == "pin", on_replace="delete"
    )
    stars: "HasMany[Star]" = has_many(through=lambda: Photo.remarks / Remark.stars)


class Video(Wall, table="videos"):
    id: Field[int] = primary_key()
    name: Field[str]
    remarks: "HasMany[Remark]" = has_many(source="video_remarks", foreign_key="of_id", on_replace="nilify")


class Remark(Wall):
    """What both tables hold; no table is its own."""

    id: Field[int] = primary_key()
    body: Field[str]
    hidden: Field[bool] = field(default=False)
    of_id: Field[int | None] = field(default=None)
    stars: "HasMany[Star]" = has_many(source="photo_remark_stars", foreign_key="remark_id")

    @staticmethod
    def changeset(remark: "Remark", params: Mapping[str, object]) -> "Changeset[Remark]":
        return change(remark).cast(params, Remark.body).validate_required(Remark.body).unique_constraint(Remark.body)


class Star(Wall, table="stars"):
    id: Field[int] = primary_key()
    remark_id: Field[int | None] = field(default=None)


OF_PHOTOS, OF_VIDEOS = source(Remark, "photo_remarks"), source(Remark, "video_remarks")


def tables(m: Migration) -> None:
    for owner in ("photo", "video"):
        with m.create_table(f"{owner}s") as t:
            t.column("name", str)
        with m.create_table(f"{owner}_remarks") as t:
            t.column("body", str)
            t.column("hidden", bool)
            t.references("of_id", f"{owner}s")
        m.create_index(f"{owner}_remarks", "body", unique=True)
    for name in ("stars", "photo_remark_stars"):
        with m.create_table(name) as t:
            t.column("remark_id", int)


@pytest.fixture
async def wall(repo: Repo) -> AsyncIterator[Repo]:
    """The repo with the tables, and a row of another owner in each."""
    await migrations.up(repo, 20261130, tables)
    await repo.insert_all(OF_PHOTOS, [{"body": "stray", "hidden": False}])
    await repo.insert_all(OF_VIDEOS, [{"body": "stray", "hidden": False}])
    yield repo
    await migrations.down(repo, 20261130, tables)


async def photo_with(repo: Repo, *bodies: str) -> Photo:
    return await repo.insert(Photo(name="p", remarks=[Remark(body=body) for body in bodies]))


async def bodies(repo: Repo, rows: Any = OF_PHOTOS) -> list[str]:
    return await repo.all(from_(rows).where(rows.body != "stray").order_by(rows.id).select(rows.body))


async def test_new_rows_are_inserted_where_their_association_says(wall: Repo, events: list[QueryEvent]):
    photo = await photo_with(wall, "a")
    video = await wall.insert(change(Video(name="v")).put_assoc(Video.remarks, [{"body": "b"}, Remark(body="c")]))
    assert {meta(one).source for one in photo.remarks} == {"photo_remarks"}
    assert {meta(one).source for one in video.remarks} == {"video_remarks"}
    assert [one.of_id for one in (*photo.remarks, *video.remarks)] == [photo.id, video.id, video.id]
    built = await wall.insert(build_assoc(photo, Photo.remarks, body="d"))
    assert (meta(built).source, built.of_id) == ("photo_remarks", photo.id)
    assert (await bodies(wall), await bodies(wall, OF_VIDEOS)) == (["a", "d"], ["b", "c"])


async def test_they_are_updated_replaced_and_deleted_there(wall: Repo):
    photo = await photo_with(wall, "a", "b")
    first = photo.remarks[0]
    params = {"remarks": [{"id": first.id, "body": "A"}, {"body": "c"}]}
    stored = await wall.update(change(photo).cast(params).cast_assoc(Photo.remarks))
    assert [(one.id == first.id, one.body) for one in stored.remarks] == [(True, "A"), (False, "c")]
    assert await bodies(wall) == ["A", "c"]
    pinned = await wall.preload(stored, Photo.pinned)
    pinned = await wall.update(change(pinned).put_assoc(Photo.pinned, Remark(body="pin")))
    assert await bodies(wall) == ["A", "c", "pin"]
    await wall.update(change(pinned).put_assoc(Photo.pinned, None))
    assert await bodies(wall) == ["A", "c"]
    await wall.insert(build_assoc(photo, Photo.remarks, body="kept", hidden=True))
    # What the condition of the association leaves out is not its own to delete, and holds the photo.
    with pytest.raises(ConstraintError):
        await wall.delete(stored)
    assert await bodies(wall) == ["A", "c", "kept"]
    await wall.update_all(from_(OF_PHOTOS).where(OF_PHOTOS.hidden == True), OF_PHOTOS.of_id.set(None))  # noqa: E712
    await wall.delete(stored)
    assert await bodies(wall) == ["kept"]
    video = await wall.insert(Video(name="v", remarks=[Remark(body="x"), Remark(body="y")]))
    await wall.update(change(video).put_assoc(Video.remarks, video.remarks[1:]))
    found = await wall.all(from_(OF_VIDEOS).where(OF_VIDEOS.of_id.is_not_null()).select(OF_VIDEOS.body))
    assert (found, await bodies(wall, OF_VIDEOS)) == (["y"], ["x", "y"])


async def test_a_refusal_there_has_its_error_in_place(wall: Repo):
    await photo_with(wall, "a")
    params = {"remarks": [{"body": "b"}, {"body": "a"}]}
    outcome = await wall.try_insert(change(Photo(name="q")).cast(params).cast_assoc(Photo.remarks))
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"remarks": [{}, {"body": ["has already been taken"]}]}
    assert await bodies(wall) == ["a"]


async def test_the_rows_of_a_deleted_owner_are_found_by_the_name_of_their_key(wall: Repo):
    video = await wall.insert(Video(name="v", remarks=[Remark(body="x")]))
    outcome = await wall.try_delete(change(video).no_assoc_constraint(Video.remarks))
    assert isinstance(outcome, Invalid)
    ((key, error),) = outcome.changeset.errors
    assert (key, error.meta["constraint_name"]) == ("remarks", "video_remarks_of_id_fkey")


async def test_they_are_loaded_from_there_in_every_way(wall: Repo):
    photo = await photo_with(wall, "a", "c", "b")
    await wall.insert(build_assoc(photo, Photo.remarks, body="z", hidden=True))
    await wall.insert(build_assoc(photo, Photo.remarks, body="pin"))
    fresh = await wall.get_or_raise(Photo, photo.id)
    loaded = await wall.preload(fresh, Photo.remarks, Photo.pinned)
    assert [one.body for one in loaded.remarks] == ["pin", "c", "b", "a"]
    assert {meta(one).source for one in loaded.remarks} == {"photo_remarks"}
    assert loaded.pinned is not None
    for narrowed, found in (
        (Photo.remarks.where(Remark.body < "c"), ["b", "a"]),
        (Photo.remarks.where(OF_PHOTOS.body < "c").order_by(Remark.body), ["a", "b"]),
        (Photo.remarks.order_by(OF_PHOTOS.body).limit(2), ["a", "b"]),
        (Photo.remarks.limit(1), ["pin"]),
        (Photo.remarks.using(from_(OF_PHOTOS).order_by(OF_PHOTOS.body).where(OF_PHOTOS.body > "b")), ["c", "pin"]),
    ):
        assert [one.body for one in (await wall.preload(fresh, narrowed)).remarks] == found
    joined = from_(Photo).join(Photo.remarks).order_by(OF_PHOTOS.body).preload(Photo.remarks.joined())
    (one,) = await wall.all(joined)
    assert [remark.body for remark in one.remarks] == ["a", "b", "c", "pin"]


async def test_they_are_joined_under_the_name_of_their_source(wall: Repo):
    photo = await photo_with(wall, "a", "b")
    query = from_(Photo).join(Photo.remarks).where(OF_PHOTOS.body == "b")
    assert await wall.all(query.select(Photo.id, OF_PHOTOS.body)) == [(photo.id, "b")]
    other = alias(OF_PHOTOS, "other")
    twice = query.join(Photo.remarks, as_=other).where(other.body != OF_PHOTOS.body)
    assert await wall.all(twice.select(other.body)) == ["a"]
    assert query.ensure_join(Photo.remarks) is query
    assert query.has_binding(OF_PHOTOS)
    with pytest.raises(QueryError, match="`where` mentions Remark, which is not in this query") as caught:
        from_(Photo).join(Photo.remarks).where(Remark.body == "b")
    assert caught.value.hint is not None
    assert '`rows = source(Remark, "photo_remarks")`' in caught.value.hint
    with pytest.raises(QueryError, match="stand in `photo_remarks`, and r reads no table") as caught:
        from_(Photo).join(Photo.remarks, as_=alias(Remark, "r"))
    assert caught.value.hint == 'name that table: `as_=alias(source(Remark, "photo_remarks"), "r")`'


async def test_paths_lead_over_several_such_tables(wall: Repo):
    photo = await photo_with(wall, "a", "b")
    stars = [await wall.insert(build_assoc(remark, Remark.stars)) for remark in photo.remarks]
    assert {meta(one).source for one in stars} == {"photo_remark_stars"}
    assert (await wall.preload(photo, Photo.stars)).stars == stars
    for path in (Photo.stars, Photo.remarks / Remark.stars):
        assert sorted([one.id for one in await wall.all(assoc(photo, path))]) == [one.id for one in stars]
    counted = from_(Photo).join(Photo.stars).group_by(Photo.id).select(Photo.id, fn.count())
    assert await wall.all(counted) == [(photo.id, 2)]
    assert [one.body for one in await wall.all(assoc(photo, Photo.remarks).order_by(OF_PHOTOS.id))] == ["a", "b"]
    assert await wall.update_all(assoc(photo, Photo.remarks), OF_PHOTOS.hidden.set(True)) == 2
    assert await wall.all(assoc(photo, Photo.remarks)) == []


async def test_a_stored_row_of_another_table_is_refused_before_anything_is_sent(wall: Repo, events: list[QueryEvent]):
    video = await wall.insert(Video(name="v", remarks=[Remark(body="x")]))
    photo = await photo_with(wall)
    photo = await wall.preload(photo, Photo.remarks)
    events.clear()
    with pytest.raises(SchemaError, match="stand in `photo_remarks`, and this Remark came from `video_remarks`"):
        await wall.update(change(photo).put_assoc(Photo.remarks, video.remarks))
    assert events == []
    elsewhere = with_meta(Remark(body="e"), source="video_remarks")
    # A new struct that says itself where it stands is written there.
    assert photo.id == video.id
    stored = await wall.update(change(photo).put_assoc(Photo.remarks, [elsewhere]))
    assert meta(stored.remarks[0]).source == "video_remarks"


def test_reflection_and_diagrams_know_the_table():
    assert reflect(Photo).association(Photo.remarks).table == "photo_remarks"
    assert reflect(Photo).association(Photo.stars).table == "photo_remark_stars"
    drawn = diagram([Photo, Video])
    assert [one.name for one in drawn.boxes] == ["photo_remarks", "photos", "video_remarks", "videos"]
    assert ("photo_remarks", "of_id", "photos") in [(one.source, one.column, one.target) for one in drawn.lines]
    assert [row.key for row in drawn.boxes[0].rows] == ["PK", "", "", "FK"]
