"""Lists and documents through the repository: pushed to, pulled from, searched and read back."""

from ectype import Repo, fn, from_
from tests.integration.repo.blog import Post, User


async def _posts(repo: Repo) -> None:
    ann = await repo.insert(User(name="Ann", email="ann@example.org"))
    await repo.insert_all(
        Post,
        [
            {"title": "a", "tags": ["x", "y", "x"], "meta": {"n": 1, "deep": [True, None]}, "author_id": ann.id},
            {"title": "b", "tags": [], "meta": {}, "author_id": ann.id},
        ],
        timestamps=True,
    )


async def test_an_element_is_pushed_to_the_end_and_pulled_from_everywhere(repo: Repo):
    await _posts(repo)
    tags = from_(Post).order_by(Post.title).select(Post.tags)
    assert await repo.update_all(Post, Post.tags.push('"z"')) == 2
    assert await repo.all(tags) == [["x", "y", "x", '"z"'], ['"z"']]
    await repo.update_all(from_(Post).where(Post.tags.has("y")), Post.tags.pull("x"))
    assert await repo.all(tags) == [["y", '"z"'], ['"z"']]
    await repo.update_all(Post, Post.tags.pull('"z"'))
    assert await repo.all(tags) == [["y"], []]


async def test_a_path_is_read_as_what_it_holds(repo: Repo):
    await _posts(repo)
    deep = Post.meta["deep"]
    query = from_(Post).order_by(Post.title).select(Post.meta["n"], deep, deep[0], deep[1])
    assert await repo.all(query) == [(1, [True, None], True, None), (None, None, None, None)]
    assert await repo.all(from_(Post).where(deep[0] == True).select(Post.title)) == ["a"]  # noqa: E712  # SQL
    assert await repo.all(from_(Post).where(fn.array_length(Post.tags) == 0).select(Post.title)) == ["b"]


async def test_what_was_written_lately_is_found(repo: Repo):
    await _posts(repo)
    lately = from_(Post).where(Post.inserted_at > fn.ago(1, "hour"), Post.inserted_at <= fn.from_now(1, "minute"))
    assert len(await repo.all(lately)) == 2
    assert await repo.all(from_(Post).where(fn.datetime_add(Post.inserted_at, 1, "month") < fn.now())) == []
