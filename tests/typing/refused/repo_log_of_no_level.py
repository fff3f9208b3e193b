from tests.typing.accepted.library import Book

from ectype import Repo


async def read(repo: Repo) -> None:
    await repo.all(Book, log="loud")  # refused
