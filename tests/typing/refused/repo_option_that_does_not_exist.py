from tests.typing.accepted.library import Book

from ectype import Repo


async def read(repo: Repo) -> None:
    await repo.get(Book, 1, timeot=3)  # refused
