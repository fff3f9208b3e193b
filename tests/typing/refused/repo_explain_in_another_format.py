from tests.typing.accepted.library import Book

from ectype import Repo


async def explain(repo: Repo) -> None:
    await repo.explain(Book, format="txt")  # refused
