from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo, book: Book) -> Book:
    return await repo.reload(book)  # refused
