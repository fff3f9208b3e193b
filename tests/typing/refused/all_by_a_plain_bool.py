from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    await repo.all_by(Book, Book.title == 3)  # refused
