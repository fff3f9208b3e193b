from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    async with repo.stream(Book) as books:
        for book in books:  # refused
            pass
