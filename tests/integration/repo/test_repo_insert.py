"""`insert`: what is sent, what is left to the database, and what comes back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ectype import (
    CastError,
    Field,
    InvalidChangesetError,
    QueryError,
    Repo,
    Schema,
    SchemaError,
    change,
    field,
    from_,
    meta,
    primary_key,
)
from tests.integration.repo.blog import Comment, LogLine, Post, PostLine, Role, Seat, Tag, Token, User

OLD = datetime(2001, 2, 3, tzinfo=UTC)


def sent(event):
    """The columns of an INSERT, as it names them."""
    inside = event.sql.split("(", 1)[1].split(")", 1)[0]
    return [part.strip(' "`') for part in inside.split(",")]


async def test_insert_sends_what_is_set_and_leaves_the_rest_to_the_database(repo: Repo, events):
    post = await repo.insert(
        Post(author_id=(await repo.insert(User(name="Ada", email="a@b.c"))).id, score=3, title="x")
    )
    assert sent(events[0]) == ["name", "email", "role", "inserted_at", "updated_at"]
    assert sent(events[1]) == ["title", "score", "meta", "tags", "author_id", "inserted_at", "updated_at"]
    assert meta(post).state == "loaded"
    assert (post.title, post.score, post.slug, post.meta) == ("x", 3, None, {})
    assert post == await repo.get(Post, post.id)


async def test_what_is_unset_or_none_takes_the_default_of_the_database_and_force_change_sends_null(repo: Repo):
    unset = await repo.insert(User(name="Ada", email="1"))
    none = await repo.insert(User(name="Ada", email="2", nickname=None))
    forced = await repo.insert(change(User(name="Ada", email="3")).force_change(User.nickname, None))
    given = await repo.insert(change(User(name="Ada", email="4"), User.nickname.set("ada")))
    query = from_(User).order_by(User.email).select(User.nickname)
    assert await repo.all(query) == ["nobody", "nobody", None, "ada"]
    # The struct keeps what was sent: a default is read with the next query.
    assert [one.nickname for one in (unset, none, forced, given)] == [None, None, None, "ada"]


async def test_a_member_that_stays_unset_says_so_when_it_is_read(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    post = await repo.insert(change(Post(author_id=user.id)))
    assert "title=<unset>" in repr(post)
    with pytest.raises(AttributeError):
        _ = post.title
    assert (await repo.get_or_raise(Post, post.id)).title == "untitled"


async def test_both_timestamps_are_one_instant_and_a_given_one_wins_over_the_clock(repo: Repo):
    before = datetime.now(UTC)
    user = await repo.insert(User(name="Ada", email="a", nickname="ada"))
    assert user.inserted_at == user.updated_at
    assert before <= user.inserted_at <= datetime.now(UTC)
    assert user == await repo.get(User, user.id)
    put = await repo.insert(change(User(name="Ada", email="b")).put_change(User.inserted_at, OLD))
    assert (put.inserted_at, put.updated_at > OLD) == (OLD, True)
    given = await repo.insert(User(name="Ada", email="c", inserted_at=OLD, updated_at=OLD + timedelta(1)))
    assert (given.inserted_at, given.updated_at) == (OLD, OLD + timedelta(1))
    assert (await repo.get_or_raise(User, given.id)).updated_at == OLD + timedelta(1)


async def test_a_changeset_inserts_its_struct_with_its_changes_and_virtual_ones_stay_in_the_struct(repo: Repo, events):
    changeset = (
        change(User(email="a@b.c"))
        .cast({"name": "Ada", "role": "admin", "password": "secret", "age": "36"}, User.name, User.role, User.age)
        .put_change(User.password, "secret")
    )
    user = await repo.insert(changeset)
    assert (user.name, user.role, user.age, user.password) == ("Ada", Role.ADMIN, 36, "secret")
    assert "password" not in sent(events[0])
    assert (await repo.get_or_raise(User, user.id)).password is None
    assert changeset.data == User(email="a@b.c")


async def test_a_schema_class_starts_an_empty_struct(repo: Repo):
    tag = await repo.insert(change(Tag).cast({"name": "new"}, Tag.name))
    assert tag == Tag(name="new", color="grey")


async def test_keys_come_from_the_database_from_autogenerate_or_from_the_caller(repo: Repo):
    comment_key = (await repo.insert(User(name="Ada", email="a"))).id
    assert isinstance(comment_key, int)
    given = await repo.insert(User(id=4_000_000, name="Ada", email="b"))
    assert given.id == 4_000_000
    token = await repo.insert(Token(label="x"))
    assert isinstance(token.id, UUID)
    assert token == await repo.get(Token, token.id)
    mine = await repo.insert(Token(id=UUID(int=5), label="y"))
    assert mine.id == UUID(int=5)
    assert (await repo.insert(Tag(name="red"))) == await repo.get(Tag, "red")
    assert (await repo.insert(Seat(room="A", number=7))) == await repo.get(Seat, ("A", 7))


async def test_two_fields_with_one_generator_get_two_values(repo: Repo):
    token = await repo.insert(Token(label="x"))
    assert token.id != token.secret


async def test_a_row_without_a_key_is_inserted_and_read(repo: Repo):
    line = await repo.insert(LogLine(line="started"))
    assert (line.line, meta(line).state) == ("started", "loaded")
    assert [(one.line, one.level) for one in await repo.all(LogLine)] == [("started", 7)]


class Reading(Schema, table="readings"):
    id: Field[int] = primary_key()
    value: Field[int]
    doubled: Field[int] = field(read_after_writes=True)


async def test_what_the_database_computes_is_read_back_after_each_write(repo: Repo, events):
    key = {
        "PostgreSQL": "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "SQLite": "INTEGER PRIMARY KEY",
    }[repo.adapter.dialect.name]
    doubled = "doubled bigint GENERATED ALWAYS AS (value * 2) STORED"
    await repo._session.script(f"CREATE TABLE readings (id {key}, value bigint NOT NULL, {doubled})")
    try:
        reading = await repo.insert(Reading(value=21))
        assert reading.doubled == 42
        changed = await repo.update(change(reading, Reading.value.set(4)))
        assert (changed.value, changed.doubled) == (4, 8)
        assert changed == await repo.get(Reading, reading.id)
    finally:
        await repo._session.script("DROP TABLE readings")
    assert [event.sql.split("RETURNING", 1)[-1].strip().replace("`", '"') for event in events[:2]] == [
        '"id", "doubled"',
        '"doubled"',
    ]


class Handle(Schema, table="handles"):
    id: Field[int] = primary_key()
    name: Field[str] = field(read_after_writes=True)
    words: Field[list[str]] = field(read_after_writes=True)


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_what_a_trigger_changes_is_read_back_although_it_was_sent(repo: Repo):
    await repo._session.script(
        "CREATE TABLE handles (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text, words text[]);"
        "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN NEW.name = lower(NEW.name); NEW.words = ARRAY[NEW.name]; RETURN NEW; END $$;"
        "CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON handles FOR EACH ROW EXECUTE FUNCTION tidy()"
    )
    try:
        handle = await repo.insert(Handle(name="ADA", words=["sent"]))
        assert (handle.name, handle.words) == ("ada", ["ada"])
        changed = await repo.update(change(handle, Handle.name.set("BO")))
        assert (changed.name, changed.words) == ("bo", ["bo"])
        assert changed == await repo.get(Handle, handle.id)
        assert dict(change(changed, Handle.words.set(["bo"])).changes) == {}
        assert dict(change(changed, Handle.words.set(["sent"])).changes) == {"words": ["sent"]}
    finally:
        await repo._session.script("DROP TABLE handles; DROP FUNCTION tidy")


async def test_an_invalid_changeset_is_refused_before_anything_is_sent(repo: Repo, events):
    changeset = change(User).cast({"age": "old"}, User.age).validate_required(User.name)
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(changeset)
    assert caught.value.changeset.action == "insert"
    assert caught.value.changeset.traverse_errors() == {"age": ["is invalid"], "name": ["can't be blank"]}
    assert events == []


async def test_a_struct_is_inserted_with_the_structs_it_was_given(repo: Repo, events):
    owner = User(name="Ada", email="a", posts=[Post(title="x", author_id=0)])
    stored = await repo.insert(change(owner, User.age.set(20)))
    assert [(post.title, post.author_id) for post in stored.posts] == [("x", stored.id)]
    assert len(events) == 2


async def test_what_cannot_be_inserted_is_refused_with_the_fix(repo: Repo, events):
    with pytest.raises(QueryError) as shape:
        await repo.insert(PostLine(title="x", author="y"))
    assert str(shape.value) == (
        'PostLine has no table, so nothing can be written\n\nhint: give it one: `class PostLine(Schema, table="…")`'
    )
    for subject in (3, {"name": "Ada"}, None):
        with pytest.raises(SchemaError, match="a struct"):
            await repo.insert(subject)
    with pytest.raises(CastError) as wrong:
        await repo.insert(User(name=7, email="a"))
    assert str(wrong.value) == "expected a str, got 7 (int)\n\nhint: convert it first, or cast it through a changeset"
    assert wrong.value.__notes__ == ["in the field `User.name`"]
    assert events == []


async def test_an_insert_in_a_transaction_is_undone_with_it(repo: Repo):
    async with repo.transaction() as tx:
        await repo.insert(Tag(name="red"))
        assert await repo.exists(Tag)
        tx.rollback()
    assert not await repo.exists(Tag)


async def test_a_comment_of_a_post_of_a_user_holds_their_keys(repo: Repo):
    user = await repo.insert(User(name="Ada", email="a"))
    post = await repo.insert(Post(title="x", author_id=user.id))
    comment = await repo.insert(Comment(body="!", post_id=post.id))
    assert await repo.get_by(Comment, Comment.post_id == post.id) == comment
