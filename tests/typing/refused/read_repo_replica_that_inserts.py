from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo, book: Book) -> None:
    await repo.replica().delete(book)  # refused
