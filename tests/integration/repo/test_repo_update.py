"""`update` and `delete`: what is sent, what is left alone, and rows that are gone."""

from datetime import UTC, datetime

import pytest

from ectype import (
    InvalidChangesetError,
    NoPrimaryKeyError,
    Repo,
    SchemaError,
    StaleEntryError,
    change,
    evolve,
    meta,
)
from tests.integration.repo.blog import LogLine, Post, Seat, Tag, User

OLD = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
async def user(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada@b.c", nickname="ada", inserted_at=OLD, updated_at=OLD))


def plain(event):
    return event.sql.replace("`", '"').replace("$", "?")


async def test_update_sends_only_what_changes_and_touches_updated_at(repo: Repo, user: User, events):
    changed = await repo.update(change(user, User.name.set("Grace"), User.email.set("ada@b.c")))
    assert [plain(event) for event in events] == ['UPDATE "users" SET "name" = ?1, "updated_at" = ?2 WHERE "id" = ?3']
    assert (changed.name, changed.email, changed.inserted_at) == ("Grace", "ada@b.c", OLD)
    assert changed.updated_at > OLD
    assert changed == await repo.get(User, user.id)
    assert user.name == "Ada"


async def test_without_changes_nothing_is_sent_and_nothing_is_touched(repo: Repo, user: User, events):
    same = await repo.update(change(user, User.name.set("Ada")))
    assert same is user
    virtual = await repo.update(change(user, User.password.set("secret")))
    assert (virtual.password, virtual.updated_at) == ("secret", OLD)
    assert events == []
    assert (await repo.get_or_raise(User, user.id)).updated_at == OLD


async def test_force_touches_updated_at_alone(repo: Repo, user: User, events):
    touched = await repo.update(change(user), force=True)
    assert [plain(event) for event in events] == ['UPDATE "users" SET "updated_at" = ?1 WHERE "id" = ?2']
    assert touched.updated_at > OLD
    tag = await repo.insert(Tag(name="red"))
    assert await repo.update(change(tag), force=True) is tag


async def test_a_timestamp_that_is_given_wins_over_the_clock(repo: Repo, user: User):
    given = datetime(2002, 1, 1, tzinfo=UTC)
    changed = await repo.update(change(user, User.name.set("x"), User.updated_at.set(given)))
    assert changed.updated_at == given
    assert (await repo.get_or_raise(User, user.id)).updated_at == given


async def test_a_field_is_set_to_null(repo: Repo, user: User):
    aged = await repo.update(change(user, User.age.set(30)))
    emptied = await repo.update(change(aged, User.age.set(None)))
    assert emptied.age is None
    assert (await repo.get_or_raise(User, user.id)).age is None


async def test_a_loaded_association_stays_loaded(repo: Repo, user: User):
    loaded = await repo.preload(user, User.posts)
    changed = await repo.update(change(loaded, User.name.set("Grace")))
    assert changed.posts == []


async def test_a_key_can_be_changed(repo: Repo):
    tag = await repo.insert(Tag(name="red"))
    renamed = await repo.update(change(tag, Tag.name.set("crimson")))
    assert [one.name for one in await repo.all(Tag)] == ["crimson"]
    assert await repo.get(Tag, "crimson") == renamed


async def test_a_composite_key_finds_its_row(repo: Repo):
    await repo.insert_all(Seat, [{"room": room, "number": number} for room in "AB" for number in (1, 2)])
    seat = await repo.get_or_raise(Seat, ("B", 1))
    await repo.update(change(seat, Seat.guest.set("Ada")))
    assert [(one.room, one.number) for one in await repo.all(Seat) if one.guest] == [("B", 1)]
    await repo.delete(seat)
    assert await repo.get(Seat, ("B", 1)) is None
    assert len(await repo.all(Seat)) == 3


async def test_a_row_that_is_gone_is_stale_for_update_and_for_delete(repo: Repo, user: User):
    deleted = await repo.delete(user)
    assert (meta(deleted).state, deleted.name) == ("deleted", "Ada")
    assert await repo.get(User, user.id) is None
    with pytest.raises(StaleEntryError) as update:
        await repo.update(change(user, User.name.set("x")))
    assert str(update.value) == (
        f"the row to update is not there any more: User with id={user.id}\n\n"
        "hint: it was deleted since it was read; read it again, and decide"
    )
    for subject in (user, deleted, change(user)):
        with pytest.raises(StaleEntryError, match="the row to delete is not there any more"):
            await repo.delete(subject)


async def test_a_struct_without_its_key_or_a_schema_without_one_is_refused_before_anything_is_sent(repo: Repo, events):
    for write in (lambda one: repo.update(change(one).put_change(User.age, 20)), repo.delete):
        with pytest.raises(NoPrimaryKeyError) as caught:
            await write(User(name="Ada", email="x"))
        assert "needs `User.id`, which this struct does not have" in str(caught.value)
        assert "hint: insert it first" in str(caught.value)
    with pytest.raises(NoPrimaryKeyError, match=r"`update` needs `Seat\.number`"):
        await repo.update(change(Seat(room="A"), Seat.guest.set("x")))
    with pytest.raises(NoPrimaryKeyError) as without:
        await repo.update(change(LogLine(line="x"), LogLine.level.set(3)))
    assert str(without.value) == (
        "LogLine has no primary key, so `update` cannot tell its row from others\n\n"
        "hint: use `repo.update_all(from_(LogLine).where(…)…)`"
    )
    with pytest.raises(NoPrimaryKeyError, match="delete_all"):
        await repo.delete(LogLine(line="x"))
    assert events == []


async def test_a_struct_given_to_update_is_refused_with_the_fix(repo: Repo, user: User, events):
    with pytest.raises(SchemaError) as caught:
        await repo.update(evolve(user, name="x"))
    assert str(caught.value).startswith("`update` takes a changeset, got User(id=")
    assert str(caught.value).endswith("hint: say what changes: `repo.update(change(user, User.name.set('Ada')))`")
    assert events == []


async def test_an_invalid_changeset_is_refused_before_anything_is_sent(repo: Repo, user: User, events):
    invalid = change(user).cast({"name": ""}, User.name).validate_required(User.name)
    for write, verb in ((repo.update, "update"), (repo.delete, "delete")):
        with pytest.raises(InvalidChangesetError) as caught:
            await write(invalid)
        assert (caught.value.changeset.action, caught.value.changeset.errors) == (verb, invalid.errors)
    assert events == []


async def test_a_struct_made_by_hand_updates_the_row_with_its_key(repo: Repo, user: User):
    await repo.update(change(User(id=user.id, name="Ada", email="x"), User.age.set(44)))
    assert (await repo.get_or_raise(User, user.id)).age == 44
    await repo.delete(User(id=user.id, name="", email=""))
    assert not await repo.exists(User)


async def test_documents_and_lists_are_updated_alone(repo: Repo, user: User, events):
    post = await repo.insert(Post(title="x", author_id=user.id, meta={"a": 1}, tags=["a"]))
    changed = await repo.update(change(post, Post.tags.set(["a", "b"]), Post.meta.set({"a": 1})))
    assert plain(events[-1]) == 'UPDATE "posts" SET "tags" = ?1, "updated_at" = ?2 WHERE "id" = ?3'
    assert (changed.tags, changed.meta) == (["a", "b"], {"a": 1})
