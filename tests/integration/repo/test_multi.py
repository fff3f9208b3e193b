"""A Multi: named steps in one transaction, all or nothing, on each database."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ectype import (
    Changeset,
    ConfigError,
    ConstraintError,
    DatabaseError,
    Inserted,
    Invalid,
    InvalidChangesetError,
    Multi,
    MultiError,
    Repo,
    Results,
    RolledBack,
    Step,
    StepError,
    alias,
    change,
    from_,
    meta,
    replace,
)
from tests.integration.repo.blog import Post, Role, User


def ada(**more: Any) -> Changeset[User]:
    return change(User(name="Ada", email="ada@example.org", **more))


def invalid() -> Changeset[User]:
    return change(User).cast({"email": "x"}, User.email).validate_required(User.name)


def _row(name: str) -> dict[str, object]:
    return {"name": name, "email": name, "role": Role.MEMBER}


async def names(repo: Repo) -> list[str]:
    return await repo.all(from_(User).order_by(User.id).select(User.name))


async def test_every_kind_of_step_gives_its_result_under_its_name(repo: Repo):
    multi = (
        Multi()
        .insert("user", ada())
        .insert(("post", 1), lambda done: Post(title="One", slug="one", author_id=done["user"].id))
        .update("older", lambda done: change(done["user"], User.age.set(36)))
        .insert_or_update("changed", lambda done: change(done["older"], User.nickname.set("A")))
        .insert_or_update("new", change(User(name="Bob", email="bob")))
        .upsert(
            "upsert",
            lambda done: Post(title="Two", slug="two", author_id=done["user"].id),
            on_conflict=replace(Post.title),
            conflict_target=Post.slug,
        )
        .insert_all("ids", User, [_row("Cleo"), _row("Dan")], timestamps=True, returning=User.name)
        .insert_all("more", User, lambda done: [_row(f"{done['new'].name} II")], timestamps=True)
        .update_all("raised", lambda done: from_(Post).where(Post.author_id == done["user"].id), Post.score.inc(2))
        .update_all("set", Post, lambda done: Post.price.set(None), timeout=5)
        .all("posts", from_(Post).order_by(Post.id))
        .one("first", lambda done: from_(Post).where(Post.id == done["post", 1].id))
        .get("again", User, lambda done: done["user"].id)
        .exists("any", Post)
        .delete("gone", lambda done: done["new"])
        .delete_all("none", from_(User).where(User.name == "nobody"))
        .put("five", 5)
        .put("six", lambda done: done["five"] + 1)
        .run("count", lambda repo, done: repo.exists(from_(User).where(User.id == done["user"].id)))
    )
    done = await repo.transact(multi)
    assert list(done) == [one.name for one in multi.steps]
    assert len(done) == 19
    assert (done["user"].name, done["older"].age, done["changed"].nickname) == ("Ada", 36, "A")
    assert isinstance(done["upsert"], Inserted)
    assert (done["ids"], done["more"], done["raised"], done["set"], done["none"]) == (["Cleo", "Dan"], 1, 2, 2, 0)
    assert [(post.title, post.score) for post in done["posts"]] == [("One", 2), ("Two", 2)]
    assert done["first"].title == "One"
    assert done["again"] == done["changed"]
    assert (done["any"], done["five"], done["six"], done["count"]) == (True, 5, 6, True)
    assert meta(done["gone"]).state == "deleted"
    assert await names(repo) == ["Ada", "Cleo", "Dan", "Bob II"]


async def test_a_typed_name_is_the_name_that_its_value_is(repo: Repo):
    user = Step[User]("user")
    done = await repo.transact(Multi().insert(user, ada()).put("name", lambda done: done[user].name))
    assert done[user] is done["user"]
    assert done["name"] == "Ada"
    assert done.get(user) is done[user]
    assert user in done
    assert (user == Step("user"), user == "user", repr(user)) == (True, False, "Step('user')")
    with pytest.raises(TypeError):
        hash(user)


async def test_check_58_a_step_that_fails_undoes_those_before_it_and_is_named(repo: Repo):
    async def fail(repo: Repo, done: Results) -> None:
        assert await names(repo) == ["Ada"]
        raise LookupError("no")

    with pytest.raises(MultiError, match=r"the step 'b' of a Multi failed: LookupError\('no'\)") as caught:
        await repo.transact(Multi().insert("a", ada()).run("b", fail).put("c", 1))
    error = caught.value
    assert error.step == "b"
    assert isinstance(error.value, LookupError)
    assert error.__cause__ is error.value
    assert list(error.so_far) == ["a"]
    assert error.so_far["a"].name == "Ada"
    assert await names(repo) == []


async def test_check_58_what_can_be_seen_to_fail_does_so_before_anything_is_sent(repo: Repo, events: list[Any]):
    for multi, step in [
        (Multi().insert("a", ada()).insert("b", invalid()), "b"),
        (Multi().update("b", invalid()).error("a", "no"), "b"),
        (Multi().insert_or_update("b", invalid()), "b"),
        (Multi().delete("b", invalid()), "b"),
        (Multi().upsert("b", invalid(), on_conflict=replace(User.name), conflict_target=User.email), "b"),
        (Multi().insert("a", ada()).error("b", "no"), "b"),
    ]:
        with pytest.raises(MultiError) as caught:
            await repo.transact(multi)
        assert (caught.value.step, dict(caught.value.so_far)) == (step, {})
        if isinstance(caught.value.value, Changeset):
            assert caught.value.value.errors[0][0] == "name"
            assert caught.value.value.action in ("insert", "update", "delete")
        else:
            assert caught.value.value == "no"
    assert events == []


@pytest.mark.parametrize(
    "build",
    [
        lambda: Multi().put("a", 1).put("a", 2),
        lambda: Multi().put("a", 1).append(Multi().put("a", 2)),
        lambda: Multi().put("a", 1).prepend(Multi().put("a", 2)),
        lambda: Multi().put(None, 1).put(None, 2),
        lambda: Multi().put(Step[int]("a"), 1).put("a", 2),
    ],
)
def test_check_58_a_name_that_is_taken_is_refused_when_it_is_given(build: Callable[[], Multi]):
    with pytest.raises(StepError, match=r"a Multi has two steps named (None|'a')"):
        build()


def test_a_name_without_a_hash_and_what_is_no_multi_are_refused():
    with pytest.raises(StepError, match=r"a step cannot be called \[\]: it has no hash"):
        Multi().put([], 1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a Multi is joined with another Multi, not with 5"):
        Multi().append(5)  # type: ignore[arg-type]


async def test_an_empty_multi_is_no_transaction():
    repo = Repo("sqlite:////nowhere/at/all.db")
    assert await repo.transact(Multi()) == {}


async def test_a_changeset_that_the_database_refuses_is_the_value(repo: Repo):
    await repo.insert(ada())
    taken = ada().unique_constraint(User.email, name="users_email_index")
    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().put("before", 1).insert("user", taken))
    assert caught.value.value.errors[0][0] == "email"
    assert isinstance(caught.value.__cause__, InvalidChangesetError)
    assert "email" in caught.value.message
    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().insert("user", ada()))
    assert isinstance(caught.value.value, ConstraintError)


async def test_an_invalid_that_a_step_returns_fails_it(repo: Repo):
    async def invite(repo: Repo, done: Results) -> Any:
        return await repo.try_insert(invalid())

    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().insert("a", ada()).run("b", invite))
    assert (caught.value.step, caught.value.value.errors[0][0]) == ("b", "name")
    assert isinstance(await invite(repo, Results()), Invalid)
    assert await names(repo) == []


async def test_multis_are_joined_and_made_of_results(repo: Repo):
    def more(done: Results) -> Multi:
        return Multi().put(("made", done["a"]), 1).merge(lambda done: Multi().put("inner", len(done)))

    multi = Multi().put("b", 2).prepend(Multi().put("a", 1)).append(Multi().put("c", 3)).merge(more).put("d", 4)
    assert await repo.transact(multi) == {"a": 1, "b": 2, "c": 3, ("made", 1): 1, "inner": 4, "d": 4}
    assert [one.kind for one in multi.steps] == ["put", "put", "put", "merge", "put"]


async def test_a_merged_multi_fails_as_if_it_had_been_written_there(repo: Repo):
    start = Multi().insert("a", ada())
    with pytest.raises(StepError, match="two steps named 'a'"):
        await repo.transact(start.merge(lambda done: Multi().put("a", 1)))
    with pytest.raises(MultiError) as caught:
        await repo.transact(start.merge(lambda done: Multi().put("b", 1).insert("c", invalid())))
    assert (caught.value.step, list(caught.value.so_far)) == ("c", ["a"])
    with pytest.raises(MultiError) as caught:
        await repo.transact(start.merge(lambda done: Multi().put("b", 1).put("c", lambda done: done["nothing"])))
    assert (caught.value.step, list(caught.value.so_far)) == ("c", ["a", "b"])
    with pytest.raises(MultiError, match="a step without a name") as caught:
        await repo.transact(start.merge(lambda done: 5))  # type: ignore[arg-type, return-value]
    assert (caught.value.step, isinstance(caught.value.value, ConfigError)) == (None, True)
    assert await names(repo) == []


async def test_a_result_that_is_not_there_is_named_with_those_that_are(repo: Repo):
    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().put("user", 1).put("b", lambda done: done["usr"]))
    assert isinstance(caught.value.value, StepError)
    assert "no step has given a result named 'usr'\n\nhint: did you mean `user`?" in str(caught.value.value)
    assert Results({"user": 1}).get("usr", 5) == 5
    assert "usr" not in Results({"user": 1})


async def test_a_run_that_is_not_async_is_refused(repo: Repo):
    with pytest.raises(MultiError, match="`run` of a Multi takes an async function"):
        await repo.transact(Multi().run("a", lambda repo, done: 5))  # type: ignore[arg-type, return-value]


async def test_inside_a_transaction_it_is_a_savepoint(repo: Repo):
    async with repo.transaction():
        await repo.insert(ada())
        with pytest.raises(MultiError):
            await repo.transact(Multi().insert("b", User(name="Bob", email="b")).run("fail", _fail))
        await repo.transact(Multi().insert("c", User(name="Cleo", email="c")))
        with pytest.raises(ConfigError, match="retries=1"):
            await repo.transact(Multi().put("a", 1), retries=1)
    assert await names(repo) == ["Ada", "Cleo"]


async def _fail(repo: Repo, done: Results) -> None:
    raise LookupError


async def test_a_transaction_around_it_can_be_rolled_back_from_a_step(repo: Repo):
    async with repo.transaction() as tx:

        async def leave(repo: Repo, done: Results) -> None:
            tx.rollback("enough")

        await repo.transact(Multi().insert("a", ada()).run("b", leave))
    assert (tx.rolled_back, tx.value, await names(repo)) == (True, "enough", [])

    async def transact(tx: Any) -> Any:
        return await repo.transact(Multi().insert("a", ada()).run("b", lambda repo, done: _later(tx)))

    assert await repo.transact(transact) == RolledBack("later")


async def _later(tx: Any) -> None:
    await asyncio.sleep(0)
    tx.rollback("later")


async def test_callbacks_of_its_steps_run_after_its_commit_only(repo: Repo):
    ran: list[str] = []

    async def tell(repo: Repo, done: Results) -> None:
        repo.after_commit(lambda: ran.append(done["a"].name))
        assert ran == []

    await repo.transact(Multi().insert("a", ada()).run("b", tell))
    assert ran == ["Ada"]
    with pytest.raises(MultiError):
        await repo.transact(Multi().insert("a", User(name="Bob", email="b")).run("b", tell).run("c", _fail))
    assert ran == ["Ada"]


async def test_a_lost_race_in_a_step_is_tried_again(repo: Repo):
    tries: list[int] = []

    async def lose(repo: Repo, done: Results) -> int:
        tries.append(len(done))
        if len(tries) < 3:
            raise DatabaseError("lost", sqlstate="40001")
        return len(tries)

    done = await repo.transact(Multi().insert("a", ada()).run("b", lose), retries=2)
    assert (done["b"], tries, await names(repo)) == (3, [1, 1, 1], ["Ada"])
    tries.clear()
    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().run("b", lose), retries=1)
    assert caught.value.__notes__ == ["tried 2 times"]


async def test_inspect_shows_what_there_is_so_far(repo: Repo, capsys: pytest.CaptureFixture[str]):
    seen: list[Results] = []
    multi = Multi().put("a", 1).inspect().put("b", 2).inspect(Step[int]("b"), to=seen.append).put("c", 3)
    assert list(await repo.transact(multi)) == ["a", "b", "c"]
    assert capsys.readouterr().out == "Results({'a': 1})\n"
    assert seen == [{"b": 2}]


async def test_options_of_a_step_are_those_of_the_repos_call(repo: Repo, events: list[Any]):
    reader = alias(User, "reader")
    multi = (
        Multi().insert("a", ada()).all("b", reader, timeout=3).update("c", lambda done: change(done["a"]), force=True)
    )
    assert (await repo.transact(multi))["b"][0].name == "Ada"
    assert any(event.sql.startswith("UPDATE") for event in events)
    with pytest.raises(MultiError) as caught:
        await repo.transact(Multi().all("a", User, prefix="nowhere"))
    assert "nowhere" in str(caught.value.value)


def test_its_repr_reads_like_the_code():
    base = Multi().put("a", 1)
    longer = (
        base.insert("user", lambda done: User(name="Ada", email="a"), timeout=3)
        .get(("b", 1), User, 5)
        .run("fail", _fail)
        .inspect("a", to=repr)
        .merge(lambda done: Multi())
    )
    assert repr(base) == "Multi().put('a', 1)"
    assert repr(longer) == (
        "Multi().put('a', 1).insert('user', lambda done: …, timeout=3).get(('b', 1), User, 5).run('fail', _fail)"
        ".inspect(repr, only=('a',)).merge(lambda done: …)"
    )
    assert (len(base), len(longer), bool(Multi())) == (1, 6, True)
    with pytest.raises(AttributeError):
        base.other = 1  # type: ignore[attr-defined]


def test_no_redacted_value_is_in_its_repr_nor_in_its_error():
    secret = change(User(name="Ada", email="a"), User.password_hash.set("s3cret"))
    assert "s3cret" not in repr(Multi().insert("user", secret))
    assert "s3cret" not in str(
        MultiError("user", secret, Results({"user": User(name="A", email="a", password="s3cret")}))
    )
